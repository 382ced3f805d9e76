/* powerdrv - writes out states that a power loss may leave, for a reader that shares no code with
 * this program.
 *
 *   powerdrv             print the names of the operations, one a line
 *   powerdrv N FOLDER M  write every M-th state of operation number N
 *
 * FOLDER/before/repo and FOLDER/after/repo hold the repository before and after the operation, in
 * order. FOLDER/STATE/found/repo is what the power loss left, FOLDER/STATE/mended/repo the same
 * after the recommended steps. Prints a line for each state: its name, 1 if the operation had
 * returned, 1 if nothing was committed before. */
#include "build-config.h"

#include "tests/support/builder.h"
#include "tests/support/fault.h"
#include "tests/support/follow_advice.h"
#include "tests/support/operations.h"
#include "tests/support/power_loss.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct operation *operation;
static const char *folder;

static void below(const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.300s/%.100s", folder, name);
}

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "powerdrv: %s: %s\n", what, why);
	exit(2);
}

static void mend(const char *disk)
{
	char repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	snprintf(repo, sizeof(repo), "%.400s/repo", disk);
	const char *wrong = advice_follow(repo, &fault.io, &steps, text);
	if (wrong)
		give_up(disk, wrong);
}

/* Write a copy of the disk as @name, repaired. */
static void write_mended(const char *disk, const char *name)
{
	char copy[BUILDER_PATH];
	below(name, copy);
	builder_copy_folder(disk, copy);
	mend(copy);
}

static void write_state(void *context, const struct power_loss_state *state)
{
	char name[64], path[BUILDER_PATH], found[80], mended[80];
	(void)context;
	snprintf(name, sizeof(name), "%zu-%" PRIu64, state->point, state->number);
	below(name, path);
	if (mkdir(path, 0700) != 0)
		give_up(path, "cannot make it");
	snprintf(found, sizeof(found), "%s/found", name);
	snprintf(mended, sizeof(mended), "%s/mended", name);
	below(found, path);
	builder_copy_folder(state->folder, path);
	write_mended(state->folder, mended);
	printf("%s %d %d\n", name, state->is_done, operation->is_first);
}

static void write_states(unsigned one_in)
{
	char disk[BUILDER_PATH], left[BUILDER_PATH], repo[BUILDER_PATH];
	below("disk", disk);
	below("left", left);
	snprintf(repo, sizeof(repo), "%.400s/repo", disk);
	if (mkdir(disk, 0700) != 0)
		give_up(disk, "cannot make it");
	operation->make(repo, operation->dialect);
	write_mended(disk, "before");
	struct disk_model *model = disk_model_new(disk);
	if (!operation->run(repo, disk_model_io(model)))
		give_up(operation->name, "it failed");
	struct power_loss loss = {
		.model = model, .done = disk_model_changes(model), .folder = left, .samples = 200,
		.one_in = one_in,
	};
	write_mended(disk, "after");
	power_loss_walk(&loss, write_state, NULL);
	disk_model_free(model);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		for (size_t i = 0; i < operation_count; i++)
			printf("%s\n", operations[i].name);
		return 0;
	}
	const size_t number = argc == 4 ? (size_t)atol(argv[1]) : SIZE_MAX;
	if (number >= operation_count)
		give_up("usage", "powerdrv N FOLDER M");
	operation = &operations[number];
	folder = argv[2];
	if (operation->make)
		write_states((unsigned)atol(argv[3]));
	return 0;
}

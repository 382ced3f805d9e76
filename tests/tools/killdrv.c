/* killdrv - repairs a repository and keeps what a kill would leave, for a reader that shares no
 * code with this program.
 *
 * Reads lines and answers each with one: "ok" and the result, or "error" and the reason.
 *
 *   record REPO ACTION FOLDER  run ACTION, a repair or "undo", and copy REPO before every
 *                              change, to FOLDER/1, FOLDER/2, ...; the result is their number
 *   advice REPO                the recommended step, or "none"
 *   mend REPO                  take the recommended steps to the end; the result is their number
 *   back REPO                  undo all repairs
 *
 * SIGKILL leaves what is there before the change that never happens. Writes are split, so that some
 * are torn. Paths hold no blanks. */
#include "build-config.h"

#include "tests/support/builder.h"
#include "tests/support/follow_advice.h"
#include "tests/support/opened_repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct recording {
	const char *repo, *folder;
	unsigned count;
	bool is_changed;		/* since the last copy */
};

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "killdrv: %s\n", what);
	exit(2);
}

static void copy_before(void *context, enum fault_change kind, const char *path)
{
	struct recording *recording = context;
	char copy[BUILDER_PATH];
	(void)path;
	if (recording->is_changed) {
		snprintf(copy, sizeof(copy), "%.400s/%u", recording->folder, ++recording->count);
		builder_copy_folder(recording->repo, copy);
	}
	recording->is_changed = kind != FAULT_SYNC;
}

/* ---- commands ---- */

static const char *act(const char *repo, const struct io *io, const char *action,
		       char text[ADVICE_TEXT])
{
	if (strcmp(action, "undo") == 0)
		return advice_undo(repo, io, text);
	for (enum repair repair = REPAIR_NONE + 1; repair < REPAIR_COUNT; repair++)
		if (strcmp(action, repair_name(repair)) == 0)
			return advice_repair(repo, io, repair, text);
	give_up(action);
}

static void answer(const char *wrong, const char *found)
{
	char line[ADVICE_TEXT];
	snprintf(line, sizeof(line), "%s %s", wrong ? "error" : "ok", wrong ? wrong : found);
	line[strcspn(line, "\n")] = '\0';
	puts(line);
	fflush(stdout);
}

static void record(const char *repo, const char *action, const char *folder)
{
	struct recording recording = { .repo = repo, .folder = folder, .is_changed = true };
	char text[ADVICE_TEXT], count[16];
	struct fault fault;
	fault_init(&fault);
	fault.watch = copy_before;
	fault.watch_context = &recording;
	fault.small_write_max = 50;
	fault.write_max = 16384;
	const char *wrong = act(repo, &fault.io, action, text);
	snprintf(count, sizeof(count), "%u", recording.count);
	answer(wrong, count);
}

static void advise(const char *repo)
{
	struct opened_repo opened;
	if (!opened_repo_open(&opened, repo)) {
		answer("it cannot be checked", "");
		return;
	}
	const enum repair action = opened.diagnosis.recommended;
	answer(NULL,
	       opened.diagnosis.clean || action == REPAIR_NONE ? "none" : repair_name(action));
	opened_repo_close(&opened);
}

static void mend(const char *repo, bool goes_back)
{
	char text[ADVICE_TEXT], count[16];
	struct fault fault;
	unsigned steps = 0;
	fault_init(&fault);
	const char *wrong = goes_back ? advice_undo_all(repo, &fault.io, text)
				      : advice_follow(repo, &fault.io, &steps, text);
	snprintf(count, sizeof(count), "%u", steps);
	answer(wrong, count);
}

int main(void)
{
	char line[3 * BUILDER_PATH];
	while (fgets(line, sizeof(line), stdin)) {
		char command[16] = "", repo[BUILDER_PATH] = "", action[16] = "";
		char folder[BUILDER_PATH] = "";
		sscanf(line, "%15s %511s %15s %511s", command, repo, action, folder);
		if (strcmp(command, "record") == 0)
			record(repo, action, folder);
		else if (strcmp(command, "advice") == 0)
			advise(repo);
		else if (strcmp(command, "mend") == 0 || strcmp(command, "back") == 0)
			mend(repo, command[0] == 'b');
		else
			give_up(line);
	}
	return 0;
}

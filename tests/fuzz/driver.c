/* fuzz_TARGET - does what libFuzzer would do with a target, without it: runs everything in the
 * folders of seeds and samples once, then mutations of them, always the same ones. Speaks TAP.
 *
 *   FUZZ_SEEDS, FUZZ_SAMPLES   folders, each with one named after the target
 *   FUZZ_RUNS                  the number of mutations
 *
 * With file names as arguments it runs only these. */
#include "build-config.h"

#include "tests/support/builder.h"
#include "tests/support/campaign.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define INPUT_MAX (256u * 1024u)
#define INPUTS_MAX 4096u
#define STACK_MAX 4u		/* mutations on top of each other */
#define SECONDS_MAX 4		/* on a slow machine there are fewer mutations */

struct input {
	uint8_t *bytes;
	size_t len;
};

static struct input inputs[INPUTS_MAX];
static size_t input_count;
static uint64_t state = 1;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Run a copy that ends where the input does, so that reading beyond it is seen. */
static void run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	if (!copy)
		fail("malloc");
	if (len > 0)
		memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void load(const char *path)
{
	size_t size;
	uint8_t *bytes = builder_read_file(path, &size);
	if (input_count == INPUTS_MAX)
		fail("too many inputs");
	inputs[input_count++] = (struct input){ bytes, size };
}

/* Load all files of @folder/@target, sorted; none where there is no such folder. */
static void load_folder(const char *folder, const char *target)
{
	char path[4096];
	struct dirent **names;
	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "", target);
	const int count = folder ? scandir(path, &names, NULL, alphasort) : -1;
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", folder, target, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			load(path);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

/* Replaces libFuzzer's. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
	const size_t at = size > 0 ? fuzz_below(&state, (uint32_t)size) : 0;
	const size_t from = size > 0 ? fuzz_below(&state, (uint32_t)size) : 0;
	size_t count = fuzz_below(&state, 16) + 1;
	switch (size > 0 ? fuzz_below(&state, 5) : 0) {
	case 0:
		if (count > max - size)
			count = max - size;
		memmove(data + at + count, data + at, size - at);
		for (size_t i = 0; i < count; i++)
			data[at + i] = (uint8_t)fuzz_random(&state);
		return size + count;
	case 1:
		count = count < size - at ? count : size - at;
		memmove(data + at, data + at + count, size - at - count);
		return size - count;
	case 2:
		data[at] ^= (uint8_t)(1u << fuzz_below(&state, 8));
		return size;
	case 3:
		data[at] = (uint8_t)fuzz_random(&state);
		return size;
	default:
		memmove(data + at, data + from, size - (at > from ? at : from));
		return size;
	}
}

static void run_mutation(void)
{
	static uint8_t bytes[INPUT_MAX];
	const struct input *input = &inputs[fuzz_below(&state, (uint32_t)input_count)];
	size_t len = input->len < INPUT_MAX ? input->len : INPUT_MAX;
	memcpy(bytes, input->bytes, len);
	for (unsigned i = fuzz_below(&state, STACK_MAX) + 1; i > 0; i--)
		len = LLVMFuzzerCustomMutator
			      ? LLVMFuzzerCustomMutator(bytes, len, INPUT_MAX, fuzz_random(&state))
			      : LLVMFuzzerMutate(bytes, len, INPUT_MAX);
	run(bytes, len);
}

static void run_all(const char *target)
{
	const char *wanted = getenv("FUZZ_RUNS");
	const unsigned long runs = wanted ? strtoul(wanted, NULL, 10) : 0;
	unsigned long done = 0;
	load_folder(getenv("FUZZ_SAMPLES"), target);
	const size_t samples = input_count;
	load_folder(getenv("FUZZ_SEEDS"), target);
	printf("1..3\n");
	for (size_t i = 0; i < samples; i++)
		run(inputs[i].bytes, inputs[i].len);
	printf("ok 1 - %zu regression samples\n", samples);
	for (size_t i = samples; i < input_count; i++)
		run(inputs[i].bytes, inputs[i].len);
	printf("%sok 2 - %zu seeds\n", input_count > samples ? "" : "not ", input_count - samples);
	const clock_t begun = clock();
	while (done < runs && input_count > 0 &&
	       clock() - begun < (clock_t)SECONDS_MAX * CLOCKS_PER_SEC) {
		run_mutation();
		done++;
	}
	printf("ok 3 - %lu mutations\n", done);
	campaign_figure_of("fuzz executions", target, done + input_count);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	for (int i = 1; i < argc; i++)
		load(argv[i]);
	for (size_t i = 0; i < input_count; i++)
		run(inputs[i].bytes, inputs[i].len);
	if (argc == 1)
		run_all(strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
	for (size_t i = 0; i < input_count; i++)
		free(inputs[i].bytes);
	return 0;
}

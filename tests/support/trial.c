#include "build-config.h"

#include "tests/support/trial.h"

#include "tests/support/fault.h"
#include "tests/support/power_loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

const char *trial_path(const struct trial *trial, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.300s/%.60s", trial->folder, name);
	return out;
}

const char *trial_repo(const char *folder, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/repo", folder);
	return out;
}

/* ---- checking ---- */

static const char not_the_origin[] = "undo does not bring back every byte";

static const char *check_way_back(const char *folder, uint64_t origin, char text[ADVICE_TEXT])
{
	char repo[BUILDER_PATH];
	struct fault fault;
	fault_init(&fault);
	const char *wrong = advice_undo_all(trial_repo(folder, repo), &fault.io, text);
	if (!wrong && advice_digest(repo, false) != origin)
		wrong = not_the_origin;
	return wrong;
}

/* On a copy: undo works before anything is repaired, too. With BACK_WHOLE_OR_NOT it may instead
 * change nothing. */
static const char *check_way_back_at_once(const struct trial *trial,
					  const struct trial_state *state, char text[ADVICE_TEXT])
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH];
	builder_copy_folder(state->folder, trial_path(trial, "back", copy));
	const uint64_t found = advice_digest(trial_repo(copy, repo), false);
	const char *wrong = check_way_back(copy, state->origin, text);
	if (wrong == not_the_origin && state->way_back == BACK_WHOLE_OR_NOT &&
	    advice_digest(repo, false) == found)
		wrong = NULL;
	builder_remove_folder(copy);
	return wrong;
}

static bool is_right(const struct trial *trial, const struct trial_state *state,
		     const struct contents *contents)
{
	if (state->end)
		return contents_equal(contents, state->end);
	if (contents_equal(contents, &trial->after))
		return true;
	if (state->is_done)
		return false;
	return trial->operation->is_first ? contents_are_of(contents, &trial->after)
					  : contents_equal(contents, &trial->before);
}

static const char *check_contents(const struct trial *trial, const struct trial_state *state,
				  const char *repo, char text[ADVICE_TEXT])
{
	struct contents contents;
	const char *wrong = contents_read(repo, &contents, text);
	if (!wrong && !is_right(trial, state, &contents)) {
		snprintf(text, ADVICE_TEXT, "%zu objects; before %zu, after %zu%s",
			 contents.count, trial->before.count, trial->after.count,
			 state->is_done ? ", and it reported success" : "");
		wrong = text;
	}
	contents_free(&contents);
	return wrong;
}

/* Nothing was there before: a folder without a config may stay that way. */
static bool is_nothing(const struct trial *trial, const struct trial_state *state, const char *repo)
{
	char config[BUILDER_PATH];
	snprintf(config, sizeof(config), "%.400s/config", repo);
	return !trial->operation->make && !state->is_done && access(config, F_OK) != 0;
}

struct trial_state trial_state(const struct trial *trial, const char *folder, bool is_done)
{
	return (struct trial_state){
		.folder = folder, .is_done = is_done, .way_back = trial->operation->way_back,
		.origin = trial->origin,
	};
}

const char *trial_check(const struct trial *trial, struct trial_state *state,
			char text[ADVICE_TEXT])
{
	char repo[BUILDER_PATH];
	struct fault fault;
	const char *wrong = NULL;
	fault_init(&fault);
	state->steps = 0;
	if (is_nothing(trial, state, trial_repo(state->folder, repo)))
		return NULL;
	const uint64_t found = advice_digest(repo, false);
	if (state->way_back == BACK_TO_ORIGIN || state->way_back == BACK_WHOLE_OR_NOT)
		wrong = check_way_back_at_once(trial, state, text);
	if (!wrong)
		wrong = advice_follow(repo, &fault.io, &state->steps, text);
	if (!wrong)
		wrong = check_contents(trial, state, repo, text);
	if (!wrong && state->way_back == BACK_TO_ORIGIN)
		return check_way_back(state->folder, state->origin, text);
	if (!wrong && state->way_back == BACK_TO_FOUND && state->steps > 0)
		return check_way_back(state->folder, found, text);
	return wrong;
}

/* ---- the beginning ---- */

/* Repair a copy of @disk, and read what it then holds. */
static void read_repaired(const struct trial *trial, const char *disk, struct contents *contents)
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	builder_copy_folder(disk, trial_path(trial, "copy", copy));
	const char *wrong = advice_follow(trial_repo(copy, repo), &fault.io, &steps, text);
	if (!wrong)
		wrong = contents_read(repo, contents, text);
	if (wrong)
		fail_msg("%s, before any fault: %s", trial->operation->name, wrong);
	builder_remove_folder(copy);
}

void trial_begin(struct trial *trial, const struct operation *operation)
{
	char start[BUILDER_PATH], disk[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	*trial = (struct trial){ .operation = operation };
	builder_make_folder(trial->folder);
	trial_repo(trial_path(trial, "disk", disk), trial->repo);
	assert_int_equal(mkdir(trial_path(trial, "start", start), 0777), 0);
	if (operation->make) {
		operation->make(trial_repo(start, repo), operation->dialect);
		read_repaired(trial, start, &trial->before);
	}
	if (operation->way_back == BACK_TO_ORIGIN || operation->way_back == BACK_WHOLE_OR_NOT) {
		fault_init(&fault);
		builder_copy_folder(start, disk);
		const char *wrong = advice_undo_all(trial->repo, &fault.io, text);
		if (wrong)
			fail_msg("%s, before any fault: %s", operation->name, wrong);
		trial->origin = advice_digest(trial->repo, false);
		builder_remove_folder(disk);
	}
	builder_copy_folder(start, disk);
}

void trial_run(struct trial *trial, const struct io *io)
{
	char disk[BUILDER_PATH];
	if (!trial->operation->run(trial->repo, io))
		fail_msg("%s failed without a fault", trial->operation->name);
	read_repaired(trial, trial_path(trial, "disk", disk), &trial->after);
}

void trial_end(struct trial *trial)
{
	contents_free(&trial->before);
	contents_free(&trial->after);
	builder_remove_folder(trial->folder);
}

void trial_reset(const struct trial *trial)
{
	char start[BUILDER_PATH], disk[BUILDER_PATH];
	builder_remove_folder(trial_path(trial, "disk", disk));
	builder_copy_folder(trial_path(trial, "start", start), disk);
}

/* ---- cmocka ---- */

struct CMUnitTest *trial_tests(struct CMUnitTest *tests, const struct operation *rows,
			       size_t count, CMUnitTestFunction run)
{
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){
			.name = rows[i].name, .test_func = run,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	return tests + count;
}

int trial_run_tests(const char *group, const char *pattern, struct CMUnitTest *tests, size_t count)
{
	const char *only = getenv(pattern);
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	if (only)
		cmocka_set_test_filter(only);
	const int failed = _cmocka_run_group_tests(group, tests, count, NULL, NULL);
	free(tests);
	return failed;
}

#include "build-config.h"

#include "tests/trial.h"

#include "tests/fault.h"
#include "tests/power_loss.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- judging ---- */

static const char taken_back_elsewhere[] = "taken back, it is not what it was";

static const char *judge_way_back(const char *folder, uint64_t origin, char text[ADVICE_TEXT])
{
	char repo[BUILDER_PATH];
	struct fault fault;
	fault_init(&fault);
	const char *wrong = advice_undo_all(trial_repo(folder, repo), &fault.io, text);
	if (!wrong && advice_digest(repo) != origin)
		wrong = taken_back_elsewhere;
	return wrong;
}

/* On a copy: the way back must be open before anything is mended, too; or, where @may_stay, closed,
 * and all as it is. */
static const char *judge_way_back_at_once(const struct trial *trial, const char *folder,
					  uint64_t origin, bool may_stay, char text[ADVICE_TEXT])
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH];
	power_loss_copy(folder, trial_path(trial, "back", copy));
	const uint64_t found = advice_digest(trial_repo(copy, repo));
	const char *wrong = judge_way_back(copy, origin, text);
	if (wrong == taken_back_elsewhere && may_stay && advice_digest(repo) == found)
		wrong = NULL;
	builder_remove_folder(copy);
	return wrong;
}

static bool is_right(const struct trial *trial, bool is_done, const struct contents *contents)
{
	if (contents_equal(contents, &trial->after))
		return true;
	if (is_done)
		return false;
	return trial->operation->is_first ? contents_are_of(contents, &trial->after)
					  : contents_equal(contents, &trial->before);
}

static const char *judge_mended(const struct trial *trial, const struct trial_state *state,
				const char *repo, char text[ADVICE_TEXT])
{
	struct contents contents;
	const char *wrong = contents_read(repo, &contents, text);
	if (!wrong && !is_right(trial, state->is_done, &contents)) {
		snprintf(text, ADVICE_TEXT, "%zu objects; before %zu, after %zu%s",
			 contents.count, trial->before.count, trial->after.count,
			 state->is_done ? ", and it said that it was done" : "");
		wrong = text;
	}
	contents_free(&contents);
	return wrong;
}

/* Nothing was there before: what has no config may be made anew. */
static bool is_nothing(const struct trial *trial, const struct trial_state *state, const char *repo)
{
	char config[BUILDER_PATH];
	snprintf(config, sizeof(config), "%.400s/config", repo);
	return !trial->operation->make && !state->is_done && access(config, F_OK) != 0;
}

const char *trial_judge(const struct trial *trial, struct trial_state *state,
			char text[ADVICE_TEXT])
{
	char repo[BUILDER_PATH];
	struct fault fault;
	bool has_origin = state->has_origin;
	uint64_t origin = state->origin;
	fault_init(&fault);
	state->steps = 0;
	if (is_nothing(trial, state, trial_repo(state->folder, repo)))
		return NULL;
	if (!has_origin && trial->operation->way_back == BACK_TO_ORIGIN) {
		has_origin = true;
		origin = trial->origin;
	}
	const uint64_t found = advice_digest(repo);
	const char *wrong = NULL;
	if (has_origin)
		wrong = judge_way_back_at_once(trial, state->folder, origin, false, text);
	else if (trial->operation->way_back == BACK_WHOLE_OR_NOT)
		wrong = judge_way_back_at_once(trial, state->folder, trial->origin, true, text);
	if (!wrong)
		wrong = advice_follow(repo, &fault.io, &state->steps, text);
	if (!wrong)
		wrong = judge_mended(trial, state, repo, text);
	if (!wrong && has_origin)
		return judge_way_back(state->folder, origin, text);
	if (!wrong && trial->operation->way_back == BACK_TO_FOUND && state->steps > 0)
		return judge_way_back(state->folder, found, text);
	return wrong;
}

/* ---- the beginning ---- */

/* What the repository on @disk holds when it is mended. */
static void read_mended(const struct trial *trial, const char *disk, struct contents *contents)
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	power_loss_copy(disk, trial_path(trial, "copy", copy));
	const char *wrong = advice_follow(trial_repo(copy, repo), &fault.io, &steps, text);
	if (!wrong)
		wrong = contents_read(repo, contents, text);
	if (wrong)
		fail_msg("%s, before any fault: %s", trial->operation->name, wrong);
	builder_remove_folder(copy);
}

static void read_origin(struct trial *trial, const char *start)
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	fault_init(&fault);
	power_loss_copy(start, trial_path(trial, "copy", copy));
	const char *wrong = advice_undo_all(trial_repo(copy, repo), &fault.io, text);
	if (wrong)
		fail_msg("%s, before any fault: %s", trial->operation->name, wrong);
	trial->origin = advice_digest(repo);
	builder_remove_folder(copy);
}

void trial_begin(struct trial *trial, const struct operation *operation)
{
	char start[BUILDER_PATH], disk[BUILDER_PATH], repo[BUILDER_PATH];
	struct fault fault;
	*trial = (struct trial){ .operation = operation };
	builder_make_folder(trial->folder);
	trial_repo(trial_path(trial, "disk", disk), trial->repo);
	scratch_run("mkdir '%s'", trial_path(trial, "start", start));
	if (operation->make) {
		operation->make(trial_repo(start, repo));
		read_mended(trial, start, &trial->before);
	}
	if (operation->way_back == BACK_TO_ORIGIN || operation->way_back == BACK_WHOLE_OR_NOT)
		read_origin(trial, start);
	power_loss_copy(start, disk);
	fault_init(&fault);
	if (!operation->run(trial->repo, &fault.io))
		fail_msg("%s failed, and no fault was near", operation->name);
	read_mended(trial, disk, &trial->after);
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
	power_loss_copy(trial_path(trial, "start", start), disk);
}

/* Power is lost at every point of everything that writes, and what a journalling file system may
 * then have kept is looked at by the program: it opens, it says what happened, the steps that it
 * recommends lead to the objects before or the objects after, and to those after where the
 * operation had returned. What a repair did can be taken back, at any moment. Then the power goes
 * once more, while those steps are taken.
 *
 * A sample; with ATTICSCOPE_TORTURE=1 much more. POWER_STATE=POINT,NUMBER looks at one state alone,
 * POWER_KEEP=FOLDER writes it there first. */
#include "build-config.h"

#include "tests/campaign.h"
#include "tests/fault.h"
#include "tests/follow_advice.h"
#include "tests/operations.h"
#include "tests/power_loss.h"
#include "tests/scratch.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct trial {
	const struct operation *operation;
	enum way_back way_back;
	char folder[BUILDER_PATH];
	struct contents before, after;
	uint64_t origin;		/* digest of the bytes before all repairs */
	bool has_repo;			/* before the operation */
	unsigned second_in;		/* every so many-th state has a second power loss */
	/* counted */
	uint64_t judged, second_points, second_states, killed, killed_states;
	/* of the second power loss, or one after the process was killed */
	bool is_second;
	bool must_be_after;
	const struct contents *end;	/* what it led to, where nothing came between */
	const char *first_state;
};

/* The folder @name of the trial, which is not there. */
static const char *room(const struct trial *trial, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.300s/%.60s", trial->folder, name);
	return out;
}

static const char *repo_in(const char *disk, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/repo", disk);
	return out;
}

/* ---- judging ---- */

static _Noreturn void give_up(const struct trial *trial, const struct power_loss_state *state,
			      const char *wrong)
{
	fail_msg("%s: POWER_STATE=%zu,%" PRIu64 "%s: %s\n%s%s%s", trial->operation->name,
		 state->point, state->number, trial->is_second ? " of the second fault" : "", wrong,
		 state->fates, trial->is_second ? "\nafter: " : "",
		 trial->is_second ? trial->first_state : "");
	abort();
}

/* It must give the bytes of @expected, or of @other. */
static void judge_way_back(const struct trial *trial, const struct power_loss_state *state,
			   const char *repo, uint64_t expected, uint64_t other)
{
	char text[ADVICE_TEXT];
	struct fault fault;
	fault_init(&fault);
	const char *wrong = advice_undo_all(repo, &fault.io, text);
	if (wrong)
		give_up(trial, state, wrong);
	const uint64_t bytes = advice_digest(repo);
	if (bytes != expected && bytes != other)
		give_up(trial, state, "taken back, it is not what it was");
}

/* On a copy: the way back must be open before anything is mended, too; or closed, where it is being
 * removed, and all as it was @found. */
static void judge_way_back_at_once(const struct trial *trial, const struct power_loss_state *state,
				   uint64_t found)
{
	char disk[BUILDER_PATH], repo[BUILDER_PATH];
	const bool may_stay = trial->way_back == BACK_WHOLE_OR_NOT;
	power_loss_copy(state->folder, room(trial, "back", disk));
	judge_way_back(trial, state, repo_in(disk, repo), trial->origin,
		       may_stay ? found : trial->origin);
	builder_remove_folder(disk);
}

static bool is_right(const struct trial *trial, const struct power_loss_state *state,
		     const struct contents *contents)
{
	if (trial->is_second && state->is_done)
		return contents_equal(contents, trial->end);
	if (contents_equal(contents, &trial->after))
		return true;
	if (state->is_done || trial->must_be_after)
		return false;
	return trial->operation->is_first ? contents_are_of(contents, &trial->after)
					  : contents_equal(contents, &trial->before);
}

static void judge_mended(const struct trial *trial, const struct power_loss_state *state,
			 const char *repo)
{
	char text[ADVICE_TEXT];
	struct contents contents;
	const char *wrong = contents_read(repo, &contents, text);
	if (wrong)
		give_up(trial, state, wrong);
	const bool good = is_right(trial, state, &contents);
	snprintf(text, sizeof(text), "%zu objects; before %zu, after %zu%s", contents.count,
		 trial->before.count, trial->after.count,
		 state->is_done ? ", and it had returned" : "");
	contents_free(&contents);
	if (!good)
		give_up(trial, state, text);
}

static void judge(const struct trial *trial, const struct power_loss_state *state)
{
	char repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	const uint64_t found = advice_digest(repo_in(state->folder, repo));
	if (trial->way_back == BACK_TO_ORIGIN || trial->way_back == BACK_WHOLE_OR_NOT)
		judge_way_back_at_once(trial, state, found);
	const char *wrong = advice_follow(repo, &fault.io, &steps, text);
	if (wrong)
		give_up(trial, state, wrong);
	judge_mended(trial, state, repo);
	if (trial->way_back == BACK_TO_ORIGIN)
		judge_way_back(trial, state, repo, trial->origin, trial->origin);
	else if (trial->way_back == BACK_TO_FOUND && steps > 0)
		judge_way_back(trial, state, repo, found, found);
}

/* Nothing was there before: what is not in order yet may be made anew. */
static bool is_no_repository(const struct power_loss_state *state)
{
	char repo[BUILDER_PATH], config[BUILDER_PATH], text[ADVICE_TEXT];
	struct contents contents;
	const bool is_none = contents_read(repo_in(state->folder, repo), &contents, text) != NULL;
	snprintf(config, sizeof(config), "%.400s/config", repo);
	contents_free(&contents);
	return !state->is_done && is_none && access(config, F_OK) != 0;
}

/* ---- the second power loss ---- */

static void judge_second(void *context, const struct power_loss_state *state)
{
	judge(context, state);
}

static void mend_in(const struct trial *trial, const struct power_loss_state *state,
		    const char *repo, const struct io *io)
{
	char text[ADVICE_TEXT];
	unsigned steps;
	const char *wrong = advice_follow(repo, io, &steps, text);
	if (wrong)
		give_up(trial, state, wrong);
}

static void lose_power_again(struct trial *trial, const struct power_loss_state *state)
{
	char disk[BUILDER_PATH], left[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct trial again = *trial;
	struct contents end;
	power_loss_copy(state->folder, room(trial, "second", disk));
	const uint64_t found = advice_digest(repo_in(disk, repo));
	struct disk_model *model = disk_model_new(disk);
	mend_in(trial, state, repo, disk_model_io(model));
	const char *wrong = contents_read(repo, &end, text);
	if (wrong)
		give_up(trial, state, wrong);
	struct power_loss loss = {
		.model = model, .done = disk_model_changes(model),
		.folder = room(trial, "second-left", left),
		.samples = 24, .one_in = campaign_is_long() ? 2 : 4, .seed = (unsigned)trial->judged,
	};
	again.is_second = true;
	again.first_state = state->fates;
	again.end = &end;
	if (trial->way_back == BACK_TO_FOUND) {
		again.way_back = BACK_TO_ORIGIN;
		again.origin = found;
	}
	again.must_be_after = trial->must_be_after || state->is_done;
	power_loss_walk(&loss, judge_second, &again);
	trial->second_points += loss.points;
	trial->second_states += loss.states;
	contents_free(&end);
	disk_model_free(model);
	builder_remove_folder(disk);
}

/* ---- killed first ---- */

/* The process dies before change number @at; the next one mends what it finds, which is nowhere but
 * in memory yet; then the power goes. */
static void kill_and_lose_power(struct trial *trial, size_t at)
{
	char disk[BUILDER_PATH], left[BUILDER_PATH], repo[BUILDER_PATH], start[BUILDER_PATH];
	char text[ADVICE_TEXT];
	struct trial again = *trial;
	struct contents end;
	const struct power_loss_state death = { .point = at, .fates = "killed there" };
	power_loss_copy(room(trial, "start", start), room(trial, "killed", disk));
	struct disk_model *model = disk_model_new(disk);
	disk_model_stop_at(model, at);
	trial->operation->run(repo_in(disk, repo), disk_model_io(model));
	disk_model_stop_at(model, SIZE_MAX);
	mend_in(trial, &death, repo, disk_model_io(model));
	const char *wrong = contents_read(repo, &end, text);
	if (wrong)
		give_up(trial, &death, wrong);
	snprintf(text, sizeof(text), "killed at change %zu", at);
	struct power_loss loss = {
		.model = model, .done = disk_model_changes(model), .first = at,
		.folder = room(trial, "killed-left", left), .samples = 24,
		.one_in = campaign_is_long() ? 10 : 40, .seed = (unsigned)at,
	};
	again.is_second = true;
	again.first_state = text;
	again.end = &end;
	if (trial->way_back == BACK_TO_FOUND)
		again.way_back = BACK_UNJUDGED;	/* the bytes found were only in memory */
	power_loss_walk(&loss, judge_second, &again);
	trial->killed++;
	trial->killed_states += loss.states;
	contents_free(&end);
	disk_model_free(model);
	builder_remove_folder(disk);
}

static void kill_everywhere(struct trial *trial, size_t done)
{
	const size_t every = campaign_is_long() ? 1 : 13;
	for (size_t at = every / 2; trial->has_repo && at < done; at += every)
		kill_and_lose_power(trial, at);
}

/* ---- one operation ---- */

static void judge_first(void *context, const struct power_loss_state *state)
{
	struct trial *trial = context;
	const char *keep = getenv("POWER_KEEP");
	if (keep)
		power_loss_copy(state->folder, keep);
	trial->judged++;
	if (!trial->has_repo && is_no_repository(state))
		return;
	if (trial->second_in > 0 && trial->judged % trial->second_in == 0)
		lose_power_again(trial, state);
	judge(trial, state);
}

/* What the repository on @disk holds when it is mended. */
static void read_mended(const struct trial *trial, const char *disk, struct contents *contents)
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	unsigned steps;
	fault_init(&fault);
	power_loss_copy(disk, room(trial, "copy", copy));
	const char *wrong = advice_follow(repo_in(copy, repo), &fault.io, &steps, text);
	if (!wrong)
		wrong = contents_read(repo, contents, text);
	if (wrong)
		fail_msg("%s, before any fault: %s", trial->operation->name, wrong);
	builder_remove_folder(copy);
}

static void read_origin(struct trial *trial, const char *disk)
{
	char copy[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	fault_init(&fault);
	power_loss_copy(disk, room(trial, "copy", copy));
	const char *wrong = advice_undo_all(repo_in(copy, repo), &fault.io, text);
	if (wrong)
		fail_msg("%s, before any fault: %s", trial->operation->name, wrong);
	trial->origin = advice_digest(repo);
	builder_remove_folder(copy);
}

static struct disk_model *record(struct trial *trial, const char *disk, size_t *done)
{
	char repo[BUILDER_PATH], start[BUILDER_PATH];
	repo_in(disk, repo);
	scratch_run("mkdir '%s'", disk);
	if (trial->operation->make) {
		trial->operation->make(repo);
		trial->has_repo = true;
		power_loss_copy(disk, room(trial, "start", start));
		read_mended(trial, disk, &trial->before);
	}
	if (trial->way_back == BACK_TO_ORIGIN || trial->way_back == BACK_WHOLE_OR_NOT)
		read_origin(trial, disk);
	struct disk_model *model = disk_model_new(disk);
	if (!trial->operation->run(repo, disk_model_io(model)))
		fail_msg("%s failed, and no fault was near", trial->operation->name);
	*done = disk_model_changes(model);
	read_mended(trial, disk, &trial->after);
	return model;
}

static uint64_t all_states, all_second, all_killed;

static void lose_power(void **state)
{
	const struct operation *operation = *state;
	struct trial trial = {
		.operation = operation, .way_back = operation->way_back,
		.second_in = campaign_is_long() ? 40 : 45,
	};
	char disk[BUILDER_PATH], left[BUILDER_PATH];
	size_t done;
	builder_make_folder(trial.folder);
	struct disk_model *model = record(&trial, room(&trial, "disk", disk), &done);
	struct power_loss loss = {
		.model = model, .done = done, .folder = room(&trial, "left", left),
		.samples = campaign_is_long() ? 400 : 100,
		.one_in = campaign_is_long() || !operation->make ? 1 : 15,
	};
	const char *one = getenv("POWER_STATE");
	if (one)
		loss.only = one;
	power_loss_walk(&loss, judge_first, &trial);
	if (!one)
		kill_everywhere(&trial, done);
	campaign_figure_of("power-loss states", operation->name, loss.states);
	campaign_figure_of("second power losses", operation->name, trial.second_states);
	campaign_figure_of("power losses after a kill", operation->name, trial.killed_states);
	all_states += loss.states;
	all_killed += trial.killed_states;
	all_second += trial.second_states;
	contents_free(&trial.before);
	contents_free(&trial.after);
	disk_model_free(model);
	builder_remove_folder(trial.folder);
}

static void many_states_were_looked_at(void **state)
{
	(void)state;
	if (!getenv("POWER_STATE"))
		assert_true(all_states + all_second + all_killed >=
			    (campaign_is_long() ? 10000 : 1000));
}

int main(void)
{
	struct CMUnitTest *tests = calloc(operation_count + 1, sizeof(*tests));
	if (!tests)
		return 99;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	for (size_t i = 0; i < operation_count; i++)
		tests[i] = (struct CMUnitTest){
			.name = operations[i].name, .test_func = lose_power,
			.initial_state = (void *)(uintptr_t)&operations[i],
		};
	tests[operation_count] = (struct CMUnitTest){
		.name = "many states were looked at", .test_func = many_states_were_looked_at,
	};
	const char *only = getenv("POWER_WORK");
	if (only)
		cmocka_set_test_filter(only);
	const int failed = _cmocka_run_group_tests("power", tests, operation_count + 1, NULL, NULL);
	free(tests);
	return failed;
}

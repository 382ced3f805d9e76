/* Power is lost at every point of everything that writes. The program then looks at what a
 * journalling file system may have kept: trial.h says what must hold. Then power is lost once more,
 * while the recommended steps run; and once after the process was killed and the next one repaired
 * what it found, which was in memory only.
 *
 * A sample, another one of each dialect; with ATTICSCOPE_TORTURE=1 much more.
 * POWER_STATE=POINT,NUMBER looks at one state alone, POWER_KEEP=FOLDER writes it there first.
 * POWER_WORK=PATTERN runs only these operations. */
#include "build-config.h"

#include "tests/support/campaign.h"
#include "tests/support/fault.h"
#include "tests/support/power_loss.h"
#include "tests/support/trial.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct attempt {
	struct trial trial;
	/* counted */
	uint64_t states, second_states, killed_states;
};

/* A second power loss, or one after the process was killed. */
struct again {
	const struct trial *trial;
	struct trial_state state;	/* what must hold while the repair had not returned */
	struct contents end;		/* what it led to */
	const char *first_state;
};

static uint64_t all_states;

static void check(const struct trial *trial, struct trial_state *wanted,
		  const struct power_loss_state *state, const char *first_state)
{
	char text[ADVICE_TEXT];
	wanted->folder = state->folder;
	const char *wrong = trial_check(trial, wanted, text);
	if (wrong)
		fail_msg("%s: POWER_STATE=%zu,%" PRIu64 "%s: %s\n%s%s%s", trial->operation->name,
			 state->point, state->number, first_state ? " of the second fault" : "",
			 wrong, state->fates, first_state ? "\nafter: " : "",
			 first_state ? first_state : "");
}

/* ---- the second power loss ---- */

static void check_again(void *context, const struct power_loss_state *state)
{
	const struct again *again = context;
	struct trial_state wanted = again->state;
	if (state->is_done)
		wanted.end = &again->end;
	check(again->trial, &wanted, state, again->first_state);
}

/* Repair the repository on @disk, which @model records, and lose power at each point of that.
 * Returns the number of states. */
static uint64_t repair_and_lose_power(struct again *again, struct disk_model *model,
				      const char *disk, struct power_loss loss)
{
	char left[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	unsigned steps;
	const char *wrong =
		advice_follow(trial_repo(disk, repo), disk_model_io(model), &steps, text);
	if (!wrong)
		wrong = contents_read(repo, &again->end, text);
	if (wrong)
		fail_msg("%s: %s\nafter: %s", again->trial->operation->name, wrong,
			 again->first_state);
	loss.model = model;
	loss.done = disk_model_changes(model);
	loss.folder = trial_path(again->trial, "again", left);
	loss.samples = 24;
	power_loss_walk(&loss, check_again, again);
	contents_free(&again->end);
	disk_model_free(model);
	builder_remove_folder(disk);
	return loss.states;
}

static void lose_power_again(struct attempt *attempt, const struct power_loss_state *state)
{
	const struct trial *trial = &attempt->trial;
	char disk[BUILDER_PATH], repo[BUILDER_PATH];
	struct again again = {
		.trial = trial, .state = trial_state(trial, NULL, state->is_done),
		.first_state = state->fates,
	};
	builder_copy_folder(state->folder, trial_path(trial, "second", disk));
	if (again.state.way_back == BACK_TO_FOUND) {
		again.state.way_back = BACK_TO_ORIGIN;
		again.state.origin = advice_digest(trial_repo(disk, repo), false);
	}
	attempt->second_states += repair_and_lose_power(
		&again, disk_model_new(disk), disk,
		(struct power_loss){ .one_in = campaign_is_long() ? 2 : 4,
				     .seed = (unsigned)attempt->states });
}

/* ---- killed first ---- */

/* The process dies before change number @at. The next one repairs what it finds, which is in memory
 * only; then power is lost. */
static void kill_and_lose_power(struct attempt *attempt, size_t at)
{
	const struct trial *trial = &attempt->trial;
	char start[BUILDER_PATH], disk[BUILDER_PATH], repo[BUILDER_PATH], text[64];
	struct again again = {
		.trial = trial, .state = trial_state(trial, NULL, false), .first_state = text,
	};
	snprintf(text, sizeof(text), "killed at change %zu", at);
	builder_copy_folder(trial_path(trial, "start", start), trial_path(trial, "second", disk));
	struct disk_model *model = disk_model_new(disk);
	disk_model_stop_at(model, at);
	trial->operation->run(trial_repo(disk, repo), disk_model_io(model));
	disk_model_stop_at(model, SIZE_MAX);
	if (again.state.way_back == BACK_TO_FOUND)
		again.state.way_back = BACK_UNKNOWN;	/* the bytes found were only in memory */
	attempt->killed_states += repair_and_lose_power(
		&again, model, disk,
		(struct power_loss){ .first = at, .one_in = campaign_is_long() ? 10 : 40,
				     .seed = (unsigned)at });
}

/* ---- one operation ---- */

static void check_first(void *context, const struct power_loss_state *state)
{
	struct attempt *attempt = context;
	const struct trial *trial = &attempt->trial;
	struct trial_state wanted = trial_state(trial, NULL, state->is_done);
	const char *keep = getenv("POWER_KEEP");
	char config[BUILDER_PATH];
	if (keep)
		builder_copy_folder(state->folder, keep);
	snprintf(config, sizeof(config), "%.400s/repo/config", state->folder);
	if (++attempt->states % (campaign_is_long() ? 40 : 45) == 0 && access(config, F_OK) == 0)
		lose_power_again(attempt, state);
	check(trial, &wanted, state, NULL);
}

static void lose_power(void **state)
{
	const struct operation *operation = *state;
	const bool is_long = campaign_is_long();
	struct attempt attempt = { .states = 0 };
	char disk[BUILDER_PATH], left[BUILDER_PATH];
	trial_begin(&attempt.trial, operation);
	struct disk_model *model = disk_model_new(trial_path(&attempt.trial, "disk", disk));
	trial_run(&attempt.trial, disk_model_io(model));
	struct power_loss loss = {
		.model = model, .done = disk_model_changes(model),
		.folder = trial_path(&attempt.trial, "left", left), .samples = is_long ? 400 : 100,
		.one_in = is_long || !operation->make ? 1 : 22, .seed = operation->dialect,
		.only = getenv("POWER_STATE"),
	};
	power_loss_walk(&loss, check_first, &attempt);
	const size_t every = is_long ? 1 : 19;
	const size_t begin = every / (2 + operation->dialect);
	for (size_t at = begin; operation->make && !loss.only && at < loss.done; at += every)
		kill_and_lose_power(&attempt, at);
	campaign_figure_of("power-loss states", operation->name, loss.states);
	campaign_figure_of("second power losses", operation->name, attempt.second_states);
	campaign_figure_of("power losses after a kill", operation->name, attempt.killed_states);
	all_states += loss.states + attempt.second_states + attempt.killed_states;
	disk_model_free(model);
	trial_end(&attempt.trial);
}

static void many_states_were_checked(void **state)
{
	(void)state;
	if (!getenv("POWER_STATE"))
		assert_true(all_states >= (campaign_is_long() ? 10000 : 1000));
}

int main(void)
{
	struct CMUnitTest *tests = calloc(operation_count + 1, sizeof(*tests));
	if (!tests)
		return 99;
	*trial_tests(tests, operations, operation_count, lose_power) =
		(struct CMUnitTest)cmocka_unit_test(many_states_were_checked);
	return trial_run_tests("power", "POWER_WORK", tests, operation_count + 1);
}

/* Every call through struct io fails in turn, once or from then on, in everything that writes; and
 * then another one, while what is left is repaired. trial.h says what must hold. A call that a
 * signal interrupts once, or that reads or writes in pieces, must simply succeed. A repair that
 * finds a repository clean while calls fail must be right.
 *
 * A sample; with ATTICSCOPE_TORTURE=1 every call. FAULT_WORK=PATTERN runs only these operations. */
#include "build-config.h"

#include "tests/support/campaign.h"
#include "tests/support/fault.h"
#include "tests/support/power_loss.h"
#include "tests/support/trial.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SHOWN_MAX 12u	/* failures of one operation that are printed */

struct mode {
	const char *name;
	enum fault_scope scope;
	int error;
	bool for_good;
	bool in_pieces;		/* short writes, before one fails */
	bool must_succeed;
};

static const struct mode modes[] = {
	{ "EIO once", FAULT_CALLS, EIO, false, false, false },
	{ "EIO from then on", FAULT_CALLS, EIO, true, false, false },
	{ "EINTR once", FAULT_INTERRUPTIBLE, EINTR, false, false, true },
	{ "EINTR from then on", FAULT_INTERRUPTIBLE, EINTR, true, false, false },
	{ "half once", FAULT_TRANSFERS, 0, false, false, true },
	{ "half from then on", FAULT_TRANSFERS, 0, true, false, true },
	{ "ENOSPC once", FAULT_CHANGES, ENOSPC, false, false, false },
	{ "ENOSPC after a part, from then on", FAULT_CHANGES, ENOSPC, true, true, false },
	{ "EDQUOT once", FAULT_CHANGES, EDQUOT, false, false, false },
	{ "EDQUOT from then on", FAULT_CHANGES, EDQUOT, true, false, false },
	{ "EROFS once", FAULT_CHANGES, EROFS, false, false, false },
	{ "EROFS from then on", FAULT_CHANGES, EROFS, true, false, false },
};

struct attempt {
	struct trial trial;
	unsigned every;		/* fail every n-th call */
	unsigned second_in;	/* add a second fault to every n-th state that needs repairs ... */
	unsigned second_every;	/* ... at every n-th call */
	/* counted */
	unsigned points, repaired, seconds, wrong;
};

static unsigned all_points;

static void arm(struct fault *fault, const struct mode *mode, unsigned at)
{
	fault_init(fault);
	fault->scope = mode->scope;
	fault->fail_error = mode->error;
	fault->fail_for_good = mode->for_good;
	fault->fail_at = at;
	if (mode->in_pieces) {
		fault->small_write_max = 50;
		fault->write_max = 16384;
	}
}

static void report(struct attempt *attempt, const struct mode *mode, unsigned at,
		   const struct mode *second, unsigned second_at, const struct fault *fault,
		   const char *wrong)
{
	if (attempt->wrong++ >= SHOWN_MAX)
		return;
	print_message("# %s: %s at call %u", attempt->trial.operation->name, mode->name, at);
	if (second)
		print_message(", then %s at call %u", second->name, second_at);
	print_message(" (%s): %s\n", fault->failed, wrong);
}

static const char *check_call(const struct mode *mode, const struct fault *fault, bool is_done)
{
	if (fault->opens != fault->closes)
		return "descriptors stay open";
	return mode->must_succeed && !is_done ? "it failed" : NULL;
}

/* ---- a second fault, while the first is repaired ---- */

/* False: the repair ended before the fault came. */
static bool repair_at(struct attempt *attempt, const struct mode *first, unsigned first_at,
		      const struct trial_state *start, const struct mode *mode, unsigned at)
{
	const struct trial *trial = &attempt->trial;
	char disk[BUILDER_PATH], repo[BUILDER_PATH], text[ADVICE_TEXT];
	struct trial_state state = *start;
	struct fault fault;
	unsigned steps;
	builder_copy_folder(start->folder, trial_path(trial, "second", disk));
	state.folder = disk;
	arm(&fault, mode, at);
	const bool is_repaired = !advice_follow(trial_repo(disk, repo), &fault.io, &steps, text);
	const char *wrong = check_call(mode, &fault, is_repaired);
	if (!wrong)
		wrong = trial_check(trial, &state, text);
	if (!wrong && is_repaired && state.steps > 0)
		wrong = "it was reported clean, and is not";
	if (wrong)
		report(attempt, first, first_at, mode, at, &fault, wrong);
	builder_remove_folder(disk);
	attempt->seconds += fault.changes >= at;
	return fault.changes >= at;
}

static void fail_again(struct attempt *attempt, const struct mode *mode, unsigned at, bool is_done)
{
	static const struct mode *const seconds[] = { &modes[0], &modes[7] };
	char first[BUILDER_PATH], repo[BUILDER_PATH];
	struct trial_state start =
		trial_state(&attempt->trial, trial_path(&attempt->trial, "first", first), is_done);
	if (start.way_back == BACK_TO_FOUND) {
		start.way_back = BACK_TO_ORIGIN;
		start.origin = advice_digest(trial_repo(first, repo), false);
	}
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		for (unsigned m = 1 + (attempt->repaired + at) % attempt->second_every;
		     repair_at(attempt, mode, at, &start, seconds[i], m);
		     m += attempt->second_every)
			;
}

/* ---- the first fault ---- */

/* False: the operation ended before the fault came. */
static bool fail_at(struct attempt *attempt, const struct mode *mode, unsigned at)
{
	const struct trial *trial = &attempt->trial;
	char disk[BUILDER_PATH], copy[BUILDER_PATH], text[ADVICE_TEXT];
	struct fault fault;
	struct trial_state state = trial_state(trial, trial_path(trial, "disk", disk), false);
	trial_reset(trial);
	arm(&fault, mode, at);
	state.is_done = trial->operation->run(trial->repo, &fault.io);
	builder_copy_folder(disk, trial_path(trial, "first", copy));
	const char *wrong = check_call(mode, &fault, state.is_done);
	if (!wrong)
		wrong = trial_check(trial, &state, text);
	if (wrong)
		report(attempt, mode, at, NULL, 0, &fault, wrong);
	else if (state.steps > 0 && ++attempt->repaired % attempt->second_in == 0)
		fail_again(attempt, mode, at, state.is_done);
	builder_remove_folder(copy);
	attempt->points += fault.changes >= at;
	return fault.changes >= at;
}

static void fail_everywhere(void **state)
{
	const struct operation *operation = *state;
	const bool is_long = campaign_is_long();
	struct attempt attempt = {
		.every = is_long ? 1 : 43, .second_in = is_long ? 7 : 11,
		.second_every = is_long ? 7 : 61,
	};
	struct fault none;
	fault_init(&none);
	trial_begin(&attempt.trial, operation);
	trial_run(&attempt.trial, &none.io);
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
		for (unsigned at = 1 + (unsigned)(operation - operations + 5 * i) % attempt.every;
		     fail_at(&attempt, &modes[i], at); at += attempt.every)
			;
	campaign_figure_of("fault points tried", operation->name, attempt.points);
	campaign_figure_of("double faults", operation->name, attempt.seconds);
	all_points += attempt.points;
	trial_end(&attempt.trial);
	assert_int_equal(attempt.wrong, 0);
}

static void many_calls_failed(void **state)
{
	(void)state;
	if (!getenv("FAULT_WORK"))
		assert_true(all_points > (campaign_is_long() ? 20000 : 500));
}

int main(void)
{
	struct CMUnitTest *tests = calloc(operation_count + 1, sizeof(*tests));
	if (!tests)
		return 99;
	*trial_tests(tests, operations, operation_count, fail_everywhere) =
		(struct CMUnitTest)cmocka_unit_test(many_calls_failed);
	return trial_run_tests("fault points", "FAULT_WORK", tests, operation_count + 1);
}

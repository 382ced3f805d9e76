/* Every call of the one seam fails in turn, once or from then on, in everything that writes; and
 * while what is left is mended, another one does. What is left is judged by ordeal.h. What a signal
 * interrupts once, or what is read or written in pieces, must simply succeed; what finds a
 * repository clean while calls fail must be right.
 *
 * A sample; with ATTICSCOPE_TORTURE=1 every call. FAULT_WORK=PATTERN: only these operations. */
#include "build-config.h"

#include "tests/campaign.h"
#include "tests/fault.h"
#include "tests/ordeal.h"
#include "tests/outage.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TOLD_MAX 12u	/* failures of one operation that are told in full */

struct mode {
	const char *name;
	enum fault_scope scope;
	int error;
	bool for_good;
	bool in_pieces;		/* writes take a part before one fails */
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

struct trial {
	struct ordeal ordeal;
	unsigned every;		/* so many-th call only */
	unsigned second_in;	/* so many-th state that needs mending has a second fault ... */
	unsigned second_every;	/* ... at so many-th call */
	/* counted */
	unsigned points, unmended, seconds, wrong;
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

static void tell(struct trial *trial, const struct mode *mode, unsigned at,
		 const struct mode *second, unsigned second_at, const struct fault *fault,
		 const char *wrong)
{
	if (trial->wrong++ >= TOLD_MAX)
		return;
	print_message("# %s: %s at call %u", trial->ordeal.operation->name, mode->name, at);
	if (second)
		print_message(", then %s at call %u", second->name, second_at);
	print_message(" (%s): %s\n", fault->failed, wrong);
}

static const char *judge_call(const struct mode *mode, const struct fault *fault, bool is_done)
{
	if (fault->opens != fault->closes)
		return "descriptors stay open";
	return mode->must_succeed && !is_done ? "it failed" : NULL;
}

/* ---- a second fault, while the first is mended ---- */

/* False: the mending was done before the fault came. */
static bool mend_at(struct trial *trial, const struct mode *first, unsigned first_at,
		    const struct ordeal_state *start, const struct mode *mode, unsigned at)
{
	const struct ordeal *ordeal = &trial->ordeal;
	char disk[BUILDER_PATH], repo[BUILDER_PATH], text[MENDING_TEXT];
	struct ordeal_state state = *start;
	struct fault fault;
	unsigned steps;
	outage_copy(start->folder, ordeal_path(ordeal, "second", disk));
	state.folder = disk;
	arm(&fault, mode, at);
	const bool is_mended = !mending_all(ordeal_repo(disk, repo), &fault.io, &steps, text);
	const char *wrong = judge_call(mode, &fault, is_mended);
	if (!wrong)
		wrong = ordeal_judge(ordeal, &state, text);
	if (!wrong && is_mended && state.steps > 0)
		wrong = "it was said to be clean, and is not";
	if (wrong)
		tell(trial, first, first_at, mode, at, &fault, wrong);
	builder_remove_folder(disk);
	trial->seconds += fault.changes >= at;
	return fault.changes >= at;
}

static void fail_again(struct trial *trial, const struct mode *mode, unsigned at, bool is_done)
{
	static const struct mode *const seconds[] = { &modes[0], &modes[7] };
	char first[BUILDER_PATH], repo[BUILDER_PATH];
	struct ordeal_state start = {
		.folder = ordeal_path(&trial->ordeal, "first", first), .is_done = is_done,
	};
	if (trial->ordeal.operation->way_back == BACK_TO_FOUND) {
		start.has_origin = true;
		start.origin = mending_bytes(ordeal_repo(first, repo));
	}
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++)
		for (unsigned m = 1 + (trial->unmended + at) % trial->second_every;
		     mend_at(trial, mode, at, &start, seconds[i], m); m += trial->second_every)
			;
}

/* ---- the first one ---- */

/* False: the operation was done before the fault came. */
static bool fail_at(struct trial *trial, const struct mode *mode, unsigned at)
{
	const struct ordeal *ordeal = &trial->ordeal;
	char disk[BUILDER_PATH], copy[BUILDER_PATH], text[MENDING_TEXT];
	struct fault fault;
	struct ordeal_state state = { .folder = ordeal_path(ordeal, "disk", disk) };
	ordeal_reset(ordeal);
	arm(&fault, mode, at);
	state.is_done = ordeal->operation->run(ordeal->repo, &fault.io);
	outage_copy(disk, ordeal_path(ordeal, "first", copy));
	const char *wrong = judge_call(mode, &fault, state.is_done);
	if (!wrong)
		wrong = ordeal_judge(ordeal, &state, text);
	if (wrong)
		tell(trial, mode, at, NULL, 0, &fault, wrong);
	else if (state.steps > 0 && ++trial->unmended % trial->second_in == 0)
		fail_again(trial, mode, at, state.is_done);
	builder_remove_folder(copy);
	trial->points += fault.changes >= at;
	return fault.changes >= at;
}

static void fail_everywhere(void **state)
{
	const struct operation *operation = *state;
	const bool is_long = campaign_is_long();
	struct trial trial = {
		.every = is_long ? 1 : 29, .second_in = is_long ? 7 : 11,
		.second_every = is_long ? 7 : 61,
	};
	ordeal_begin(&trial.ordeal, operation);
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
		for (unsigned at = 1 + (unsigned)(operation - operations + 5 * i) % trial.every;
		     fail_at(&trial, &modes[i], at); at += trial.every)
			;
	campaign_figure_of("fault points tried", operation->name, trial.points);
	campaign_figure_of("double faults", operation->name, trial.seconds);
	all_points += trial.points;
		ordeal_end(&trial.ordeal);
	assert_int_equal(trial.wrong, 0);
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
	const char *only = getenv("FAULT_WORK");
	if (!tests)
		return 99;
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	for (size_t i = 0; i < operation_count; i++)
		tests[i] = (struct CMUnitTest){
			.name = operations[i].name, .test_func = fail_everywhere,
			.initial_state = (void *)(uintptr_t)&operations[i],
		};
	tests[operation_count] = (struct CMUnitTest){
		.name = "many calls failed", .test_func = many_calls_failed,
	};
	if (only)
		cmocka_set_test_filter(only);
	const int failed = _cmocka_run_group_tests("fault points", tests, operation_count + 1, NULL,
						   NULL);
	free(tests);
	return failed;
}

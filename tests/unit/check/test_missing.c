/* Was a segment lost, or is a mapping wrong? Rules 1 and 9 of doc/reliability.md: two witnesses
 * must know it, or one that nobody contradicts. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MISSING = 3, THERE = 5, TRANSACTION = 9 };

/* A log that ends in TRANSACTION, with a file for segment THERE. Index and hints are of that
 * transaction; two keys are mapped to segment MISSING, and the hints count two. */
struct world {
	struct listing_segment segment;
	struct segment_facts facts;
	struct hints_segment rows[2];
	struct verify_missing missing;
	struct repo repo;
	struct verify verify;
};

static void world_init(struct world *world)
{
	*world = (struct world){
		.segment = { .number = THERE },
		.facts = { .number = THERE, .is_complete = true, .is_committed = true, .held = 4 },
		.rows = { { .segment = MISSING, .live = 2, .is_counted = true },
			  { .segment = THERE, .live = 4, .is_counted = true } },
		.missing = { .segment = MISSING, .mapped = 2 },
	};
	world->repo = (struct repo){
		.dialect = &dialect_attic,
		.listing = { .segments = &world->segment, .count = 1 },
		.hints = { .usable = true, .transaction = TRANSACTION, .rows = world->rows,
			   .count = 2 },
	};
	world->verify = (struct verify){
		.repo = &world->repo, .facts = &world->facts, .missing = &world->missing,
		.missing_count = 1, .has_end = true, .end = TRANSACTION,
		.index = { .transaction = TRANSACTION },
		.index_credit = CREDIT_CREDIBLE, .hints_credit = CREDIT_CREDIBLE,
	};
}

static void a_missing_segment_needs_witnesses(void **state)
{
	static const struct {
		const char *name;
		enum credit index, hints;
		uint32_t hints_transaction, index_transaction;
		uint32_t moved_on;
		int64_t hinted;
		bool is_gap;
	} cases[] = {
		{ "both know it", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 9, 9, 0, 2, true },
		{ "the hints do not", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 9, 9, 0, 0, false },
		/* Hints that are of another time, or not to be believed, contradict nobody. */
		{ "hints of earlier", CREDIT_CREDIBLE, CREDIT_OLDER, 7, 9, 0, 0, true },
		{ "foreign hints", CREDIT_CREDIBLE, CREDIT_FOREIGN, 9, 9, 0, 0, true },
		{ "above the index", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 9, 2, 0, 2, false },
		{ "no index", CREDIT_NONE, CREDIT_CREDIBLE, 9, 9, 0, 2, false },
		{ "a foreign index", CREDIT_FOREIGN, CREDIT_CREDIBLE, 9, 9, 0, 2, false },
		/* One that is wrong elsewhere is right where credible hints count as it does. */
		{ "damaged", CREDIT_DAMAGED, CREDIT_CREDIBLE, 9, 9, 0, 2, true },
		{ "damaged, other count", CREDIT_DAMAGED, CREDIT_CREDIBLE, 9, 9, 0, 3, false },
		{ "damaged, moved on", CREDIT_DAMAGED, CREDIT_CREDIBLE, 9, 9, 1, 2, false },
		{ "damaged alone", CREDIT_DAMAGED, CREDIT_OLDER, 9, 9, 0, 2, false },
		{ "damaged, both earlier", CREDIT_DAMAGED, CREDIT_OLDER, 8, 8, 0, 2, false },
		/* A compaction since then would have moved all of its objects on. */
		{ "older", CREDIT_OLDER, CREDIT_OLDER, 8, 8, 1, 2, true },
		{ "older, all moved on", CREDIT_OLDER, CREDIT_OLDER, 8, 8, 2, 2, false },
		{ "older, not hinted", CREDIT_OLDER, CREDIT_OLDER, 8, 8, 0, 0, false },
		{ "older, of the log's end", CREDIT_OLDER, CREDIT_CREDIBLE, 9, 9, 0, 2, false },
		{ "older alone", CREDIT_OLDER, CREDIT_OLDER, 7, 8, 0, 2, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		world_init(&world);
		world.verify.index_credit = cases[i].index;
		world.verify.hints_credit = cases[i].hints;
		world.repo.hints.transaction = cases[i].hints_transaction;
		world.verify.index.transaction = cases[i].index_transaction;
		world.verify.index_figures.is_stale = cases[i].index_transaction < TRANSACTION;
		world.missing.moved_on = cases[i].moved_on;
		world.rows[0].live = cases[i].hinted;
		if (verify_is_gap(&world.verify, MISSING) != cases[i].is_gap)
			fail_msg("%s", cases[i].name);
	}
	(void)state;
}

/* The index alone may be wrong about one place: that the file ends too early, or that the hints
 * count more in it, bears it out. */
static void a_file_that_is_there_may_lack_its_end(void **state)
{
	static const struct {
		const char *name;
		enum credit index, hints;
		int64_t hinted;
		bool is_cut, is_complete, is_gap;
	} cases[] = {
		{ "as counted", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 4, false, true, false },
		{ "more was counted", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 5, false, true, true },
		{ "less was counted", CREDIT_CREDIBLE, CREDIT_CREDIBLE, 3, true, false, false },
		{ "no hints, whole", CREDIT_CREDIBLE, CREDIT_NONE, 5, false, true, false },
		{ "no hints, cut", CREDIT_CREDIBLE, CREDIT_NONE, 4, true, true, true },
		{ "no hints, no COMMIT", CREDIT_CREDIBLE, CREDIT_NONE, 4, false, false, true },
		{ "no credible index", CREDIT_OLDER, CREDIT_CREDIBLE, 5, true, false, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		world_init(&world);
		world.verify.index_credit = cases[i].index;
		world.verify.hints_credit = cases[i].hints;
		world.rows[1].live = cases[i].hinted;
		world.facts.is_cut = cases[i].is_cut;
		world.facts.is_complete = cases[i].is_complete;
		if (verify_is_gap(&world.verify, THERE) != cases[i].is_gap)
			fail_msg("%s", cases[i].name);
		/* Borg closes a segment without a COMMIT: that shows nothing. */
		world.repo.dialect = &dialect_borg;
		if (!cases[i].is_complete && !cases[i].is_cut)
			assert_false(verify_is_gap(&world.verify, THERE));
	}
	(void)state;
}

/* The index does not know one of the four objects that the log holds, and places another in the
 * damage: both count four, and one is still to be found. */
static void what_the_index_does_not_know_is_not_what_the_hints_counted(void **state)
{
	struct world world;
	world_init(&world);
	world.facts.mapped = 3;
	world.facts.unmet = 1;
	world.facts.unknown = 1;
	assert_false(verify_is_gap(&world.verify, THERE));
	world.facts.damaged = 1;
	assert_true(verify_is_gap(&world.verify, THERE));
	world.facts.unmet = 0;			/* then they do not agree */
	assert_false(verify_is_gap(&world.verify, THERE));
	(void)state;
}

/* A copy beside the log has a PUT of it, and a DELETE, which is no object. */
static void only_puts_in_copies_fill_a_missing_segment(void **state)
{
	struct verify_fill fills[] = {
		{ .segment = MISSING, .offset = 8, .is_put = true },
		{ .segment = MISSING, .offset = 349 },
		{ .segment = THERE, .offset = 8, .is_put = true },
	};
	struct world world;
	world_init(&world);
	assert_int_equal(verify_count_filled(&world.verify, MISSING), 0);
	world.verify.fills = fills;
	world.verify.fill_count = ARRAY_SIZE(fills);
	assert_int_equal(verify_count_filled(&world.verify, MISSING), 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_segment_needs_witnesses),
		cmocka_unit_test(a_file_that_is_there_may_lack_its_end),
		cmocka_unit_test(what_the_index_does_not_know_is_not_what_the_hints_counted),
		cmocka_unit_test(only_puts_in_copies_fill_a_missing_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

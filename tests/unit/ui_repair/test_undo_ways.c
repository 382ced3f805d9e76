#include "build-config.h"

#include "ui/repair/undo_ways.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Newest first. "c" led from 20 to 30, "b" from 10 to 20, "a" from nothing to 10. */
static const struct undo_entry c = { .name = "c", .has_before = true, .before = 20, .after = 30 };
static const struct undo_entry b = { .name = "b", .has_before = true, .before = 10, .after = 20 };
static const struct undo_entry a = { .name = "a", .after = 10 };

static void a_chain_is_taken_back_newest_first(void **state)
{
	const struct undo_entry entries[] = { c, b, a };
	enum way_back ways[3];
	undo_ways_find(entries, 3, "c", false, ways);
	assert_int_equal(ways[0], WAY_OPEN);
	assert_int_equal(ways[1], WAY_LATER);
	assert_int_equal(ways[2], WAY_LATER);
	(void)state;
}

static void what_lies_behind_a_refused_one_stays(void **state)
{
	const struct undo_entry entries[] = { c, b, a };
	enum way_back ways[3];
	undo_ways_find(entries, 3, "c", true, ways);
	assert_int_equal(ways[0], WAY_REFUSED);
	assert_int_equal(ways[1], WAY_BEHIND);
	assert_int_equal(ways[2], WAY_BEHIND);
	(void)state;
}

/* A backup wrote transaction 25 between the two repairs. */
static void a_later_transaction_breaks_the_chain(void **state)
{
	struct undo_entry entries[] = { c, b, a };
	enum way_back ways[3];
	entries[0].before = 25;
	undo_ways_find(entries, 3, "c", false, ways);
	assert_int_equal(ways[0], WAY_OPEN);
	assert_int_equal(ways[1], WAY_OVERTAKEN);
	assert_int_equal(ways[2], WAY_BEHIND);
	(void)state;
}

static void folders_without_a_manifest_are_passed_over(void **state)
{
	struct undo_entry entries[] = { { .name = "z", .state = UNDO_UNREADABLE }, c,
					{ .name = "y", .state = UNDO_UNREADABLE }, b };
	enum way_back ways[4];
	undo_ways_find(entries, 4, "c", false, ways);
	assert_int_equal(ways[0], WAY_UNREADABLE);
	assert_int_equal(ways[1], WAY_OPEN);
	assert_int_equal(ways[2], WAY_UNREADABLE);
	assert_int_equal(ways[3], WAY_LATER);
	(void)state;
}

/* An interrupted repair has no end yet: nothing can have come after it. */
static void an_unfinished_repair_is_not_overtaken(void **state)
{
	struct undo_entry entries[] = { c, b };
	enum way_back ways[2];
	entries[1].state = UNDO_BEGUN;
	entries[1].after = 0;
	undo_ways_find(entries, 2, "c", false, ways);
	assert_int_equal(ways[1], WAY_LATER);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_taken_back_newest_first),
		cmocka_unit_test(what_lies_behind_a_refused_one_stays),
		cmocka_unit_test(a_later_transaction_breaks_the_chain),
		cmocka_unit_test(folders_without_a_manifest_are_passed_over),
		cmocka_unit_test(an_unfinished_repair_is_not_overtaken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

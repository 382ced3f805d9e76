#include "build-config.h"

#include "ui/screen/segments_model.h"

#include "ui/app/segment_style.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT 5

/* Five segments, verified: 0 is live, 1 damaged, 2 partly live, 3 bears another's name, 7 is not
 * committed. */
static struct listing_segment segments[COUNT] = {
	{ .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 }, { .number = 7 }
};
static struct segment_facts facts[COUNT];
static struct segment_stat stats[COUNT] = {
	{ 500, 50 }, { 100, 10 }, { 300, 70 }, { 300, 20 }, { 200, 90 }
};
static struct hints_segment hints[] = {
	{ .segment = 0, .is_counted = true, .live = 4 },
	{ .segment = 2, .is_counted = true, .live = 9 },
};
static struct repo repo;
static struct verify verify;
static struct session session;

static int set_up(void **state)
{
	static const struct { uint32_t number, puts, deletes, damaged, live, used; bool committed; }
	rows[COUNT] = {
		{ 0, 4, 0, 0, 4, 500, true }, { 1, 2, 1, 1, 2, 100, true },
		{ 2, 6, 2, 0, 3, 200, true }, { 4, 1, 0, 0, 1, 300, true },
		{ 7, 9, 0, 0, 0, 200, false },
	};
	for (size_t i = 0; i < COUNT; i++) {
		facts[i].number = rows[i].number;
		facts[i].puts = rows[i].puts;
		facts[i].deletes = rows[i].deletes;
		facts[i].damaged = rows[i].damaged;
		facts[i].size = stats[i].size;
		facts[i].is_committed = rows[i].committed;
		atomic_store(&facts[i].live, rows[i].live);
		atomic_store(&facts[i].live_bytes, rows[i].used);
		atomic_store(&facts[i].state, (uint8_t)SEGMENT_VERIFIED);
	}
	repo.dialect = &dialect_attic;
	repo.listing = (struct listing){ .segments = segments, .count = COUNT };
	repo.hints = (struct hints){ .usable = true, .rows = hints, .count = 2 };
	verify.repo = &repo;
	verify.facts = facts;
	session.repo = &repo;
	session.log_end = 4;
	atomic_store(&session.ref.count, 1);
	atomic_store(&session.verify, &verify);
	atomic_store(&session.check, CHECK_DONE);
	atomic_store(&session.stats, stats);
	(void)state;
	return 0;
}

/* Ends in 99. */
static void assert_order(struct segments_order order, const uint32_t *expected)
{
	struct model *model = segments_model_new(&session, &order);
	assert_non_null(model);
	for (uint64_t row = 0; row < model_count(model); row++)
		assert_int_equal(segments_model_number(model, row), expected[row]);
	assert_int_equal(expected[model_count(model)], 99);
	ref_release(model);
}

static void each_column_gives_its_order(void **state)
{
	static const struct {
		enum segments_column column;
		uint32_t expected[COUNT + 1];
	} cases[] = {
		{ COL_SEGMENT, { 0, 1, 2, 3, 7, 99 } },
		{ COL_SIZE, { 1, 7, 2, 3, 0, 99 } },
		{ COL_MODIFIED, { 1, 3, 0, 2, 7, 99 } },
		{ COL_PUTS, { 3, 1, 0, 2, 7, 99 } },
		{ COL_DELETES, { 0, 3, 7, 1, 2, 99 } },
		{ COL_ENTRIES, { 3, 1, 0, 2, 7, 99 } },
		{ COL_LIVE, { 7, 3, 1, 2, 0, 99 } },
		{ COL_HINTS, { 1, 3, 7, 0, 2, 99 } },
		{ COL_CRC, { 0, 2, 3, 7, 1, 99 } },
		{ COL_DEAD, { 7, 0, 1, 3, 2, 99 } },	/* not known of 7 */
		{ COL_STATE, { 1, 3, 7, 2, 0, 99 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_order((struct segments_order){ .column = cases[i].column },
			     cases[i].expected);
	(void)state;
}

static void downwards_is_the_reverse(void **state)
{
	static const uint32_t by_number[] = { 7, 3, 2, 1, 0, 99 };
	static const uint32_t by_size[] = { 0, 3, 2, 7, 1, 99 };
	assert_order((struct segments_order){ .column = COL_SEGMENT, .descending = true },
		     by_number);
	assert_order((struct segments_order){ .column = COL_SIZE, .descending = true }, by_size);
	(void)state;
}

static void filters_keep_what_they_name(void **state)
{
	static const struct { enum filter filter; uint32_t expected[COUNT + 1]; } cases[] = {
		{ FILTER_ALL, { 0, 1, 2, 3, 7, 99 } }, { FILTER_DAMAGED, { 1, 99 } },
		{ FILTER_ODD, { 3, 99 } }, { FILTER_UNCOMMITTED, { 7, 99 } },
		{ FILTER_SPARSE, { 2, 99 } },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_order((struct segments_order){ .filter = cases[i].filter },
			     cases[i].expected);
	(void)state;
}

/* Borg ends each transaction with a segment that is a COMMIT and nothing else. */
static void lone_commits_can_be_left_out(void **state)
{
	static const uint32_t others[] = { 0, 1, 3, 7, 99 };
	const struct segments_order order = { .filter = FILTER_ENTRIES };
	facts[2].puts = facts[2].deletes = 0;
	facts[2].commits = 1;
	assert_order(order, others);
	/* Before anything is read the size tells. */
	atomic_store(&facts[2].state, (uint8_t)SEGMENT_UNVERIFIED);
	stats[2].size = SEGMENT_LONE_COMMIT;
	assert_order(order, others);
	stats[2].size = 300;
	facts[2].commits = 0;
	(void)state;
}

static void a_segment_is_found_in_any_order(void **state)
{
	const struct segments_order order = { FILTER_ALL, COL_SIZE, true };
	const struct segments_order damaged = { .filter = FILTER_DAMAGED };
	struct model *model = segments_model_new(&session, &order);
	struct model *filtered = segments_model_new(&session, &damaged);
	uint64_t row;
	assert_true(segments_model_find(model, 7, &row));
	assert_int_equal(row, 3);
	assert_false(segments_model_find(model, 4, &row));
	assert_false(segments_model_find(filtered, 7, &row));
	ref_release(model);
	ref_release(filtered);
	(void)state;
}

static void nothing_is_known_before_verification(void **state)
{
	static const uint32_t none[] = { 99 }, all[] = { 0, 1, 2, 3, 7, 99 };
	atomic_store(&session.verify, NULL);
	atomic_store(&session.check, CHECK_NONE);
	assert_order((struct segments_order){ .filter = FILTER_DAMAGED }, none);
	assert_order((struct segments_order){ .column = COL_LIVE }, all);
	(void)state;
}

/* The most urgent state speaks for all segments of a cell. */
static void a_cell_shows_the_worst_of_its_segments(void **state)
{
	static const struct { size_t first, end; enum segment_style style; } cases[] = {
		{ 0, 1, SEGMENT_STYLE_LIVE }, { 1, 2, SEGMENT_STYLE_DAMAGED },
		{ 2, 3, SEGMENT_STYLE_PARTLY }, { 3, 4, SEGMENT_STYLE_MISNAMED },
		{ 4, 5, SEGMENT_STYLE_UNCOMMITTED }, { 0, 5, SEGMENT_STYLE_DAMAGED },
		{ 2, 5, SEGMENT_STYLE_MISNAMED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(segment_style_of_group(&session, cases[i].first, cases[i].end),
				 cases[i].style);
	/* Some all live, some not at all: partly, as a whole. */
	atomic_store(&facts[2].live, 0);
	facts[1].damaged = 0;
	assert_int_equal(segment_style_of_group(&session, 0, 3), SEGMENT_STYLE_PARTLY);
	assert_int_equal(segment_style_of_group(&session, 2, 3), SEGMENT_STYLE_DEAD);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_column_gives_its_order, set_up),
		cmocka_unit_test_setup(downwards_is_the_reverse, set_up),
		cmocka_unit_test_setup(filters_keep_what_they_name, set_up),
		cmocka_unit_test_setup(lone_commits_can_be_left_out, set_up),
		cmocka_unit_test_setup(a_segment_is_found_in_any_order, set_up),
		cmocka_unit_test_setup(nothing_is_known_before_verification, set_up),
		cmocka_unit_test_setup(a_cell_shows_the_worst_of_its_segments, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The hints beside what verification counted. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/screens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COL_SEGMENT, COL_STORED, COL_COUNTED, COL_DIFFERENCE, COL_COMPACT, COL_NOTE };

static struct hints_segment *hint_of(const struct world *world, uint32_t segment)
{
	return hints_find(&world->app.session->owned->hints, segment);
}

static void before_verification_nothing_is_counted(void **state)
{
	struct world *world = *state;
	open_screen(world, &hints_screen, NULL);
	assert_int_equal(count_rows(world), 5);
	for (uint64_t i = 0; i < 5; i++) {
		const struct row row = row_at(world, i);
		assert_int_equal(row.place.segment, i);
		assert_string_equal(row_cell(&row, COL_COUNTED), "?");
		assert_string_equal(row_cell(&row, COL_DIFFERENCE), "");
	}
	hint_of(world, 2)->live = 99;		/* what is not counted does not differ */
	expect_cell(world, 2, COL_STORED, "99");
	expect_cell(world, 2, COL_DIFFERENCE, "");
}

static void a_count_that_differs_is_marked(void **state)
{
	struct world *world = *state;
	open_session(world);
	verify(world);
	open_screen(world, &hints_screen, NULL);
	expect_cell(world, 4, COL_STORED, "1");
	expect_cell(world, 4, COL_COUNTED, "1");
	expect_cell(world, 4, COL_DIFFERENCE, "");
	hint_of(world, 4)->live = 3;
	expect_cell(world, 4, COL_DIFFERENCE, "! -2");
	hint_of(world, 4)->live = 0;
	expect_cell(world, 4, COL_DIFFERENCE, "! +1");
	hint_of(world, 4)->is_counted = false;
	expect_cell(world, 4, COL_STORED, "-");
	expect_cell(world, 4, COL_DIFFERENCE, "! +1");
	expect_cell(world, 4, COL_NOTE, "");
}

/* Object 5 was deleted, and 6 overwritten, in the segments 0 and 1. */
static void what_waits_for_compaction_says_so(void **state)
{
	struct world *world = *state;
	uint64_t with_compact = 0;
	open_screen(world, &hints_screen, NULL);
	for (uint64_t i = 0; i < 5; i++) {
		const struct row row = row_at(world, i);
		const bool is_compact =
			hints_is_compact(&world->app.session->repo->hints, (uint32_t)i);
		assert_string_equal(row_cell(&row, COL_COMPACT), is_compact ? "yes" : "");
		with_compact += is_compact;
	}
	assert_in_range(with_compact, 1, 4);
	hints_filter(&world->app, NULL);		/* differing: nothing is known of that */
	assert_int_equal(count_rows(world), 0);
	hints_filter(&world->app, NULL);		/* to compact */
	assert_int_equal(count_rows(world), with_compact);
	hints_filter(&world->app, NULL);
	assert_int_equal(count_rows(world), 5);
}

static void rows_of_either_side_are_merged(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	builder_key(50, key);
	builder_put_some(world->small->builder, key, 100);
	builder_close_segment(world->small->builder);	/* 5, which was never committed */
	open_session(world);
	struct hints *hints = &world->app.session->owned->hints;
	hints->rows[hints->count - 1].segment = 300;	/* 4 is unknown, and 300 not there */
	verify(world);
	open_screen(world, &hints_screen, NULL);
	assert_int_equal(count_rows(world), 7);
	expect_cell(world, 4, COL_SEGMENT, "4");
	expect_cell(world, 4, COL_STORED, "-");
	expect_cell(world, 5, COL_SEGMENT, "5");
	expect_cell(world, 5, COL_COUNTED, "-");
	expect_cell(world, 5, COL_NOTE, "not committed");
	expect_cell(world, 5, COL_DIFFERENCE, "");
	expect_cell(world, 6, COL_SEGMENT, "300");
	expect_cell(world, 6, COL_COUNTED, "-");
	expect_cell(world, 6, COL_NOTE, "no such segment");
	expect_cell(world, 6, COL_DIFFERENCE, "! -1");
	hints_filter(&world->app, NULL);		/* differing */
	assert_int_equal(count_rows(world), 2);
	expect_cell(world, 0, COL_SEGMENT, "4");
	expect_cell(world, 1, COL_SEGMENT, "300");
	hints->rows[hints->count - 1].segment = 5;	/* whose count nobody knows */
	hints_filter(&world->app, NULL);
	hints_filter(&world->app, NULL);		/* all */
	assert_int_equal(count_rows(world), 6);
	expect_cell(world, 5, COL_STORED, "1");
	expect_cell(world, 5, COL_DIFFERENCE, "");
}

static void a_number_leads_to_its_row(void **state)
{
	struct world *world = *state;
	struct screen *screen = open_screen(world, &hints_screen, NULL);
	struct query query;
	assert_true(query_parse("3", &query));
	assert_true(screen->ops->jump(&world->app, screen, &query, false));
	assert_int_equal(screen->table->position.cursor, 3);
	assert_true(query_parse("7", &query));
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
	assert_true(query_parse("x", &query));
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(before_verification_nothing_is_counted),
		TEST(a_count_that_differs_is_marked),
		TEST(what_waits_for_compaction_says_so),
		TEST(rows_of_either_side_are_merged),
		TEST(a_number_leads_to_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

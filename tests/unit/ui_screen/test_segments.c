/* The list of segments: its orders and filters. The orders themselves are those of
 * segments_model.c. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/screens.h"
#include "ui/screen/segments_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void sort(struct world *world, int value)
{
	segments_sort(&world->app, &(struct call){ .value = value });
	wait_for_jobs(world);
}

static void each_press_sorts_by_the_next_column(void **state)
{
	struct world *world = *state;
	const struct screen *screen = open_screen(world, &segments_screen, NULL);
	const struct table *table = screen->table;
	assert_int_equal(count_rows(world), 5);
	assert_int_equal(table->sorted_by, COL_SEGMENT);
	assert_false(table->descending);
	for (int column = COL_SEGMENT + 1; column < COL_COUNT; column++) {
		sort(world, SEGMENTS_NEXT_COLUMN);
		assert_int_equal(table->sorted_by, column);
		/* Sizes and counts begin with the largest. */
		assert_int_equal(table->descending, column != COL_STATE);
		assert_int_equal(count_rows(world), 5);
	}
	sort(world, SEGMENTS_NEXT_COLUMN);
	assert_int_equal(table->sorted_by, COL_SEGMENT);
	assert_false(table->descending);
}

/* The smallest is the newest, which has the second version of object 6. */
static void the_cursor_stays_on_its_segment(void **state)
{
	struct world *world = *state;
	const struct screen *screen = open_screen(world, &segments_screen, NULL);
	table_select(screen->table, 4);
	assert_int_equal(segments_model_number(screen->table->model, 4), 4);
	sort(world, SEGMENTS_NEXT_COLUMN);		/* by size, after asking for the sizes */
	assert_int_equal(screen->table->sorted_by, COL_SIZE);
	assert_int_equal(segments_model_number(screen->table->model, 4), 4);
	assert_int_equal(screen->table->position.cursor, 4);
	sort(world, SEGMENTS_REVERSE);
	assert_false(screen->table->descending);
	assert_int_equal(segments_model_number(screen->table->model, 0), 4);
	assert_int_equal(screen->table->position.cursor, 0);
}

static void filter(struct world *world, const char *name)
{
	segments_filter(&world->app, &(struct call){ .argument = name });
	wait_for_jobs(world);
}

static void a_filter_is_chosen_by_its_name_or_in_turn(void **state)
{
	struct world *world = *state;
	open_session(world);
	verify(world);
	const struct screen *screen = open_screen(world, &segments_screen, NULL);
	filter(world, "damaged");
	assert_int_equal(count_rows(world), 0);
	assert_string_equal(screen->table->empty, "No segment is like that (f: filter).");
	filter(world, "all");
	assert_int_equal(count_rows(world), 5);
	filter(world, "nonsense");
	assert_string_equal(world->app.message, "nonsense: no such filter");
	assert_int_equal(count_rows(world), 5);
	filter(world, NULL);				/* the next one is "damaged" */
	assert_int_equal(count_rows(world), 0);
	for (unsigned i = FILTER_DAMAGED; i < FILTER_COUNT; i++)
		filter(world, NULL);
	assert_int_equal(count_rows(world), 5);
}

static void a_number_or_a_place_leads_to_its_row(void **state)
{
	struct world *world = *state;
	struct query query;
	const struct place place = place_of_segment(3);
	struct screen *screen = open_screen(world, &segments_screen, &place);
	assert_int_equal(screen->table->position.cursor, 3);
	assert_true(query_parse("1", &query));
	assert_true(screen->ops->jump(&world->app, screen, &query, false));
	assert_int_equal(screen->table->position.cursor, 1);
	assert_true(query_parse("5", &query));
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
	assert_true(query_parse("4294967297", &query));		/* 2^32 + 1 */
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
	assert_int_equal(screen->table->position.cursor, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_press_sorts_by_the_next_column),
		TEST(the_cursor_stays_on_its_segment),
		TEST(a_filter_is_chosen_by_its_name_or_in_turn),
		TEST(a_number_or_a_place_leads_to_its_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

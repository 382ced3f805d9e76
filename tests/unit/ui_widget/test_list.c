#include "build-config.h"

#include "ui/widget/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_line_of_the_screen_is_a_row(void **state)
{
	static const struct { int y; bool is_row; uint64_t row; } cases[] = {
		{ 4, false, 0 }, { 5, true, 100 }, { 6, true, 101 }, { 14, true, 109 },
		{ 15, false, 0 }, { -1, false, 0 },
	};
	const struct area area = { .y = 5, .x = 2, .rows = 10, .cols = 40 };
	const struct position position = { .count = 1000, .top = 100, .cursor = 103 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t row = 0;
		const bool is_row = list_row_at(&position, area, cases[i].y, &row);
		assert_int_equal(is_row, cases[i].is_row);
		if (is_row)
			assert_int_equal(row, cases[i].row);
	}
	(void)state;
}

static void below_the_last_row_there_is_none(void **state)
{
	const struct area area = { .y = 5, .x = 2, .rows = 10, .cols = 40 };
	struct position position = { .count = 3 };
	uint64_t row;
	assert_true(list_row_at(&position, area, 7, &row));
	assert_int_equal(row, 2);
	assert_false(list_row_at(&position, area, 8, &row));
	position.count = 0;
	assert_false(list_row_at(&position, area, 5, &row));
	(void)state;
}

struct drawn {
	unsigned lines;
	uint64_t first, selected;
	struct area last;
};

static void see(void *context, uint64_t row, bool selected, struct area line)
{
	struct drawn *drawn = context;
	if (drawn->lines++ == 0)
		drawn->first = row;
	if (selected)
		drawn->selected = row;
	drawn->last = line;
}

/* All rows fit: no scroll bar is drawn, so this needs no terminal. */
static void each_row_has_its_line_and_one_is_selected(void **state)
{
	const struct area area = { .y = 5, .x = 2, .rows = 10, .cols = 40 };
	struct position position = { .cursor = 2 };
	struct drawn drawn = { .lines = 0 };
	list_draw(&position, 4, area, see, &drawn);
	assert_int_equal(drawn.lines, 4);
	assert_int_equal(drawn.first, 0);
	assert_int_equal(drawn.selected, 2);
	assert_int_equal(drawn.last.y, 8);
	assert_int_equal(drawn.last.rows, 1);
	assert_int_equal(drawn.last.cols, 39);
	drawn.lines = 0;
	list_draw(&position, 0, area, see, &drawn);
	list_draw(&position, 4, (struct area){ .rows = 0, .cols = 40 }, see, &drawn);
	assert_int_equal(drawn.lines, 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_the_screen_is_a_row),
		cmocka_unit_test(below_the_last_row_there_is_none),
		cmocka_unit_test(each_row_has_its_line_and_one_is_selected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "ui/screen/overview_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* As few segments share a cell as the room allows, and every segment has a cell. */
static void all_segments_fit_the_room(void **state)
{
	static const struct { size_t count, room, group, cells; } cases[] = {
		{ 0, 100, 1, 0 }, { 1, 100, 1, 1 }, { 100, 100, 1, 100 }, { 101, 100, 2, 51 },
		{ 200, 100, 2, 100 }, { 201, 100, 3, 67 }, { 5, 1, 5, 1 }, { 7, 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t group = map_group(cases[i].count, cases[i].room);
		if (group != cases[i].group || map_cells(cases[i].count, group) != cases[i].cells)
			fail_msg("case %zu: %zu in each of %zu cells", i, group,
				 map_cells(cases[i].count, group));
	}
	(void)state;
}

static void only_the_last_cell_may_be_short(void **state)
{
	assert_int_equal(map_end(10, 1, 0), 1);
	assert_int_equal(map_end(10, 3, 0), 3);
	assert_int_equal(map_end(10, 3, 2), 9);
	assert_int_equal(map_end(10, 3, 3), 10);
	(void)state;
}

/* 11 cells, 4 in a line:  0  1  2  3
 *                         4  5  6  7
 *                         8  9 10 */
static void motions_stay_on_the_map(void **state)
{
	static const struct { enum motion motion; size_t from, to; } cases[] = {
		{ MOTION_LEFT, 5, 4 }, { MOTION_LEFT, 4, 3 }, { MOTION_LEFT, 0, 0 },
		{ MOTION_RIGHT, 3, 4 }, { MOTION_RIGHT, 10, 10 },
		{ MOTION_UP, 6, 2 }, { MOTION_UP, 2, 2 }, { MOTION_SCROLL_UP, 8, 4 },
		{ MOTION_DOWN, 2, 6 }, { MOTION_DOWN, 6, 10 }, { MOTION_DOWN, 7, 7 },
		{ MOTION_SCROLL_DOWN, 8, 8 },
		{ MOTION_HOME, 6, 0 }, { MOTION_PAGE_UP, 6, 0 }, { MOTION_END, 6, 10 },
		{ MOTION_PAGE_DOWN, 0, 10 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const size_t to = map_move(cases[i].from, 11, 4, cases[i].motion);
		if (to != cases[i].to)
			fail_msg("case %zu: to %zu", i, to);
	}
	assert_int_equal(map_move(0, 0, 4, MOTION_END), 0);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_segments_fit_the_room),
		cmocka_unit_test(only_the_last_cell_may_be_short),
		cmocka_unit_test(motions_stay_on_the_map),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

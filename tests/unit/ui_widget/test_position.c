#include "build-config.h"

#include "ui/widget/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* What holds after every call. */
static void assert_sane(const struct position *p)
{
	assert_true(p->page >= 1);
	if (p->count == 0) {
		assert_int_equal(p->cursor, 0);
		assert_int_equal(p->top, 0);
		return;
	}
	assert_true(p->cursor < p->count);
	assert_true(p->top <= p->cursor && p->cursor - p->top < p->page);
	assert_true(p->top == 0 || p->top + p->page <= p->count);
}

static void an_empty_list_has_no_cursor(void **state)
{
	struct position p = { 0 };
	position_fit(&p, 0, 10);
	for (int motion = MOTION_UP; motion <= MOTION_SCROLL_DOWN; motion++)
		position_move(&p, (enum motion)motion);
	position_set(&p, 7);
	assert_sane(&p);
	(void)state;
}

static void the_page_follows_the_cursor_by_the_shortest_way(void **state)
{
	struct position p = { 0 };
	position_fit(&p, 100, 10);
	for (int i = 0; i < 10; i++)
		position_move(&p, MOTION_DOWN);
	assert_int_equal(p.cursor, 10);
	assert_int_equal(p.top, 1);
	position_move(&p, MOTION_UP);
	assert_int_equal(p.top, 1);
	position_move(&p, MOTION_HOME);
	assert_int_equal(p.top, 0);
	position_move(&p, MOTION_END);
	assert_int_equal(p.cursor, 99);
	assert_int_equal(p.top, 90);
	position_move(&p, MOTION_DOWN);
	assert_int_equal(p.cursor, 99);
	(void)state;
}

static void pages_keep_the_cursor_at_its_height(void **state)
{
	struct position p = { 0 };
	position_fit(&p, 100, 10);
	position_set(&p, 3);
	position_move(&p, MOTION_PAGE_DOWN);
	assert_int_equal(p.cursor, 13);
	assert_int_equal(p.top, 10);
	position_move(&p, MOTION_PAGE_UP);
	assert_int_equal(p.cursor, 3);
	assert_int_equal(p.top, 0);
	position_move(&p, MOTION_PAGE_UP);
	assert_int_equal(p.cursor, 0);
	(void)state;
}

static void a_far_row_comes_to_the_middle(void **state)
{
	struct position p = { 0 };
	position_fit(&p, 1000, 11);
	position_set(&p, 500);
	assert_int_equal(p.cursor - p.top, 5);
	position_set(&p, 502);
	assert_int_equal(p.top, 495);
	position_set(&p, 5000);
	assert_int_equal(p.cursor, 999);
	assert_int_equal(p.top, 989);
	(void)state;
}

static void shrinking_lists_and_pages_keep_the_cursor_in_sight(void **state)
{
	struct position p = { 0 };
	position_fit(&p, 100, 20);
	position_move(&p, MOTION_END);
	position_fit(&p, 100, 5);
	assert_int_equal(p.cursor, 99);
	assert_sane(&p);
	position_fit(&p, 30, 5);
	assert_int_equal(p.cursor, 29);
	assert_sane(&p);
	position_fit(&p, 30, 50);
	assert_int_equal(p.top, 0);
	position_fit(&p, 0, 50);
	assert_sane(&p);
	position_fit(&p, 10, 0);
	assert_sane(&p);
	(void)state;
}

static void nothing_breaks_at_the_largest_counts(void **state)
{
	struct position p = { 0 };
	position_fit(&p, UINT64_MAX, UINT32_MAX);
	position_move(&p, MOTION_END);
	assert_sane(&p);
	position_move(&p, MOTION_PAGE_DOWN);
	assert_sane(&p);
	position_fit(&p, UINT64_MAX, 1);
	assert_sane(&p);
	position_move(&p, MOTION_SCROLL_UP);
	assert_int_equal(p.cursor, UINT64_MAX - 4);
	(void)state;
}

static void any_sequence_of_events_leaves_a_sane_position(void **state)
{
	struct position p = { 0 };
	uint32_t seed = 1;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1664525u + 1013904223u;
		const uint32_t r = seed >> 8;
		if (r % 7 == 0)
			position_fit(&p, r % 50, r % 13);
		else if (r % 11 == 0)
			position_set(&p, r % 60);
		else
			position_move(&p, (enum motion)(r % (MOTION_SCROLL_DOWN + 1)));
		if (p.page > 0)
			assert_sane(&p);
	}
	(void)state;
}

static void the_scroll_bar_stays_inside_and_reaches_both_ends(void **state)
{
	struct position p = { 0 };
	uint32_t first, len;
	position_fit(&p, 1000000, 20);
	position_thumb(&p, 20, &first, &len);
	assert_int_equal(first, 0);
	assert_int_equal(len, 1);
	position_move(&p, MOTION_END);
	position_thumb(&p, 20, &first, &len);
	assert_int_equal(first + len, 20);
	position_fit(&p, 20, 20);
	position_thumb(&p, 20, &first, &len);
	assert_int_equal(len, 0);
	position_fit(&p, 21, 20);
	position_thumb(&p, 20, &first, &len);
	assert_int_equal(len, 19);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_list_has_no_cursor),
		cmocka_unit_test(the_page_follows_the_cursor_by_the_shortest_way),
		cmocka_unit_test(pages_keep_the_cursor_at_its_height),
		cmocka_unit_test(a_far_row_comes_to_the_middle),
		cmocka_unit_test(shrinking_lists_and_pages_keep_the_cursor_in_sight),
		cmocka_unit_test(nothing_breaks_at_the_largest_counts),
		cmocka_unit_test(any_sequence_of_events_leaves_a_sane_position),
		cmocka_unit_test(the_scroll_bar_stays_inside_and_reaches_both_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

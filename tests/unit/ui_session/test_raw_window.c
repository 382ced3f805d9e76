#include "build-config.h"

#include "ui/session/raw_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct window window;

/* Bytes [1000, 1016) of a file; the one at 1008 could not be read. */
static int make_window(void **state)
{
	memset(&window, 0, sizeof(window));
	window.offset = 1000;
	window.len = 16;
	memcpy(window.bytes, "abcabcab\0abcabcx", 16);
	memset(window.good, true, 16);
	window.good[8] = false;
	(void)state;
	return 0;
}

static void bytes_are_known_inside_where_they_are_good(void **state)
{
	uint8_t byte;
	assert_true(window_byte(&window, 1000, &byte));
	assert_int_equal(byte, 'a');
	assert_true(window_byte(&window, 1015, &byte));
	assert_int_equal(byte, 'x');
	assert_false(window_byte(&window, 1008, &byte));
	assert_false(window_byte(&window, 999, &byte));
	assert_false(window_byte(&window, 1016, &byte));
	assert_false(window_byte(NULL, 1000, &byte));
	(void)state;
}

static void a_range_is_covered_only_as_a_whole(void **state)
{
	assert_true(window_covers(&window, 1000, 1016));
	assert_false(window_covers(&window, 999, 1016));
	assert_false(window_covers(&window, 1000, 1017));
	assert_false(window_covers(NULL, 1000, 1001));
	(void)state;
}

static uint64_t find(const char *pattern, uint64_t first, uint64_t end, bool backward)
{
	uint64_t found;
	const uint8_t *bytes = (const uint8_t *)pattern;
	return window_find(&window, bytes, strlen(pattern), first, end, backward, &found) ? found
											  : 0;
}

static void the_first_or_the_last_match_is_found(void **state)
{
	assert_int_equal(find("abc", 0, 5000, false), 1000);
	assert_int_equal(find("abc", 1001, 5000, false), 1003);
	assert_int_equal(find("abc", 0, 5000, true), 1012);
	assert_int_equal(find("abc", 0, 1012, true), 1009);
	assert_int_equal(find("abc", 0, 1000, true), 0);
	assert_int_equal(find("abcx", 0, 5000, false), 1012);
	assert_int_equal(find("x", 1015, 1016, false), 1015);
	assert_int_equal(find("xy", 0, 5000, false), 0);	/* reaches beyond the window */
	(void)state;
}

static void a_byte_that_was_not_read_matches_nothing(void **state)
{
	static const uint8_t with_gap[] = { 'b', 0, 'a' }, gap[] = { 0 };
	uint64_t found;
	assert_false(window_find(&window, gap, sizeof(gap), 0, 5000, false, &found));
	assert_false(window_find(&window, with_gap, sizeof(with_gap), 0, 5000, true, &found));
	window.good[8] = true;
	assert_true(window_find(&window, with_gap, sizeof(with_gap), 0, 5000, true, &found));
	assert_int_equal(found, 1007);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bytes_are_known_inside_where_they_are_good, make_window),
		cmocka_unit_test_setup(a_range_is_covered_only_as_a_whole, make_window),
		cmocka_unit_test_setup(the_first_or_the_last_match_is_found, make_window),
		cmocka_unit_test_setup(a_byte_that_was_not_read_matches_nothing, make_window),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

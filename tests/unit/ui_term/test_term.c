#include "build-config.h"

#include "ui/term/term.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void width_counts_columns_and_not_bytes(void **state)
{
	assert_int_equal(term_width(""), 0);
	assert_int_equal(term_width("abc"), 3);
	assert_int_equal(term_width("\xc3\xa4\xe2\x82\xac"), 2);
	assert_int_equal(term_width("\xe4\xb8\xad"), 2);	/* one character, two columns */
	(void)state;
}

static void a_tail_begins_with_a_whole_character(void **state)
{
	assert_string_equal(term_tail("/srv/backup", 20), "/srv/backup");
	assert_string_equal(term_tail("/srv/backup", 7), "/backup");
	assert_string_equal(term_tail("a\xc3\xa4\xe2\x82\xac", 2), "\xc3\xa4\xe2\x82\xac");
	assert_string_equal(term_tail("a\xc3\xa4\xe2\x82\xac", 1), "\xe2\x82\xac");
	assert_string_equal(term_tail("\xe4\xb8\xad" "b", 2), "b");
	assert_string_equal(term_tail("abc", 0), "");
	assert_string_equal(term_tail("abc", -1), "");
	(void)state;
}

static void text_is_broken_at_spaces(void **state)
{
	assert_int_equal(term_lines(10, ""), 0);
	assert_int_equal(term_lines(10, "one two"), 1);
	assert_int_equal(term_lines(7, "one two"), 1);
	assert_int_equal(term_lines(6, "one two"), 2);
	assert_int_equal(term_lines(3, "one two six"), 3);
	assert_int_equal(term_lines(4, "unbreakable one"), 2);	/* a long word is clipped */
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns_and_not_bytes),
		cmocka_unit_test(a_tail_begins_with_a_whole_character),
		cmocka_unit_test(text_is_broken_at_spaces),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

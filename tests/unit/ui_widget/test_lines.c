#include "build-config.h"

#include "ui/widget/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ROWS 8

/* Break @text to @cols columns and compare the rows with @expected, which ends with NULL. */
static void assert_broken(const char *text, int cols, const char *const expected[])
{
	static struct row rows[ROWS];
	static struct session session = { .repo = NULL };
	struct lines *lines = lines_new();
	assert_non_null(lines);
	atomic_store(&session.ref.count, 1);
	lines_add(lines, STYLE_GOOD, text);
	struct model *model = lines_model(&session, lines, cols);
	assert_non_null(model);
	const size_t count = (size_t)model_count(model);
	assert_true(count <= ROWS);
	memset(rows, 0, sizeof(rows));
	model_fetch(model, 0, count, rows);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(expected[i]);
		assert_string_equal(rows[i].cell[0] ? row_cell(&rows[i], 0) : "", expected[i]);
		assert_int_equal(rows[i].style, STYLE_GOOD);
	}
	assert_null(expected[count]);
	ref_release(model);
	ref_release(lines);
	assert_int_equal(atomic_load(&session.ref.count), 1);
}

static void a_short_line_is_one_row(void **state)
{
	assert_broken("short", 10, (const char *const[]){ "short", NULL });
	assert_broken("", 10, (const char *const[]){ "", NULL });
	assert_broken("just fits.", 10, (const char *const[]){ "just fits.", NULL });
	(void)state;
}

static void a_long_line_is_broken_at_spaces_and_hangs(void **state)
{
	assert_broken("one two three four", 10,
		      (const char *const[]){ "one two", "  three", "  four", NULL });
	assert_broken(" one two three four", 12,
		      (const char *const[]){ " one two", "   three", "   four", NULL });
	(void)state;
}

static void a_deep_line_does_not_hang(void **state)
{
	assert_broken("     one two three", 12,
		      (const char *const[]){ "     one two", "three", NULL });
	(void)state;
}

static void a_long_word_is_cut(void **state)
{
	assert_broken("abcdefghijkl", 8, (const char *const[]){ "abcdefgh", "  ijkl", NULL });
	assert_broken("ab", 1, (const char *const[]){ "a", "b", NULL });
	assert_broken("ab", 0, (const char *const[]){ "a", "b", NULL });
	(void)state;
}

static void bytes_of_any_kind_are_masked(void **state)
{
	assert_broken("a\033[2J", 20, (const char *const[]){ "a\\x1b[2J", NULL });
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_line_is_one_row),
		cmocka_unit_test(a_long_line_is_broken_at_spaces_and_hangs),
		cmocka_unit_test(a_deep_line_does_not_hang),
		cmocka_unit_test(a_long_word_is_cut),
		cmocka_unit_test(bytes_of_any_kind_are_masked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

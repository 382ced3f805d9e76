#include "build-config.h"

#include "engine/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void pieces_of_any_length_are_appended(void **state)
{
	char piece[3000], *whole = calloc(1, 2001 * sizeof(piece));
	struct text text = { .bytes = NULL };
	size_t len = 0;
	for (unsigned i = 0; i < 2000; i++) {
		memset(piece, 'a' + (int)(i % 26), i);
		piece[i] = '\0';
		text_append(&text, "%s\n", piece);
		memcpy(whole + len, piece, i);
		len += i;
		whole[len++] = '\n';
		assert_int_equal(text.len, len);
	}
	char *bytes = text_release(&text);
	assert_string_equal(bytes, whole);
	assert_null(text.bytes);
	free(bytes);
	free(whole);
	(void)state;
}

static void nothing_appended_is_no_string(void **state)
{
	struct text text = { .bytes = NULL };
	assert_null(text_release(&text));
	(void)state;
}

static void a_text_that_lacks_something_is_not_given_away(void **state)
{
	struct text text = { .bytes = NULL };
	text_append(&text, "all but the end");
	text.no_memory = true;
	text_append(&text, ", and this");
	assert_string_equal(text.bytes, "all but the end");
	assert_null(text_release(&text));
	assert_false(text.no_memory);
	(void)state;
}

static void a_buffer_holds_what_fits(void **state)
{
	char buffer[8] = "";
	buffer_append(buffer, sizeof(buffer), "%d", 12);
	assert_string_equal(buffer, "12");
	buffer_append(buffer, sizeof(buffer), "%s", "3456789");
	assert_string_equal(buffer, "1234567");
	buffer_append(buffer, sizeof(buffer), "more");
	assert_string_equal(buffer, "1234567");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_of_any_length_are_appended),
		cmocka_unit_test(nothing_appended_is_no_string),
		cmocka_unit_test(a_text_that_lacks_something_is_not_given_away),
		cmocka_unit_test(a_buffer_holds_what_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

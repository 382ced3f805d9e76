#include "build-config.h"

#include "ui/widget/typing.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct typing typing;

static bool type(wchar_t character)
{
	const struct input input = { .key = character < 128 ? (int)character : 0,
				     .character = character };
	return typing_input(&typing, &input);
}

static void characters_are_added_and_deleted_whole(void **state)
{
	typing_set(&typing, "");
	assert_true(type('a') && type(0xe4) && type(0x20ac));
	assert_string_equal(typing.text, "a\xc3\xa4\xe2\x82\xac");
	assert_int_equal(typing.len, 6);
	assert_true(type(127));
	assert_string_equal(typing.text, "a\xc3\xa4");
	assert_true(type(8));
	assert_string_equal(typing.text, "a");
	assert_true(type(127) && type(127));
	assert_string_equal(typing.text, "");
	(void)state;
}

static void a_word_or_everything_is_deleted_by_one_key(void **state)
{
	typing_set(&typing, "one two  ");
	assert_true(type(23));
	assert_string_equal(typing.text, "one ");
	assert_true(type(21));
	assert_int_equal(typing.len, 0);
	(void)state;
}

static void what_cannot_be_shown_is_not_added(void **state)
{
	const struct input function_key = { .key = 0x109 };
	typing_set(&typing, "x");
	assert_true(type(7));
	assert_true(type(0x301));	/* takes no column of its own */
	assert_false(typing_input(&typing, &function_key));
	assert_string_equal(typing.text, "x");
	(void)state;
}

static void nothing_is_added_beyond_the_room(void **state)
{
	char text[TYPED_MAX];
	memset(text, 'x', sizeof(text));
	text[TYPED_MAX - 2] = '\0';
	typing_set(&typing, text);
	assert_true(type(0xe4));	/* two bytes, and the NUL: one too many */
	assert_int_equal(typing.len, TYPED_MAX - 2);
	assert_true(type('y'));
	assert_int_equal(typing.len, TYPED_MAX - 1);
	assert_true(type('z'));
	assert_int_equal(typing.len, TYPED_MAX - 1);
	(void)state;
}

static void spaces_around_the_word_are_ignored(void **state)
{
	typing_set(&typing, "  salvage ");
	assert_true(typing_is(&typing, "salvage"));
	assert_false(typing_is(&typing, "salv"));
	assert_false(typing_is(&typing, "salvage it"));
	typing_set(&typing, "salvage it");
	assert_false(typing_is(&typing, "salvage"));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_are_added_and_deleted_whole),
		cmocka_unit_test(a_word_or_everything_is_deleted_by_one_key),
		cmocka_unit_test(what_cannot_be_shown_is_not_added),
		cmocka_unit_test(nothing_is_added_beyond_the_room),
		cmocka_unit_test(spaces_around_the_word_are_ignored),
	};
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

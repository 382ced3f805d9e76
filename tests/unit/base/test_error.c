#include "build-config.h"

#include "engine/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

static void failing_returns_the_code_and_keeps_the_message(void **state)
{
	struct as_error error;
	assert_int_equal(as_fail(&error, AS_ERR_INTEGRITY, 0, "segment %d", 7), AS_ERR_INTEGRITY);
	assert_int_equal(error.code, AS_ERR_INTEGRITY);
	assert_int_equal(error.sys, 0);
	assert_string_equal(error.message, "segment 7");
	(void)state;
}

static void the_words_of_the_system_are_appended(void **state)
{
	struct as_error error;
	as_fail(&error, AS_ERR_IO, EIO, "data/0/17");
	assert_int_equal(error.sys, EIO);
	assert_string_equal(error.message, "data/0/17: Input/output error");
	(void)state;
}

static void a_missing_error_struct_is_no_error(void **state)
{
	assert_int_equal(as_fail(NULL, AS_ERR_IO, EIO, "%s", "lost"), AS_ERR_IO);
	(void)state;
}

static void long_messages_are_cut_not_overrun(void **state)
{
	char text[2000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct as_error error;
	as_fail(&error, AS_ERR_IO, EIO, "%s", text);
	assert_int_equal(strlen(error.message), sizeof(error.message) - 1);
	(void)state;
}

static void errno_values_become_codes(void **state)
{
	static const struct { int sys; enum as_err code; } cases[] = {
		{ 0, AS_OK }, { ENOENT, AS_ERR_DOES_NOT_EXIST }, { ENOTDIR, AS_ERR_DOES_NOT_EXIST },
		{ EACCES, AS_ERR_DENIED }, { EPERM, AS_ERR_DENIED }, { ENOMEM, AS_ERR_MEMORY },
		{ ELOOP, AS_ERR_NOT_REGULAR }, { ENXIO, AS_ERR_NOT_REGULAR }, { EIO, AS_ERR_IO },
		{ EMFILE, AS_ERR_IO }, { ESTALE, AS_ERR_IO }, { 99999, AS_ERR_IO },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (as_code_of_errno(cases[i].sys) != cases[i].code)
			fail_msg("errno %d", cases[i].sys);
	(void)state;
}

static void every_code_has_words_of_its_own(void **state)
{
	for (int a = AS_OK; a <= AS_ERR_USAGE; a++) {
		const char *text = as_err_text((enum as_err)a);
		assert_non_null(text);
		assert_string_not_equal(text, as_err_text((enum as_err)1000));
		for (int b = AS_OK; b < a; b++)
			assert_string_not_equal(text, as_err_text((enum as_err)b));
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failing_returns_the_code_and_keeps_the_message),
		cmocka_unit_test(the_words_of_the_system_are_appended),
		cmocka_unit_test(a_missing_error_struct_is_no_error),
		cmocka_unit_test(long_messages_are_cut_not_overrun),
		cmocka_unit_test(errno_values_become_codes),
		cmocka_unit_test(every_code_has_words_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "src/message.h"
#include "src/status.h"
#include "tests/unit/src/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_message_bears_the_program_s_name_and_is_masked(void **state)
{
	messages_begin();
	message("%s: %d", "a\tb\033[2J", 7);
	assert_string_equal(messages_end(), "atticscope: a\\x09b\\x1b[2J: 7\n");
	(void)state;
}

static void each_line_is_a_message(void **state)
{
	messages_begin();
	message_lines("one\n\ntwo\nthree");
	assert_string_equal(messages_end(), "atticscope: one\natticscope: \natticscope: two\n"
			    "atticscope: three\n");
	messages_begin();
	message_lines("");
	message_lines("end\n");
	assert_string_equal(messages_end(), "atticscope: end\n");
	(void)state;
}

static void a_command_to_type_is_quoted(void **state)
{
	messages_begin();
	message_check("see", "/srv/my laptop");
	assert_string_equal(messages_end(), "atticscope: see: atticscope check '/srv/my laptop'\n");
	(void)state;
}

static void a_failure_has_its_own_words_or_those_of_its_code(void **state)
{
	const struct as_error error = { .message = "config: it is gone" };
	const struct as_error wordless = { .code = AS_ERR_IO };
	char wanted[200];
	messages_begin();
	assert_int_equal(message_failure(AS_ERR_IO, &error), EXIT_FAILED);
	assert_string_equal(messages_end(), "atticscope: config: it is gone\n");
	snprintf(wanted, sizeof(wanted), "atticscope: %s\n", as_err_text(AS_ERR_IO));
	messages_begin();
	assert_int_equal(message_failure(AS_ERR_IO, NULL), EXIT_FAILED);
	assert_string_equal(messages_end(), wanted);
	messages_begin();
	assert_int_equal(message_failure(AS_ERR_IO, &wordless), EXIT_FAILED);
	assert_string_equal(messages_end(), wanted);
	(void)state;
}

static void exit_statuses_are_those_of_fsck(void **state)
{
	static const struct { enum as_err code; int status; } cases[] = {
		{ AS_OK, 0 }, { AS_END, 0 }, { AS_ERR_USAGE, 16 }, { AS_ERR_AMBIGUOUS, 16 },
		{ AS_ERR_CANCELLED, 32 }, { AS_ERR_IO, 8 }, { AS_ERR_MEMORY, 8 },
		{ AS_ERR_LOCK_FAILED, 8 }, { AS_ERR_OBJECT_NOT_FOUND, 8 },
		{ AS_ERR_INTEGRITY, 8 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(message_status(cases[i].code), cases[i].status);
	(void)state;
}

static void only_one_is_no_plural(void **state)
{
	assert_string_equal(plural(0), "s");
	assert_string_equal(plural(1), "");
	assert_string_equal(plural(2), "s");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_bears_the_program_s_name_and_is_masked),
		cmocka_unit_test(each_line_is_a_message),
		cmocka_unit_test(a_command_to_type_is_quoted),
		cmocka_unit_test(a_failure_has_its_own_words_or_those_of_its_code),
		cmocka_unit_test(exit_statuses_are_those_of_fsck),
		cmocka_unit_test(only_one_is_no_plural),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The question before a repair: when it is asked, and what counts as an answer. */
#include "build-config.h"

#include "src/confirm.h"
#include "tests/unit/src/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool input_is_terminal, output_is_terminal;
int __wrap_isatty(int fd);
int __wrap_isatty(int fd)
{
	return fd == STDIN_FILENO ? input_is_terminal : output_is_terminal;
}

static void it_is_asked_only_on_a_terminal(void **state)
{
	static const struct { bool input, output, json, yes, dry_run, is_wanted, can; } cases[] = {
		{ true, true, false, false, false, true, true },
		{ false, true, false, false, false, true, false },
		{ true, false, false, false, false, true, false },
		{ true, true, true, false, false, true, false },
		{ false, false, true, true, false, false, true },
		{ false, false, false, false, true, false, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct request request = {
			.options = { .yes = cases[i].yes, .dry_run = cases[i].dry_run },
			.out = { .json = cases[i].json },
		};
		input_is_terminal = cases[i].input;
		output_is_terminal = cases[i].output;
		assert_int_equal(confirm_is_wanted(&request), cases[i].is_wanted);
		messages_begin();
		const bool can = confirm_is_possible(&request, "salvage");
		const char *said = messages_end();
		assert_int_equal(can, cases[i].can);
		assert_int_equal(strstr(said, "--dry-run") != NULL, !cases[i].can);
		assert_int_equal(strstr(said, "without --json") != NULL,
				 cases[i].json && !cases[i].can);
	}
	(void)state;
}

/* Ask for "salvage" where the person types @line; what is shown goes to *@shown. */
static bool ask(const char *line, char **shown)
{
	struct request request = { .arg_count = 0 };
	size_t size = 0;
	int ends[2];
	request.out.stream = open_memstream(shown, &size);
	assert_non_null(request.out.stream);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], line, strlen(line)), (ssize_t)strlen(line));
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	clearerr(stdin);
	messages_begin();
	const bool is_confirmed = confirm_ask(&request, "salvage");
	const char *said = messages_end();
	fclose(request.out.stream);
	assert_string_equal(said, is_confirmed ? ""
			    : "atticscope: cancelled: nothing was changed\n");
	return is_confirmed;
}

static void only_the_word_confirms(void **state)
{
	static const struct { const char *line; bool is_confirmed; } cases[] = {
		{ "salvage\n", true }, { "salvage", true }, { "Salvage\n", false },
		{ "salvages\n", false }, { " salvage\n", false }, { "y\n", false }, { "\n", false },
		{ "", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *shown = NULL;
		if (ask(cases[i].line, &shown) != cases[i].is_confirmed)
			fail_msg("%s", cases[i].line);
		/* A line that nobody ended is ended, so that the message stands alone. */
		assert_string_equal(shown, cases[i].line[0]
				    ? "\nType salvage to do it; anything else cancels: "
				    : "\nType salvage to do it; anything else cancels: \n");
		free(shown);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_only_on_a_terminal),
		cmocka_unit_test(only_the_word_confirms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What --help prints, for a table of commands made up here. */
#include "build-config.h"

#include "src/command.h"
#include "src/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command table[] = {
	{ .arguments = "REPO", .help = "the terminal", .options = ACCEPTS(HELP) },
	{ .name = "look", .arguments = "REPO KEY", .help = "look at it",
	  .more = "The first paragraph.\n\nThe second one.",
	  .options = ACCEPTS(JSON) | ACCEPTS(THREADS) },
	{ .name = "nothing", .arguments = "", .help = "do nothing", .options = 0 },
	{ .name = "a-command-with-a-name", .arguments = "REPO", .help = "have a long name" },
};

static char *text;

static int teardown(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

/* The help of row @row. */
static const char *help_of(size_t row)
{
	size_t size = 0;
	struct out out = { .stream = open_memstream(&text, &size) };
	assert_non_null(out.stream);
	assert_int_equal(help_print(&out, &table[row], table, sizeof(table) / sizeof(table[0])),
			 EXIT_DONE);
	fclose(out.stream);
	return text;
}

static void a_command_is_explained_with_its_options_alone(void **state)
{
	const char *help = help_of(1);
	static const char begin[] = "Usage: atticscope look [OPTION...] REPO KEY\n\n"
				    "look: look at it\n\nThe first paragraph.\n\n"
				    "The second one.\n\nOptions:\n";
	assert_memory_equal(help, begin, sizeof(begin) - 1);
	assert_non_null(strstr(help, "--json"));
	assert_non_null(strstr(help, "--threads="));
	assert_null(strstr(help, "--help"));
	assert_null(strstr(help, "--yes"));
	/* Each explanation begins in the same column. */
	for (const char *line = strstr(help, "Options:\n") + 9; *line;
	     line = strchr(line, '\n') + 1) {
		assert_memory_equal(line, "  ", 2);
		assert_true(line[26] != ' ');
		assert_true(line[25] == ' ');
	}
	(void)state;
}

static void a_command_without_arguments_ends_at_its_options(void **state)
{
	assert_string_equal(help_of(2), "Usage: atticscope nothing [OPTION...]\n\n"
			    "nothing: do nothing\n\nOptions:\n");
	(void)state;
}

static void the_program_lists_its_commands(void **state)
{
	const char *help = help_of(0);
	assert_non_null(strstr(help, "Usage: atticscope [OPTION...] REPO\n"));
	assert_non_null(strstr(help, "\n  look REPO KEY           look at it\n"));
	assert_non_null(strstr(help, "\n  nothing                 do nothing\n"));
	/* A long one has a line of its own, and its explanation the next. */
	assert_non_null(strstr(help, "\n  a-command-with-a-name REPO\n"
			       "                          have a long name\n"));
	assert_non_null(strstr(help, "--help"));
	assert_null(strstr(help, "--json"));
	assert_null(strstr(help, "the terminal\n"));	/* that is no command */
	assert_non_null(strstr(help, "Exit status: 0 done"));
	(void)state;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_command_is_explained_with_its_options_alone),
		TEST(a_command_without_arguments_ends_at_its_options),
		TEST(the_program_lists_its_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "src/shell_quote.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void a_path_is_quoted_only_where_it_must_be(void **state)
{
	static const struct { const char *path, *quoted; } cases[] = {
		{ "repo", "repo" },
		{ "/srv/backup/attic-1.2_x@host:3", "/srv/backup/attic-1.2_x@host:3" },
		{ "", "''" },
		{ "my repo", "'my repo'" },
		{ "a'b", "'a'\\''b'" },
		{ "$HOME", "'$HOME'" },
		{ "~", "'~'" },
		{ "a;b", "'a;b'" },
		{ "-n", "./-n" },
		{ "-n x", "'./-n x'" },
		{ "a\tb", "\"$(printf 'a\\011b')\"" },
		{ "a\nb", "\"$(printf 'a\\012b')\"" },
		{ "a\n", "\"$(printf 'a\\012/')\"" },
		{ "a\033[2J", "\"$(printf 'a\\033[2J')\"" },
		{ "'%\\!\001", "\"$(printf '\\047\\045\\134\\041\\001')\"" },
		{ "-\001", "\"$(printf './-\\001')\"" },
	};
	char quoted[SHELL_QUOTE_SIZE];
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(shell_quote(cases[i].path, quoted), cases[i].quoted);
	(void)state;
}

/* What the shell makes of the argument: the path, or the path below ./ and with a slash at the
 * end. */
static void the_shell_reads_the_same_path(void **state)
{
	static const struct { const char *path, *read; } cases[] = {
		{ "it's \"a\" $(date) `id` \\ path!", "it's \"a\" $(date) `id` \\ path!" },
		{ "-e\\n", "./-e\\n" },
		{ "B\303\274ro", "B\303\274ro" },
		{ "B\374ro %s \\041", "B\374ro %s \\041" },
		{ "tab\there \001\177\377", "tab\there \001\177\377" },
		{ "two\n\n", "two\n\n/" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char quoted[SHELL_QUOTE_SIZE], command[SHELL_QUOTE_SIZE + 32], read[256] = "";
		shell_quote(cases[i].path, quoted);
		snprintf(command, sizeof(command), "printf %%s %s", quoted);
		FILE *shell = popen(command, "r");
		assert_non_null(shell);
		fread(read, 1, sizeof(read) - 1, shell);
		assert_int_equal(pclose(shell), 0);
		assert_string_equal(read, cases[i].read);
	}
	(void)state;
}

static void the_longest_path_fits(void **state)
{
	char path[4096], quoted[SHELL_QUOTE_SIZE];
	memset(path, '\001', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	shell_quote(path, quoted);
	assert_string_equal(quoted + strlen(quoted) - 7, "\\001')\"");
	assert_int_equal(strlen(quoted), strlen("\"$(printf '')\"") + 4 * (sizeof(path) - 1));
	memset(path, '\'', sizeof(path) - 1);
	shell_quote(path, quoted);
	assert_int_equal(strlen(quoted), strlen("''") + 4 * (sizeof(path) - 1));
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_quoted_only_where_it_must_be),
		cmocka_unit_test(the_shell_reads_the_same_path),
		cmocka_unit_test(the_longest_path_fits),
	};
	setlocale(LC_ALL, "C");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

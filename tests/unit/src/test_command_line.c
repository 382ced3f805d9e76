#include "build-config.h"

#include "src/command.h"
#include "src/command_line.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS_MAX 8

/* Commands of the test's own, in place of the program's. */
const struct command command_table[] = {
	{
		.arguments = "REPO", .min_args = 1, .max_args = 1,
		.options = ACCEPTS(HELP) | ACCEPTS(VERSION) | ACCEPTS(VERIFY),
	}, {
		.name = "check", .arguments = "REPO [REPORT]", .min_args = 1, .max_args = 2,
		.options = ACCEPTS(HELP) | ACCEPTS(JSON) | ACCEPTS(ALL) | ACCEPTS(THREADS) |
			   ACCEPTS(SEGMENTS) | ACCEPTS(SEGMENTS_PER_DIR),
	},
};

const struct command *command_find(const char *name)
{
	return strcmp(name, "check") == 0 ? &command_table[1] : NULL;
}

const char *command_nearest(const char *name)
{
	return strcmp(name, "chekc") == 0 ? "check" : NULL;
}

/* Parse @words, which NULL ends, behind the program's name. *@errors is what was printed. */
static bool parse(const char *const *words, struct request *request, char **errors)
{
	static char copies[WORDS_MAX + 1][64];
	static char *argv[WORDS_MAX + 2];
	int argc = 0;
	size_t size;
	FILE *const old = stderr;
	strcpy(copies[0], "atticscope");
	argv[argc++] = copies[0];
	for (; *words; words++) {
		strcpy(copies[argc], *words);
		argv[argc] = copies[argc];
		argc++;
	}
	argv[argc] = NULL;
	optind = 0;	/* begin again */
	stderr = open_memstream(errors, &size);
	assert_non_null(stderr);
	const bool is_right = options_parse(argc, argv, request);
	fclose(stderr);
	stderr = old;
	return is_right;
}

static void words_come_in_any_order(void **state)
{
	static const char *const lines[][WORDS_MAX] = {
		{ "check", "--json", "--threads=3", "-a", "repo", "report" },
		{ "--json", "check", "repo", "-aj3", "report" },
		{ "-j", "3", "check", "repo", "report", "--all", "--json" },
		{ "-j3", "-a", "--js", "check", "--", "repo", "report" },
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct request request;
		char *errors;
		assert_true(parse(lines[i], &request, &errors));
		assert_string_equal(errors, "");
		assert_ptr_equal(request.command, &command_table[1]);
		assert_true(request.options.json && request.options.all);
		assert_int_equal(request.options.threads, 3);
		assert_int_equal(request.arg_count, 2);
		assert_string_equal(request.args[0], "repo");
		assert_string_equal(request.args[1], "report");
		assert_null(request.args[2]);
		free(request.args);
		free(errors);
	}
	(void)state;
}

static void a_word_that_is_no_command_is_a_repository(void **state)
{
	static const char *const lines[][WORDS_MAX] = {
		{ "--verify", "./check" },
		{ "./check", "--verify" },
		{ "--verify", "--", "./check" },
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct request request;
		char *errors;
		assert_true(parse(lines[i], &request, &errors));
		assert_ptr_equal(request.command, &command_table[0]);
		assert_true(request.options.verify);
		assert_string_equal(request.args[0], "./check");
		free(request.args);
		free(errors);
	}
	(void)state;
}

static void help_and_version_need_nothing_else(void **state)
{
	static const char *const lines[][WORDS_MAX] = {
		{ "--help" }, { "-h", "check" }, { "check", "a", "b", "c", "--help" },
		{ "-V" }, { "--version", "--json" },
	};
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct request request;
		char *errors;
		assert_true(parse(lines[i], &request, &errors));
		assert_true(request.options.help || request.options.version);
		free(request.args);
		free(errors);
	}
	(void)state;
}

static void what_is_wrong_is_said(void **state)
{
	static const struct { const char *words[WORDS_MAX], *said; } cases[] = {
		{ { NULL }, "name a repository, or a command and a repository" },
		{ { "check" }, "check needs REPO [REPORT]" },
		{ { "check", "a", "b", "c" }, "check: one argument too many: 'c'" },
		{ { "chekc", "repo" }, "there is no command 'chekc'; did you mean 'check'?" },
		{ { "x", "repo" }, "there is no command 'x'" },
		{ { "check", "repo", "--jsn" },
		  "unknown or ambiguous option '--jsn'; did you mean '--json'?" },
		{ { "check", "repo", "--segmants=1" },
		  "unknown or ambiguous option '--segmants=1'; did you mean '--segments'?" },
		{ { "check", "repo", "--seg=1" }, "unknown or ambiguous option '--seg=1'" },
		{ { "check", "repo", "-Z" }, "unknown option '-Z'" },
		{ { "check", "repo", "--json=1" }, "option '--json=1' takes no argument" },
		{ { "check", "repo", "--threads" }, "option '--threads' needs an argument" },
		{ { "check", "repo", "-j" }, "option '-j' needs an argument" },
		{ { "check", "repo", "-j", "1k" }, "'1k' is not a valid argument for --threads" },
		{ { "check", "repo", "-j257" }, "'257' is not a valid argument for --threads" },
		{ { "check", "repo", "--verify" }, "check does not take the option --verify" },
		{ { "repo", "--json" }, "option --json needs a command" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct request request;
		char *errors, said[128];
		assert_false(parse(cases[i].words, &request, &errors));
		snprintf(said, sizeof(said),
			 "atticscope: %s\natticscope: see 'atticscope help%s'\n",
			 cases[i].said, request.command == &command_table[1] ? " check" : "");
		assert_string_equal(errors, said);
		free(request.args);
		free(errors);
	}
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_in_any_order),
		cmocka_unit_test(a_word_that_is_no_command_is_a_repository),
		cmocka_unit_test(help_and_version_need_nothing_else),
		cmocka_unit_test(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

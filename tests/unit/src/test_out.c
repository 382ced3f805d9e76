/* Standard output: its width and color, and what becomes of a write that fails. */
#include "build-config.h"

#include "src/options.h"
#include "src/out.h"
#include "src/status.h"
#include "tests/unit/src/messages.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int is_terminal;
int __wrap_isatty(int fd);
int __wrap_isatty(int fd)
{
	return fd == STDOUT_FILENO && is_terminal;
}

static void color_needs_a_terminal_that_has_it(void **state)
{
	static const struct {
		enum color_mode mode;
		int is_terminal;
		const char *no_color, *terminal;	/* NULL: not set */
		bool color;
	} cases[] = {
		{ COLOR_AUTO, 1, NULL, "xterm", true }, { COLOR_AUTO, 1, "", "xterm", true },
		{ COLOR_AUTO, 1, "1", "xterm", false }, { COLOR_AUTO, 1, NULL, "dumb", false },
		{ COLOR_AUTO, 1, NULL, "", false }, { COLOR_AUTO, 1, NULL, NULL, false },
		{ COLOR_AUTO, 0, NULL, "xterm", false }, { COLOR_NEVER, 1, NULL, "xterm", false },
		{ COLOR_ALWAYS, 0, "1", "dumb", true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct options options = { .color = cases[i].mode, .json = i % 2 };
		struct out out;
		unsetenv("NO_COLOR");
		unsetenv("TERM");
		if (cases[i].no_color)
			setenv("NO_COLOR", cases[i].no_color, 1);
		if (cases[i].terminal)
			setenv("TERM", cases[i].terminal, 1);
		is_terminal = cases[i].is_terminal;
		out_init(&out, &options);
		if (out.color != cases[i].color)
			fail_msg("case %zu", i);
		assert_int_equal(out.width > 0, cases[i].is_terminal);
		assert_int_equal(out.json, i % 2);
		assert_ptr_equal(out.stream, stdout);
	}
	(void)state;
}

/* Write a byte to @out and say what came of it. */
static int finish(struct out *out, char said[200])
{
	messages_begin();
	fputc('x', out->stream);
	const int status = out_finish(out, EXIT_PROBLEMS);
	snprintf(said, 200, "%s", messages_end());
	return status;
}

static void a_full_disk_is_said(void **state)
{
	struct out out = { .stream = fopen("/dev/full", "w") };
	char said[200];
	assert_non_null(out.stream);
	assert_true(out_goes_on(&out));
	assert_int_equal(finish(&out, said), EXIT_FAILED);
	assert_string_equal(said, "atticscope: cannot write to standard output: No space left on "
			    "device\n");
	assert_false(out_goes_on(&out));
	assert_int_equal(out.error, ENOSPC);
	fclose(out.stream);
	(void)state;
}

/* As "| head" does. */
static void a_reader_that_has_enough_is_no_failure(void **state)
{
	int ends[2];
	char said[200];
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	struct out out = { .stream = fdopen(ends[1], "w") };
	assert_non_null(out.stream);
	assert_int_equal(finish(&out, said), EXIT_PROBLEMS);
	assert_string_equal(said, "");
	assert_false(out_goes_on(&out));		/* but there is no use in more */
	fclose(out.stream);
	(void)state;
}

static void what_was_written_keeps_its_status(void **state)
{
	char *text = NULL, said[200];
	size_t size = 0;
	struct out out = { .stream = open_memstream(&text, &size) };
	assert_int_equal(finish(&out, said), EXIT_PROBLEMS);
	assert_string_equal(said, "");
	assert_true(out_goes_on(&out));
	out.out_of_memory = true;
	assert_false(out_goes_on(&out));
	assert_int_equal(finish(&out, said), EXIT_FAILED);
	assert_true(strlen(said) > 0);
	fclose(out.stream);
	assert_string_equal(text, "xx");
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(color_needs_a_terminal_that_has_it),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(a_reader_that_has_enough_is_no_failure),
		cmocka_unit_test(what_was_written_keeps_its_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

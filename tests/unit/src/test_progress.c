#include "build-config.h"

#include "src/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIB ((uint64_t)1024 * 1024)

static void the_line_says_how_far_it_is(void **state)
{
	static const struct {
		struct progress_figures figures;
		unsigned width;
		const char *line;
	} cases[] = {
		{ { 50 * MIB, 100 * MIB, 5, 10, 10000 }, 80,
		  "verifying [############-------------]  50 %  "
		  "5/10 segments  5.0 MiB/s  0:10 left" },
		{ { 25 * MIB, 100 * MIB, 0, 0, 5000 }, 79,
		  "verifying [#######-----------------------]  25 %  5.0 MiB/s  0:15 left" },
		{ { 0, 100 * MIB, 0, 0, 5000 }, 60,
		  "verifying [------------------------]   0 %  0 B/s  -:-- left" },
		{ { 200 * MIB, 100 * MIB, 0, 0, 100000 }, 60,
		  "verifying [####################] 100 %  2.0 MiB/s  0:00 left" },
		{ { 0, 0, 0, 0, 1000 }, 60,
		  "verifying [------------------------]   0 %  0 B/s  -:-- left" },
		{ { 50 * MIB, 100 * MIB, 5, 10, 10000 }, 55,
		  "verifying  50 %  5/10 segments  5.0 MiB/s  0:10 left" },
		{ { 50 * MIB, 100 * MIB, 5, 10, 10000 }, 20, "verifying  50 %  5/1" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[256];
		progress_line(line, sizeof(line), cases[i].width, "verifying", &cases[i].figures);
		assert_string_equal(line, cases[i].line);
	}
	(void)state;
}

static void the_line_fits_every_terminal(void **state)
{
	for (unsigned width = 1; width < 200; width++) {
		for (uint64_t done = 0; done <= 1000; done += 50) {
			const struct progress_figures figures = { done, 1000, done, 1000, 12345 };
			char line[256];
			progress_line(line, sizeof(line), width, "planning", &figures);
			assert_true(strlen(line) <= width);
		}
	}
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_says_how_far_it_is),
		cmocka_unit_test(the_line_fits_every_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

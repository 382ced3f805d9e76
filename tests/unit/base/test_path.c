#include "build-config.h"

#include "engine/base/error.h"
#include "engine/base/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void every_path_lies_in_a_folder_but_the_first(void **state)
{
	static const struct { const char *path, *parent; } cases[] = {
		{ "data/0/7", "data/0" }, { "data/0", "data" }, { "data", "." }, { "a", "." },
		{ ".", NULL }, { "/home/user", "/home" }, { "/home", "/" }, { "/", NULL },
		{ "./a", "." }, { "..", "." },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[32];
		strcpy(path, cases[i].path);
		assert_int_equal(path_parent(path), cases[i].parent != NULL);
		assert_string_equal(path, cases[i].parent ? cases[i].parent : cases[i].path);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_path_lies_in_a_folder_but_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

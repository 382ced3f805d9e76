/* What the name of a file in the repository's folder means. */
#include "build-config.h"

#include "engine/base/error.h"
#include "engine/format/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void names_are_parsed_to_the_edges(void **state)
{
	static const struct {
		const char *name;
		bool is_parsed, is_canonical, is_old;	/* index or hints, and nothing behind it */
		enum name_kind kind;
		uint64_t number;
		const char *rest;
	} cases[] = {
		{ "index.0", true, true, true, NAME_INDEX, 0, "" },
		{ "hints.22", true, true, true, NAME_HINTS, 22, "" },
		{ "integrity.22", true, true, false, NAME_INTEGRITY, 22, "" },
		{ "index.4294967295", true, true, true, NAME_INDEX, UINT32_MAX, "" },
		{ "index.4294967296", true, false, true, NAME_INDEX, 1ull << 32, "" },
		{ "index.18446744073709551615", true, false, true, NAME_INDEX, UINT64_MAX, "" },
		{ "index.18446744073709551616", true, false, true, NAME_INDEX, UINT64_MAX, "" },
		{ "index.99999999999999999999999", true, false, true, NAME_INDEX, UINT64_MAX, "" },
		{ "index.007", true, false, true, NAME_INDEX, 7, "" },
		{ "index.00", true, false, true, NAME_INDEX, 0, "" },
		{ "hints.5.tmp", true, true, false, NAME_HINTS, 5, ".tmp" },
		{ "index.5x", true, true, false, NAME_INDEX, 5, "x" },
		{ .name = "index." }, { .name = "index" }, { .name = "index.x5" }, { .name = "" },
		{ .name = "Index.5" }, { .name = "index.-5" }, { .name = "index. 5" },
		{ .name = "config" }, { .name = "5" }, { .name = " index.5" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct name parsed;
		const bool is_parsed = name_parse(cases[i].name, &parsed);
		if (is_parsed != cases[i].is_parsed ||
		    name_is_of_transaction(cases[i].name, &dialect_attic, &parsed) !=
			    cases[i].is_old)
			fail_msg("%s", cases[i].name);
		if (is_parsed && (parsed.kind != cases[i].kind ||
				  parsed.number != cases[i].number ||
				  parsed.is_canonical != cases[i].is_canonical ||
				  strcmp(parsed.rest, cases[i].rest) != 0))
			fail_msg("%s is parsed wrongly", cases[i].name);
	}
	(void)state;
}

/* Only what a writer leaves: others' files stay. */
static void a_temporary_name_is_one_that_a_writer_makes(void **state)
{
	static const struct { const char *name; bool of_attic, of_borg; } cases[] = {
		{ "index.tmp", true, true }, { "hints.5.tmp", true, true },
		{ "hints.4294967295.tmp", true, true }, { "index.5.tmp", false, true },
		{ "integrity.5.tmp", false, true }, { "hints.tmp", false, false },
		{ "integrity.tmp", false, false }, { "hints.5", false, false },
		{ "hints.5.tmp2", false, false }, { "hints.5tmp", false, false },
		{ "hints.42949672950.tmp", false, false }, { "README.tmp", false, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = cases[i].name;
		if (name_is_temporary(name, &dialect_attic) != cases[i].of_attic ||
		    name_is_temporary(name, &dialect_borg) != cases[i].of_borg ||
		    name_is_temporary(name, &dialect_borg_1_0) != cases[i].of_borg ||
		    name_is_temporary(name, NULL) != cases[i].of_borg)
			fail_msg("%s", name);
	}
	(void)state;
}

static void digests_are_of_a_transaction_where_they_are_read(void **state)
{
	struct name parsed;
	assert_false(name_is_of_transaction("integrity.5", &dialect_attic, &parsed));
	assert_true(name_is_of_transaction("integrity.5", &dialect_borg, &parsed));
	assert_int_equal(parsed.number, 5);
	assert_true(name_is_of_transaction("integrity.5", &dialect_borg_1_0, &parsed));
	assert_true(name_is_of_transaction("integrity.5", NULL, &parsed));
	assert_false(name_is_of_transaction("integrity.5.tmp", NULL, &parsed));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_parsed_to_the_edges),
		cmocka_unit_test(a_temporary_name_is_one_that_a_writer_makes),
		cmocka_unit_test(digests_are_of_a_transaction_where_they_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

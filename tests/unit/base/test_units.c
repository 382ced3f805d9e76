/* Counts and sizes as text. */
#include "build-config.h"

#include "engine/base/error.h"
#include "engine/base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void sizes_are_short_and_never_round_up_to_the_next_unit(void **state)
{
	static const struct { uint64_t bytes; const char *text; } cases[] = {
		{ 0, "0 B" }, { 917, "917 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" },
		{ 17046, "16.6 KiB" }, { 102400, "100 KiB" }, { 1047552, "1023 KiB" },
		{ 1048063, "1023 KiB" },
		{ 1048064, "1.0 MiB" }, { 1048575, "1.0 MiB" }, { 5242880, "5.0 MiB" },
		{ 102348, "99.9 KiB" }, { UINT64_MAX, "16.0 EiB" },
	};
	char text[UNITS_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(units_bytes(cases[i].bytes, text, sizeof(text)),
				    cases[i].text);
	(void)state;
}

static void counts_have_separators(void **state)
{
	static const struct { uint64_t count; const char *text; } cases[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 123456, "123,456" },
		{ 1204331, "1,204,331" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char text[UNITS_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(units_count(cases[i].count, text, sizeof(text)),
				    cases[i].text);
	(void)state;
}

static void one_has_another_word_than_many(void **state)
{
	char out[64];
	assert_string_equal(units_number(1, "entry", "entries", out, sizeof(out)), "1 entry");
	assert_string_equal(units_number(0, "entry", "entries", out, sizeof(out)), "0 entries");
	assert_string_equal(units_number(1204, "entry", "entries", out, sizeof(out)),
			    "1,204 entries");
	assert_string_equal(units_number(1204, "entry", "entries", out, 8), "1,204 e");
	(void)state;
}

static void too_little_room_cuts_the_text(void **state)
{
	char text[4];
	assert_string_equal(units_count(1204331, text, sizeof(text)), "1,2");
	assert_string_equal(units_bytes(17000, text, sizeof(text)), "16.");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_short_and_never_round_up_to_the_next_unit),
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(one_has_another_word_than_many),
		cmocka_unit_test(too_little_room_cuts_the_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "ui/screen/hex_field.h"

#include "engine/format/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void bytes_of_a_put_have_their_fields(void **state)
{
	static const struct { uint64_t offset; enum field field; } cases[] = {
		{ 1000, FIELD_CRC }, { 1003, FIELD_CRC }, { 1004, FIELD_SIZE },
		{ 1007, FIELD_SIZE }, { 1008, FIELD_TAG }, { 1009, FIELD_KEY },
		{ 1040, FIELD_KEY }, { 1041, FIELD_DATA }, { 1049, FIELD_DATA },
	};
	const struct entry_row put = { .offset = 1000, .tag = SEGMENT_PUT };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct unit unit = hex_unit_of_entry(&put, 50, cases[i].offset);
		if (!unit.known || unit.field != cases[i].field)
			fail_msg("case %zu: %s", i, hex_fields[unit.field].name);
		assert_true(unit.has_key);
		assert_int_equal(unit.offset, 1000);
		assert_int_equal(unit.size, 50);
	}
	assert_false(hex_unit_of_entry(&put, 50, 1050).known);
	(void)state;
}

static void a_commit_has_no_key(void **state)
{
	const struct entry_row commit = { .offset = 8, .tag = SEGMENT_COMMIT };
	const struct unit unit = hex_unit_of_entry(&commit, 9, 16);
	assert_int_equal(unit.field, FIELD_TAG);
	assert_false(unit.has_key);
	(void)state;
}

/* Nothing is said of the fields of a damaged entry, but its key is used where it is known. */
static void damaged_bytes_are_all_alike(void **state)
{
	struct entry_row damaged = { .offset = 8, .tag = SEGMENT_DAMAGED, .cause = 3 };
	assert_int_equal(hex_unit_of_entry(&damaged, 60, 8).field, FIELD_DAMAGED);
	assert_int_equal(hex_unit_of_entry(&damaged, 60, 67).field, FIELD_DAMAGED);
	assert_int_equal(hex_unit_of_entry(&damaged, 60, 20).cause, 3);
	assert_false(hex_unit_of_entry(&damaged, 60, 20).has_key);
	damaged.flags = ENTRY_HAS_KEY;
	assert_true(hex_unit_of_entry(&damaged, 60, 20).has_key);
	(void)state;
}

static void the_magic_comes_before_the_first_entry(void **state)
{
	const struct entry_row first = { .offset = 8, .tag = SEGMENT_PUT };
	const struct unit unit = hex_unit_of_entry(&first, 50, 7);
	assert_true(unit.known);
	assert_int_equal(unit.field, FIELD_MAGIC);
	assert_int_equal(unit.offset, 0);
	assert_int_equal(unit.size, 8);
	(void)state;
}

/* An 18-byte header, then buckets of 40 bytes: key, segment, offset. */
static void bytes_of_the_index_have_their_fields(void **state)
{
	static const struct { uint64_t offset, begins; enum field field; } cases[] = {
		{ 0, 0, FIELD_HEADER }, { 17, 0, FIELD_HEADER }, { 18, 18, FIELD_KEY },
		{ 49, 18, FIELD_KEY }, { 50, 18, FIELD_SEGMENT }, { 53, 18, FIELD_SEGMENT },
		{ 54, 18, FIELD_OFFSET }, { 57, 18, FIELD_OFFSET }, { 58, 58, FIELD_KEY },
		{ 4018, 4018, FIELD_KEY },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct unit unit = hex_unit_of_bucket(cases[i].offset);
		if (unit.field != cases[i].field || unit.offset != cases[i].begins)
			fail_msg("case %zu: %s at %d", i, hex_fields[unit.field].name,
				 (int)unit.offset);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_a_put_have_their_fields),
		cmocka_unit_test(a_commit_has_no_key),
		cmocka_unit_test(damaged_bytes_are_all_alike),
		cmocka_unit_test(the_magic_comes_before_the_first_entry),
		cmocka_unit_test(bytes_of_the_index_have_their_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

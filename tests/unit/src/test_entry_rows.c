/* The cells of an entry: what entries and history print of it. */
#include "build-config.h"

#include "src/entry_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void a_whole_entry_has_its_key_and_no_cause(void **state)
{
	const struct segment_entry entry = {
		.offset = 800, .size = 341, .tag = SEGMENT_PUT, .has_key = true, .key = { 0xab },
		.crc_stored = 7, .crc_computed = 7,
	};
	struct entry_row row;
	entry_row_fill(&row, 12, &entry, STATUS_LIVE);
	assert_int_equal(row.cells[ENTRY_SEGMENT].number, 12);
	assert_int_equal(row.cells[ENTRY_OFFSET].number, 800);
	assert_int_equal(row.cells[ENTRY_SIZE].number, 341);
	assert_string_equal(row.cells[ENTRY_TAG].text, "PUT");
	assert_ptr_equal(row.cells[ENTRY_KEY].key, entry.key);
	assert_ptr_equal(row.cells[ENTRY_TEXT].key, entry.key);
	assert_string_equal(row.cells[ENTRY_CRC].text, "ok");
	assert_int_equal(row.cells[ENTRY_CRC_STORED].number, 7);
	assert_int_equal(row.cells[ENTRY_CRC_COMPUTED].number, 7);
	assert_string_equal(row.cells[ENTRY_STATUS].text, "live");
	assert_int_equal(row.cells[ENTRY_STATUS].tone, TONE_GOOD);
	assert_int_equal(row.cells[ENTRY_CAUSE].kind, CELL_NONE);
	assert_int_equal(row.cells[ENTRY_LENGTH].kind, CELL_NONE);
	(void)state;
}

static void a_commit_has_no_key(void **state)
{
	const struct segment_entry entry = { .offset = 8, .size = 9, .tag = SEGMENT_COMMIT };
	struct entry_row row;
	entry_row_fill(&row, 0, &entry, STATUS_COMMIT);
	assert_int_equal(row.cells[ENTRY_KEY].kind, CELL_NONE);
	assert_int_equal(row.cells[ENTRY_TEXT].kind, CELL_NONE);
	assert_string_equal(row.cells[ENTRY_CRC].text, "ok");
	(void)state;
}

/* Only what could be read is shown: a header, a checksum, a key. */
static void a_damaged_entry_shows_its_cause_and_what_it_may_have_been(void **state)
{
	static const struct {
		struct segment_entry entry;
		const char *text, *crc;		/* NULL: no cell */
		bool has_stored, has_computed, has_key;
	} cases[] = {
		{ { .cause = SEGMENT_ZEROS }, "", NULL, false, false, false },
		{ { .cause = SEGMENT_SIZE_LARGE, .has_header = true, .crc_stored = 9 }, "", NULL,
		  true, false, false },
		{ { .cause = SEGMENT_CRC_MISMATCH, .has_header = true, .has_crc = true,
		    .has_key = true, .key = { 0xab, 0xcd }, .crc_stored = 0x1f,
		    .crc_computed = 0xabcdef12 },
		  ", stored 0000001f, computed abcdef12, key abcd000000000000", "mismatch", true,
		  true, true },
		/* An intact entry of an unknown kind. */
		{ { .cause = SEGMENT_BAD_TAG, .has_header = true, .has_crc = true,
		    .crc_stored = 5, .crc_computed = 5 }, "", "ok", true, true, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct segment_entry entry = cases[i].entry;
		char text[200];
		struct entry_row row;
		entry.tag = SEGMENT_DAMAGED;
		entry.size = 500;
		entry_row_fill(&row, 3, &entry, STATUS_DAMAGED);
		const char *cause = segment_cause_text(cases[i].entry.cause);
		snprintf(text, sizeof(text), "%s%s", cause, cases[i].text);
		assert_string_equal(row.cells[ENTRY_TEXT].text, text);
		assert_int_equal(row.cells[ENTRY_TEXT].tone, TONE_BAD);
		assert_string_equal(row.cells[ENTRY_CAUSE].text, cause);
		assert_int_equal(row.cells[ENTRY_LENGTH].number, 500);
		assert_string_equal(row.cells[ENTRY_STATUS].text, "damaged");
		assert_int_equal(row.cells[ENTRY_CRC].kind,
				 cases[i].crc ? CELL_TEXT : CELL_NONE);
		if (cases[i].crc)
			assert_string_equal(row.cells[ENTRY_CRC].text, cases[i].crc);
		assert_int_equal(row.cells[ENTRY_CRC_STORED].kind != CELL_NONE,
				 cases[i].has_stored);
		assert_int_equal(row.cells[ENTRY_CRC_COMPUTED].kind != CELL_NONE,
				 cases[i].has_computed);
		assert_int_equal(row.cells[ENTRY_KEY].kind != CELL_NONE, cases[i].has_key);
	}
	(void)state;
}

/* Each column is in the text, in the JSON or in both. */
static void every_column_is_shown_somewhere(void **state)
{
	for (size_t i = 0; i < ENTRY_COLUMNS; i++)
		assert_true(entry_columns[i].name || entry_columns[i].title);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_entry_has_its_key_and_no_cause),
		cmocka_unit_test(a_commit_has_no_key),
		cmocka_unit_test(a_damaged_entry_shows_its_cause_and_what_it_may_have_been),
		cmocka_unit_test(every_column_is_shown_somewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

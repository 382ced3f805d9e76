/* Records as JSON: what is written is read again, and nothing else is. */
#include "build-config.h"

#include "engine/base/error.h"
#include "engine/cache/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t id[KEY_SIZE] = { 1, 2, 3 };
#define ID "0102030000000000000000000000000000000000000000000000000000000000"
#define KEY "ff00000000000000000000000000000000000000000000000000000000000000"
#define COLUMNS \
	"\"segment\",\"bytes\",\"inode\",\"modified\",\"changed\",\"verified\",\"complete\"," \
	"\"puts\",\"deletes\",\"commits\",\"live\",\"live_bytes\",\"mark\",\"others\""
#define ROW "[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\", []]"

static const char *read_text(const char *text, struct verify_records *records)
{
	json_error_t error;
	json_t *report = json_loads(text, 0, &error);
	if (!report)
		fail_msg("%s", error.text);
	const char *wrong = records_from_json(report, id, records);
	json_decref(report);
	return wrong;
}

static const char *read_row(const char *row, struct verify_records *records)
{
	char text[2000];
	snprintf(text, sizeof(text), "{\"repository_id\": \"" ID "\", \"records\": "
		 "{\"version\": 1, \"columns\": [" COLUMNS "], \"rows\": [%s]}}", row);
	return read_text(text, records);
}

static void what_is_written_is_read_again(void **state)
{
	struct verify_event events[2] = {
		{ .key = { 9 }, .offset = UINT32_MAX, .size = 20971520, .is_put = true },
		{ .key = { 0, 8 }, .offset = 8, .size = 41, .is_put = false },
	};
	struct verify_record rows[2] = {
		{ .segment = UINT32_MAX, .is_complete = true, .puts = 5, .deletes = 6,
		  .commits = 7, .live = 4, .live_bytes = 1ull << 40, .mark = UINT64_MAX,
		  .size = 1ull << 41, .inode = 1ull << 42, .modified = INT64_MAX, .changed = 2,
		  .verified = 3, .events = events, .event_count = 2 },
		{ .segment = 3 },
	};
	const struct verify_records written = { .rows = rows, .count = 2 };
	struct verify_records read = { .rows = NULL };
	json_t *report = json_pack("{s:s, s:o}", "repository_id", ID, "records",
				   records_to_json(&written));
	assert_non_null(report);
	assert_null(records_from_json(report, id, &read));
	json_decref(report);
	assert_int_equal(read.count, 2);
	const struct verify_record *row = &read.rows[0];
	assert_true(row->segment == UINT32_MAX && row->is_complete);
	assert_true(row->puts == 5 && row->deletes == 6 && row->commits == 7 && row->live == 4);
	assert_true(row->live_bytes == 1ull << 40 && row->mark == UINT64_MAX);
	assert_true(row->size == 1ull << 41 && row->inode == 1ull << 42);
	assert_true(row->modified == INT64_MAX && row->changed == 2 && row->verified == 3);
	assert_int_equal(row->event_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_memory_equal(row->events[i].key, events[i].key, KEY_SIZE);
		assert_int_equal(row->events[i].offset, events[i].offset);
		assert_int_equal(row->events[i].size, events[i].size);
		assert_int_equal(row->events[i].is_put, events[i].is_put);
	}
	assert_true(read.rows[1].segment == 3 && !read.rows[1].is_complete);
	assert_int_equal(read.rows[1].event_count, 0);
	verify_records_free(&read);
	(void)state;
}

/* The columns stand in the report itself, for other programs that read it. */
static void each_column_has_its_name(void **state)
{
	const struct verify_records none = { .count = 0 };
	json_t *table = records_to_json(&none);
	char *text = json_dumps(json_object_get(table, "columns"), JSON_COMPACT);
	assert_string_equal(text, "[" COLUMNS "]");
	assert_int_equal(json_integer_value(json_object_get(table, "version")), 1);
	free(text);
	json_decref(table);
	(void)state;
}

static void a_report_of_something_else_is_refused(void **state)
{
	static const struct { const char *text, *wrong; } cases[] = {
		{ "{}", "it is not the report of a partial check" },
		{ "[]", "it is not the report of a partial check" },
		{ "{\"repository_id\": \"" ID "\"}", "it is not the report of a partial check" },
		{ "{\"records\": {\"version\": 1, \"columns\": [" COLUMNS "], \"rows\": []}}",
		  "it is not the report of a partial check" },
		{ "{\"repository_id\": \"" ID "\", \"records\": {\"version\": 2, "
		  "\"columns\": [" COLUMNS "], \"rows\": []}}",
		  "its records are of another version of this program" },
		{ "{\"repository_id\": \"" ID "\", \"records\": {\"version\": 1, "
		  "\"columns\": [\"more\", " COLUMNS "], \"rows\": []}}",
		  "its records are of another version of this program" },
		{ "{\"repository_id\": \"" ID "\", \"records\": {\"version\": 1, "
		  "\"columns\": [" COLUMNS ", \"more\"], \"rows\": []}}",
		  "its records are of another version of this program" },
		{ "{\"repository_id\": \"" KEY "\", \"records\": {\"version\": 1, "
		  "\"columns\": [" COLUMNS "], \"rows\": []}}",
		  "it is the report of another repository" },
	};
	struct verify_records records = { .rows = NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(read_text(cases[i].text, &records), cases[i].wrong);
	assert_int_equal(records.count, 0);
	verify_records_free(&records);
	(void)state;
}

/* One thing wrong in each: a type, a sign, a number too large, a digit, a length. */
static void a_row_with_anything_wrong_is_no_record(void **state)
{
	static const char *const rows[] = {
		"{}", "[]", "7", "null",
		"[-1, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\", []]",
		"[4294967296, 1, 12, 13, 14, 15, true, 3, 2, 1, 2, 7, \"00000000000000ff\", []]",
		"[\"7\", 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\", []]",
		"[7, 8000.0, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\", []]",
		"[7, 8000, 12, 13, 14, 15, 1, 3, 2, 1, 2, 700, \"00000000000000ff\", []]",
		"[7, 8000, 12, 13, 14, 15, true, 4294967296, 2, 1, 2, 7, \"00000000000000ff\", []]",
		"[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"0000000000000ff\", []]",
		"[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000fg\", []]",
		"[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, 255, []]",
		"[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\"]",
		"[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, \"00000000000000ff\", {}]",
	};
	static const char *const events[] = {
		"[]", "[\"" KEY "\", 8, 41]", "[\"ff\", 8, 41, true]", "[\"\", 8, 41, true]",
		"[\"" KEY "00\", 8, 41, true]", "[\"" KEY "\", -8, 41, true]",
		"[\"" KEY "\", 8, 4294967296, true]", "[\"" KEY "\", 8, 41, 1]",
	};
	struct verify_records records = { .rows = NULL };
	char row[500];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *wrong = read_row(rows[i], &records);
		if (!wrong || strcmp(wrong, "one of its rows is not a record") != 0)
			fail_msg("row %zu: %s", i, wrong ? wrong : "taken");
	}
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(row, sizeof(row), "[7, 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, "
			 "\"00000000000000ff\", [%s]]", events[i]);
		if (!read_row(row, &records))
			fail_msg("event %zu: taken", i);
	}
	assert_int_equal(records.count, 0);
	assert_null(read_row(ROW, &records));
	assert_int_equal(records.count, 1);
	assert_int_equal(records.rows[0].mark, 255);
	assert_int_equal(records.rows[0].live_bytes, 700);
	verify_records_free(&records);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(each_column_has_its_name),
		cmocka_unit_test(a_report_of_something_else_is_refused),
		cmocka_unit_test(a_row_with_anything_wrong_is_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "cache/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_VERSION 1
#define MARK_SIZE sizeof("0123456789abcdef")

static const char out_of_memory[] = "out of memory";
static const char not_a_record[] = "one of its rows is not a record";

enum column {
	SEGMENT, BYTES, INODE, MODIFIED, CHANGED, VERIFIED, COMPLETE, PUTS, DELETES, COMMITS, LIVE,
	LIVE_BYTES, MARK, OTHERS, COLUMNS
};
static const struct {
	const char *name;
	uint64_t max;		/* 0: it is no number */
} column_table[COLUMNS] = {
	[SEGMENT] = { "segment", UINT32_MAX },
	[BYTES] = { "bytes", INT64_MAX },
	[INODE] = { "inode", INT64_MAX },
	[MODIFIED] = { "modified", INT64_MAX },
	[CHANGED] = { "changed", INT64_MAX },
	[VERIFIED] = { "verified", INT64_MAX },
	[COMPLETE] = { "complete", 0 },
	[PUTS] = { "puts", UINT32_MAX },
	[DELETES] = { "deletes", UINT32_MAX },
	[COMMITS] = { "commits", UINT32_MAX },
	[LIVE] = { "live", UINT32_MAX },
	[LIVE_BYTES] = { "live_bytes", INT64_MAX },
	[MARK] = { "mark", 0 },
	[OTHERS] = { "others", 0 },
};

/* ---- writing ---- */

/* Takes @value, which is NULL when memory was short. */
static bool append(json_t *array, json_t *value)
{
	return json_array_append_new(array, value) == 0;
}

static json_t *others_to_json(const struct verify_record *record)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < record->event_count; i++) {
		const struct verify_event *event = &record->events[i];
		char hex[KEY_HEX_SIZE];
		key_to_hex(event->key, hex);
		if (!append(array, json_pack("[s,I,I,b]", hex, (json_int_t)event->offset,
					     (json_int_t)event->size, event->is_put))) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

/* Inodes may have 64 bits, and JSON's integers 63: comparing cuts off the same bit. */
static json_int_t cut(uint64_t number)
{
	return (json_int_t)(number & INT64_MAX);
}

static json_t *row_to_json(const struct verify_record *record)
{
	char mark[MARK_SIZE];
	snprintf(mark, sizeof(mark), "%016" PRIx64, record->mark);
	return json_pack("[I,I,I,I,I,I,b,I,I,I,I,I,s,o]", (json_int_t)record->segment,
			 cut(record->size), cut(record->inode), (json_int_t)record->modified,
			 (json_int_t)record->changed,
			 (json_int_t)record->verified, record->is_complete,
			 (json_int_t)record->puts, (json_int_t)record->deletes,
			 (json_int_t)record->commits, (json_int_t)record->live,
			 cut(record->live_bytes), mark, others_to_json(record));
}

json_t *records_to_json(const struct verify_records *records)
{
	json_t *columns = json_array(), *rows = json_array();
	bool is_whole = columns && rows;
	for (int i = 0; is_whole && i < COLUMNS; i++)
		is_whole = append(columns, json_string(column_table[i].name));
	for (size_t i = 0; is_whole && i < records->count; i++)
		is_whole = append(rows, row_to_json(&records->rows[i]));
	if (is_whole)
		return json_pack("{s:i, s:o, s:o}", "version", RECORDS_VERSION, "columns", columns,
				 "rows", rows);
	json_decref(columns);
	json_decref(rows);
	return NULL;
}

/* ---- reading ---- */

static bool get_number(const json_t *row, size_t column, uint64_t max, uint64_t *number)
{
	const json_t *value = json_array_get(row, column);
	const json_int_t read = json_integer_value(value);
	if (!json_is_integer(value) || read < 0 || (uint64_t)read > max)
		return false;
	*number = (uint64_t)read;
	return true;
}

static const char *get_events(const json_t *row, struct verify_record *record)
{
	const json_t *others = json_array_get(row, OTHERS);
	const size_t count = json_array_size(others);
	if (!json_is_array(others) || count > VERIFY_RECORD_EVENTS)
		return not_a_record;
	if (count == 0)
		return NULL;
	record->events = calloc(count, sizeof(*record->events));
	if (!record->events)
		return out_of_memory;
	record->event_count = count;
	for (size_t i = 0; i < count; i++) {
		const json_t *other = json_array_get(others, i);
		const char *text = json_string_value(json_array_get(other, 0));
		const json_t *is_put = json_array_get(other, 3);
		struct verify_event *event = &record->events[i];
		struct key_prefix key;
		uint64_t offset, size;
		if (!text || !key_prefix_parse(text, &key) || key.nibbles != 2 * KEY_SIZE ||
		    !get_number(other, 1, UINT32_MAX, &offset) ||
		    !get_number(other, 2, UINT32_MAX, &size) || !json_is_boolean(is_put))
			return not_a_record;
		memcpy(event->key, key.bytes, KEY_SIZE);
		event->offset = (uint32_t)offset;
		event->size = (uint32_t)size;
		event->is_put = json_is_true(is_put);
	}
	return NULL;
}

static bool get_figures(const json_t *row, struct verify_record *record)
{
	const json_t *is_complete = json_array_get(row, COMPLETE);
	const char *mark = json_string_value(json_array_get(row, MARK));
	uint64_t figures[COLUMNS];
	if (!json_is_array(row) || !json_is_boolean(is_complete) || !mark ||
	    strlen(mark) != MARK_SIZE - 1 || strspn(mark, "0123456789abcdef") != MARK_SIZE - 1)
		return false;
	for (size_t i = 0; i < COLUMNS; i++)
		if (column_table[i].max > 0 &&
		    !get_number(row, i, column_table[i].max, &figures[i]))
			return false;
	*record = (struct verify_record){
		.segment = (uint32_t)figures[SEGMENT], .size = figures[BYTES],
		.inode = figures[INODE], .modified = (int64_t)figures[MODIFIED],
		.changed = (int64_t)figures[CHANGED], .verified = (int64_t)figures[VERIFIED],
		.is_complete = json_is_true(is_complete), .puts = (uint32_t)figures[PUTS],
		.deletes = (uint32_t)figures[DELETES], .commits = (uint32_t)figures[COMMITS],
		.live = (uint32_t)figures[LIVE], .live_bytes = figures[LIVE_BYTES],
		.mark = strtoull(mark, NULL, 16),
	};
	return true;
}

static bool has_columns(const json_t *table)
{
	const json_t *columns = json_object_get(table, "columns");
	if (json_array_size(columns) != COLUMNS)
		return false;
	for (size_t i = 0; i < COLUMNS; i++) {
		const char *name = json_string_value(json_array_get(columns, i));
		if (!name || strcmp(name, column_table[i].name) != 0)
			return false;
	}
	return true;
}

const char *records_from_json(const json_t *report, const uint8_t id[KEY_SIZE],
			      struct verify_records *records)
{
	char hex[KEY_HEX_SIZE];
	const json_t *table = json_object_get(report, "records");
	const json_t *rows = json_object_get(table, "rows");
	const char *name = json_string_value(json_object_get(report, "repository_id"));
	key_to_hex(id, hex);
	if (!json_is_object(table) || !json_is_array(rows) || !name)
		return "it is not the report of a partial check";
	if (json_integer_value(json_object_get(table, "version")) != RECORDS_VERSION ||
	    !has_columns(table))
		return "its records are of another version of this program";
	if (strcmp(name, hex) != 0)
		return "it is the report of another repository";
	const char *wrong = NULL;
	for (size_t i = 0; !wrong && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		struct verify_record record = { .events = NULL };
		wrong = get_figures(row, &record) ? get_events(row, &record) : not_a_record;
		if (!wrong && !verify_records_add(records, &record))
			wrong = out_of_memory;
		if (wrong)
			free(record.events);
	}
	return wrong;
}

/* Records of verified segments, in the cache or in the report of a partial check: any JSON. */
#include "build-config.h"

#include "engine/cache/records.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static const uint8_t id[KEY_SIZE] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
};

static bool is_same_event(const struct verify_event *a, const struct verify_event *b)
{
	return memcmp(a->key, b->key, KEY_SIZE) == 0 && a->offset == b->offset &&
	       a->size == b->size && a->is_put == b->is_put;
}

static bool is_same(const struct verify_record *a, const struct verify_record *b)
{
	bool same = a->segment == b->segment && a->is_complete == b->is_complete &&
		    a->puts == b->puts && a->deletes == b->deletes && a->commits == b->commits &&
		    a->live == b->live && a->live_bytes == b->live_bytes && a->mark == b->mark &&
		    a->size == b->size && a->inode == b->inode && a->modified == b->modified &&
		    a->changed == b->changed && a->verified == b->verified &&
		    a->event_count == b->event_count;
	for (size_t i = 0; same && i < a->event_count; i++)
		same = is_same_event(&a->events[i], &b->events[i]);
	return same;
}

/* Records give the same when they are written and read again. */
static void write_again(const struct verify_records *records)
{
	struct verify_records again = { .rows = NULL };
	char hex[KEY_HEX_SIZE];
	key_to_hex(id, hex);
	json_t *report = json_pack("{s:s, s:o}", "repository_id", hex, "records",
				   records_to_json(records));
	need(report && !records_from_json(report, id, &again));
	need(again.count == records->count);
	for (size_t i = 0; i < again.count; i++)
		need(is_same(&again.rows[i], &records->rows[i]));
	json_decref(report);
	verify_records_free(&again);
}

/* They are sorted, one for each segment, the newest, and can be found. */
static void check_sorted(struct verify_records *records)
{
	verify_records_sort(records);
	for (size_t i = 0; i < records->count; i++) {
		const struct verify_record *row = &records->rows[i];
		need(i == 0 || row[-1].segment < row->segment);
		need(verify_records_find(records, row->segment) == row);
		need(row->event_count <= VERIFY_RECORD_EVENTS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verify_records records = { .rows = NULL };
	json_error_t error;
	json_t *report = json_loadb((const char *)data, size, 0, &error);
	if (!report)
		return 0;
	if (!records_from_json(report, id, &records))
		write_again(&records);
	check_sorted(&records);
	verify_records_free(&records);
	json_decref(report);
	return 0;
}

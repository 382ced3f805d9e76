#include "build-config.h"

#include "rows.h"
#include "verify_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- where ---- */

static int by_place(const void *a, const void *b)
{
	const struct verify_damage *x = a, *y = b;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* How many stretches begin before @offset of @segment. */
static size_t count_before(const struct verify *verify, uint32_t segment, uint64_t offset)
{
	size_t low = 0, high = verify->damage_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct verify_damage *damage = &verify->damage[middle];
		if (damage->segment < segment ||
		    (damage->segment == segment && damage->offset < offset))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool verify_damage_at(const struct verify *verify, uint32_t segment, uint32_t offset,
		      uint8_t *cause)
{
	const size_t first = count_before(verify, segment, 0);
	const size_t behind = count_before(verify, segment, (uint64_t)offset + 1);
	*cause = SEGMENT_CRC_MISMATCH;
	if (behind > first && offset - verify->damage[behind - 1].offset <
				      verify->damage[behind - 1].length) {
		*cause = verify->damage[behind - 1].cause;
		return true;
	}
	/* More than were remembered. */
	return count_before(verify, segment, UINT64_MAX) - first >= VERIFY_DAMAGE_SEGMENT;
}

/* ---- whose ---- */

static int by_key(const void *a, const void *b)
{
	const struct verify_named *x = a, *y = b;
	const int order = memcmp(x->key, y->key, KEY_SIZE);
	return order ? order : (x->time > y->time) - (x->time < y->time);
}

static enum as_err gather_named(struct verify *verify)
{
	verify->named = calloc(verify->damage_count, sizeof(*verify->named));
	if (!verify->named)
		return AS_ERR_MEMORY;
	for (size_t i = 0; i < verify->damage_count; i++) {
		const struct verify_damage *damage = &verify->damage[i];
		if (!damage->has_key || damage->raw_tag != SEGMENT_PUT)
			continue;
		struct verify_named *named = &verify->named[verify->named_count++];
		named->time = replay_time(damage->segment, (uint32_t)damage->offset);
		memcpy(named->key, damage->key, KEY_SIZE);
	}
	if (verify->named_count > 1)
		qsort(verify->named, verify->named_count, sizeof(*verify->named), by_key);
	return AS_OK;
}

bool verify_damage_names(const struct verify *verify, const uint8_t key[KEY_SIZE],
			 const struct replay_event *event)
{
	struct verify_named newest = { .time = UINT64_MAX };
	size_t low = 0, high = verify->named_count;
	memcpy(newest.key, key, KEY_SIZE);
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (by_key(&verify->named[middle], &newest) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || memcmp(verify->named[low - 1].key, key, KEY_SIZE) != 0)
		return false;
	return !event || verify->named[low - 1].time > replay_time(event->segment, event->offset);
}

/* ---- whole, but nobody's ---- */

struct stray_search {
	const struct verify_run *run;
	size_t capacity;
};

static enum as_err note_stray(void *context, const uint8_t key[KEY_SIZE],
			      const struct replay_event *event)
{
	struct stray_search *search = context;
	struct verify *verify = search->run->verify;
	if (!event->is_put || index_image_find(&search->run->index.image, key) != INDEX_EMPTY)
		return AS_OK;
	void *rows = verify->strays;
	if (!rows_reserve(&rows, verify->stray_count, &search->capacity, sizeof(*verify->strays)))
		return AS_ERR_MEMORY;
	verify->strays = rows;
	verify->strays[verify->stray_count++] = replay_time(event->segment, event->offset);
	return AS_OK;
}

static int by_time(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static enum as_err gather_strays(const struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct stray_search search = { .run = run };
	enum as_err err = replay_each(verify->replay, note_stray, &search);
	if (err == AS_OK)
		err = replay_each(verify->adrift, note_stray, &search);
	if (verify->stray_count > 1)
		qsort(verify->strays, verify->stray_count, sizeof(*verify->strays), by_time);
	return err;
}

bool verify_is_stray(const struct verify *verify, uint32_t segment, uint32_t offset)
{
	const uint64_t time = replay_time(segment, offset);
	return verify->stray_count > 0 &&
	       bsearch(&time, verify->strays, verify->stray_count, sizeof(time), by_time);
}

/* ---- */

enum as_err verify_sort_damage(struct verify_run *run)
{
	struct verify *verify = run->verify;
	if (verify->damage_count == 0)
		return AS_OK;
	qsort(verify->damage, verify->damage_count, sizeof(*verify->damage), by_place);
	const enum as_err err = gather_named(verify);
	return err == AS_OK && run->index.is_loaded ? gather_strays(run) : err;
}

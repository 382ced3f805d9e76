#include "build-config.h"

#include "check/replay.h"

#include "base/key_hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROWS 16u
/* Rows of a part that wait to be merged. Merging one by one would wait for memory at each, since
 * every key goes to another part; merging many at once stays within the memory of one part. */
#define UNMERGED_MAX 4096u
#define MERGED_AT_ONCE 32u
#define ROWS_MAX (UINT32_MAX / 4)	/* of a part */

/* kind: bit 0 set for a PUT, and the size above it (an entry has at most 20 MiB). */
struct row {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t kind;
};
#define ROW_PUT 1u
#define ROW_SIZE_SHIFT 1

/* The hash is kept so that only rows with the same hash are compared. */
struct slot {
	uint32_t hash;
	uint32_t row;		/* 1 more than its number; 0: free */
};

/* The first @merged rows are one a key, and the hash table finds them; those behind were appended
 * since. The disk cannot foresee the hash; it can foresee the part of a key, and may put all keys
 * into one. */
struct part {
	_Alignas(64) pthread_mutex_t lock;
	struct row *rows;
	uint32_t count, capacity, merged;
	struct slot *slots;
	uint32_t slot_count;
};

struct replay {
	struct part parts[REPLAY_PARTS];
	struct key_hash hash;
};

struct replay *replay_new(void)
{
	struct replay *replay = aligned_alloc(_Alignof(struct replay), sizeof(*replay));

	if (!replay)
		return NULL;
	memset(replay, 0, sizeof(*replay));
	key_hash_draw(&replay->hash);
	for (unsigned i = 0; i < REPLAY_PARTS; i++)
		pthread_mutex_init(&replay->parts[i].lock, NULL);
	return replay;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	for (unsigned i = 0; i < REPLAY_PARTS; i++) {
		free(replay->parts[i].rows);
		free(replay->parts[i].slots);
		pthread_mutex_destroy(&replay->parts[i].lock);
	}
	free(replay);
}

static struct slot *home_slot(const struct part *part, uint32_t hash)
{
	return part->slots + ((uint64_t)hash * part->slot_count >> 32);
}

/* The slot of @key's row, or a free one: there always is one. With @key NULL the first free one. */
static struct slot *find_slot(const struct part *part, uint32_t hash, const uint8_t *key)
{
	struct slot *slot = home_slot(part, hash);

	while (slot->row && !(key && slot->hash == hash &&
			      memcmp(part->rows[slot->row - 1].key, key, KEY_SIZE) == 0))
		if (++slot == part->slots + part->slot_count)
			slot = part->slots;
	return slot;
}

static enum as_err append(struct part *part, const uint8_t key[KEY_SIZE],
			  const struct replay_event *event)
{
	if (part->count == part->capacity) {
		const uint32_t capacity = part->capacity ? 2 * part->capacity : FIRST_ROWS;
		struct row *rows = capacity > ROWS_MAX
			? NULL : realloc(part->rows, capacity * sizeof(*rows));
		if (!rows)
			return AS_ERR_MEMORY;
		part->rows = rows;
		part->capacity = capacity;
	}
	struct row *row = &part->rows[part->count++];
	memcpy(row->key, key, KEY_SIZE);
	row->segment = event->segment;
	row->offset = event->offset;
	row->kind = event->size << ROW_SIZE_SHIFT | (event->is_put ? ROW_PUT : 0);
	__builtin_prefetch(row + 2, 1);	/* giving the lock back waits for what was written */
	return AS_OK;
}

/* Make slots for all rows of @part: at most two thirds of the slots are taken. */
static enum as_err make_slots(struct part *part)
{
	struct slot *old = part->slots;
	const uint32_t old_count = part->slot_count;

	if (old_count / 3 * 2 >= part->count)
		return AS_OK;
	struct slot *slots = calloc(3 * (size_t)part->count, sizeof(*slots));
	if (!slots)
		return AS_ERR_MEMORY;
	part->slots = slots;
	part->slot_count = 3 * part->count;
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i].row)
			*find_slot(part, old[i].hash, NULL) = old[i];
	free(old);
	return AS_OK;
}

/* Row @number is the first that is not merged, or lies behind it. */
static void merge_row(struct part *part, uint32_t number, uint32_t hash)
{
	const struct row *row = &part->rows[number];
	struct slot *slot = find_slot(part, hash, row->key);

	if (!slot->row) {
		part->rows[part->merged++] = *row;
		*slot = (struct slot){ .hash = hash, .row = part->merged };
		return;
	}
	struct row *known = &part->rows[slot->row - 1];
	if (replay_time(known->segment, known->offset) < replay_time(row->segment, row->offset))
		*known = *row;
}

/* Keep the newest row of each key. The slots of some rows at a time are prefetched. */
static enum as_err merge(const struct replay *replay, struct part *part)
{
	const enum as_err err = make_slots(part);
	uint32_t hashes[MERGED_AT_ONCE], now;

	if (err)
		return err;
	for (uint32_t first = part->merged; first < part->count; first += now) {
		now = MERGED_AT_ONCE;
		if (now > part->count - first)
			now = part->count - first;
		for (uint32_t i = 0; i < now; i++) {
			hashes[i] = key_hash(&replay->hash, part->rows[first + i].key);
			__builtin_prefetch(home_slot(part, hashes[i]), 1);
		}
		for (uint32_t i = 0; i < now; i++)
			merge_row(part, first + i, hashes[i]);
	}
	part->count = part->merged;
	return AS_OK;
}

/* Add an event, and merge where more than @unmerged would be left unmerged. */
static enum as_err add(struct replay *replay, const uint8_t key[KEY_SIZE],
		       const struct replay_event *event, uint32_t unmerged)
{
	struct part *part = &replay->parts[index_part(key)];

	pthread_mutex_lock(&part->lock);
	enum as_err err = append(part, key, event);
	if (!err && part->count - part->merged > unmerged)
		err = merge(replay, part);
	pthread_mutex_unlock(&part->lock);
	return err;
}

enum as_err replay_add(struct replay *replay, const uint8_t key[KEY_SIZE],
		       const struct replay_event *event)
{
	return add(replay, key, event, 0);
}

enum as_err replay_append(struct replay *replay, const uint8_t key[KEY_SIZE],
			  const struct replay_event *event)
{
	return add(replay, key, event, UNMERGED_MAX);
}

enum as_err replay_merge(struct replay *replay)
{
	enum as_err err = AS_OK;

	for (unsigned i = 0; i < REPLAY_PARTS && !err; i++)
		err = merge(replay, &replay->parts[i]);
	return err;
}

static struct replay_event event_of(const struct row *row)
{
	return (struct replay_event){
		.segment = row->segment,
		.offset = row->offset,
		.size = row->kind >> ROW_SIZE_SHIFT,
		.is_put = row->kind & ROW_PUT,
	};
}

bool replay_find(const struct replay *replay, const uint8_t key[KEY_SIZE],
		 struct replay_event *event)
{
	const struct part *part = &replay->parts[index_part(key)];

	if (part->merged == 0)
		return false;
	const struct slot *slot = find_slot(part, key_hash(&replay->hash, key), key);
	if (!slot->row)
		return false;
	*event = event_of(&part->rows[slot->row - 1]);
	return true;
}

enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context)
{
	const struct row *row = replay->parts[part].rows;
	enum as_err err = AS_OK;

	for (uint32_t i = 0; i < replay->parts[part].merged && !err; i++, row++) {
		const struct replay_event event = event_of(row);
		err = each(context, row->key, &event);
	}
	return err;
}

enum as_err replay_each(const struct replay *replay,
			enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					    const struct replay_event *event),
			void *context)
{
	enum as_err err = AS_OK;

	for (unsigned part = 0; part < REPLAY_PARTS && !err; part++)
		err = replay_each_of(replay, part, each, context);
	return err;
}

size_t replay_count(const struct replay *replay)
{
	size_t count = 0;

	for (unsigned i = 0; i < REPLAY_PARTS; i++)
		count += replay->parts[i].merged;
	return count;
}

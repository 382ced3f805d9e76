#include "build-config.h"

#include "check/replay.h"

#include "base/array.h"
#include "base/huge_pages.h"
#include "base/key_hash.h"
#include "base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_ROWS 256u
/* Blocks are cut from chunks: a small one at first, then ones of huge pages. Rows that grew in
 * places of their own would spend a third of the time on asking the system for small pages. */
#define FIRST_CHUNK ((size_t)256 << 10)
#define LATER_CHUNK (2 * HUGE_PAGE)
/* Rows of a part that wait to be merged. Merging one by one would wait for memory at each, since
 * every key goes to another part; merging many at once stays within the memory of one part. */
#define UNMERGED_MAX 16384u
#define MERGED_AT_ONCE 32u
#define ROWS_AHEAD 24u		/* fetched before their turn */
#define ROWS_MAX (UINT32_MAX / 4)	/* of a part */

/* kind of a replay_row; an entry has at most 20 MiB. */
#define ROW_PUT 1u
#define ROW_SIZE_SHIFT 1

/* The hash is kept so that only rows with the same hash are compared. */
struct slot {
	uint32_t hash;
	uint32_t row;		/* 1 more than its number; 0: free */
};

struct block {
	struct replay_row rows[BLOCK_ROWS];
};

struct chunk {
	struct chunk *next;
	struct block blocks[];
};

/* The first @merged rows are one a key, and the hash table finds them; those behind were appended
 * since. The disk cannot foresee the hash; it can foresee the part of a key, and may put all keys
 * into one. */
struct part {
	_Alignas(64) pthread_mutex_t lock;
	struct block **blocks;
	size_t block_count, block_capacity;
	uint32_t count, merged;		/* rows; the blocks may have room for more */
	struct slot *slots;
	uint32_t slot_count;
};

struct replay {
	struct part parts[REPLAY_PARTS];
	struct key_hash hash;
	pthread_mutex_t lock;		/* of the two below; taken inside of a part's */
	struct chunk *chunks;		/* the newest first, */
	size_t free_blocks;		/* and how many at its end are in no part */
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
	pthread_mutex_init(&replay->lock, NULL);
	return replay;
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	for (unsigned i = 0; i < REPLAY_PARTS; i++) {
		free(replay->parts[i].blocks);
		free(replay->parts[i].slots);
		pthread_mutex_destroy(&replay->parts[i].lock);
	}
	while (replay->chunks) {
		struct chunk *next = replay->chunks->next;
		free(replay->chunks);
		replay->chunks = next;
	}
	pthread_mutex_destroy(&replay->lock);
	free(replay);
}

static struct replay_row *row_at(const struct part *part, uint32_t number)
{
	return &part->blocks[number / BLOCK_ROWS]->rows[number % BLOCK_ROWS];
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
			      memcmp(row_at(part, slot->row - 1)->key, key, KEY_SIZE) == 0))
		if (++slot == part->slots + part->slot_count)
			slot = part->slots;
	return slot;
}

static struct block *new_block(struct replay *replay)
{
	struct block *block = NULL;

	pthread_mutex_lock(&replay->lock);
	if (!replay->free_blocks) {
		const size_t size = replay->chunks ? LATER_CHUNK : FIRST_CHUNK;
		struct chunk *chunk = replay->chunks ? huge_pages_new(size) : malloc(size);
		if (chunk) {
			chunk->next = replay->chunks;
			replay->chunks = chunk;
			replay->free_blocks = (size - sizeof(*chunk)) / sizeof(*block);
		}
	}
	if (replay->free_blocks)
		block = &replay->chunks->blocks[--replay->free_blocks];
	pthread_mutex_unlock(&replay->lock);
	return block;
}

static bool add_block(struct replay *replay, struct part *part)
{
	struct block *block = part->count < ROWS_MAX &&
		ARRAY_RESERVE(part->blocks, part->block_count + 1, part->block_capacity)
		? new_block(replay) : NULL;

	if (block)
		part->blocks[part->block_count++] = block;
	return block;
}

static enum as_err append(struct replay *replay, struct part *part, const struct replay_row *rows,
			  uint32_t count)
{
	for (uint32_t now; count; rows += now, count -= now) {
		if (part->count == part->block_count * BLOCK_ROWS && !add_block(replay, part))
			return AS_ERR_MEMORY;
		now = BLOCK_ROWS - part->count % BLOCK_ROWS;
		if (now > count)
			now = count;
		memcpy(row_at(part, part->count), rows, now * sizeof(*rows));
		part->count += now;
	}
	return AS_OK;
}

/* Make slots for all rows of @part: at most two thirds of the slots are taken. */
static enum as_err make_slots(struct part *part)
{
	struct slot *old = part->slots;
	const uint32_t old_count = part->slot_count;

	if (old_count / 3 * 2 >= part->count)
		return AS_OK;
	const uint32_t least = part->count / 2 * 3 + 3;
	const uint32_t count = least > 2 * old_count ? least : 2 * old_count;
	/* Not calloc: its zeros are looked at before they are written to, two page faults for
	 * one. */
	const size_t size = (count * sizeof(struct slot) + 63) & ~(size_t)63;
	struct slot *slots = aligned_alloc(64, size);
	if (!slots)
		return AS_ERR_MEMORY;
	memset(slots, 0, size);
	part->slots = slots;
	part->slot_count = count;
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i].row)
			*find_slot(part, old[i].hash, NULL) = old[i];
	free(old);
	return AS_OK;
}

/* Row @number is the first that is not merged, or lies behind it. */
static void merge_row(struct part *part, uint32_t number, uint32_t hash)
{
	const struct replay_row *row = row_at(part, number);
	struct slot *slot = find_slot(part, hash, row->key);

	if (!slot->row) {
		*row_at(part, part->merged++) = *row;
		*slot = (struct slot){ .hash = hash, .row = part->merged };
		return;
	}
	struct replay_row *known = row_at(part, slot->row - 1);
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
			const struct replay_row *row = row_at(part, first + i);
			__builtin_prefetch(row + MERGED_AT_ONCE);
			hashes[i] = key_hash(&replay->hash, row->key);
			__builtin_prefetch(home_slot(part, hashes[i]), 1);
		}
		for (uint32_t i = 0; i < now; i++)
			merge_row(part, first + i, hashes[i]);
	}
	part->count = part->merged;
	return AS_OK;
}

static void fill_row(struct replay_row *row, const uint8_t key[KEY_SIZE],
		     const struct replay_event *event)
{
	memcpy(row->key, key, KEY_SIZE);
	row->segment = event->segment;
	row->offset = event->offset;
	row->kind = event->size << ROW_SIZE_SHIFT | (event->is_put ? ROW_PUT : 0);
}

enum as_err replay_add(struct replay *replay, const uint8_t key[KEY_SIZE],
		       const struct replay_event *event)
{
	struct part *part = &replay->parts[index_part(key)];
	struct replay_row row;

	fill_row(&row, key, event);
	pthread_mutex_lock(&part->lock);
	enum as_err err = append(replay, part, &row, 1);
	if (!err)
		err = merge(replay, part);
	pthread_mutex_unlock(&part->lock);
	return err;
}

/* A lock for each row would cost more than the row. */
static enum as_err hand_over(struct replay *replay, struct replay_batch *batch, unsigned number)
{
	struct part *part = &replay->parts[number];

	pthread_mutex_lock(&part->lock);
	enum as_err err = append(replay, part, batch->rows[number], batch->counts[number]);
	/* The more rows a part has, the more may wait: their number at most doubles the memory. */
	const uint32_t unmerged = part->count - part->merged;
	if (!err && unmerged > UNMERGED_MAX && unmerged > part->merged)
		err = merge(replay, part);
	pthread_mutex_unlock(&part->lock);
	batch->counts[number] = 0;
	return err;
}

enum as_err replay_append(struct replay *replay, struct replay_batch *batch,
			  const uint8_t key[KEY_SIZE], const struct replay_event *event)
{
	const unsigned part = index_part(key);

	fill_row(&batch->rows[part][batch->counts[part]++], key, event);
	return batch->counts[part] == REPLAY_BATCH ? hand_over(replay, batch, part) : AS_OK;
}

enum as_err replay_hand_over(struct replay *replay, struct replay_batch *batch)
{
	enum as_err err = AS_OK;

	for (unsigned i = 0; i < REPLAY_PARTS && !err; i++)
		err = hand_over(replay, batch, i);
	return err;
}

/* What the threads share that merge all parts. */
struct merging {
	struct replay *replay;
	_Atomic unsigned next;		/* part that nobody merges yet */
	_Atomic int failure;		/* enum as_err */
};

static void merge_parts(void *context)
{
	struct merging *merging = context;
	unsigned part;

	while ((part = atomic_fetch_add(&merging->next, 1)) < REPLAY_PARTS)
		if (merge(merging->replay, &merging->replay->parts[part]))
			atomic_store(&merging->failure, AS_ERR_MEMORY);
}

enum as_err replay_merge(struct replay *replay, unsigned threads)
{
	struct merging merging = { .replay = replay, .failure = AS_OK };
	uint32_t unmerged = 0;

	for (unsigned i = 0; i < REPLAY_PARTS; i++)
		unmerged += replay->parts[i].count - replay->parts[i].merged;
	parallel_run(unmerged > UNMERGED_MAX ? parallel_threads(threads) : 1, merge_parts,
		     &merging);
	return (enum as_err)merging.failure;
}

static struct replay_event event_of(const struct replay_row *row)
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
	*event = event_of(row_at(part, slot->row - 1));
	return true;
}

enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context)
{
	enum as_err err = AS_OK;

	for (uint32_t i = 0; i < replay->parts[part].merged && !err; i++) {
		const struct replay_row *row = row_at(&replay->parts[part], i);
		__builtin_prefetch(row + ROWS_AHEAD);
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

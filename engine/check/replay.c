#include "build-config.h"

#include "check/replay.h"

#include "base/key_hash.h"
#include "base/parallel.h"
#include "check/row_blocks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HELD_ROWS 32u			/* of each part, by a teller */
/* Settled when there are so many more, or twice as many. */
#define UNSETTLED_ROWS 24576u
#define SETTLED_AT_ONCE 32u
#define ROWS_AHEAD 24u			/* fetched before their turn: blocks lie anywhere */
#define ROWS_MAX (UINT32_MAX / 4)	/* of a part */

/* The hash is there so that a row is looked at only where it is the one. */
struct slot {
	uint32_t hash;
	uint32_t row;		/* 1 more than its number; 0: free */
};

/* Rows as they came, and the numbers of the first of them by a hash of their keys. The hash is one
 * that the disk cannot foresee; which part a key is in can be foreseen, and all may be in one. */
struct part {
	_Alignas(64) pthread_mutex_t lock;
	union row_block **blocks;
	uint32_t block_count, block_capacity;
	uint32_t count;		/* rows, */
	uint32_t settled;	/* of which the first are settled: one a key, and found by slots */
	struct slot *slots;
	uint32_t slot_count;
};

struct replay {
	struct part parts[REPLAY_PARTS];
	struct key_hash hash;
	struct row_blocks blocks;
};

struct replay_teller {
	struct replay *replay;
	struct row_source source;
	uint8_t held[REPLAY_PARTS];
	struct row rows[REPLAY_PARTS][HELD_ROWS];
};

struct replay *replay_new(void)
{
	struct replay *replay = aligned_alloc(_Alignof(struct replay), sizeof(*replay));

	if (!replay)
		return NULL;
	memset(replay, 0, sizeof(*replay));
	key_hash_draw(&replay->hash);
	row_blocks_init(&replay->blocks);
	for (unsigned i = 0; i < REPLAY_PARTS; i++)
		pthread_mutex_init(&replay->parts[i].lock, NULL);
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
	row_blocks_free(&replay->blocks);
	free(replay);
}

/* ---- rows ---- */

static struct row *row_at(const struct part *part, uint32_t number)
{
	return &part->blocks[number / BLOCK_ROWS]->rows[number % BLOCK_ROWS];
}

static void fill_row(struct row *row, const uint8_t key[KEY_SIZE],
		     const struct replay_event *event)
{
	memcpy(row->key, key, KEY_SIZE);
	row->segment = event->segment;
	row->offset = event->offset;
	row->kind = event->size << ROW_SIZE_SHIFT | (event->is_put ? ROW_PUT : 0);
}

static enum as_err add_block(struct replay *replay, struct row_source *own, struct part *part)
{
	if (part->block_count == part->block_capacity) {
		const uint32_t capacity = part->block_capacity ? 2 * part->block_capacity : 4;
		union row_block **blocks =
			realloc(part->blocks, capacity * sizeof(union row_block *));

		if (!blocks)
			return AS_ERR_MEMORY;
		part->blocks = blocks;
		part->block_capacity = capacity;
	}
	union row_block *block = row_blocks_take(&replay->blocks, own);
	if (!block)
		return AS_ERR_MEMORY;
	part->blocks[part->block_count++] = block;
	return AS_OK;
}

static enum as_err append(struct replay *replay, struct row_source *own, struct part *part,
			  const struct row *rows, uint32_t count)
{
	if (part->count + count > ROWS_MAX)
		return AS_ERR_MEMORY;
	while (count > 0) {
		const uint32_t taken = part->count % BLOCK_ROWS;
		const uint32_t room = BLOCK_ROWS - taken;
		const uint32_t now = count < room ? count : room;

		if (!taken) {
			const enum as_err err = add_block(replay, own, part);
			if (err)
				return err;
		}
		memcpy(row_at(part, part->count), rows, now * sizeof(*rows));
		part->count += now;
		rows += now;
		count -= now;
	}
	return AS_OK;
}

/* ---- settling ---- */

static struct slot *home_slot(const struct part *part, uint32_t hash)
{
	return part->slots + ((uint64_t)hash * part->slot_count >> 32);
}

static struct slot *next_slot(const struct part *part, struct slot *slot)
{
	return ++slot < part->slots + part->slot_count ? slot : part->slots;
}

/* The slot of @key: of its row, or a free one. There is always a free one. */
static struct slot *find_slot(const struct part *part, uint32_t hash, const uint8_t key[KEY_SIZE])
{
	struct slot *slot = home_slot(part, hash);

	while (slot->row &&
	       (slot->hash != hash || memcmp(row_at(part, slot->row - 1)->key, key, KEY_SIZE)))
		slot = next_slot(part, slot);
	return slot;
}

static void move_slots(const struct part *part, const struct slot *old, uint32_t count)
{
	for (; count; count--, old++) {
		if (!old->row)
			continue;
		struct slot *slot = home_slot(part, old->hash);
		while (slot->row)
			slot = next_slot(part, slot);
		*slot = *old;
	}
}

/* Free ones. Written to here: memory that is asked for as zeros is made twice where it is looked at
 * before it is written to, and all other threads are made to wait for it. */
static struct slot *slots_new(uint32_t count)
{
	const size_t size = ((size_t)count * sizeof(struct slot) + 63) / 64 * 64;
	struct slot *slots = aligned_alloc(64, size);

	if (slots)
		memset(slots, 0, size);
	return slots;
}

/* Have slots for @rows rows, of which two thirds at most are taken. */
static enum as_err make_slots(struct part *part, uint32_t rows)
{
	if (part->slots && part->slot_count / 3 >= rows / 2 + 1)
		return AS_OK;
	const uint32_t least = rows / 2 * 3 + 6;
	const uint32_t count = least > 2 * part->slot_count ? least : 2 * part->slot_count;
	struct slot *slots = slots_new(count);
	struct slot *old = part->slots;
	if (!slots)
		return AS_ERR_MEMORY;
	const uint32_t old_count = part->slot_count;
	part->slots = slots;
	part->slot_count = count;
	move_slots(part, old, old_count);
	free(old);
	return AS_OK;
}

/* What lies behind the rows. */
static void give_blocks_back(struct replay *replay, struct part *part)
{
	const uint32_t needed = (part->count + BLOCK_ROWS - 1) / BLOCK_ROWS;

	row_blocks_give_back(&replay->blocks, part->blocks + needed, part->block_count - needed);
	part->block_count = needed;
}

static void supersede(struct row *known, const struct row *row)
{
	if (replay_time(known->segment, known->offset) >= replay_time(row->segment, row->offset))
		return;
	known->segment = row->segment;
	known->offset = row->offset;
	known->kind = row->kind;
}

/* Settle row @number, the first that is not. */
static void settle_row(struct part *part, uint32_t number, uint32_t hash)
{
	const struct row *row = row_at(part, number);
	struct slot *slot = find_slot(part, hash, row->key);

	if (slot->row) {
		supersede(row_at(part, slot->row - 1), row);
		return;
	}
	if (number != part->settled)
		*row_at(part, part->settled) = *row;
	*slot = (struct slot){ .hash = hash, .row = ++part->settled };
}

/* Of each key the newest row moves up to the settled ones. Some rows at a time, so that the memory
 * of each has come when its turn does. */
static enum as_err settle(struct replay *replay, struct part *part)
{
	const uint32_t count = part->count;
	const enum as_err err = make_slots(part, count);
	uint32_t hashes[SETTLED_AT_ONCE];

	if (err)
		return err;
	for (uint32_t first = part->settled, now; first < count; first += now) {
		now = count - first < SETTLED_AT_ONCE ? count - first : SETTLED_AT_ONCE;
		for (uint32_t i = 0; i < now; i++) {
			const struct row *row = row_at(part, first + i);

			__builtin_prefetch(row + SETTLED_AT_ONCE);
			hashes[i] = key_hash(&replay->hash, row->key);
			__builtin_prefetch(home_slot(part, hashes[i]), 1);
		}
		for (uint32_t i = 0; i < now; i++)
			settle_row(part, first + i, hashes[i]);
	}
	part->count = part->settled;
	give_blocks_back(replay, part);
	return AS_OK;
}

static bool is_overdue(const struct part *part)
{
	const uint32_t unsettled = part->count - part->settled;

	return unsettled > UNSETTLED_ROWS && unsettled > part->settled;
}

static enum as_err note_in(struct replay *replay, struct part *part, const struct row *row)
{
	enum as_err err = part->settled < part->count ? settle(replay, part) : AS_OK;

	if (!err)
		err = make_slots(part, part->count + 1);
	if (err)
		return err;
	const uint32_t hash = key_hash(&replay->hash, row->key);
	struct slot *slot = find_slot(part, hash, row->key);
	if (slot->row) {
		supersede(row_at(part, slot->row - 1), row);
		return AS_OK;
	}
	err = append(replay, NULL, part, row, 1);
	if (err)
		return err;
	part->settled = part->count;
	*slot = (struct slot){ .hash = hash, .row = part->settled };
	return AS_OK;
}

enum as_err replay_note(struct replay *replay, const uint8_t key[KEY_SIZE],
			const struct replay_event *event)
{
	struct part *part = &replay->parts[index_part(key)];
	struct row row;

	fill_row(&row, key, event);
	pthread_mutex_lock(&part->lock);
	const enum as_err err = note_in(replay, part, &row);
	pthread_mutex_unlock(&part->lock);
	return err;
}

/* ---- telling ---- */

struct replay_teller *replay_teller_new(struct replay *replay)
{
	struct replay_teller *teller = malloc(sizeof(*teller));

	if (!teller)
		return NULL;
	teller->replay = replay;
	teller->source = (struct row_source){ .count = 0 };
	memset(teller->held, 0, sizeof(teller->held));
	return teller;
}

void replay_teller_free(struct replay_teller *teller)
{
	free(teller);
}

static enum as_err hand_over(struct replay_teller *teller, unsigned number)
{
	struct replay *replay = teller->replay;
	struct part *part = &replay->parts[number];

	pthread_mutex_lock(&part->lock);
	enum as_err err = append(replay, &teller->source, part, teller->rows[number],
				 teller->held[number]);
	if (!err && is_overdue(part))
		err = settle(replay, part);
	pthread_mutex_unlock(&part->lock);
	teller->held[number] = 0;
	return err;
}

enum as_err replay_tell(struct replay_teller *teller, const uint8_t key[KEY_SIZE],
			const struct replay_event *event)
{
	const unsigned number = index_part(key);

	fill_row(&teller->rows[number][teller->held[number]++], key, event);
	return teller->held[number] == HELD_ROWS ? hand_over(teller, number) : AS_OK;
}

enum as_err replay_teller_end(struct replay_teller *teller)
{
	enum as_err err = AS_OK;

	for (unsigned i = 0; i < REPLAY_PARTS && !err; i++)
		if (teller->held[i])
			err = hand_over(teller, i);
	return err;
}

/* What the threads share that settle everything. */
struct settling {
	struct replay *replay;
	_Atomic unsigned next;		/* part that nobody settles yet */
	_Atomic int failure;		/* enum as_err */
};

static void settle_parts(void *context)
{
	struct settling *settling = context;
	unsigned number;

	while ((number = settling->next++) < REPLAY_PARTS) {
		struct part *part = &settling->replay->parts[number];

		if (part->settled < part->count && settle(settling->replay, part))
			settling->failure = AS_ERR_MEMORY;
	}
}

enum as_err replay_settle(struct replay *replay, unsigned threads)
{
	struct settling settling = { .replay = replay, .failure = AS_OK };
	uint64_t unsettled = 0;

	for (unsigned i = 0; i < REPLAY_PARTS; i++)
		unsettled += replay->parts[i].count - replay->parts[i].settled;
	parallel_run(unsettled > UNSETTLED_ROWS ? parallel_threads(threads) : 1, settle_parts,
		     &settling);
	return (enum as_err)settling.failure;
}

/* ---- asking ---- */

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

	if (!part->settled)
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
	const uint32_t count = replay->parts[part].settled;

	for (uint32_t i = 0; i < count; i++) {
		const struct row *row = row_at(&replay->parts[part], i);

		__builtin_prefetch(row + ROWS_AHEAD);
		const struct replay_event event = event_of(row);
		const enum as_err err = each(context, row->key, &event);
		if (err)
			return err;
	}
	return AS_OK;
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
		count += replay->parts[i].settled;
	return count;
}

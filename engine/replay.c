#include "build-config.h"

#include "replay.h"

#include "key_hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SHARD_BITS 5
#define SHARDS (1u << SHARD_BITS)
_Static_assert(SHARDS == REPLAY_PARTS, "a part is a shard");
#define SLOT_BITS (32 - SHARD_BITS)
#define FIRST_BYTES 4096u		/* of a shard's first table: a page */
#define HUGE_PAGE ((size_t)2 << 20)
#define SMALL_ROWS 16384u		/* of a shard's table that may well be half empty */

/* kind is 0 where the row is free; else bit 0 set, bit 1 set for a PUT, and the size above them
 * (an entry has at most 20 MiB). */
struct row {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t kind;
};
#define ROW_TAKEN 1u
#define ROW_PUT 2u
#define ROW_SIZE_SHIFT 2
_Static_assert(sizeof(struct row) == 44, "rows are what the memory goes into");

/* A table of its own with linear probing. The slot grows with the hash, so that growing moves the
 * rows from front to back; and one shard grows at a time, so that never all the tables are in
 * memory twice. */
struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct row *_Atomic rows;	/* atomic, and capacity too, for prefetching alone */
	_Atomic uint32_t capacity;
	uint32_t count;
};

struct replay {
	struct shard shards[SHARDS];
	_Atomic uint32_t expected;	/* rows that a shard is to have room for */
	struct key_hash hash;
};

struct replay *replay_new(void)
{
	struct replay *replay = aligned_alloc(_Alignof(struct replay), sizeof(*replay));

	if (!replay)
		return NULL;
	memset(replay, 0, sizeof(*replay));
	key_hash_draw(&replay->hash);
	for (unsigned i = 0; i < SHARDS; i++)
		pthread_mutex_init(&replay->shards[i].lock, NULL);
	return replay;
}

/* Bytes of a table. What is more than half of a huge page is made of whole ones: look-ups go
 * everywhere, and with small pages each would wait for the page table first. */
static size_t table_size(uint32_t capacity)
{
	const size_t size = capacity * sizeof(struct row);

	return size <= HUGE_PAGE / 2 ? size : (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
}

/* A mapping of whole huge pages. */
static void *map_huge(size_t size)
{
	uint8_t *bytes = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return bytes;
	const size_t before = -(uintptr_t)bytes & (HUGE_PAGE - 1);
	if (before)
		munmap(bytes, before);
	munmap(bytes + before + size, HUGE_PAGE - before);
	madvise(bytes + before, size, MADV_HUGEPAGE);
	return bytes + before;
}

/* Tables come and go in ever new sizes, which would tear holes into the heap: they are mapped. All
 * of a table is used soon; a page fault for each page, and a second one where it is looked at
 * before it is written to, would take longer than what is done in it. */
static struct row *rows_new(size_t size)
{
	void *rows = size >= HUGE_PAGE ? map_huge(size)
				       : mmap(NULL, size, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rows == MAP_FAILED)
		return NULL;
	madvise(rows, size, MADV_POPULATE_WRITE);
	return rows;
}

static void rows_free(struct row *rows, uint32_t capacity)
{
	if (rows)
		munmap(rows, table_size(capacity));
}

void replay_free(struct replay *replay)
{
	if (!replay)
		return;
	for (unsigned i = 0; i < SHARDS; i++) {
		rows_free(replay->shards[i].rows, replay->shards[i].capacity);
		pthread_mutex_destroy(&replay->shards[i].lock);
	}
	free(replay);
}

/* The row of @key, or the free one where it would go. There is always a free one. */
static struct row *find_row(struct row *rows, uint32_t capacity, uint32_t hash,
			    const uint8_t key[KEY_SIZE])
{
	const uint64_t slot = hash & ((1u << SLOT_BITS) - 1);
	struct row *row = rows + (slot * capacity >> SLOT_BITS);

	while (row->kind && memcmp(row->key, key, KEY_SIZE))
		if (++row == rows + capacity)
			row = rows;
	return row;
}

/* At most 13 of 16 rows are taken: few enough for short probing. */
static bool is_full(const struct shard *shard)
{
	return (uint64_t)shard->count * 16 >= (uint64_t)shard->capacity * 13;
}

void replay_expect(struct replay *replay, uint64_t keys)
{
	/* Shards differ a little. */
	const uint64_t rows = keys / SHARDS * 4 / 3;

	atomic_store_explicit(&replay->expected, rows < UINT32_MAX ? (uint32_t)rows : UINT32_MAX,
			      memory_order_relaxed);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* A large table grows by a third only, so that three fifths of its rows are in use even then. Where
 * more is to come a small one becomes a large one at once, and a large one is doubled: that much
 * room may turn out to be for nothing. */
static uint32_t next_capacity(uint32_t capacity, uint32_t expected)
{
	if (!capacity)
		return FIRST_BYTES / (uint32_t)sizeof(struct row);
	const bool is_small = capacity < SMALL_ROWS;
	const uint32_t usual = is_small ? capacity * 2 : capacity + capacity / 3;
	const uint32_t most = is_small ? 2 * SMALL_ROWS : capacity * 2;
	const uint32_t wanted = smaller(expected, most);

	return wanted > usual ? wanted : usual;
}

static enum as_err grow(const struct replay *replay, struct shard *shard)
{
	const uint32_t expected = atomic_load_explicit(&replay->expected, memory_order_relaxed);
	const uint32_t wanted = next_capacity(shard->capacity, expected);

	if (wanted >= 1u << SLOT_BITS)
		return AS_ERR_MEMORY;
	const size_t size = table_size(wanted);
	const uint32_t capacity = (uint32_t)(size / sizeof(struct row));
	struct row *rows = rows_new(size);
	if (!rows)
		return AS_ERR_MEMORY;
	for (uint32_t i = 0; i < shard->capacity; i++) {
		const struct row *old = &shard->rows[i];

		if (old->kind)
			*find_row(rows, capacity, key_hash(&replay->hash, old->key),
				  old->key) = *old;
	}
	rows_free(shard->rows, shard->capacity);
	shard->rows = rows;
	shard->capacity = capacity;
	return AS_OK;
}

static enum as_err note_in(const struct replay *replay, struct shard *shard, uint32_t hash,
			   const uint8_t key[KEY_SIZE], const struct replay_event *event)
{
	if (is_full(shard)) {
		const enum as_err err = grow(replay, shard);

		if (err)
			return err;
	}

	struct row *row = find_row(shard->rows, shard->capacity, hash, key);
	if (!row->kind) {
		shard->count++;
		memcpy(row->key, key, KEY_SIZE);
	} else if (replay_time(row->segment, row->offset) >=
		   replay_time(event->segment, event->offset)) {
		return AS_OK;
	}
	row->segment = event->segment;
	row->offset = event->offset;
	row->kind = event->size << ROW_SIZE_SHIFT | (event->is_put ? ROW_PUT : 0) | ROW_TAKEN;
	return AS_OK;
}

/* Without the lock: rows and capacity may be of two different tables, and the place outside of
 * both. Nothing is read there. */
void replay_prefetch(const struct replay *replay, const uint8_t key[KEY_SIZE])
{
	const uint32_t hash = key_hash(&replay->hash, key);
	const struct shard *shard = &replay->shards[hash >> SLOT_BITS];
	const uint64_t slot = hash & ((1u << SLOT_BITS) - 1);
	const uint64_t capacity = atomic_load_explicit(&shard->capacity, memory_order_relaxed);
	const uintptr_t rows =
		(uintptr_t)atomic_load_explicit(&shard->rows, memory_order_relaxed);
	const uintptr_t row = rows + (slot * capacity >> SLOT_BITS) * sizeof(struct row);

	__builtin_prefetch((const void *)row, 1);
	/* Often in the next line. */
	__builtin_prefetch((const void *)(row + sizeof(struct row) - 1), 1);
}

enum as_err replay_note(struct replay *replay, const uint8_t key[KEY_SIZE],
			const struct replay_event *event)
{
	const uint32_t hash = key_hash(&replay->hash, key);
	struct shard *shard = &replay->shards[hash >> SLOT_BITS];

	pthread_mutex_lock(&shard->lock);
	const enum as_err err = note_in(replay, shard, hash, key, event);
	pthread_mutex_unlock(&shard->lock);
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
	const uint32_t hash = key_hash(&replay->hash, key);
	const struct shard *shard = &replay->shards[hash >> SLOT_BITS];

	if (!shard->capacity)
		return false;
	const struct row *row = find_row(shard->rows, shard->capacity, hash, key);
	if (!row->kind)
		return false;
	*event = event_of(row);
	return true;
}

enum as_err replay_each_of(const struct replay *replay, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       const struct replay_event *event),
			   void *context)
{
	const struct row *row = replay->shards[part].rows;

	for (uint32_t left = replay->shards[part].capacity; left; left--, row++) {
		if (!row->kind)
			continue;
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

	for (unsigned part = 0; part < SHARDS && !err; part++)
		err = replay_each_of(replay, part, each, context);
	return err;
}

size_t replay_count(const struct replay *replay)
{
	size_t count = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		count += replay->shards[i].count;
	return count;
}

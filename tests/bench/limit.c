/* tests/bench/limit.c - the least time in which an index can be rebuilt with the promise of
 * recover: every entry is read and checked against its CRC, hints and index are durable under their
 * names, and the index and every entry are read from the disk again.
 *
 *   limit REPO OBJECTS
 *
 * A bare loop over a whole repository that mkrepo.c made: damage ends it, and nothing is planned,
 * shown or kept for undo. OBJECTS is believed, so that the table of keys has its final size at once
 * and becomes the index that is written. Writes REPO/limit.hints and REPO/limit.index, and removes
 * them. Prints one JSON object, the seconds of each part: read, write, again, all. */
#include "build-config.h"

#include "engine/base/bytes.h"
#include "engine/base/crc.h"
#include "engine/base/parallel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define WINDOW (256u * 1024u)	/* stays in the second-level cache */
#define BATCH 32u		/* keys whose memory is prefetched */
#define MAGIC 8u
#define HEADER 9u		/* of an entry */
#define KEYED (HEADER + KEY_SIZE)
#define PUT 0u
#define COMMIT 2u
#define SEGMENTS_PER_DIR 10000u
#define BUCKET (KEY_SIZE + 8u)
#define EMPTY 0xffffffffu
#define INDEX_HEADER 18u
#define SLICE 6400u		/* buckets written or read at a time: 250 KiB */
#define HUGE_PAGE ((size_t)2 << 20)

struct key_place {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
};
_Static_assert(sizeof(struct key_place) == BUCKET, "a bucket, on a little-endian machine");

/* The part of a bucket that a look-up needs; the rest is not kept. */
struct brief {
	uint64_t key;
	uint32_t segment, offset;
};

enum slot_state { SLOT_FREE, SLOT_LOCKED, SLOT_TAKEN };

struct limit {
	const char *repo;
	uint32_t buckets;
	struct key_place *table;	/* the index: the first reading fills it */
	_Atomic uint8_t *states;	/* enum slot_state of each bucket */
	struct brief *briefs;		/* the index again, to look keys up in */
	int folder, fd;			/* REPO, and the file of the index */
	_Atomic uint32_t next;		/* the next segment, or slice of the index, to work on */
	_Atomic uint32_t used, found;
	/* of each reading: the memory of a key is prefetched, and used a batch later */
	void (*fetch)(const struct limit *limit, const uint8_t *key);
	void (*finish_batch)(struct limit *limit, const struct key_place *batch, unsigned count);
};

static void die(const char *what)
{
	fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Whole huge pages, uninitialised. Several threads write to them first, which makes them. */
static void *memory(size_t size)
{
	const size_t rounded = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	void *bytes = aligned_alloc(HUGE_PAGE, rounded);
	if (!bytes)
		die("memory");
	madvise(bytes, rounded, MADV_HUGEPAGE);
	return bytes;
}

static uint32_t home_of(const struct limit *limit, const uint8_t *key)
{
	return get_u32le(key) & (limit->buckets - 1);	/* a power of two */
}

/* ---- the first reading: the newest place of every key ---- */

static void prefetch_for_add(const struct limit *limit, const uint8_t *key)
{
	const uint32_t home = home_of(limit, key);
	__builtin_prefetch((const void *)&limit->states[home], 1);
	__builtin_prefetch(&limit->table[home], 1);
	__builtin_prefetch((const char *)(&limit->table[home] + 1) - 1, 1);
}

static bool is_older(const struct key_place *a, const struct key_place *b)
{
	return a->segment != b->segment ? a->segment < b->segment : a->offset < b->offset;
}

/* False: the bucket holds another key. */
static bool claim_bucket(struct limit *limit, uint32_t number, const struct key_place *place)
{
	struct key_place *bucket = &limit->table[number];
	uint8_t state = atomic_load_explicit(&limit->states[number], memory_order_acquire);
	if (state == SLOT_TAKEN && memcmp(bucket->key, place->key, KEY_SIZE) != 0)
		return false;
	while (state == SLOT_LOCKED ||
	       !atomic_compare_exchange_weak(&limit->states[number], &state, SLOT_LOCKED))
		state = atomic_load(&limit->states[number]);
	const bool is_same = state == SLOT_TAKEN &&
			     memcmp(bucket->key, place->key, KEY_SIZE) == 0;
	if (state == SLOT_FREE || (is_same && is_older(bucket, place)))
		*bucket = *place;
	atomic_store_explicit(&limit->states[number], SLOT_TAKEN, memory_order_release);
	return state == SLOT_FREE || is_same;
}

static void add_batch(struct limit *limit, const struct key_place *batch, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t number = home_of(limit, batch[i].key);
		while (!claim_bucket(limit, number, &batch[i]))
			number = (number + 1) & (limit->buckets - 1);
	}
}

/* ---- the second reading: does the index lead here? ---- */

static uint64_t brief_key(const uint8_t *key)
{
	uint64_t brief;
	memcpy(&brief, key, sizeof(brief));
	return brief;
}

static void prefetch_for_find(const struct limit *limit, const uint8_t *key)
{
	__builtin_prefetch(&limit->briefs[home_of(limit, key)]);
}

static void find_batch(struct limit *limit, const struct key_place *batch, unsigned count)
{
	const struct brief *briefs = limit->briefs;
	uint32_t found = 0;
	for (unsigned i = 0; i < count; i++) {
		uint32_t number = home_of(limit, batch[i].key);
		while (briefs[number].segment != EMPTY &&
		       briefs[number].key != brief_key(batch[i].key))
			number = (number + 1) & (limit->buckets - 1);
		found += briefs[number].segment == batch[i].segment &&
			 briefs[number].offset == batch[i].offset;
	}
	atomic_fetch_add_explicit(&limit->found, found, memory_order_relaxed);
}

/* ---- both readings ---- */

/* The size of the whole entry at @bytes, or 0 when more than @len bytes are needed. */
static size_t entry_size(const uint8_t *bytes, size_t len)
{
	const uint32_t size = len < HEADER ? 0 : get_u32le(bytes + 4);
	if (size == 0 || size > len)
		return 0;
	if (size < (bytes[8] == COMMIT ? HEADER : KEYED) || bytes[8] > COMMIT ||
	    crc32_update(0, bytes + 4, size - 4) != get_u32le(bytes))
		die("an entry is damaged");
	return size;
}

struct batch {
	struct key_place rows[BATCH];
	unsigned count;
};

static void finish_batch(struct limit *limit, struct batch *batch)
{
	limit->finish_batch(limit, batch->rows, batch->count);
	batch->count = 0;
}

/* The bytes of @window that whole entries fill. */
static size_t read_window(struct limit *limit, struct batch *batch, uint32_t segment,
			  uint32_t offset, const uint8_t *window, size_t len)
{
	size_t at = 0, size;
	while ((size = entry_size(window + at, len - at)) > 0) {
		if (window[at + 8] == PUT) {
			struct key_place *row = &batch->rows[batch->count++];
			memcpy(row->key, window + at + HEADER, KEY_SIZE);
			limit->fetch(limit, row->key);
			row->segment = segment;
			row->offset = offset + (uint32_t)at;
			if (batch->count == BATCH)
				finish_batch(limit, batch);
		}
		at += size;
	}
	return at;
}

static void read_segment(struct limit *limit, int fd, uint32_t segment, uint8_t *window)
{
	struct batch batch = { .count = 0 };
	uint32_t offset = MAGIC;
	ssize_t len;
	while ((len = pread(fd, window, WINDOW, offset)) > 0) {
		const size_t taken = read_window(limit, &batch, segment, offset, window,
						 (size_t)len);
		if (taken == 0)
			die("an entry is torn, or larger than the window");
		offset += (uint32_t)taken;
	}
	if (len < 0)
		die("read");
	finish_batch(limit, &batch);
}

static void read_segments(void *context)
{
	struct limit *limit = context;
	uint8_t *window = memory(WINDOW);
	char path[4096];
	for (;;) {
		const uint32_t segment = atomic_fetch_add(&limit->next, 1);
		snprintf(path, sizeof(path), "%s/data/%" PRIu32 "/%" PRIu32, limit->repo,
			 segment / SEGMENTS_PER_DIR, segment);
		const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
		if (fd < 0)
			break;
		read_segment(limit, fd, segment, window);
		close(fd);
	}
	free(window);
}

static void read_all_segments(struct limit *limit,
			      void (*fetch)(const struct limit *limit, const uint8_t *key),
			      void (*finish_one)(struct limit *limit, const struct key_place *batch,
						 unsigned count))
{
	limit->next = 0;
	limit->fetch = fetch;
	limit->finish_batch = finish_one;
	parallel_run(parallel_threads(0), read_segments, limit);
}

/* ---- the three parts ---- */

static void make_empty(void *context)
{
	struct limit *limit = context;
	for (;;) {
		const uint32_t first = atomic_fetch_add(&limit->next, SLICE);
		for (uint32_t i = first; i < first + SLICE; i++) {
			if (i >= limit->buckets)
				return;
			limit->table[i] = (struct key_place){ .segment = EMPTY, .offset = 0 };
			atomic_store_explicit(&limit->states[i], SLOT_FREE, memory_order_relaxed);
		}
	}
}

static void first_reading(struct limit *limit)
{
	limit->table = memory(limit->buckets * sizeof(*limit->table));
	limit->states = memory(limit->buckets);
	limit->next = 0;
	parallel_run(parallel_threads(0), make_empty, limit);
	read_all_segments(limit, prefetch_for_add, add_batch);
	for (uint32_t i = 0; i < limit->buckets; i++)
		limit->used += limit->states[i] == SLOT_TAKEN;
	free((void *)limit->states);
}

static void write_at(int fd, const void *bytes, size_t len, off_t offset)
{
	if (pwrite(fd, bytes, len, offset) != (ssize_t)len)
		die("write");
}

static int create(const struct limit *limit)
{
	const int fd = openat(limit->folder, "limit.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
			      0666);
	if (fd < 0)
		die("limit.tmp");
	return fd;
}

static void make_durable(const struct limit *limit, int fd, const char *name)
{
	if (fsync(fd) != 0 || renameat(limit->folder, "limit.tmp", limit->folder, name) != 0 ||
	    fsync(limit->folder) != 0)
		die(name);
}

/* Only its being durable before the index matters, not its size. */
static void write_hints(const struct limit *limit)
{
	const uint8_t hints[512] = { 0 };
	const int fd = create(limit);
	write_at(fd, hints, sizeof(hints), 0);
	make_durable(limit, fd, "limit.hints");
	close(fd);
}

/* In pieces: each goes to the disk while the next is copied. */
static void write_index(struct limit *limit)
{
	limit->fd = create(limit);
	uint8_t header[INDEX_HEADER] = "ATTICIDX";
	put_u32le(header + 8, limit->used);
	put_u32le(header + 12, limit->buckets);
	header[16] = KEY_SIZE;
	header[17] = 8;
	write_at(limit->fd, header, sizeof(header), 0);
	const size_t size = limit->buckets * sizeof(*limit->table), piece = 4u << 20;
	for (size_t at = 0; at < size; at += piece) {
		const size_t len = size - at < piece ? size - at : piece;
		write_at(limit->fd, (const uint8_t *)limit->table + at, len,
			 (off_t)(sizeof(header) + at));
		sync_file_range(limit->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	make_durable(limit, limit->fd, "limit.index");
	free(limit->table);
}

static void load_briefs(void *context)
{
	struct limit *limit = context;
	struct key_place *slice = memory(SLICE * sizeof(*slice));
	for (;;) {
		const uint32_t first = atomic_fetch_add(&limit->next, SLICE);
		if (first >= limit->buckets)
			break;
		const uint32_t left = limit->buckets - first;
		const uint32_t count = left < SLICE ? left : SLICE;
		const size_t size = count * sizeof(*slice);
		if (pread(limit->fd, slice, size,
			  (off_t)(INDEX_HEADER + first * sizeof(*slice))) != (ssize_t)size)
			die("read");
		for (uint32_t i = 0; i < count; i++)
			limit->briefs[first + i] = (struct brief){
				brief_key(slice[i].key), slice[i].segment, slice[i].offset,
			};
	}
	free(slice);
}

static void second_reading(struct limit *limit)
{
	limit->briefs = memory(limit->buckets * sizeof(*limit->briefs));
	limit->next = 0;
	parallel_run(parallel_threads(0), load_briefs, limit);
	read_all_segments(limit, prefetch_for_find, find_batch);
	free(limit->briefs);
	if (limit->found != limit->used)
		die("the second reading differs from the first");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fputs("usage: limit REPO OBJECTS\n", stderr);
		return 2;
	}
	struct limit limit = { .repo = argv[1], .buckets = 1024 };
	const uint64_t objects = strtoull(argv[2], NULL, 10);
	while (limit.buckets < 1u << 30 && objects * 10 > limit.buckets * UINT64_C(9))
		limit.buckets *= 2;
	const double begun = now();
	limit.folder = open(limit.repo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (limit.folder < 0)
		die(limit.repo);
	first_reading(&limit);
	const double was_read = now();
	write_hints(&limit);
	write_index(&limit);
	const double was_written = now();
	second_reading(&limit);
	const double done = now();
	unlinkat(limit.folder, "limit.hints", 0);
	unlinkat(limit.folder, "limit.index", 0);
	printf("{\"read\": %.3f, \"write\": %.3f, \"again\": %.3f, \"all\": %.3f}\n",
	       was_read - begun, was_written - was_read, done - was_written, done - begun);
	return 0;
}

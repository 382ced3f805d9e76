#include "build-config.h"

#include "format/index_load.h"

#include "base/huge_pages.h"
#include "base/parallel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_BUCKETS 8192u		/* read at a time: 320 KiB */
/* Given to a thread at a time: a huge page of short rows. When two threads touch one new page at
 * once, the system fills it twice and discards one copy. */
#define TURN_SLICES 16u

/* ---- runs ---- */

/* What some adjacent buckets say without a look at any key. */
struct runs {
	uint32_t count, used, deleted;
	/* buckets before the first EMPTY one and behind the last; all where there is none */
	uint32_t head, tail;
	uint64_t squared;	/* sum of the squares of the runs between two EMPTY ones */
};

static bool has_empty(const struct runs *runs)
{
	return runs->used + runs->deleted < runs->count;
}

static uint32_t segment_in(const uint8_t *buckets, uint32_t number)
{
	return get_u32le(buckets + (size_t)number * INDEX_BUCKET + KEY_SIZE);
}

/* Measure the @count buckets at @buckets, as they are in the file. */
static struct runs measure(const uint8_t *buckets, uint32_t count)
{
	struct runs runs = { .count = count, .tail = count };
	uint32_t empty = 0;

	/* No branches: the processor would predict every second one wrongly. */
	for (uint32_t i = 0, begin = 0; i < count; i++) {
		const uint32_t segment = segment_in(buckets, i);
		const bool is_empty = segment == INDEX_EMPTY;
		const uint64_t run = i - begin;

		runs.squared += is_empty ? run * run : 0;
		begin = is_empty ? i + 1 : begin;
		runs.tail = count - begin;
		runs.deleted += segment == INDEX_DELETED;
		empty += is_empty;
	}
	runs.used = count - empty - runs.deleted;
	while (runs.head < count && segment_in(buckets, runs.head) != INDEX_EMPTY)
		runs.head++;
	if (empty)
		runs.squared -= (uint64_t)runs.head * runs.head;
	return runs;
}

/* Add the buckets of @next, which follow those of @runs. */
static void join(struct runs *runs, const struct runs *next)
{
	const uint64_t run = (uint64_t)runs->tail + next->head;

	if (has_empty(runs) && has_empty(next))
		runs->squared += run * run;
	if (!has_empty(runs))
		runs->head += next->head;
	runs->tail = has_empty(next) ? next->tail : runs->tail + next->count;
	runs->squared += next->squared;
	runs->count += next->count;
	runs->used += next->used;
	runs->deleted += next->deleted;
}

/* ---- loading ---- */

/* What the threads of one load share. */
struct load {
	const struct index_file *file;
	struct index_image *image;
	uint32_t slices, turns;
	struct runs *runs;		/* of each turn */
	_Atomic uint32_t next;		/* the first turn that no thread has begun */
	_Atomic int err;		/* enum as_err: the first failure, */
	_Atomic int sys;		/* and its errno */
};

static void fail_load(struct load *load, enum as_err err, int sys)
{
	int none = AS_OK;

	if (atomic_compare_exchange_strong(&load->err, &none, err))
		load->sys = sys;
}

static void shorten_key(const struct index_image *image, const uint8_t *key,
			uint8_t out[INDEX_SHORT_KEY])
{
	memcpy(out, key, 4);
	put_u32le(out + 4, key_hash(&image->hash, key));
}

/* Short rows are made from the buckets in @buffer; whole rows are read to where they belong. */
static void load_slice(struct load *load, uint32_t first, uint8_t *buffer, struct runs *runs)
{
	const struct index_file *file = load->file;
	struct index_image *image = load->image;
	const uint32_t left = file->buckets - first;
	const uint32_t count = left < SLICE_BUCKETS ? left : SLICE_BUCKETS;
	const size_t len = (size_t)count * INDEX_BUCKET;
	uint8_t *bytes = buffer ? buffer : image->bytes + (size_t)first * INDEX_BUCKET;
	size_t got;

	const enum as_err err = io_read_at(file->io, file->fd, bytes, len,
					   index_bucket_offset(first), &got);
	if (err || got < len) {
		fail_load(load, AS_ERR_IO, err ? errno : ENODATA);
		return;
	}
	const struct runs measured = measure(bytes, count);
	join(runs, &measured);
	if (!buffer)
		return;
	uint8_t *row = image->bytes + (size_t)first * (INDEX_SHORT_KEY + 8);
	for (uint32_t i = 0; i < count; i++) {
		if (get_u32le(bytes + KEY_SIZE) < INDEX_DELETED)
			shorten_key(image, bytes, row);
		memcpy(row + INDEX_SHORT_KEY, bytes + KEY_SIZE, 8);
		row += INDEX_SHORT_KEY + 8;
		bytes += INDEX_BUCKET;
	}
}

static void load_turns(void *context)
{
	struct load *load = context;
	uint8_t *buffer = NULL;

	if (load->image->is_short) {
		buffer = aligned_alloc(64, (size_t)SLICE_BUCKETS * INDEX_BUCKET);
		if (!buffer) {
			fail_load(load, AS_ERR_MEMORY, ENOMEM);
			return;
		}
	}
	for (uint32_t turn = load->next++; turn < load->turns; turn = load->next++) {
		const uint32_t first = turn * TURN_SLICES;
		for (uint32_t i = first; i < first + TURN_SLICES && i < load->slices; i++)
			if (!load->err)
				load_slice(load, i * SLICE_BUCKETS, buffer, &load->runs[turn]);
	}
	free(buffer);
}

enum as_err index_load_into(const struct index_file *file, unsigned threads,
			    struct index_image *image)
{
	const uint32_t slices = (file->buckets - 1) / SLICE_BUCKETS + 1;
	const uint32_t turns = (slices - 1) / TURN_SLICES + 1;
	struct load load = {
		.file = file, .image = image, .slices = slices, .turns = turns,
		.runs = calloc(turns, sizeof(*load.runs)),
	};
	struct runs all = { .count = 0 };

	if (!load.runs)
		return AS_ERR_MEMORY;
	image->buckets = file->buckets;
	threads = parallel_threads(threads);
	parallel_run(threads < turns ? threads : turns, load_turns, &load);
	for (uint32_t i = 0; i < turns; i++)
		join(&all, &load.runs[i]);
	free(load.runs);
	/* The last bucket is followed by the first. */
	const uint64_t run = has_empty(&all) ? (uint64_t)all.head + all.tail : all.count;
	image->used = all.used;
	image->deleted = all.deleted;
	image->passed = ((has_empty(&all) ? all.squared : 0) + run * run) / 2;
	if (load.err)
		errno = load.sys;
	return (enum as_err)load.err;
}

enum as_err index_load(const struct index_file *file, unsigned threads, const struct key_hash *hash,
		       struct index_image *image)
{
	const size_t size = (size_t)file->buckets * (INDEX_SHORT_KEY + 8);

	*image = (struct index_image){ .is_short = true };
	/* The file's length fits its header; but a file can be full of holes, and larger than the
	 * machine. */
	if (index_fits_memory(file->buckets))
		image->bytes = size < HUGE_PAGE ? malloc(size) : huge_pages_new(size);
	if (!image->bytes)
		return AS_ERR_MEMORY;
	if (hash)
		image->hash = *hash;
	else
		key_hash_draw(&image->hash);
	const enum as_err err = index_load_into(file, threads, image);
	if (err) {
		const int kept = errno;
		index_image_free(image);
		errno = kept;
	}
	return err;
}

void index_image_free(struct index_image *image)
{
	free(image->bytes);
	*image = (struct index_image){ .bytes = NULL };
}

/* ---- look-ups ---- */

/* The finalizer of MurmurHash3: every bit of the result depends on every bit of @x. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

uint64_t index_image_mark(const struct index_image *image, uint32_t number)
{
	const uint8_t *row = index_image_row(image, number);
	const uint64_t key = (uint64_t)get_u32le(row + 4) << 32 | get_u32le(row);

	return mix(mix(key) + get_u32le(row + index_image_key_size(image) + 4));
}

enum as_err index_image_bucket(const struct index_image *image, const struct index_file *file,
			       uint32_t number, struct index_bucket *bucket)
{
	uint32_t got;

	index_image_place(image, number, &bucket->segment, &bucket->offset);
	bucket->number = number;
	if (!image->is_short) {
		memcpy(bucket->key, index_image_row(image, number), KEY_SIZE);
		return AS_OK;
	}
	struct index_bucket now;
	const enum as_err err = index_read(file, number, 1, &now, &got);
	if (err || now.segment != bucket->segment || now.offset != bucket->offset)
		return AS_ERR_IO;
	*bucket = now;
	return AS_OK;
}

/* The number of the row that holds @key, which has the form that rows have; or INDEX_EMPTY. */
static uint32_t find_row(const struct index_image *image, const uint8_t *key)
{
	const size_t key_size = index_image_key_size(image);
	uint32_t number = index_home(key, image->buckets);
	const uint8_t *row = index_image_row(image, number);

	for (uint32_t left = image->buckets; left; left--) {
		const uint32_t segment = get_u32le(row + key_size);

		if (segment == INDEX_EMPTY)
			break;
		if (segment != INDEX_DELETED &&
		    (image->is_short ? memcmp(row, key, INDEX_SHORT_KEY)
				     : memcmp(row, key, KEY_SIZE)) == 0)
			return number;
		row += key_size + 8;
		if (++number == image->buckets) {
			number = 0;
			row = image->bytes;
		}
	}
	return INDEX_EMPTY;
}

uint32_t index_image_find(const struct index_image *image, const uint8_t key[KEY_SIZE])
{
	uint8_t short_key[INDEX_SHORT_KEY];

	if (!image->is_short)
		return find_row(image, key);
	shorten_key(image, key, short_key);
	return find_row(image, short_key);
}

uint32_t index_image_find_again(const struct index_image *image, uint32_t number)
{
	return find_row(image, index_image_row(image, number));
}

void index_image_prefetch(const struct index_image *image, const uint8_t key[KEY_SIZE])
{
	__builtin_prefetch(index_image_row(image, index_home(key, image->buckets)));
}

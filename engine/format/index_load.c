#include "build-config.h"

#include "format/index_load.h"

#include "base/huge_pages.h"
#include "base/parallel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_BUCKETS 8192u		/* read at a time: 320 KiB */
/* Taken by a thread at a time: a huge page of short rows. Of one page that two threads come to at
 * once both make a copy, and one is thrown away. */
#define TURN_SLICES 16u

/* ---- runs ---- */

/* What there is to know of some buckets in a row without a look at any key. */
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

static uint64_t square(uint64_t run)
{
	return run * run;
}

/* Of the @count buckets at @buckets, as they are in the file. */
static struct runs measure(const uint8_t *buckets, uint32_t count)
{
	struct runs runs = { .count = count, .tail = count };
	uint32_t empty = 0;

	/* Nothing here is to be guessed by the processor: every second guess would be wrong. */
	for (uint32_t i = 0, begin = 0; i < count; i++) {
		const uint32_t segment = segment_in(buckets, i);
		const bool is_empty = segment == INDEX_EMPTY;

		runs.squared += is_empty ? square(i - begin) : 0;
		begin = is_empty ? i + 1 : begin;
		runs.tail = count - begin;
		runs.deleted += segment == INDEX_DELETED;
		empty += is_empty;
	}
	runs.used = count - empty - runs.deleted;
	while (runs.head < count && segment_in(buckets, runs.head) != INDEX_EMPTY)
		runs.head++;
	if (empty)
		runs.squared -= square(runs.head);
	return runs;
}

/* Those of @next follow those of @runs. */
static void join(struct runs *runs, const struct runs *next)
{
	if (has_empty(runs) && has_empty(next))
		runs->squared += square((uint64_t)runs->tail + next->head);
	if (!has_empty(runs))
		runs->head += next->head;
	runs->tail = has_empty(next) ? next->tail : runs->tail + next->count;
	runs->squared += next->squared;
	runs->count += next->count;
	runs->used += next->used;
	runs->deleted += next->deleted;
}

/* The last is followed by the first. */
static uint64_t all_squared(const struct runs *runs)
{
	return has_empty(runs) ? runs->squared + square((uint64_t)runs->head + runs->tail)
			       : square(runs->count);
}

/* ---- loading ---- */

/* What the threads of one load share. */
struct load {
	const struct index_file *file;
	struct index_image *image;
	struct runs *runs;		/* of each turn */
	_Atomic uint32_t next;		/* turn that nobody has taken yet */
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

static void shorten_rows(const struct index_image *image, uint32_t first, uint32_t count,
			 const uint8_t *bytes)
{
	uint8_t *row = image->bytes + (size_t)first * (INDEX_SHORT_KEY + 8);

	for (uint32_t i = 0; i < count; i++) {
		if (get_u32le(bytes + KEY_SIZE) < INDEX_DELETED)
			shorten_key(image, bytes, row);
		memcpy(row + INDEX_SHORT_KEY, bytes + KEY_SIZE, 8);
		row += INDEX_SHORT_KEY + 8;
		bytes += INDEX_BUCKET;
	}
}

/* Short rows come by way of @buffer. */
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
	if (buffer)
		shorten_rows(image, first, count, bytes);
}

static uint32_t slice_count(const struct index_file *file)
{
	return (file->buckets - 1) / SLICE_BUCKETS + 1;
}

static uint32_t turn_count(const struct index_file *file)
{
	return (slice_count(file) - 1) / TURN_SLICES + 1;
}

static void load_turn(struct load *load, uint32_t turn, uint8_t *buffer)
{
	const uint32_t slices = slice_count(load->file);
	const uint32_t first = turn * TURN_SLICES;

	for (uint32_t slice = first; slice < first + TURN_SLICES && slice < slices; slice++)
		if (!load->err)
			load_slice(load, slice * SLICE_BUCKETS, buffer, &load->runs[turn]);
}

static void load_turns(void *context)
{
	struct load *load = context;
	const uint32_t turns = turn_count(load->file);
	uint8_t *buffer = NULL;

	if (load->image->is_short) {
		buffer = aligned_alloc(64, (size_t)SLICE_BUCKETS * INDEX_BUCKET);
		if (!buffer) {
			fail_load(load, AS_ERR_MEMORY, ENOMEM);
			return;
		}
	}
	for (uint32_t turn = load->next++; turn < turns && !load->err; turn = load->next++)
		load_turn(load, turn, buffer);
	free(buffer);
}

static void take_runs(struct index_image *image, const struct runs *turns, uint32_t count)
{
	struct runs all = { .count = 0 };

	for (uint32_t i = 0; i < count; i++)
		join(&all, &turns[i]);
	image->used = all.used;
	image->deleted = all.deleted;
	image->passed = all_squared(&all) / 2;
}

static enum as_err load_all(const struct index_file *file, unsigned threads,
			    struct index_image *image)
{
	const uint32_t turns = turn_count(file);
	struct load load = {
		.file = file, .image = image, .runs = calloc(turns, sizeof(*load.runs)),
	};

	if (!load.runs)
		return AS_ERR_MEMORY;
	image->buckets = file->buckets;
	threads = parallel_threads(threads);
	parallel_run(threads < turns ? threads : turns, load_turns, &load);
	take_runs(image, load.runs, turns);
	free(load.runs);
	if (load.err)
		errno = load.sys;
	return (enum as_err)load.err;
}

enum as_err index_load_into(const struct index_file *file, unsigned threads,
			    struct index_image *image)
{
	image->is_short = false;
	return load_all(file, threads, image);
}

/* Memory for short rows; the file's length was held against its header, but a file can be larger
 * than the machine and full of holes. */
static uint8_t *rows_new(uint32_t buckets)
{
	const size_t size = (size_t)buckets * (INDEX_SHORT_KEY + 8);

	if (!index_fits_memory(buckets))
		return NULL;
	if (size < HUGE_PAGE)
		return malloc(size);
	return huge_pages_new(size);
}

enum as_err index_load(const struct index_file *file, unsigned threads, const struct key_hash *hash,
		       struct index_image *image)
{
	*image = (struct index_image){ .bytes = rows_new(file->buckets), .is_short = true };
	if (!image->bytes)
		return AS_ERR_MEMORY;
	if (hash)
		image->hash = *hash;
	else
		key_hash_draw(&image->hash);
	const enum as_err err = load_all(file, threads, image);
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

/* ---- asking ---- */

uint64_t index_image_probes(const struct index_image *image)
{
	return image->passed / image->buckets;
}

bool index_image_is_degenerate(const struct index_image *image)
{
	return index_image_probes(image) > INDEX_DEGENERATE_PROBES &&
	       image->buckets > INDEX_DEGENERATE_BUCKETS;
}

/* The finalizer of MurmurHash3: every bit of the outcome depends on every bit that went in. */
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

static bool is_key(const struct index_image *image, const uint8_t *row, const uint8_t *key)
{
	return image->is_short ? memcmp(row, key, INDEX_SHORT_KEY) == 0
			       : memcmp(row, key, KEY_SIZE) == 0;
}

/* @key as the rows have it. */
static uint32_t find_row(const struct index_image *image, const uint8_t *key)
{
	const size_t key_size = index_image_key_size(image);
	uint32_t number = index_home(key, image->buckets);
	const uint8_t *row = index_image_row(image, number);

	for (uint32_t left = image->buckets; left; left--) {
		const uint32_t segment = get_u32le(row + key_size);

		if (segment == INDEX_EMPTY)
			break;
		if (segment != INDEX_DELETED && is_key(image, row, key))
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

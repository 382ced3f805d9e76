#include "build-config.h"

#include "index_image.h"

#include "parallel.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLICE_BUCKETS 8192u		/* read by a thread at a time: 320 KiB */
#define HUGE_PAGE ((size_t)2 << 20)

/* ---- loading ---- */

/* What the threads of one load share. */
struct load {
	const struct index_file *file;
	struct index_image *image;
	_Atomic uint32_t next;		/* slice to be read */
	_Atomic uint32_t used;
	_Atomic int err;		/* enum as_err: the first failure, */
	_Atomic int sys;		/* and its errno */
};

static void fail_load(struct load *load, enum as_err err, int sys)
{
	int none = AS_OK;

	if (atomic_compare_exchange_strong(&load->err, &none, err))
		load->sys = sys;
}

static uint32_t count_used(const uint8_t *bytes, uint32_t count)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += get_u32le(bytes + (size_t)i * INDEX_BUCKET + KEY_SIZE) < INDEX_DELETED;
	return used;
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
static void load_slice(struct load *load, uint32_t first, uint8_t *buffer)
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
	load->used += count_used(bytes, count);
	if (buffer)
		shorten_rows(image, first, count, bytes);
}

static uint32_t slice_count(const struct index_file *file)
{
	return (file->buckets - 1) / SLICE_BUCKETS + 1;
}

static void load_slices(void *context)
{
	struct load *load = context;
	const uint32_t slices = slice_count(load->file);
	uint8_t *buffer = NULL;

	if (load->image->is_short) {
		buffer = malloc((size_t)SLICE_BUCKETS * INDEX_BUCKET);
		if (!buffer) {
			fail_load(load, AS_ERR_MEMORY, ENOMEM);
			return;
		}
	}
	for (uint32_t slice = load->next++; slice < slices && !load->err; slice = load->next++)
		load_slice(load, slice * SLICE_BUCKETS, buffer);
	free(buffer);
}

static enum as_err load_all(const struct index_file *file, unsigned threads,
			    struct index_image *image)
{
	struct load load = { .file = file, .image = image };

	image->buckets = file->buckets;
	threads = parallel_threads(threads);
	if (threads > slice_count(file))
		threads = slice_count(file);
	parallel_run(threads, load_slices, &load);
	image->used = load.used;
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
	const size_t rounded = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uint8_t *bytes = aligned_alloc(HUGE_PAGE, rounded);
	if (bytes)
		madvise(bytes, rounded, MADV_HUGEPAGE);	/* an aid only: look-ups go everywhere */
	return bytes;
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

#include "build-config.h"

#include "format/index_table_internal.h"

#include "base/huge_pages.h"
#include "format/dialect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WRITE_PIECE ((size_t)4 << 20)

const uint8_t index_empty_bucket[INDEX_BUCKET] = { [KEY_SIZE] = 0xff, 0xff, 0xff, 0xff };

/* ---- memory ---- */

static size_t mapping_size(uint64_t buckets)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((size_t)buckets * INDEX_BUCKET + page - 1) / page * page;
}

/* Look-ups go everywhere. This only helps: the system may ignore it. */
static void advise_huge_pages(uint8_t *bytes, size_t len)
{
	if (len >= HUGE_PAGE)
		madvise(bytes, len, MADV_HUGEPAGE);
}

/* Give the mapping @len bytes. The system moves pages and copies nothing; new bytes hold anything.
 * False: out of memory, and nothing has changed. */
static bool resize_mapping(struct index_table *table, size_t len)
{
	if (len == table->mapped)
		return true;
	uint8_t *bytes = mremap(table->image.bytes, table->mapped, len, MREMAP_MAYMOVE);
	if (bytes == MAP_FAILED)
		return false;
	advise_huge_pages(bytes, len);
	table->image.bytes = bytes;
	table->mapped = len;
	return true;
}

struct index_table *index_table_new_raw(const struct dialect *dialect, uint32_t buckets)
{
	if (!index_fits_memory(buckets))
		return NULL;
	struct index_table *table = malloc(sizeof(*table));
	if (!table)
		return NULL;
	const size_t len = mapping_size(buckets);
	uint8_t *bytes =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED) {
		free(table);
		return NULL;
	}
	advise_huge_pages(bytes, len);
	*table = (struct index_table){
		.image = { .bytes = bytes, .buckets = buckets, .used = 0 },
		.mapped = len, .dialect = dialect,
	};
	return table;
}

void index_table_free(struct index_table *table)
{
	if (!table)
		return;
	munmap(table->image.bytes, table->mapped);
	free(table);
}

/* ---- buckets ---- */

static uint32_t segment_at(const struct index_table *table, uint32_t number)
{
	return get_u32le(bucket_at(table, number) + KEY_SIZE);
}

static uint32_t next_of(const struct index_table *table, uint32_t number)
{
	return number + 1 < table->image.buckets ? number + 1 : 0;
}

static uint32_t first_empty(const struct index_table *table, uint32_t from)
{
	while (segment_at(table, from) != INDEX_EMPTY)
		from = next_of(table, from);
	return from;
}

/* ---- sizes ---- */

static bool is_crowded(const struct dialect *dialect, uint64_t used, uint64_t buckets)
{
	return used * 100 > buckets * dialect->index_used_max;
}

/* Make a table of @buckets out of any other: gather all entries at the end of a memory that has
 * room for @buckets before them, then insert them. Where the table itself has that room, as one
 * that shrinks has, no memory is needed and nothing can fail. */
static enum as_err rebuild(struct index_table *table, uint32_t buckets)
{
	const uint32_t old = table->image.buckets;
	const uint32_t needed = buckets + table->image.used;
	const uint32_t room = needed > old ? needed : old;
	uint32_t first = room;

	if (room > old && (!index_fits_memory(room) || !resize_mapping(table, mapping_size(room))))
		return AS_ERR_MEMORY;
	for (uint32_t i = old; i-- > 0;)
		if (segment_at(table, i) < INDEX_DELETED)
			memmove(bucket_at(table, --first), bucket_at(table, i), INDEX_BUCKET);
	make_empty(table, 0, buckets);
	table->image.buckets = buckets;
	for (uint32_t i = first; i < room; i++) {
		const uint8_t *p = bucket_at(table, i);
		const uint32_t place = first_empty(table, index_home(p, buckets));

		memcpy(bucket_at(table, place), p, INDEX_BUCKET);
	}
	table->image.deleted = 0;
	resize_mapping(table, mapping_size(buckets));
	return AS_OK;
}

/* Make a loaded table like all that this module makes: with an empty bucket to end each look-up,
 * none deleted, not below the smallest size. The errors of index_table_reserve. */
static enum as_err normalise(struct index_table *table)
{
	const uint32_t buckets = table->image.buckets;
	const uint32_t used = table->image.used;
	const uint32_t least = table->dialect->index_buckets_min;
	uint64_t wanted = buckets < least ? least : buckets;

	if (buckets >= least && used < buckets && !table->image.deleted)
		return AS_OK;
	if ((buckets < least || used + table->image.deleted == buckets) &&
	    is_crowded(table->dialect, used, wanted))
		wanted = dialect_more_buckets(table->dialect, wanted);
	return wanted > INT32_MAX ? AS_ERR_FULL : rebuild(table, (uint32_t)wanted);
}

/* ---- what the header promises ---- */

uint64_t index_table_buckets_for(const struct dialect *dialect, uint64_t keys)
{
	/* The last key finds those before it. */
	const uint64_t found = keys > 0 ? keys - 1 : 0;
	uint64_t buckets = dialect->index_buckets_min;

	while (buckets <= INT32_MAX && is_crowded(dialect, found, buckets))
		buckets = dialect_more_buckets(dialect, buckets);
	return buckets;
}

struct index_table *index_table_new(const struct dialect *dialect, uint64_t keys)
{
	const uint64_t buckets = index_table_buckets_for(dialect, keys);
	struct index_table *table =
		buckets <= INT32_MAX ? index_table_new_raw(dialect, (uint32_t)buckets) : NULL;

	if (table)
		make_empty(table, 0, (uint32_t)buckets);
	return table;
}

enum as_err index_table_load(const struct index_file *file, struct index_table **table)
{
	struct index_table *loaded = index_table_new_raw(file->dialect, file->buckets);
	struct index_census census;

	*table = NULL;
	if (!loaded)
		return AS_ERR_MEMORY;
	enum as_err err = index_load_into(file, 0, &loaded->image);
	if (!err)
		err = index_census(file, &loaded->image, 0, &census, NULL);
	if (!err && (census.used != file->used || census.unreachable || census.duplicates ||
		     census.degenerate))
		err = AS_ERR_INTEGRITY;
	if (err) {
		const int kept = errno;
		index_table_free(loaded);
		errno = kept;
		return err;
	}
	*table = loaded;
	return AS_OK;
}

uint32_t index_table_count(const struct index_table *table)
{
	return table->image.used;
}

uint32_t index_table_find(const struct index_table *table, const uint8_t key[KEY_SIZE])
{
	return index_image_find(&table->image, key);
}

bool index_table_get(const struct index_table *table, const uint8_t key[KEY_SIZE],
		     uint32_t *segment, uint32_t *offset)
{
	const uint32_t number = index_table_find(table, key);

	if (number == INDEX_EMPTY)
		return false;
	const uint8_t *p = bucket_at(table, number);
	*segment = get_u32le(p + KEY_SIZE);
	*offset = get_u32le(p + KEY_SIZE + 4);
	return true;
}

enum as_err index_table_reserve(struct index_table *table)
{
	enum as_err err = normalise(table);
	const uint64_t grown = dialect_more_buckets(table->dialect, table->image.buckets);

	if (!err && is_crowded(table->dialect, table->image.used, table->image.buckets))
		err = grown > INT32_MAX ? AS_ERR_FULL : rebuild(table, (uint32_t)grown);
	if (err)
		return err;
	/* The size that the table has now counts: asked again, the answer is the same. */
	return is_degenerating(table->image.passed, table->image.buckets) ? AS_ERR_COLLISION
									  : AS_OK;
}

enum as_err index_table_put(struct index_table *table, const uint8_t key[KEY_SIZE],
			    uint32_t segment, uint32_t offset)
{
	normalise(table);	/* what is there can change even where this fails */
	uint32_t number = index_table_find(table, key);

	if (number == INDEX_EMPTY) {
		const enum as_err err = index_table_reserve(table);
		if (err)
			return err;
		const uint32_t home = index_home(key, table->image.buckets);
		number = first_empty(table, home);
		table->image.passed += index_distance(home, number, table->image.buckets);
		table->image.used++;
	}
	fill_bucket(bucket_at(table, number), key, segment, offset);
	return AS_OK;
}

/* ---- removing ---- */

/* Empty the bucket @gap of a normalised table. An entry that could not be reached across the gap
 * moves into it, and leaves a gap of its own. */
static void close_gap(struct index_table *table, uint32_t gap)
{
	const uint32_t buckets = table->image.buckets;

	for (uint32_t i = next_of(table, gap); segment_at(table, i) != INDEX_EMPTY;
	     i = next_of(table, i)) {
		const uint8_t *p = bucket_at(table, i);

		if (index_distance(index_home(p, buckets), i, buckets) <
		    index_distance(gap, i, buckets))
			continue;
		memcpy(bucket_at(table, gap), p, INDEX_BUCKET);
		gap = i;
	}
	memcpy(bucket_at(table, gap), index_empty_bucket, INDEX_BUCKET);
}

bool index_table_remove(struct index_table *table, const uint8_t key[KEY_SIZE])
{
	const enum as_err normalised = normalise(table);
	const uint32_t number = index_table_find(table, key);

	if (number == INDEX_EMPTY)
		return false;
	if (normalised == AS_OK) {
		close_gap(table, number);
	} else {
		put_u32le(bucket_at(table, number) + KEY_SIZE, INDEX_DELETED);
		table->image.deleted++;
	}
	table->image.used--;
	const uint64_t buckets = table->image.buckets;
	const uint64_t fewer = dialect_fewer_buckets(table->dialect, buckets);
	if (fewer > 0 && table->image.used < buckets * table->dialect->index_used_min / 100)
		rebuild(table, (uint32_t)fewer);
	return true;
}

void index_table_prefetch(const struct index_table *table, const uint8_t key[KEY_SIZE])
{
	const uint8_t *p = bucket_at(table, index_home(key, table->image.buckets));

	__builtin_prefetch(p, 1);
	__builtin_prefetch(p + INDEX_BUCKET - 1, 1);	/* often in the next line */
}

bool index_table_next(const struct index_table *table, uint32_t from, struct index_bucket *bucket)
{
	for (; from < table->image.buckets; from++) {
		if (segment_at(table, from) >= INDEX_DELETED)
			continue;
		index_decode_bucket(bucket_at(table, from), from, bucket);
		return true;
	}
	return false;
}

/* In pieces: the disk writes one while the next is copied, and the sync at the end has little to
 * wait for. */
static enum as_err write_image(void *context, const struct permit *permit, int fd)
{
	const struct index_table *table = context;
	const struct index_image *image = &table->image;
	const size_t len = (size_t)image->buckets * INDEX_BUCKET;
	uint8_t header[INDEX_HEADER];

	index_encode_header(table->dialect, image->used, image->buckets, header);
	enum as_err err = io_write_at(permit, fd, header, sizeof(header), 0);
	for (size_t at = 0; at < len && !err; at += WRITE_PIECE) {
		const size_t left = len - at;

		err = io_write_at(permit, fd, image->bytes + at,
				  left < WRITE_PIECE ? left : WRITE_PIECE, sizeof(header) + at);
		if (left > WRITE_PIECE)
			io_begin_sync(permit, fd);
	}
	return err;
}

enum as_err index_table_write(const struct index_table *table, const struct permit *permit,
			      const char *path)
{
	struct index_table copy = *table;

	return io_write_file(permit, path, write_image, &copy);
}

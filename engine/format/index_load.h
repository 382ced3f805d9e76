/* engine/format/index_load.h - a whole index read into memory, to search and check it. */
#ifndef ATTICSCOPE_INDEX_LOAD_H
#define ATTICSCOPE_INDEX_LOAD_H

#include "base/key_hash.h"
#include "format/index.h"

/* Rows are the buckets as they lie in the file, or short rows: these keep the first 4 bytes of a
 * key, which give its home, and 4 bytes of a hash of the whole key. Two different keys look alike
 * as rarely as a CRC-32 misses damage, and nobody can predict which. */
#define INDEX_SHORT_KEY 8u

struct index_image {
	uint8_t *bytes;		/* buckets * row, without the header */
	uint32_t buckets;
	/* counted when it was loaded, and kept by index_table.c: */
	uint32_t used, deleted;
	uint64_t passed;	/* half the squares of all runs without an EMPTY bucket, added up */
	bool is_short;
	struct key_hash hash;	/* of short rows */
};

/* A table is degenerate when a look-up that finds nothing passes this many buckets on average.
 * Small tables are let through: all their look-ups together take a fraction of a second. */
#define INDEX_DEGENERATE_PROBES 4096u
#define INDEX_DEGENERATE_BUCKETS 16384u

/* The result of a walk over all buckets. */
struct index_census {
	uint32_t used, deleted;
	uint64_t unreachable;	/* used buckets that probing from their home does not reach */
	uint64_t duplicates;	/* used buckets whose key a look-up finds in another bucket */
	uint32_t longest;	/* probe distance */
	bool degenerate;	/* runs so long that look-ups would crawl; duplicates were then
				 * not counted */
};

/* Read all buckets with @threads threads (0: one for each processor), as short rows: 16 bytes of
 * memory for each of the file's 40. @hash is NULL for a random one, which is right unless marks are
 * kept. AS_ERR_MEMORY, also where the file is larger than the
 * machine's memory; AS_ERR_IO: some bucket cannot be read. An error leaves nothing to free. */
enum as_err index_load(const struct index_file *file, unsigned threads, const struct key_hash *hash,
		       struct index_image *image);
void index_image_free(struct index_image *image);

/* The same into the caller's memory: image->bytes has room for all buckets of @file, as short rows
 * where image->is_short is set. */
enum as_err index_load_into(const struct index_file *file, unsigned threads,
			    struct index_image *image);

static inline size_t index_image_key_size(const struct index_image *image)
{
	return image->is_short ? INDEX_SHORT_KEY : KEY_SIZE;
}

/* The row of bucket @number: the key, or what is kept of it, then segment and offset. */
static inline const uint8_t *index_image_row(const struct index_image *image, uint32_t number)
{
	return image->bytes + (size_t)number * (index_image_key_size(image) + 8);
}

/* Where bucket @number maps to; *@segment is INDEX_EMPTY or INDEX_DELETED where it is not used. */
static inline void index_image_place(const struct index_image *image, uint32_t number,
				     uint32_t *segment, uint32_t *offset)
{
	const uint8_t *place = index_image_row(image, number) + index_image_key_size(image);
	*segment = get_u32le(place);
	*offset = get_u32le(place + 4);
}

/* A number for the key and the offset in bucket @number, of short rows. Two sets of buckets with
 * the same sum are the same set. Depends on the image's hash. */
uint64_t index_image_mark(const struct index_image *image, uint32_t number);

/* Bucket @number with its key, which is read from @file for short rows. AS_ERR_IO: it can no longer
 * be read; then only number, segment and offset are filled in. */
enum as_err index_image_bucket(const struct index_image *image, const struct index_file *file,
			       uint32_t number, struct index_bucket *bucket);

/* Bucket number of @key, or INDEX_EMPTY when it is not there. */
uint32_t index_image_find(const struct index_image *image, const uint8_t key[KEY_SIZE]);

/* The bucket that a look-up of the key in bucket @number ends at. */
uint32_t index_image_find_again(const struct index_image *image, uint32_t number);

/* Prefetch the row where a look-up of @key begins. Not inline: gcc would take it for a function
 * without effect, and leave out the call. */
void index_image_prefetch(const struct index_image *image, const uint8_t key[KEY_SIZE]);

/* How many buckets a look-up that finds nothing passes on average in a loaded image; and are they
 * so many that look-ups would crawl? */
static inline uint64_t index_image_probes(const struct index_image *image)
{
	return image->passed / image->buckets;
}
static inline bool index_image_is_degenerate(const struct index_image *image)
{
	return index_image_probes(image) > INDEX_DEGENERATE_PROBES &&
	       image->buckets > INDEX_DEGENERATE_BUCKETS;
}

/* Add PROBLEM_INDEX_COUNT to @findings (which may be NULL) where the header of @file does not count
 * the @used buckets, as a census does. AS_ERR_MEMORY. */
enum as_err index_check_count(const struct index_file *file, uint32_t used,
			      struct findings *findings);

/* Count and check every bucket with @threads threads (0: one for each processor). Findings
 * (PROBLEM_INDEX_COUNT, _DUPLICATE, _UNREACHABLE, _DEGENERATE) go to @findings, which may be NULL.
 * Those of a bucket have its key, and as their place the segment and offset that it maps to. The
 * result does not depend on @threads. AS_ERR_MEMORY. */
enum as_err index_census(const struct index_file *file, const struct index_image *image,
			 unsigned threads, struct index_census *census, struct findings *findings);

#endif

/* engine/format/index.h - the hash index of one transaction: REPO/index.T.
 *
 * Source: attic/_hashindex.c, HashHeader and the bucket layout:
 *   header, 18 bytes: "ATTICIDX", i32le used buckets, i32le buckets, i8 key size 32, i8 value
 *   size 8; then the buckets of 40 bytes: key[32], u32le segment, u32le offset; segment 0xffffffff
 *   is empty, 0xfffffffe deleted
 * The home bucket of a key is its first 4 bytes as u32le modulo the number of buckets; collisions
 * go to the next bucket, round the end; a look-up stops at an empty bucket and passes over deleted
 * ones.
 */
#ifndef ATTICSCOPE_INDEX_H
#define ATTICSCOPE_INDEX_H

#include "base/bytes.h"
#include "base/io.h"
#include "base/problem.h"
#include "format/dialect.h"

#include <stdbool.h>

#define INDEX_HEADER 18u
#define INDEX_BUCKET 40u
#define INDEX_EMPTY 0xffffffffu
#define INDEX_DELETED 0xfffffffeu

/* An open index file. Opening checks header and length and reads nothing else. */
struct index_file {
	const struct io *io;	/* borrowed */
	int fd;			/* -1 when not open */
	const struct dialect *dialect;
	uint32_t transaction;	/* the T of index.T */
	uint64_t length;	/* bytes */
	uint32_t used;		/* buckets, as the header says */
	uint32_t buckets;	/* at least 1, and length is exactly 18 + 40 * buckets */
};

/* A bucket as it lies on the disk. */
struct index_bucket {
	uint32_t number;
	uint32_t segment;	/* or INDEX_EMPTY, INDEX_DELETED */
	uint32_t offset;
	uint8_t key[KEY_SIZE];
};

/* Open REPO/index.@transaction, in @dialect. What does not fit is appended to @findings
 * (PROBLEM_INDEX_UNREADABLE, _HEADER, _LENGTH) and leaves file->fd at -1; then, and only then,
 * AS_ERR_INTEGRITY (or AS_ERR_DOES_NOT_EXIST, with PROBLEM_INDEX_MISSING). AS_ERR_MEMORY.
 * @findings may be NULL. */
enum as_err index_open(const struct io *io, int repo_fd, const struct dialect *dialect,
		       uint32_t transaction, struct index_file *file, struct findings *findings);
void index_close(struct index_file *file);

/* The same where the header is damaged: as many buckets as the length of the file has.
 * AS_ERR_INTEGRITY: no index has that length. Codes of io_open_file. */
enum as_err index_open_buckets(const struct io *io, int repo_fd, uint32_t transaction,
			       struct index_file *file);

static inline bool index_bucket_is_used(const struct index_bucket *bucket)
{
	return bucket->segment < INDEX_DELETED;
}

/* Home bucket of @key among @buckets (at least 1). Needs no division for a power of two, as most
 * are. */
static inline uint32_t index_home(const uint8_t *key, uint32_t buckets)
{
	const uint32_t hash = get_u32le(key);
	return (buckets & (buckets - 1)) == 0 ? hash & (buckets - 1) : hash % buckets;
}

/* Keys in parts, by their homes. Where the number of buckets is a power of two, the homes of a part
 * are every INDEX_PARTS-th stripe of INDEX_STRIPE buckets; where there are fewer stripes than
 * parts, several parts share one. Work done part by part goes over the index stripe by stripe. */
#define INDEX_PARTS 64u
#define INDEX_STRIPE 32768u
static inline unsigned index_part(const uint8_t *key)
{
	return get_u32le(key) / INDEX_STRIPE % INDEX_PARTS;
}

/* How many of @buckets lie from @from to @to, forward and round the end. */
static inline uint32_t index_distance(uint32_t from, uint32_t to, uint32_t buckets)
{
	return to >= from ? to - from : to + (buckets - from);
}

/* Decode the 40 bytes at @p. */
void index_decode_bucket(const uint8_t *p, uint32_t number, struct index_bucket *bucket);

/* Read buckets [@first, @first + @count) into @out (fewer at the end of the table: *@got).
 * AS_ERR_IO: *@got are good, bucket @first + *@got cannot be read, or is gone because the file was
 * cut short since it was opened. */
enum as_err index_read(const struct index_file *file, uint32_t first, uint32_t count,
		       struct index_bucket *out, uint32_t *got);

/* Call @each for every bucket, used or not, from number *@from on, as long as it returns AS_OK;
 * that or what it returned is the result. AS_ERR_IO also where a bucket cannot be read, see
 * index_read; AS_ERR_MEMORY. *@from is then the number of the bucket that ended it. */
#define INDEX_BUCKETS_SKIPPED 103u	/* to go on behind it: the 4 KiB that a disk may refuse */
enum as_err index_each(const struct index_file *file, uint32_t *from,
		       enum as_err (*each)(void *context, const struct index_bucket *bucket),
		       void *context);

/* Look @key up from the disk. AS_OK fills *@bucket; AS_ERR_OBJECT_NOT_FOUND; AS_ERR_IO;
 * AS_ERR_LIMIT after INDEX_PROBES_MAX buckets without an answer. */
#define INDEX_PROBES_MAX (1u << 20)
enum as_err index_lookup(const struct index_file *file, const uint8_t key[KEY_SIZE],
			 struct index_bucket *bucket);

/* Where bucket @number lies in the file, bytes. */
static inline uint64_t index_bucket_offset(uint32_t number)
{
	return INDEX_HEADER + (uint64_t)number * INDEX_BUCKET;
}

/* Could the machine's memory hold @buckets (below 2^33)? Never ask for more, whatever a file says.
 */
bool index_fits_memory(uint64_t buckets);

/* The header of a file of @buckets buckets, @used of them. */
void index_encode_header(const struct dialect *dialect, uint32_t used, uint32_t buckets,
			 uint8_t header[INDEX_HEADER]);

#endif

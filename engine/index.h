/* engine/index.h - the hash index of one transaction: REPO/index.T.
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

#include "bytes.h"
#include "io.h"
#include "problem.h"

#include <stdbool.h>

#define INDEX_HEADER 18u
#define INDEX_BUCKET 40u
#define INDEX_EMPTY 0xffffffffu
#define INDEX_DELETED 0xfffffffeu

/* An open index file. Opening checks header and length and reads nothing else. */
struct index_file {
	const struct io *io;	/* borrowed */
	int fd;			/* -1 when not open */
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

/* Open REPO/index.@transaction. What does not fit is appended to @findings
 * (PROBLEM_INDEX_UNREADABLE, _HEADER, _LENGTH) and leaves file->fd at -1; then, and only then,
 * AS_ERR_INTEGRITY (or AS_ERR_DOES_NOT_EXIST, with PROBLEM_INDEX_MISSING). AS_ERR_MEMORY. */
enum as_err index_open(const struct io *io, int repo_fd, uint32_t transaction,
		       struct index_file *file, struct findings *findings);
void index_close(struct index_file *file);

static inline bool index_bucket_is_used(const struct index_bucket *bucket)
{
	return bucket->segment < INDEX_DELETED;
}

/* Home bucket of @key among @buckets (at least 1). */
uint32_t index_home(const uint8_t *key, uint32_t buckets);

/* Buckets between the home of the bucket's key and the bucket itself, forward and round the end. */
uint32_t index_distance(const struct index_bucket *bucket, uint32_t buckets);

/* Decode the 40 bytes at @p. */
void index_decode_bucket(const uint8_t *p, uint32_t number, struct index_bucket *bucket);

/* Read buckets [@first, @first + @count) into @out (fewer at the end of the table: *@got).
 * AS_ERR_IO: *@got are good, bucket @first + *@got cannot be read, or is gone because the file was
 * cut short since it was opened. */
enum as_err index_read(const struct index_file *file, uint32_t first, uint32_t count,
		       struct index_bucket *out, uint32_t *got);

/* Look @key up from the disk. AS_OK fills *@bucket; AS_ERR_OBJECT_NOT_FOUND; AS_ERR_IO;
 * AS_ERR_LIMIT after INDEX_PROBES_MAX buckets without an answer. */
#define INDEX_PROBES_MAX (1u << 20)
enum as_err index_lookup(const struct index_file *file, const uint8_t key[KEY_SIZE],
			 struct index_bucket *bucket);

/* The whole index in memory, for work over all of it: as large as the file. */
struct index_image {
	uint8_t *bytes;		/* buckets * 40, without the header */
	uint32_t buckets;
	uint32_t used;		/* counted */
};

/* What a walk over all buckets finds out. */
struct index_census {
	uint32_t used, deleted;
	uint64_t unreachable;	/* used buckets that probing from their home does not reach */
	uint64_t duplicates;	/* used buckets whose key a look-up finds in another bucket */
	uint32_t longest;	/* probe distance */
	bool degenerate;	/* runs so long that look-ups would crawl; duplicates were then
				 * not counted */
};

/* Read all buckets with @threads threads (0: one for each processor). AS_ERR_MEMORY, also where
 * the file is larger than the machine's memory; AS_ERR_IO: some bucket cannot be read. An error
 * leaves nothing to free. */
enum as_err index_load(const struct index_file *file, unsigned threads, struct index_image *image);
void index_image_free(struct index_image *image);

/* The same into memory of the caller's own: image->bytes has room for all buckets of @file. */
enum as_err index_load_into(const struct index_file *file, unsigned threads,
			    struct index_image *image);

/* Could the machine's memory hold @buckets (below 2^33)? More are not to be asked for, whoever
 * names the number. */
bool index_fits_memory(uint64_t buckets);

/* The header of a file that holds @image. */
void index_encode_header(const struct index_image *image, uint8_t header[INDEX_HEADER]);

/* Bucket number of @key in @image, or INDEX_EMPTY when it is not there. */
uint32_t index_image_find(const struct index_image *image, const uint8_t key[KEY_SIZE]);

static inline void index_image_bucket(const struct index_image *image, uint32_t number,
				      struct index_bucket *bucket)
{
	index_decode_bucket(image->bytes + (size_t)number * INDEX_BUCKET, number, bucket);
}

/* Count and judge every bucket; findings (PROBLEM_INDEX_COUNT, _DUPLICATE, _UNREACHABLE,
 * _DEGENERATE) go to @findings, which may be NULL. Those of a bucket have its key, and as their
 * place the segment and offset that it maps to. AS_ERR_MEMORY. */
enum as_err index_census(const struct index_file *file, const struct index_image *image,
			 struct index_census *census, struct findings *findings);

#endif

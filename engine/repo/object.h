/* engine/repo/object.h - one object of an opened repository: read it, find it, see where its
 * mapping leads; and the places that the index names in one segment. */
#ifndef ATTICSCOPE_OBJECT_H
#define ATTICSCOPE_OBJECT_H

#include "repo/fd_cache.h"
#include "repo/repo.h"

/* Where the index says that PUTs begin in @segment, for segment_open, ascending by offset. Reads
 * the whole index; gives no rows where it does not fit the log. The caller frees *@rows.
 * AS_ERR_MEMORY. */
enum as_err repo_witnesses(const struct repo *repo, uint32_t segment, struct segment_witness **rows,
			   size_t *count);

/* The same as a segment_witness_fn: @context is a struct repo_witness, zeroed but for repo before
 * the first use; the caller frees rows after the last. Out of memory means no witnesses. */
struct repo_witness {
	const struct repo *repo;
	struct segment_witness *rows;
};
void repo_give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out);

/* Orders two of them by offset, then by key. */
int witness_compare(const void *a, const void *b);

/* A place in the log, and the file to read it from. */
struct object_place {
	uint32_t segment, offset;
	const char *path;	/* below the repository; NULL: where the listing has the segment */
	struct fd_cache *fds;	/* files kept open, for one thread; NULL: open the file only once */
};

/* The payload of the PUT of @key at @place. The checksum is verified and the key compared before
 * anything is returned. *@data is the caller's to free; it is NULL after an error.
 * AS_ERR_INTEGRITY: there is no such PUT, it is damaged, or its segment is missing; @error then
 * has the place. AS_ERR_IO: the file cannot be opened, or, where @error has the place, the disk
 * does not give the entry's bytes. AS_ERR_DENIED, AS_ERR_MEMORY. @error names file and segment. */
enum as_err object_read(const struct repo *repo, const uint8_t key[KEY_SIZE],
			const struct object_place *place, uint8_t **data, size_t *len,
			struct as_error *error);

/* Fill in @error for @entry of segment @segment in the file @path, which is damaged or not what was
 * wanted. AS_ERR_INTEGRITY; AS_ERR_IO where the disk did not give its bytes. */
enum as_err object_fail_damage(const struct repo *repo, const char *path, uint32_t segment,
			       const struct segment_entry *entry, struct as_error *error);

/* Find the one key in the index that begins with @prefix. AS_ERR_OBJECT_NOT_FOUND,
 * AS_ERR_AMBIGUOUS, AS_ERR_IO; AS_ERR_INTEGRITY when there is no index to search. Reads the whole
 * index unless 64 digits are given. */
enum as_err object_find(const struct repo *repo, const struct key_prefix *prefix,
			  struct index_bucket *bucket, struct as_error *error);

/* Where an index bucket's mapping leads. */
enum index_target {
	TARGET_OK, TARGET_NO_SEGMENT, TARGET_NOT_A_PUT, TARGET_OTHER_KEY, TARGET_DAMAGED,
	TARGET_OUT_OF_RANGE,
	TARGET_UNREADABLE	/* disk or permission refuse to tell */
};
/* "ok", "no-segment", ... as in the JSON */
const char *index_target_name(enum index_target target);

/* Read the entry that @bucket maps to and judge it, its checksum included. AS_ERR_MEMORY: nothing
 * is known of it, and *@target is TARGET_UNREADABLE. */
enum as_err object_target(const struct repo *repo, const struct index_bucket *bucket,
			enum index_target *target);

#endif

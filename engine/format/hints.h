/* engine/format/hints.h - REPO/hints.T: how much of each segment is live, and which segments
 * compaction can make smaller.
 *
 * Source: attic/repository.py, write_index: one msgpack map of the old family (raw strings):
 *   "version": 1, "segments": {segment: number of live PUTs}, "compact": [segments]
 * Version 2 is Borg's since 1.1 (borg/repository.py, write_index): "compact" is a map of segments
 * to the bytes that compaction would free there, and there are, the second since 1.2,
 *   "storage_quota_use": bytes, "shadow_index": {key: [segments that hold an older PUT of it]}
 */
#ifndef ATTICSCOPE_HINTS_H
#define ATTICSCOPE_HINTS_H

#include "base/io.h"
#include "base/problem.h"
#include "format/dialect.h"

#define HINTS_FILE_MAX (256u * 1024u * 1024u)	/* bytes: 25 million segments; more is refused */

struct hints_segment {
	uint32_t segment;
	bool is_counted;	/* it is in the map of segments; hints that change count all rows */
	bool is_compact;	/* it is in the compact list: it holds something superseded */
	/* PUTs that the index maps to, as stored: a negative number is possible, and wrong. 0 where
	 * the segment is not counted */
	int64_t live;
	int64_t freeable;	/* version 2, compact: bytes that compaction would free */
};

/* A key of the shadow index, and where older PUTs of it are left. When Borg compacts, it drops a
 * DELETE whose key is here with no segment below its own. */
struct hints_shadow {
	uint8_t key[KEY_SIZE];
	uint32_t first, count;	/* of hints.shadow_segments: where older PUTs are */
};

/* An older PUT of a key that is still in the log. Those of all keys make a shadow index. */
struct hints_older {
	uint8_t key[KEY_SIZE];
	uint32_t segment;
};

struct hints {
	bool usable;		/* read and understood */
	uint32_t transaction;	/* the T of hints.T */
	uint32_t version;
	struct hints_segment *rows;		/* ascending by segment, each once */
	size_t count, capacity;
	size_t segment_count, compact_count;	/* rows counted and rows listed, as read */
	bool has_quota_use;
	int64_t quota_use;			/* bytes */
	struct hints_shadow *shadow;		/* ascending by key */
	uint32_t *shadow_segments;
	size_t shadow_count, shadow_capacity, shadow_segment_count, shadow_segment_capacity;
	struct hints_older *older;		/* hints that change: what is written as such */
	size_t older_count, older_capacity;
};

/* Parse the bytes of a hints file of a version that @dialect reads. The memory used is in
 * proportion to the bytes, whatever counts they claim. Sets usable, or appends PROBLEM_HINTS_FORMAT
 * or _VERSION. AS_ERR_MEMORY only. */
enum as_err hints_parse(const uint8_t *data, size_t len, const struct dialect *dialect,
			uint32_t transaction, struct hints *hints, struct findings *findings);

/* Read REPO/hints.@transaction; missing or unreadable is a finding (PROBLEM_HINTS_MISSING,
 * _UNREADABLE). AS_ERR_MEMORY only. */
enum as_err hints_read(const struct io *io, int repo_fd, const struct dialect *dialect,
		       uint32_t transaction, struct hints *hints, struct findings *findings);

void hints_free(struct hints *hints);

/* The row of a @segment that is counted, or NULL. It is valid until the next hints_add or
 * hints_remove. */
struct hints_segment *hints_find(const struct hints *hints, uint32_t segment);

/* Is @segment in the compact list? */
bool hints_is_compact(const struct hints *hints, uint32_t segment);

/* The row of @key in the shadow index, or NULL. */
const struct hints_shadow *hints_find_shadow(const struct hints *hints,
					     const uint8_t key[KEY_SIZE]);

/* The last segment that is counted; 0 where there is none. */
uint32_t hints_last(const struct hints *hints);

/* Add up all live counts. False: one is below 0 or above 2^32-1. */
bool hints_sum(const struct hints *hints, uint64_t *sum);

/* ---- hints that change: all zero is empty ---- */

/* Copy @from to @to, whose former content is not freed. What its shadow index lists become older
 * PUTs; a segment that only the compact list names counts 0 objects from now on. AS_ERR_MEMORY;
 * AS_ERR_INTEGRITY: see hints_sum. After an error @to is empty. */
enum as_err hints_copy(struct hints *to, const struct hints *from);

/* The same from REPO/hints.@transaction, of a version that @dialect reads. AS_ERR_INTEGRITY also
 * where that is missing, or cannot be read or understood. */
enum as_err hints_load(struct hints *hints, const struct io *io, int repo_fd,
		       const struct dialect *dialect, uint32_t transaction);

/* The row of @segment. A new one has nothing live; appending it behind the last is quick. NULL: out
 * of memory. */
struct hints_segment *hints_add(struct hints *hints, uint32_t segment);

/* Remove the rows for which @is_dropped is true. */
void hints_remove(struct hints *hints,
		  bool (*is_dropped)(void *context, const struct hints_segment *row),
		  void *context);

/* Make room for one more older PUT. False: out of memory. */
bool hints_reserve_older(struct hints *hints);

/* An older PUT of @key is in @segment. Room was made before. */
void hints_add_older(struct hints *hints, const uint8_t key[KEY_SIZE], uint32_t segment);

/* Bring the older PUTs in order, each once, and without those of segments that have no row. To be
 * done before hints_size and hints_write. */
void hints_sort_older(struct hints *hints);

/* The bytes of the file that hints_write would make. */
uint64_t hints_size(const struct hints *hints, const struct dialect *dialect);

/* Write @hints to the file @path, in the version that @dialect writes. Those of version 2 have no
 * use of the quota where none is known, and the older PUTs as the shadow index. Where an older PUT
 * is missing there, Borg drops the DELETE of its key once that was put and deleted again, and the
 * log brings it back. Codes of io_write_file, AS_ERR_MEMORY. */
enum as_err hints_write(const struct hints *hints, const struct dialect *dialect,
			const struct permit *permit, const char *path);

#endif

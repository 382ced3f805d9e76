/* engine/format/usage.h - what the hints say, in memory, as it changes: live PUTs per segment, and
 * which segments hold something superseded.
 *
 * Source: attic/repository.py, Repository.segments and Repository.compact.
 */
#ifndef ATTICSCOPE_USAGE_H
#define ATTICSCOPE_USAGE_H

#include "format/hints.h"

struct usage_segment {
	uint32_t segment;
	uint32_t live;		/* PUTs that the index maps to */
	bool compact;		/* holds something superseded */
};

struct usage {
	struct usage_segment *rows;	/* ascending by segment, each once */
	size_t count, capacity;
};

/* All zero is empty. */
void usage_free(struct usage *usage);

/* Take over what @hints say; a segment that only their compact list names gets a row too.
 * AS_ERR_MEMORY; AS_ERR_INTEGRITY: a count below 0 or above 2^32-1. @usage must be empty, and is
 * after an error. */
enum as_err usage_load(struct usage *usage, const struct hints *hints);

/* The same from REPO/hints.@transaction. AS_ERR_INTEGRITY also where that is missing, or cannot be
 * read or understood. */
enum as_err usage_read(struct usage *usage, const struct io *io, int repo_fd, uint32_t transaction);

/* The row of @segment, or NULL. Lives until the next usage_add or usage_remove. */
struct usage_segment *usage_find(const struct usage *usage, uint32_t segment);

/* The row of @segment, made with nothing live where there is none; quick for the last segment and
 * for one behind it. NULL: out of memory. */
struct usage_segment *usage_add(struct usage *usage, uint32_t segment);

/* Drop the rows that @is_dropped answers true for. */
void usage_remove(struct usage *usage, bool (*is_dropped)(void *context,
							   const struct usage_segment *row),
		  void *context);

uint64_t usage_live(const struct usage *usage);	/* sum of all live counts */

/* The bytes of the file that usage_write would make. */
uint64_t usage_size(const struct usage *usage);

/* Write REPO/hints.@transaction by way of REPO/hints.@transaction.tmp: one msgpack map of the old
 * family, as Attic writes it. Durable but for the folder, which the caller syncs. Codes of
 * io_replace_file, AS_ERR_MEMORY. */
enum as_err usage_write(const struct usage *usage, const struct permit *permit,
			uint32_t transaction);

#endif

/* engine/format/range_crc.h - checksums of any stretch of one file at a small fixed cost.
 *
 * After damage thousands of places must be tried as the beginning of an entry, each with a size of
 * up to 20 MiB. A ladder keeps the CRC of the file's beginning at every rung; the CRC between two
 * places then follows from two rungs and a few bytes, so that hostile bytes cannot make the search
 * more than linear. */
#ifndef ATTICSCOPE_RANGE_CRC_H
#define ATTICSCOPE_RANGE_CRC_H

#include "base/io.h"

#include <stdatomic.h>

struct ladder_range { uint64_t offset, length; };	/* bytes */

struct ladder {
	const struct io *io;
	int fd;				/* borrowed */
	uint64_t length;		/* of the file, bytes */
	uint32_t step;			/* bytes between rungs; at most about a million rungs */
	uint32_t *rungs;		/* CRC of [0, i * step) */
	uint8_t *scratch;		/* two steps */
	struct ladder_range *bad;	/* unreadable ranges, ascending, apart */
	size_t bad_count;
	/* see io_read_twice; or the lowest place that could be read at first */
	uint64_t doubt;
	bool lacks_memory;		/* an unreadable range could not be noted */
};

/* Read the whole file. Unreadable ranges (found to the 4 KiB block) count as zeros and are listed;
 * what can be read the second time is not.
 * AS_ERR_MEMORY, or AS_ERR_CANCELLED soon after *@cancel (which may be NULL) is set, leave nothing
 * to free. */
enum as_err ladder_build(struct ladder *ladder, const struct io *io, int fd, uint64_t length,
			 const _Atomic bool *cancel);
void ladder_free(struct ladder *ladder);

/* The CRC of [@from, @to), @to at most the file's length. False when some of it cannot be read: it
 * is listed then, also where it could be read at first. */
bool ladder_crc(struct ladder *ladder, uint64_t from, uint64_t to, uint32_t *crc);

/* The disk refuses the byte at @offset by now: list its block from there on, and doubt it where it
 * was not listed. */
void ladder_lose(struct ladder *ladder, uint64_t offset);

/* The first unreadable range that overlaps [@from, @to), or NULL. */
const struct ladder_range *ladder_bad_in(const struct ladder *ladder, uint64_t from, uint64_t to);

#endif

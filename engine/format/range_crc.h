/* engine/format/range_crc.h - checksums of any stretch of one file at a small fixed cost.
 *
 * After damage thousands of places must be tried as the beginning of an entry, each with a size of
 * up to 20 MiB. At every step the CRC of all bytes before it is kept, the CRC of a prefix; the CRC
 * between two places then follows from two prefixes and a few bytes, so that hostile bytes cannot
 * make the search more than linear. */
#ifndef ATTICSCOPE_RANGE_CRC_H
#define ATTICSCOPE_RANGE_CRC_H

#include "base/io.h"

#include <stdatomic.h>

struct bad_range { uint64_t offset, length; };		/* bytes */

struct range_crc {
	const struct io *io;
	int fd;				/* borrowed */
	uint64_t length;		/* of the file, bytes */
	uint32_t step;			/* bytes from prefix to prefix; at most about a million */
	uint32_t *prefixes;		/* CRC of [0, i * step) */
	uint8_t *scratch;		/* two steps */
	struct bad_range *bad;		/* unreadable ranges, ascending, apart */
	size_t bad_count, bad_capacity;
	/* see io_read_twice; or the lowest place that could be read at first */
	uint64_t doubt;
	bool lacks_memory;		/* an unreadable range could not be listed */
};

/* Read the whole file. Unreadable ranges (found to the 4 KiB block) count as zeros and are listed;
 * bytes that can be read the second time are not listed.
 * AS_ERR_MEMORY, or AS_ERR_CANCELLED soon after *@cancel (which may be NULL) is set, leave nothing
 * to free. */
enum as_err range_crc_build(struct range_crc *crcs, const struct io *io, int fd, uint64_t length,
			    const _Atomic bool *cancel);
void range_crc_free(struct range_crc *crcs);

/* The CRC of [@from, @to), @to at most the file's length. False when some of it cannot be read: it
 * is listed then, also where it could be read at first. */
bool range_crc_between(struct range_crc *crcs, uint64_t from, uint64_t to, uint32_t *crc);

/* The disk now refuses the byte at @offset: list its block from there on, and doubt it where it was
 * not listed. */
void range_crc_add_bad(struct range_crc *crcs, uint64_t offset);

/* The first unreadable range that overlaps [@from, @to), or NULL. */
const struct bad_range *range_crc_bad_in(const struct range_crc *crcs, uint64_t from, uint64_t to);

#endif

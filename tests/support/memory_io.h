/* tests/support/memory_io.h - a struct io over one read-only file in memory, with faults on
 * request. Whole trees: tests/fuzz/ram_io.h.
 */
#ifndef ATTICSCOPE_TESTS_MEMORY_IO_H
#define ATTICSCOPE_TESTS_MEMORY_IO_H

#include "engine/base/io.h"

struct memory_file {
	const uint8_t *bytes;
	size_t len;
	uint64_t bad_offset, bad_length;	/* reads of this range fail with EIO */
	unsigned bad_reads;			/* only this many fail; 0: all */
	unsigned refused;			/* counted */
	size_t read_max;			/* bytes that one read returns at most; 0: all */
	unsigned refused_from;			/* reads from this number on (from 1) fail with EIO
						 * ... */
	unsigned refused_count;
	const uint8_t *first_bytes;		/* what the first read returns instead, or NULL */
	bool alternates;			/* and every second read after it */
	unsigned reads;				/* counted */
	uint64_t bytes_read;			/* counted */
};

/* An io that serves @file, which must live as long as the io. */
struct io memory_io(struct memory_file *file);

#endif

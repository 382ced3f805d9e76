/* tests/fault.h - a struct io that counts, and fails where it is told to. */
#ifndef ATTICSCOPE_TESTS_FAULT_H
#define ATTICSCOPE_TESTS_FAULT_H

#include "engine/io.h"

#include <stdatomic.h>

/* Zero means: behave as the system does. To be set before the io is used; the counts may be read
 * at any time. */
struct fault {
	struct io io;			/* what the engine gets */

	off_t bad_offset, bad_length;	/* of every file: bytes that answer EIO */
	size_t read_max;		/* bytes that one pread gives at most */
	unsigned interrupts;		/* this many calls of pread in a row answer EINTR, then one
					 * works, and so on */
	int open_error;			/* errno of every open of @open_path ... */
	const char *open_path;		/* ... of every path where this is NULL */
	bool owns_nothing;		/* O_NOATIME answers EPERM */
	bool hides_types;		/* listings tell no kinds */
	unsigned bad_listing;		/* this call of getdents64 (from 1) and all after it
					 * answer EIO */
	const struct stat *pretended;	/* what fstatat answers */
	int fstatat_error;		/* errno of every fstatat */

	atomic_uint opens, closes, preads, fstatats, listings;
	atomic_uint interrupted;
};

/* Make @fault behave as the system does. */
void fault_init(struct fault *fault);

#endif

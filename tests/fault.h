/* tests/fault.h - a struct io that counts, and fails where it is told to. */
#ifndef ATTICSCOPE_TESTS_FAULT_H
#define ATTICSCOPE_TESTS_FAULT_H

#include "engine/io.h"

#include <stdatomic.h>

enum fault_change {
	FAULT_ANY, FAULT_CREATE, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_FOLDER,
	FAULT_RENAME, FAULT_LINK, FAULT_REMOVE
};

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

	/* Of the calls that change something (create, pwrite, ftruncate, fsync, mkdirat, renameat,
	 * linkat, unlinkat), counted from 1: */
	unsigned fail_at;		/* this one fails ... */
	int fail_error;			/* ... with this errno (EIO where it is 0) ... */
	bool fail_for_good;		/* ... and so do all after it, as if the process had died */
	enum fault_change fail_kind;	/* only calls of this kind are counted and fail, unless it
					 * is FAULT_ANY */
	size_t write_max;		/* bytes that one pwrite takes at most ... */
	size_t small_write_max;		/* ... and one of less than 4 KiB */
	bool has_free_blocks;		/* fstatvfs says that ... */
	unsigned free_blocks;		/* ... so many are free */
	/* Told of every change that does not fail, with the path of what it changes. */
	void (*watch)(void *context, enum fault_change kind, const char *path);
	void *watch_context;

	atomic_uint opens, closes, preads, fstatats, listings;
	atomic_uint interrupted;
	atomic_uint changes;		/* of fail_kind */
};

/* Make @fault behave as the system does. */
void fault_init(struct fault *fault);

#endif

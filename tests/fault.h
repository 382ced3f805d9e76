/* tests/fault.h - a struct io that counts, and fails where it is told to. */
#ifndef ATTICSCOPE_TESTS_FAULT_H
#define ATTICSCOPE_TESTS_FAULT_H

#include "engine/base/io.h"

#include <stdatomic.h>

enum fault_change {
	FAULT_ANY, FAULT_CREATE, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_FOLDER,
	FAULT_RENAME, FAULT_LINK, FAULT_REMOVE,
	FAULT_OPEN, FAULT_READ, FAULT_ASK, FAULT_LIST	/* only ask: see enum fault_scope */
};

/* Which calls are counted. */
enum fault_scope {
	FAULT_CHANGES,		/* those that change something */
	FAULT_CALLS,		/* those that only ask as well; all but close */
	FAULT_INTERRUPTIBLE,	/* those that a signal may interrupt: open, create, pread, pwrite,
				 * ftruncate, fsync */
	FAULT_TRANSFERS		/* pread and pwrite: what would fail does half of it instead */
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
	 * linkat, unlinkat), or of another scope, counted from 1: */
	enum fault_scope scope;
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
	atomic_uint changes;		/* calls of fail_kind and scope */
	char failed[128];		/* the last one that failed, in words */
};

/* Make @fault behave as the system does. */
void fault_init(struct fault *fault);

#endif

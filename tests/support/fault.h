/* tests/support/fault.h - a struct io that counts calls, and fails chosen ones. */
#ifndef ATTICSCOPE_TESTS_FAULT_H
#define ATTICSCOPE_TESTS_FAULT_H

#include "engine/base/io.h"

#include <stdatomic.h>

enum fault_change {
	FAULT_ANY, FAULT_CREATE, FAULT_WRITE, FAULT_TRUNCATE, FAULT_SYNC, FAULT_FOLDER,
	FAULT_RENAME, FAULT_LINK, FAULT_REMOVE,
	FAULT_OPEN, FAULT_READ, FAULT_ASK, FAULT_LIST	/* change nothing: see enum fault_scope */
};

/* Which calls are counted. */
enum fault_scope {
	FAULT_CHANGES,		/* those that change something */
	FAULT_CALLS,		/* those that change nothing as well; all but close */
	FAULT_INTERRUPTIBLE,	/* those that a signal may interrupt: open, create, pread, pwrite,
				 * ftruncate, fsync */
	FAULT_TRANSFERS		/* pread and pwrite: a call that would fail does half of its work
				 * instead */
};

/* Zero means: behave as the system does. Set these before the io is used; the counts may be read at
 * any time. */
struct fault {
	struct io io;			/* what the engine gets */

	off_t bad_offset, bad_length;	/* of every file: bytes whose reading fails with EIO */
	size_t read_max;		/* bytes that one pread returns at most */
	unsigned interrupts;		/* this many calls of pread in a row fail with EINTR, then
					 * one works, and so on */
	int open_error;			/* errno of every open of @open_path ... */
	const char *open_path;		/* ... of every path where this is NULL */
	bool owns_nothing;		/* O_NOATIME fails with EPERM */
	bool hides_types;		/* listings give no types */
	bool reverses_listings;		/* what one getdents64 returns comes backwards */
	unsigned bad_listing;		/* this call of getdents64 (from 1) and all after it fail
					 * with EIO */
	const struct stat *pretended;	/* what fstatat returns */
	int fstatat_error;		/* errno of every fstatat */

	/* Counted from 1 over the calls that change something (create, pwrite, ftruncate, fsync,
	 * mkdirat, renameat, linkat, unlinkat), or over another scope: */
	enum fault_scope scope;
	unsigned fail_at;		/* this one fails ... */
	int fail_error;			/* ... with this errno (0: EIO) ... */
	bool fail_for_good;		/* ... and so do all after it, as if the process had died */
	enum fault_change fail_kind;	/* only calls of this kind are counted and fail; FAULT_ANY:
					 * all */
	size_t write_max;		/* bytes that one pwrite writes at most ... */
	size_t small_write_max;		/* ... and one of less than 4 KiB */
	bool has_free_blocks;		/* fstatvfs says that ... */
	unsigned free_blocks;		/* ... so many are free */
	/* Called before every change that does not fail, with the path that it changes. */
	void (*watch)(void *context, enum fault_change kind, const char *path);
	void *watch_context;

	atomic_uint opens, closes, preads, fstatats, listings;
	atomic_uint interrupted;
	atomic_uint changes;		/* calls of fail_kind and scope */
	char failed[128];		/* the last call that failed, in words */
};

/* Make @fault behave as the system does. */
void fault_init(struct fault *fault);

#endif

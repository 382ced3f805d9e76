/* engine/repo/lock_folder.h - the exclusive lock that is made of lock.exclusive/ and lock.roster,
 * in the form in which Borg 1.x takes and leaves it.
 *
 * Source: borg/locking.py, ExclusiveLock, LockRoster and Lock of Borg 1.2. A temporary folder with
 * the holder's file in it is renamed to lock.exclusive; then the holder enters itself into the
 * roster, once nobody shares the lock any longer, and keeps the folder. So a crash leaves a whole
 * lock, which Borg, and this module, remove when the process is gone.
 *
 * This is the one module that changes a repository before its lock is held: only files and folders
 * whose names begin with "lock.". */
#ifndef ATTICSCOPE_LOCK_FOLDER_H
#define ATTICSCOPE_LOCK_FOLDER_H

#include "base/io.h"
#include "repo/lock_look.h"
#include "repo/lock_timer.h"

/* A lock that was taken. All zero: none. */
struct lock_folder {
	struct lock_id id;		/* this process */
	size_t stale_count;		/* holders that were gone and were removed */
	struct lock_holder stale;	/* one of them */
};

/* Take the lock of the repository that @permit is for; nobody else may use @permit before. @path is
 * the repository's name for messages. Holders of this machine that are gone are removed.
 * AS_ERR_LOCK_FAILED: a process that is alive, or may be, holds the lock, or something there names
 * nobody; the message says which. AS_ERR_CANCELLED. AS_ERR_USAGE: this
 * machine's name cannot be part of a lock. AS_ERR_MEMORY, or the code of the change that failed.
 * After an error nothing of this process is left, as far as that is possible. */
enum as_err lock_folder_take(struct lock_folder *lock, const struct permit *permit,
			     const char *path, const struct lock_wait *wait,
			     struct as_error *error);

/* Give it back. Where somebody has broken it meanwhile, nothing is removed. */
void lock_folder_leave(struct lock_folder *lock, const struct permit *permit);

/* Is it still there? */
bool lock_folder_is_held(const struct lock_folder *lock, const struct io *io, int repo_fd);

/* Remove the lock of others, whatever it is. AS_ERR_LOCK_FAILED: a process of this machine holds it
 * and is alive. Other codes: a change failed. */
enum as_err lock_folder_break(const struct permit *permit, const char *path,
			      struct as_error *error);

#endif

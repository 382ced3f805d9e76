/* engine/lock.h - Attic's lock: an fcntl record lock over the whole of REPO/config.
 *
 * Source: attic/helpers.py, UpgradableLock: shared while open, exclusive before the first write.
 * Taken here as an open-file-description lock (F_OFD_SETLK), which conflicts with Attic's and,
 * unlike Attic's own kind, is not lost when some other descriptor of the same file is closed. */
#ifndef ATTICSCOPE_LOCK_H
#define ATTICSCOPE_LOCK_H

#include "io.h"

#include <stdbool.h>
#include <sys/types.h>

enum lock_state {
	LOCK_NONE,		/* not asked for; who else holds one can be told all the same */
	LOCK_SHARED,		/* held */
	/* config cannot be opened or the medium knows no locks: going on without one */
	LOCK_IMPOSSIBLE,
	LOCK_REFUSED		/* another process holds the exclusive lock */
};

struct lock_holder {
	bool known;
	/* 0 where the system does not tell (another machine, or an OFD lock of an unseen
	 * process) */
	pid_t pid;
	char program[64];	/* from /proc/PID/comm; may be empty. Mask before showing. */
	bool exclusive;
};

struct lock {
	enum lock_state state;
	int fd;			/* of config, read-only; -1 where none */
	int sys;		/* errno behind LOCK_IMPOSSIBLE */
	struct lock_holder holder; /* who is in the way, when LOCK_REFUSED */
};

/* Take the shared lock without waiting. Never fails as a call: the outcome is lock->state. */
void lock_take_shared(const struct io *io, int repo_fd, struct lock *lock);

/* Take no lock, but look who holds the exclusive one: lock->holder, with known or exclusive set
 * when somebody does. */
void lock_look_on(const struct io *io, int repo_fd, struct lock *lock);

/* Who else holds a lock on config now? Looks into /proc/locks and /proc; fills up to @max rows and
 * returns how many holders there are. Needs an open descriptor of config in lock->fd. */
size_t lock_holders(const struct lock *lock, struct lock_holder *rows, size_t max);

/* Give the lock back and close the descriptor. */
void lock_release(const struct io *io, struct lock *lock);

#endif

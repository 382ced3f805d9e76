/* engine/repo/lock.h - Attic's lock: an fcntl record lock over the whole of REPO/config.
 *
 * Source: attic/helpers.py, UpgradableLock: shared while open, exclusive before the first write.
 * Taken here as an open-file-description lock (F_OFD_SETLK), which conflicts with Attic's and,
 * unlike Attic's own kind, is not lost when some other descriptor of the same file is closed. */
#ifndef ATTICSCOPE_LOCK_H
#define ATTICSCOPE_LOCK_H

#include "base/io.h"

#include <stdbool.h>
#include <sys/types.h>

enum lock_state {
	LOCK_NONE,		/* not asked for; who else holds one can be told all the same */
	LOCK_SHARED,		/* held */
	LOCK_EXCLUSIVE,		/* held */
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
	int fd;			/* of config; -1 where none */
	bool may_write;		/* fd was opened for writing too: it can be upgraded */
	int sys;		/* errno behind LOCK_IMPOSSIBLE */
	struct lock_holder holder; /* who is in the way, when LOCK_REFUSED */
	/* Why it is never upgraded, one sentence without a full stop; or NULL. Set by repo_open. */
	const char *refusal;
};

/* Take the shared lock without waiting. Never fails as a call: the outcome is lock->state. Where
 * @may_write, config is opened for writing too, if that is allowed, so that the lock can be
 * upgraded; otherwise it is opened for reading only, whatever comes later. */
void lock_take_shared(const struct io *io, int repo_fd, bool may_write, struct lock *lock);

/* Take no lock, but look who holds the exclusive one: lock->holder, with known or exclusive set
 * when somebody does. */
void lock_look_on(const struct io *io, int repo_fd, struct lock *lock);

/* Has somebody taken the exclusive lock since? Of a lock that is held: nobody can have. */
void lock_look_again(struct lock *lock);

/* Who else holds a lock on config now? Looks into /proc/locks and /proc; fills up to @max rows and
 * returns how many holders there are. Needs an open descriptor of config in lock->fd. */
size_t lock_holders(const struct lock *lock, struct lock_holder *rows, size_t max);

/* How long an upgrade may wait, and who can stop it. All zero: not at all. */
struct lock_wait {
	unsigned ms;
	int (*interrupt)(void *context);	/* asked every few hundredths of a second; may be
						 * NULL. Non-zero: AS_ERR_CANCELLED */
	void *context;
};

/* Make the shared lock exclusive, and get the right to change the repository: *@permit is the
 * caller's, to be revoked by lock_lower. The shared lock is held all the time, so that nobody who
 * heeds locks can have written since it was taken.
 *
 * Two processes that both hold the shared lock and both wait for the other to go would wait for
 * ever. So whoever wants to write first takes a second lock, without waiting (flock, on the
 * repository folder): a process that cannot take it fails immediately. For the other one to get the
 * exclusive lock, it must wait until the first has let go of its shared lock: give @wait some time.
 *
 * After an error the shared lock is still held: AS_ERR_INVALID_REPOSITORY (lock->refusal),
 * AS_ERR_LOCK_FAILED (the message names who is in the way), AS_ERR_CANCELLED, AS_ERR_NO_LOCK (there
 * is no shared lock to upgrade), AS_ERR_READ_ONLY, AS_ERR_DENIED (config may not be opened for
 * writing), AS_ERR_IO, AS_ERR_MEMORY. @path is the repository's name for messages. */
enum as_err lock_upgrade(const struct io *io, int repo_fd, const char *path, struct lock *lock,
			 const struct lock_wait *wait, struct permit **permit,
			 struct as_error *error);

/* Back to the shared lock; @permit is revoked and freed. */
void lock_lower(int repo_fd, struct lock *lock, struct permit *permit);

/* Give the lock back and close the descriptor. */
void lock_release(const struct io *io, struct lock *lock);

#endif

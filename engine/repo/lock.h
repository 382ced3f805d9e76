/* engine/repo/lock.h - the lock of a repository, an object of its own with a reference count.
 *
 * It outlives a repo that was opened under it: a repository is read again after every repair, and
 * the lock must stay meanwhile, or somebody else could write between a repair and the check of what
 * it did. All functions may be called from several threads, but only one thread at a time may
 * upgrade or lower a lock.
 *
 * There are two kinds, and the repository's dialect says which is used. Attic's lock is an fcntl
 * record lock over the whole of REPO/config. Source: attic/helpers.py, UpgradableLock: shared while
 * open, exclusive before the first write. Taken here as an open-file-description lock
 * (F_OFD_SETLK), which conflicts with Attic's and, unlike Attic's own kind, is not lost when some
 * other descriptor of the same file is closed.
 *
 * Borg's lock is a folder and a list of holders: see repo/lock_folder.h. To read, none is taken,
 * since that would write; so others may have written between opening and an upgrade, and after an
 * upgrade the repository must be compared with what was read. */
#ifndef ATTICSCOPE_LOCK_H
#define ATTICSCOPE_LOCK_H

#include "base/io.h"
#include "format/dialect.h"
#include "repo/lock_holder.h"
#include "repo/lock_look.h"
#include "repo/lock_timer.h"

#include <stdbool.h>
#include <sys/types.h>

enum lock_use {
	LOCK_TO_LOOK,		/* take none; only find out who else holds one */
	LOCK_TO_READ,		/* shared */
	LOCK_TO_WRITE		/* shared; config is opened for writing too, if that is allowed */
};

enum lock_state {
	LOCK_NONE,		/* not asked for */
	LOCK_SHARED,		/* held */
	LOCK_EXCLUSIVE,		/* held */
	/* config cannot be opened or the medium knows no locks: going on without one */
	LOCK_IMPOSSIBLE,
	LOCK_DEFERRED		/* this kind is taken only to write */
};

struct lock;

/* Take the lock of the repository in the open folder @repo_fd without waiting. *@lock is the
 * caller's first reference. @path is the repository's name for messages. With LOCK_TO_READ config
 * is opened for reading only; an upgrade opens it again.
 * AS_ERR_LOCK_FAILED: another process holds the exclusive lock; the message names it.
 * AS_ERR_DENIED, AS_ERR_IO: the folder cannot be opened a second time. AS_ERR_MEMORY. */
enum as_err lock_open(const struct io *io, int repo_fd, const char *path, enum lock_use use,
		      struct lock **lock, struct as_error *error);

/* Use locks of @kind from now on. A shared lock of the other kind is given back. @repo_fd as in
 * lock_open. AS_ERR_CHANGED: an exclusive lock of the other kind is held. AS_ERR_DENIED, AS_ERR_IO:
 * the folder cannot be opened a second time. */
enum as_err lock_choose(struct lock *lock, int repo_fd, enum lock_kind kind,
			struct as_error *error);

struct lock *lock_hold(struct lock *lock);

/* Let go of a reference. The last one gives the lock back, and with it the permit. In the child of
 * a fork the lock stays the parent's. NULL is allowed. */
void lock_release(struct lock *lock);

/* Never waits. *@sys is errno behind LOCK_IMPOSSIBLE, else 0; NULL: not wanted. */
enum lock_state lock_state(const struct lock *lock, int *sys);

/* Who else holds a lock now? Looks into /proc/locks and /proc; fills up to @max rows and returns
 * how many holders there are. May wait for the system: not for the thread that draws. */
size_t lock_holders(struct lock *lock, struct lock_holder *rows, size_t max);

/* With LOCK_TO_LOOK: did another process hold the exclusive lock at lock_open, or does one now?
 * *@writer says who, where that is known. With any other use nobody can: false. A folder lock that
 * is not held gives the answer for the time of the call, whatever the use; a process that is gone
 * does not count. */
bool lock_find_writer(struct lock *lock, struct lock_holder *writer);

/* What is known of the locks of others, in short: enough to say whether a tail may be a backup that
 * runs right now, and whom to ask. */
struct lock_seen {
	enum lock_standing standing;
	struct lock_holder holder;	/* the strongest; not known where nobody is */
	bool has_folder, has_roster;	/* lock.exclusive/, lock.roster are there */
	char damage[LOCK_DAMAGE_TEXT];	/* as in struct lock_look; empty: none */
	bool is_denied;			/* likewise */
};

/* Waits as lock_holders. AS_ERR_MEMORY. */
enum as_err lock_see(struct lock *lock, struct lock_seen *seen);

/* How many holders that were gone did the last upgrade remove? *@one is one of them. */
size_t lock_count_stale(struct lock *lock, struct lock_holder *one);

/* Remove the lock of others, so that an upgrade can follow. AS_ERR_LOCK_FAILED: a process of this
 * machine holds it and is alive; the message names it. AS_ERR_INVALID_REPOSITORY, AS_ERR_NO_LOCK as
 * lock_upgrade. AS_ERR_USAGE: this kind of lock ends with its process. Else what the change that
 * failed gave. */
enum as_err lock_break(struct lock *lock, struct as_error *error);

/* Is the lock held, and on the folder @repo_fd, or its config? */
bool lock_is_on(struct lock *lock, int repo_fd);

/* Refuse every later upgrade. @why is one sentence without a full stop, and lives for ever. */
void lock_refuse(struct lock *lock, const char *why);

/* Make the shared lock exclusive: lock_permit then gives the right to change the repository. The
 * shared lock is held all the time, so that nobody who heeds locks can have written since it was
 * taken.
 *
 * Two processes that both hold the shared lock and both wait for the other to go would wait for
 * ever. So a writer first takes a second lock, without waiting (flock, on the repository folder): a
 * process that cannot take it fails immediately. For the other one to get the exclusive lock, it
 * must wait until the first has let go of its shared lock: give @wait some time.
 *
 * A folder lock is taken as a whole here, without a shared one before.
 *
 * After an error a shared lock is still held: AS_ERR_INVALID_REPOSITORY (lock_refuse),
 * AS_ERR_LOCK_FAILED (the message names the other process), AS_ERR_CANCELLED, AS_ERR_NO_LOCK (there
 * is no shared lock to upgrade), AS_ERR_READ_ONLY, AS_ERR_DENIED (config may not be opened for
 * writing), AS_ERR_IO, AS_ERR_MEMORY. */
enum as_err lock_upgrade(struct lock *lock, const struct lock_wait *wait, struct as_error *error);

/* The right to change the repository while the lock is exclusive, else NULL. It ends with
 * lock_lower. */
const struct permit *lock_permit(struct lock *lock);

/* Back to the shared lock, or to none; the permit is revoked and freed. Does nothing to a lock that
 * is not exclusive. */
void lock_lower(struct lock *lock);

#endif

/* ui/session/lock_owner.h - the lock of the open repository, kept apart from the repo that it was
 * taken with.
 *
 * Views come and go: the repository is read again when it changed, and after every repair. The lock
 * must stay meanwhile, exclusive if it is, or somebody else could come between a repair and the
 * look at what it did; and lock_upgrade changes what it works on, which nobody may do to a repo
 * that other threads read. So a lock owner takes the lock out of the first repo. In repair mode
 * later repos are opened without a lock of their own, under the same owner; without it each new
 * repo brings its own shared lock, and with it a new owner.
 *
 * The last one to let go of a lock owner gives the lock back, and with it the right to write. Where
 * the program ends in another way the system closes the descriptor, which does the same.
 */
#ifndef ATTICSCOPE_LOCK_OWNER_H
#define ATTICSCOPE_LOCK_OWNER_H

#include "engine/repo/repo.h"

struct lock_owner;

/* Take the lock out of @repo, which is not shared with anybody yet. NULL: out of memory or of
 * descriptors, and the repo still has its lock. */
struct lock_owner *lock_owner_new(struct repo *repo);
struct lock_owner *lock_owner_hold(struct lock_owner *owner);
void lock_owner_release(struct lock_owner *owner);

/* What opening came to, and errno behind LOCK_IMPOSSIBLE; not what became of the lock later. */
enum lock_state lock_owner_state_at_open(const struct lock_owner *owner, int *sys);

/* Who else holds a lock now, as lock_holders tells. May wait: not for the thread that draws. */
size_t lock_owner_holders(struct lock_owner *owner, struct lock_holder *rows, size_t max);

/* lock_upgrade and lock_lower. One thread at a time; they may wait. */
enum as_err lock_owner_upgrade(struct lock_owner *owner, const char *path,
			       const struct lock_wait *wait, struct as_error *error);
void lock_owner_lower(struct lock_owner *owner);

/* The right to write, while the lock is exclusive; else NULL. */
const struct permit *lock_owner_permit(const struct lock_owner *owner);

/* Is @repo one of the folder, and of the config, that the lock is on? */
bool lock_owner_is_of(const struct lock_owner *owner, const struct repo *repo);

#endif

/* ui/session/lock_owner.h - the lock of the open repository, kept apart from the view that it was
 * taken with.
 *
 * Views come and go: the repository is read again when it changed, and after every repair. The lock
 * must stay meanwhile, exclusive if it is, or somebody else could come between a repair and the
 * look at what it did; and lock_upgrade changes what it works on, which nobody may do to a view
 * that other threads read. So a keeper takes the lock out of the first view. In repair mode later
 * views are opened without a lock of their own, under the same keeper; without it each new view
 * brings its own shared lock, and with it a new keeper.
 *
 * The last one to let go of a keeper gives the lock back, and with it the right to write. Where the
 * program ends in another way the system closes the descriptor, which does the same.
 */
#ifndef ATTICSCOPE_LOCK_OWNER_H
#define ATTICSCOPE_LOCK_OWNER_H

#include "engine/repo/view.h"

struct keeper;

/* Take the lock out of @view, which is not shared with anybody yet. NULL: out of memory or of
 * descriptors, and the view still has its lock. */
struct keeper *keeper_new(struct view *view);
struct keeper *keeper_hold(struct keeper *keeper);
void keeper_release(struct keeper *keeper);

/* What opening came to, and errno behind LOCK_IMPOSSIBLE; not what became of the lock later. */
enum lock_state keeper_taken(const struct keeper *keeper, int *sys);

/* Who else holds a lock now, as lock_holders tells. May wait: not for the thread that draws. */
size_t keeper_holders(struct keeper *keeper, struct lock_holder *rows, size_t max);

/* lock_upgrade and lock_lower. One thread at a time; they may wait. */
enum as_err keeper_upgrade(struct keeper *keeper, const char *path, const struct lock_wait *wait,
			   struct as_error *error);
void keeper_lower(struct keeper *keeper);

/* The right to write, while the lock is exclusive; else NULL. */
const struct permit *keeper_permit(const struct keeper *keeper);

/* Is @view one of the folder, and of the config, that the lock is on? */
bool keeper_is_of(const struct keeper *keeper, const struct view *view);

#endif

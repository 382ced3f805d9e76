/* src/mend.h - the road that repairs and undo share: may it be done at all, open, ask, upgrade the
 * lock. Everything that fails says so on standard error. */
#ifndef ATTICSCOPE_MEND_H
#define ATTICSCOPE_MEND_H

#include "engine/repo/repo.h"
#include "src/command.h"

/* Can the person be asked, or is that not called for (--yes, --dry-run)? False: @name says on
 * standard error what to add. */
bool mend_can_ask(const struct request *request, const char *name);

/* Will the person be asked? */
bool mend_asks(const struct request *request);

/* Open the repository, waiting for its lock as --lock-wait says, and catch interrupts. Where
 * @may_write, the lock can be upgraded later. */
enum as_err mend_open(const struct request *request, bool may_write, struct repo **repo);

/* Ask for @word to be typed. False: something else was, or nothing. */
bool mend_is_confirmed(struct request *request, const char *word);

/* Make the shared lock of @repo exclusive, waiting for others as --lock-wait says, LOCK_GRACE_MS at
 * least. *@permit is given back with lock_lower. */
enum as_err mend_upgrade(const struct request *request, struct repo *repo, struct permit **permit);

/* After another process came first and the repository was closed: pause, so that it gets the lock.
 * False: the time that --lock-wait gives is over, or it was interrupted. */
bool mend_waits_for_turn(const struct request *request);

#endif

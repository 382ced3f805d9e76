/* src/break_lock.h - --break-lock: the lock of others that nobody can vouch for. */
#ifndef ATTICSCOPE_BREAK_LOCK_H
#define ATTICSCOPE_BREAK_LOCK_H

#include "engine/base/error.h"
#include "src/command.h"

struct repo;

/* With --break-lock: where the lock of the repository that @request names is held by a process that
 * may be gone, say by which one, ask, and remove the lock. Where nobody holds it, or a process of
 * this machine that is alive, nothing happens: the command itself takes it or is refused. AS_OK: go
 * on. Every failure is reported on standard error. */
enum as_err break_lock(struct request *request);

/* After an upgrade that failed: say so where --break-lock would help. */
void break_lock_offer(struct repo *repo);

/* After an upgrade: say which locks of processes that are gone were removed for it. */
void break_lock_report_stale(struct repo *repo);

#endif

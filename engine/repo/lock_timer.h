/* engine/repo/lock_timer.h - how long to wait for a lock. */
#ifndef ATTICSCOPE_LOCK_TIMER_H
#define ATTICSCOPE_LOCK_TIMER_H

#include "base/error.h"

#include <stdint.h>

/* How long an upgrade may wait, and who can stop it. All zero: not at all. */
struct lock_wait {
	unsigned ms;
	int (*interrupt)(void *context);	/* asked every few hundredths of a second; may be
						 * NULL. Non-zero: AS_ERR_CANCELLED */
	void *context;
};

struct lock_timer {
	const struct lock_wait *wait;
	int64_t begin_ms;
};

struct lock_timer lock_timer_begin(const struct lock_wait *wait);

/* Milliseconds since the timer began. */
int64_t lock_timer_passed(const struct lock_timer *timer);

/* Pause before the next attempt. AS_ERR_CANCELLED: interrupted. AS_END: the time is over. */
enum as_err lock_timer_pause(const struct lock_timer *timer);

#endif

#include "build-config.h"

#include "repo/lock_timer.h"

#include <time.h>

#define WAIT_STEP_MS 20	/* between two attempts */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct lock_timer lock_timer_begin(const struct lock_wait *wait)
{
	return (struct lock_timer){ .wait = wait, .begin_ms = now_ms() };
}

int64_t lock_timer_passed(const struct lock_timer *timer)
{
	return now_ms() - timer->begin_ms;
}

enum as_err lock_timer_pause(const struct lock_timer *timer)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
	const struct lock_wait *wait = timer->wait;
	if (wait->interrupt && wait->interrupt(wait->context))
		return AS_ERR_CANCELLED;
	if (lock_timer_passed(timer) >= wait->ms)
		return AS_END;
	nanosleep(&step, NULL);
	return AS_OK;
}

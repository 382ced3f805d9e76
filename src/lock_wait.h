/* src/lock_wait.h - how long a command waits for locks that others hold: --lock-wait. */
#ifndef ATTICSCOPE_LOCK_WAIT_H
#define ATTICSCOPE_LOCK_WAIT_H

#include "engine/base/error.h"
#include "src/command.h"

/* Milliseconds that the command may still wait. The time begins with the first call. */
int64_t lock_wait_left(const struct request *request);

/* The same for the exclusive lock, but half a second at least: where two processes want to write at
 * once, one is refused and releases its shared lock within that time. */
unsigned lock_wait_to_write(const struct request *request);

/* Pause before the next attempt. Two processes pause for different times, so that they do not meet
 * again. False: the time is over, or an interrupt came. */
bool lock_wait_pause(const struct request *request);

/* Non-zero after an interrupt; for the engine, which asks while it waits. */
int lock_wait_is_interrupted(void *context);

/* Print why something failed, and that --lock-wait would have waited where that is so. Does nothing
 * for AS_OK. Returns @err. */
enum as_err lock_wait_report(const struct request *request, enum as_err err,
			     const struct as_error *error);

#endif

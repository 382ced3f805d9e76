#include "build-config.h"

#include "src/lock_wait.h"

#include "src/interrupt.h"
#include "src/message.h"

#include <time.h>
#include <unistd.h>

#define PAUSE_MS 50
#define WRITER_MS 500	/* a writer waits at least this long */

int64_t lock_wait_left(const struct request *request)
{
	static int64_t end;	/* milliseconds of the monotonic clock */
	struct timespec clock;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	const int64_t now = (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
	if (end == 0)
		end = now + (int64_t)request->options.lock_wait * 1000;
	return end > now ? end - now : 0;
}

unsigned lock_wait_to_write(const struct request *request)
{
	const int64_t left = lock_wait_left(request);
	return left > WRITER_MS ? (unsigned)left : WRITER_MS;
}

bool lock_wait_pause(const struct request *request)
{
	const long ms = PAUSE_MS + (long)getpid() % PAUSE_MS;
	const struct timespec pause = { .tv_nsec = ms * 1000000L };
	if (lock_wait_left(request) == 0)
		return false;
	nanosleep(&pause, NULL);
	return !interrupt_came();
}

int lock_wait_is_interrupted(void *context)
{
	(void)context;
	return interrupt_came();
}

enum as_err lock_wait_report(const struct request *request, enum as_err err,
			     const struct as_error *error)
{
	if (err == AS_OK)
		return AS_OK;
	message_failure(err, error);
	if (err == AS_ERR_LOCK_FAILED && request->options.lock_wait == 0)
		message("--lock-wait=SECONDS waits for it");
	return err;
}

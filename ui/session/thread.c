#include "build-config.h"

#include "session/thread.h"

#include "engine/base/error.h"

#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#define BACKGROUND_NICE 10	/* where processors are scarce, a tenth of one */

bool thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
	sigset_t all, before;
	sigfillset(&all);
	/* A thread's own crash must still be caught. */
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int result = pthread_create(thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result == 0;
}

void thread_give_way(void)
{
	/* Of this thread alone: Linux has no such number for a process. Refused is no harm. */
	if (nice(BACKGROUND_NICE) < 0)
		return;
}

void wake_up(int wake)
{
	const uint64_t one = 1;
	if (write(wake, &one, sizeof(one)) < 0) {
		/* The counter is full: the main loop is awake already. */
	}
}

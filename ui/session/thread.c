#include "build-config.h"

#include "session/thread.h"

#include "engine/base/error.h"

#include <signal.h>
#include <stdint.h>
#include <unistd.h>

bool thread_start(pthread_t *thread, void *(*run)(void *), void *context)
{
	sigset_t all, before;
	sigfillset(&all);
	/* A crash of the thread must still be caught. */
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	const int result = pthread_create(thread, NULL, run, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result == 0;
}

void wake_up(int wake)
{
	const uint64_t one = 1;
	if (write(wake, &one, sizeof(one)) < 0) {
		/* The counter is full: the main loop is awake already. */
	}
}

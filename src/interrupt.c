#include "build-config.h"

#include "src/interrupt.h"

#include "engine/base/error.h"

#include <signal.h>

/* A signal handler may touch only lock-free atomics. */
static _Atomic bool came;
static _Atomic bool *_Atomic watched;

static void remember_signal(int number)
{
	(void)number;
	came = true;
	_Atomic bool *cancel = watched;
	if (cancel)
		*cancel = true;
}

void interrupt_catch(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	/* Without SA_RESTART an interrupt also ends a write that waits for a reader. */
	struct sigaction action = { .sa_handler = remember_signal, .sa_flags = (int)SA_RESETHAND };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct sigaction old;
		/* Keep ignoring what nohup, or a shell for its background jobs, made ignored. */
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	}
}

bool interrupt_came(void)
{
	return came;
}

void interrupt_watch(_Atomic bool *cancel)
{
	watched = cancel;
	if (cancel && came)
		*cancel = true;
}

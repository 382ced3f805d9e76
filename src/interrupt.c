#include "build-config.h"

#include "src/interrupt.h"

#include "engine/base/error.h"

#include <signal.h>

/* Atomics without locks are what a signal handler may touch. */
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
	/* Without SA_RESTART a write that waits for a reader is given up too. */
	struct sigaction action = { .sa_handler = remember_signal, .sa_flags = (int)SA_RESETHAND };
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct sigaction old;
		/* What nohup, or a shell for its background jobs, set to be ignored stays so. */
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

#include "build-config.h"

#include "term/signals.h"

#include "engine/base/error.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define CRASH_STACK 65536

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
static const struct { int number; unsigned event; } caught[] = {
	{ SIGWINCH, SIGNALLED_RESIZE },
	{ SIGTSTP, SIGNALLED_STOP },
	{ SIGCONT, SIGNALLED_CONTINUE },
	{ SIGINT, SIGNALLED_END },
	{ SIGTERM, SIGNALLED_END },
	{ SIGHUP, SIGNALLED_END },
	{ SIGQUIT, SIGNALLED_END },
};

static struct {
	int wake;
	atomic_uint events;
	atomic_int end;
	struct sigaction before[ARRAY_SIZE(caught)];
} watch;

static struct {
	bool is_set;
	volatile sig_atomic_t armed; /* 0 as soon as a handler restores the terminal */
	char sequence[128];
	size_t len;
	struct termios line;
	struct sigaction before[ARRAY_SIZE(crashes)];
	void *stack;
} rescue;

static void record_event(int number)
{
	const int saved = errno;
	const uint64_t one = 1;
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
		if (caught[i].number != number)
			continue;
		if (caught[i].event == SIGNALLED_END)
			atomic_store(&watch.end, number);
		atomic_fetch_or(&watch.events, caught[i].event);
	}
	if (write(watch.wake, &one, sizeof(one)) < 0) {
		/* The counter is full: the main loop is awake already. */
	}
	errno = saved;
}

void signals_start(int wake)
{
	watch.wake = wake;
	atomic_store(&watch.events, 0);
	atomic_store(&watch.end, 0);
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++) {
		/* The end of the program interrupts even a read of the terminal; any other signal
		 * must not cut a write to it short. */
		const bool is_end = caught[i].event == SIGNALLED_END;
		struct sigaction action = { .sa_handler = record_event,
					    .sa_flags = is_end ? 0 : SA_RESTART };
		sigemptyset(&action.sa_mask);
		sigaction(caught[i].number, NULL, &watch.before[i]);
		if (!is_end || watch.before[i].sa_handler != SIG_IGN)
			sigaction(caught[i].number, &action, NULL);
	}
}

void signals_restore(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i].number, &watch.before[i], NULL);
}

unsigned signals_collect(void)
{
	return atomic_exchange(&watch.events, 0);
}

void signals_end_self(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	const int number = atomic_load(&watch.end);
	if (number == 0)
		return;
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
	raise(number);
}

void signals_stop_self(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, ours;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTSTP, &action, &ours);
	raise(SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}

/* Restore the terminal, with calls that are safe in a signal handler only. */
static void put_terminal_back(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (rescue.armed) {
		rescue.armed = 0;
		for (size_t done = 0; done < rescue.len;) {
			const ssize_t n = write(STDOUT_FILENO, rescue.sequence + done,
						rescue.len - done);
			if (n <= 0)
				break;
			done += (size_t)n;
		}
		tcsetattr(STDIN_FILENO, TCSANOW, &rescue.line);
	}
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		if (crashes[i] == number)
			sigaction(number, &rescue.before[i], NULL);
	/* A fault occurs again when this returns, in its own context; other signals are raised. */
	if (info->si_code <= 0)
		raise(number);
}

void signals_arm(void)
{
	struct sigaction action = {
		.sa_sigaction = put_terminal_back, .sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGTTOU);
	if (tcgetattr(STDIN_FILENO, &rescue.line) != 0)
		return;
	rescue.len = 0;
	rescue.stack = malloc(CRASH_STACK);
	if (rescue.stack) {	/* a stack overflow can only be handled on another stack */
		const stack_t stack = { .ss_sp = rescue.stack, .ss_size = CRASH_STACK };
		sigaltstack(&stack, NULL);
	}
	rescue.is_set = true;
	rescue.armed = 1;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &action, &rescue.before[i]);
}

int signals_keep(int byte)
{
	if (rescue.len < sizeof(rescue.sequence))
		rescue.sequence[rescue.len++] = (char)byte;
	return byte;
}

void signals_disarm(void)
{
	if (!rescue.is_set)
		return;
	rescue.is_set = false;
	rescue.armed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &rescue.before[i], NULL);
	const stack_t none = { .ss_flags = SS_DISABLE };
	sigaltstack(&none, NULL);
	free(rescue.stack);
	rescue.stack = NULL;
}

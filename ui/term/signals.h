/* ui/term/signals.h - signals as events for the main loop, and the terminal's rescue after a crash.
 *
 * A program has one terminal and one set of signal handlers, so this module and term.c have state
 * of their own; nothing else in ui/ has.
 */
#ifndef ATTICSCOPE_SIGNALS_H
#define ATTICSCOPE_SIGNALS_H

#include <stddef.h>

enum signal_event {
	SIGNALLED_RESIZE = 1,	/* SIGWINCH */
	SIGNALLED_STOP = 2,	/* SIGTSTP: the person pressed Ctrl-Z */
	SIGNALLED_CONTINUE = 4,	/* SIGCONT */
	SIGNALLED_END = 8	/* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
};

/* Catch the signals; each one also writes to the eventfd @wake, which the main loop polls. One of
 * those that end the program stays ignored where it was, as under nohup. Threads must be made with
 * thread_start, so that signals reach the main thread only. */
void signals_start(int wake);
void signals_restore(void);

/* What came since the last call: signal_event bits. */
unsigned signals_collect(void);

/* The number of the signal behind SIGNALLED_END, 0 while none came. */
int signals_end(void);

/* End the process by @number as if nobody had caught it, so that whoever waits for it sees why. */
void signals_end_self(int number);

/* Stop the process, as Ctrl-Z does to others. Returns when it was continued. */
void signals_stop_self(void);

/* From now on a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) first puts the line settings of
 * the terminal back to what they are now, and writes the sequence given by signals_set_sequence,
 * whose bytes must live until signals_disarm. The signal then goes where it would have gone without
 * this. */
void signals_arm(void);
void signals_set_sequence(const char *sequence, size_t len);
void signals_disarm(void);

#endif

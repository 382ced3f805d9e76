/* ui/term/signals.h - signals as events for the main loop; the terminal is restored after a crash.
 *
 * A program has one terminal and one set of signal handlers, so this module and term.c have global
 * state; nothing else in ui/ has.
 */
#ifndef ATTICSCOPE_SIGNALS_H
#define ATTICSCOPE_SIGNALS_H

enum signal_event {
	SIGNALLED_RESIZE = 1,	/* SIGWINCH */
	SIGNALLED_STOP = 2,	/* SIGTSTP: the person pressed Ctrl-Z */
	SIGNALLED_CONTINUE = 4,	/* SIGCONT */
	SIGNALLED_END = 8	/* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
};

/* Catch the signals. Each also writes to the eventfd @wake, which the main loop polls. A signal
 * that would end the program stays ignored if it was, as under nohup. Threads must be started with
 * thread_start, so that signals reach the main thread only. */
void signals_start(int wake);
void signals_restore(void);

/* The signals since the last call, as signal_event bits. */
unsigned signals_collect(void);

/* If a signal caused SIGNALLED_END, end the process by it as if it were not caught, so that the
 * parent process sees why. */
void signals_end_self(void);

/* Stop the process, as Ctrl-Z does with other programs. Returns when it is continued. */
void signals_stop_self(void);

/* From now on a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) first restores the present line
 * settings of the terminal and writes the bytes that were given to signals_keep since. Then the
 * signal takes its usual effect. */
void signals_arm(void);
int signals_keep(int byte);	/* returns @byte, as tputs expects it */
void signals_disarm(void);

#endif

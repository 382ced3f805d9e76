/* ui/ui.h - the terminal front end, as seen from the command line. */
#ifndef ATTICSCOPE_UI_H
#define ATTICSCOPE_UI_H

#include <stdbool.h>
#include <stddef.h>

struct ui_options {
	bool no_lock;
	bool verify;		/* verify at once */
	unsigned threads;	/* 0: one for each processor */
};

/* Open the repository @path and show it until the person leaves. Returns the exit status: 0, or 8
 * if there is no usable terminal or the repository cannot be opened or is locked; standard error
 * then says why. Does not return when a signal ends the program: the terminal is restored, and the
 * process ends by that signal. */
int ui_run(const char *path, const struct ui_options *options);

/* A row of the key table, for help and manual. All strings are static. */
struct ui_key {
	const char *label;	/* how the keys are shown; NULL: it is a command only */
	const char *name;	/* after the ":"; NULL: it has none */
	const char *argument;	/* after the name; NULL: it takes none */
	const char *help;
	/* titles of the screens where it works, or "not" and the others; empty: all */
	char screens[128];
};

/* The row @index. False: @index is behind the last row. */
bool ui_key_at(size_t index, struct ui_key *key);

#endif

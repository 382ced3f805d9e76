/* ui/keys.h - the one table of keyboard keys and ":" commands. Dispatch, the bottom line, the help
 * screen and the ":" prompt read it. */
#ifndef ATTICSCOPE_KEYS_H
#define ATTICSCOPE_KEYS_H

#include "app/screen.h"

/* What a key needs before it does anything. */
enum {
	NEEDS_PLACE = 1,	/* something is under the cursor */
	NEEDS_SEGMENT = 2,	/* it lies in a segment */
	NEEDS_KEY = 4,		/* it has a key */
	NEEDS_INDEX = 8,	/* a usable index */
	NEEDS_JOB = 16,		/* a running job */
	NEEDS_REPAIR_MODE = 32,	/* the exclusive lock */
	NEEDS_SALVAGE = 64,	/* the plan on the screen is a salvage */
	NEEDS_STEPS = 128	/* it can be carried out; only the hint depends on it */
};

#define KEYS_MAX 3

struct key_row {
	int keys[KEYS_MAX];	/* as in struct input; 0 ends them; none: for the prompt only */
	const char *label;	/* how the keys are shown */
	const char *name;	/* after ":"; NULL: it has none */
	const char *argument;	/* what help shows after the name; NULL: it takes none */
	const char *help;
	const char *hint;	/* one word for the bottom line; NULL: not shown there */
	unsigned screens;	/* ON() bits */
	unsigned needs;		/* NEEDS_ bits; only keys_run checks them */
	int value;		/* for commands that several rows share */
	void (*run)(struct app *app, const struct call *call);
};

extern const struct key_row key_table[];
extern const size_t key_count;

/* The row of @key on the screen @kind, or NULL. */
const struct key_row *keys_find(int key, enum screen_kind kind);

/* The row called @name, or the only one whose name begins with it, or NULL. */
const struct key_row *keys_find_name(const char *name);

/* Does the plan on the screen meet what @needs says about plans? */
bool keys_fit_plan(const struct app *app, unsigned needs);

/* Do what @key does on the top screen. False: it means nothing there. */
bool keys_press(struct app *app, int key);

/* Run @row if what it needs is there; otherwise say what is missing. */
void keys_run(struct app *app, const struct key_row *row, const char *argument);

#endif

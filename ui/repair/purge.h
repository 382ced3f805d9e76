/* ui/repair/purge.h - remove an undo folder for good, after a typed confirmation. */
#ifndef ATTICSCOPE_PURGE_H
#define ATTICSCOPE_PURGE_H

#include "term/term.h"

#include "engine/repair/undo.h"

struct app;
struct call;

/* The folder in question, and the outcome of the last purge. */
struct purge {
	struct undo_entry entry;
	size_t behind;		/* older folders that can be taken back only after it */
	char outcome[1024];	/* masked; empty: none yet */
	enum style style;
};

/* Command behind a key: the folder under the cursor of the list. */
void purge_ask(struct app *app, const struct call *call);

/* At the end of the program, when the terminal is restored: wait for a purge that runs, with a
 * message on standard error. */
void purge_end(struct app *app);

#endif

/* ui/repair/purge.h - an undo folder removed for good, after a typed confirmation. */
#ifndef ATTICSCOPE_PURGE_H
#define ATTICSCOPE_PURGE_H

#include "term/term.h"

#include "engine/repair/undo.h"

struct app;
struct call;

/* The one that is asked about or removed, and what came of the last one. */
struct purge {
	struct undo_entry entry;
	size_t behind;		/* older ones that can be taken back only after it */
	char outcome[1024];	/* masked; empty: none yet */
	enum style style;
};

/* Command behind a key: the folder under the cursor of the list. */
void purge_ask(struct app *app, const struct call *call);

/* The program ends, the terminal is put back: wait for what runs, saying so on standard error. */
void purge_end(struct app *app);

#endif

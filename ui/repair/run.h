/* ui/repair/run.h - the confirmation of a plan, carrying it out, and the report. */
#ifndef ATTICSCOPE_RUN_H
#define ATTICSCOPE_RUN_H

#include "widget/lines.h"

struct app;
struct proposal;
struct screen_ops;

/* What came of the last one. */
struct report {
	struct lines *body;	/* held; NULL: there was none yet */
	char title[32];		/* "salvage" */
	char outcome[1024];	/* masked */
	enum style style;
	struct proposal *proposal; /* held: to be compared with what is found; NULL: it was */
	char broken[512];	/* masked: what the plan promised and is not there; or empty */
	/* Since then the repository was read anew, or could not be. */
	enum { REPORT_READING, REPORT_READ, REPORT_UNREAD } state;
};

extern const struct screen_ops report_screen;

/* Ask for the name of what the flow's proposal is to do, and then do it. Says why when it
 * cannot. */
void repair_confirm(struct app *app);

/* The program ends, the terminal is put back: cancel what runs and wait until it is at a safe
 * point, saying so on standard error. */
void repair_end(struct app *app);

/* The repository was verified: does it hold what the last repair promised? */
void repair_was_verified(struct app *app);

#endif

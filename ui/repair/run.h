/* ui/repair/run.h - confirm a plan, carry it out, and report. */
#ifndef ATTICSCOPE_RUN_H
#define ATTICSCOPE_RUN_H

#include "widget/lines.h"

struct app;
struct proposal;
struct screen;
struct screen_ops;

/* The outcome of the last repair. */
struct report {
	struct lines *body;	/* held; NULL: no repair yet */
	char title[32];		/* "salvage" */
	char outcome[1024];	/* masked */
	enum style style;
	struct proposal *proposal; /* held until the repository was compared with it */
	char broken[512];	/* masked: the promise of the plan that does not hold; or empty */
	/* Was the repository read again since? */
	enum { REPORT_READING, REPORT_READ, REPORT_UNREAD } state;
};

extern const struct screen_ops report_screen;

/* Enter on the screen of a plan: ask for the confirmation of the flow's proposal, and carry it out.
 * Says why if it cannot. */
void repair_confirm(struct app *app, struct screen *screen);

/* At the end of the program, when the terminal is restored: cancel a repair that runs and wait for
 * its next safe point, with a message on standard error. */
void repair_end(struct app *app);

/* The repository was verified: does it hold what the last repair promised? */
void repair_was_verified(struct app *app);

#endif

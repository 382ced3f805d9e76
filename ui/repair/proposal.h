/* ui/repair/proposal.h - a plan of a repair, or of taking one back, that is shown and may be
 * confirmed. */
#ifndef ATTICSCOPE_PROPOSAL_H
#define ATTICSCOPE_PROPOSAL_H

#include "widget/lines.h"

#include "engine/repair/undo.h"

struct app;

/* All of it is made in the job that plans; later only the main thread counts references. */
struct proposal {
	unsigned refs;
	struct session *session;	/* held: the plan borrows from it */
	enum repair action;		/* REPAIR_NONE: undo */
	struct repair_options options;
	struct plan *plan;		/* NULL: undo */
	struct undo_plan *undo;		/* NULL: a repair */
	struct lines *lines;		/* held */
};

void proposal_release(struct proposal *proposal);

/* "salvage", "undo": what must be typed to start it. */
const char *proposal_name(const struct proposal *proposal);
const char *proposal_action_name(enum repair action);

/* Is its plan refused; is there nothing to do? */
bool proposal_is_refused(const struct proposal *proposal);
bool proposal_is_empty(const struct proposal *proposal);

/* What is to be planned as soon as the repository was read, and verified where that is needed. */
struct wanted {
	bool any;
	enum repair action;
	struct repair_options options;
	bool is_replan;		/* because the repository changed since it was planned */
};

/* Plan it, after reading and verifying what must be; then the plan comes to the top. */
void proposal_plan(struct app *app, const struct wanted *wanted);

/* The repository was read, or verified: go on to what was wanted, if anything. */
void proposal_continue(struct app *app);

/* A new session: the plan is of the old one. */
void proposal_drop(struct app *app);

/* Add the lines that engine/repair/plan_text.h makes of the plan or (@report) of a report. */
void proposal_add_lines(const struct proposal *proposal, struct lines *lines,
			const struct repair_report *report);

#endif

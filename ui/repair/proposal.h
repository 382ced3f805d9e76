/* ui/repair/proposal.h - a plan of a repair or an undo, which is shown and can be confirmed. */
#ifndef ATTICSCOPE_PROPOSAL_H
#define ATTICSCOPE_PROPOSAL_H

#include "widget/lines.h"

#include "engine/repair/undo.h"

struct app;

/* What is planned: one of enum repair, or to take the newest repair back. */
enum { ACTION_UNDO = REPAIR_COUNT };

/* The planning job fills it. Afterwards it no longer changes. */
struct proposal {
	struct ref ref;
	struct session *session;	/* held: the plan borrows from it */
	unsigned action;		/* enum repair, or ACTION_UNDO */
	struct repair_options options;
	struct plan *plan;		/* NULL: undo */
	struct undo_plan *undo;		/* NULL: a repair */
	bool is_refused, is_empty;	/* as the plan says */
	struct lines *lines;		/* held */
};

/* "salvage", "undo" */
const char *proposal_name(unsigned action);

/* What to plan once the repository has been read, and verified if the plan needs that. */
struct wanted {
	bool any;
	unsigned action;	/* enum repair, or ACTION_UNDO */
	struct repair_options options;
	bool is_replan;		/* the repository changed since the last plan */
};

/* Read and verify the repository as far as needed, make the plan, and show it. */
void proposal_plan(struct app *app, const struct wanted *wanted);

/* The repository was read or verified: go on with app->flow->wanted, if there is anything. */
void proposal_continue(struct app *app);

/* Add the text of the plan or, if @report is not NULL, of the report on it. */
void proposal_add_lines(const struct proposal *proposal, struct lines *lines,
			const struct repair_report *report);

#endif

/* ui/repair/repair_flow.h - what a repair leaves between its steps, from the wish to the report. */
#ifndef ATTICSCOPE_REPAIR_FLOW_H
#define ATTICSCOPE_REPAIR_FLOW_H

#include "repair/proposal.h"
#include "repair/purge.h"
#include "repair/run.h"

struct repair_flow {
	struct wanted wanted;
	struct proposal *proposal;	/* held: what the plan screen shows; NULL: none */
	struct report report;
	struct purge purge;
	char refusal[512];	/* masked: why the lock was refused at first */
};

/* What repairs do at the points that struct app_hooks names; see also proposal_continue and
 * repair_was_verified. */
void repair_flow_before_read(struct app *app);
void repair_flow_after_read(struct app *app, bool was_read);
bool repair_flow_after_diagnosis(struct app *app);

/* The program ends, the terminal is put back: wait for what runs, saying so on standard error. */
void repair_flow_end(struct app *app);
void repair_flow_release(struct repair_flow *flow);

#endif

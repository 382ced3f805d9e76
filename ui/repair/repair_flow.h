/* ui/repair/repair_flow.h - the state of a repair from the request to the report. */
#ifndef ATTICSCOPE_REPAIR_FLOW_H
#define ATTICSCOPE_REPAIR_FLOW_H

#include "repair/proposal.h"
#include "repair/purge.h"
#include "repair/question.h"
#include "repair/run.h"

struct repair_flow {
	struct wanted wanted;
	struct proposal *proposal;	/* held: what the plan screen shows; NULL: none */
	struct question question;	/* the last one asked */
	struct report report;
	struct purge purge;
	char refusal[512];	/* masked: why the first try for the lock failed */
};

/* Functions for struct app_hooks. proposal_continue and repair_was_verified are two more. */
void repair_flow_before_read(struct app *app);
void repair_flow_after_read(struct app *app, bool was_read);
bool repair_flow_after_diagnosis(struct app *app);

#endif

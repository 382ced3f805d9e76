/* ui/repair_flow.h - what a repair leaves between its steps, from the wish to the report. */
#ifndef ATTICSCOPE_REPAIR_FLOW_H
#define ATTICSCOPE_REPAIR_FLOW_H

#include "ui/proposal.h"
#include "ui/purge.h"
#include "ui/repair.h"

struct repair_flow {
	struct wanted wanted;
	struct proposal *proposal;	/* held: what the plan screen shows; NULL: none */
	struct report report;
	struct purge purge;
};

#endif

#include "build-config.h"

#include "repair/repair_flow.h"

#include "app/app.h"

void repair_flow_before_read(struct app *app)
{
	app->flow->wanted.any = false;
}

void repair_flow_after_read(struct app *app, bool was_read)
{
	struct report *report = &app->flow->report;
	if (report->body && report->state == REPORT_READING)
		report->state = was_read ? REPORT_READ : REPORT_UNREAD;
	if (!was_read) {
		app->flow->wanted.any = false;
		return;
	}
	/* The plan belongs to the old session. */
	ref_release(app->flow->proposal);
	app->flow->proposal = NULL;
	app_close_kind(app, SCREEN_PLAN);
}

bool repair_flow_after_diagnosis(struct app *app)
{
	proposal_continue(app);
	if (!session_verify(app->session) || !app->flow->report.broken[0])
		return false;
	app_say(app, STYLE_BAD, "the repository holds other objects than the plan promised: "
		"U takes it back");
	return true;
}

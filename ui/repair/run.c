#include "build-config.h"

#include "repair/run.h"

#include "app/action_log.h"
#include "app/app.h"
#include "app/reread.h"
#include "app/text_screen.h"
#include "repair/question.h"
#include "repair/repair_flow.h"
#include "session/format.h"
#include "widget/box.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BAR_CELLS 60

/* ---- carrying it out ---- */

struct repair_job {
	struct job job;
	struct proposal *proposal;	/* held[0] of the job */
	struct lines *lines;		/* held[1]: the report */
	const char *path;		/* of the repository; lives as long as the program */
	struct repair_progress progress;
	struct repair_report report;
	enum as_err err;
	struct as_error error;
};

static void run_repair(struct job *head)
{
	struct repair_job *job = (struct repair_job *)head;
	struct proposal *proposal = job->proposal;
	const struct permit *permit = lock_permit(proposal->session->lock);
	if (proposal->undo) {
		job->err = undo_run(proposal->undo, permit, &job->progress, &job->error);
		job->report = (struct repair_report){
			.has_changed = job->err != AS_ERR_CHANGED, .is_done = job->err == AS_OK,
		};
	} else {
		job->err = repair_run(proposal->plan, permit, &job->progress, &job->report,
				      &job->error);
	}
	if (job->err != AS_ERR_CHANGED)
		proposal_add_lines(proposal, job->lines, &job->report);
}

static void cancel_repair(struct job *head)
{
	atomic_store(&((struct repair_job *)head)->progress.cancel, true);
}

/* The outcome, and what state it leaves. */
static enum style describe_outcome(const struct repair_job *job, char *out, size_t size)
{
	const char *name = proposal_name(job->proposal->action);
	const bool is_undo = job->proposal->action == ACTION_UNDO;
	if (job->err == AS_OK) {
		snprintf(out, size, is_undo ? "The repair was taken back: the repository is as it "
			 "was before." : "The %s is done%s%s.", name,
			 job->report.undo[0] ? "; U takes it back from " : "", job->report.undo);
		return STYLE_GOOD;
	}
	const bool is_cancelled = job->err == AS_ERR_CANCELLED;
	const int n = snprintf(out, size, "The %s %s%s. ", name,
			       is_cancelled ? "was cancelled" : "was not finished: ",
			       is_cancelled ? "" : format_skip_path(job->path, job->error.message));
	const size_t used = n > 0 && (size_t)n < size ? (size_t)n : size - 1;
	snprintf(out + used, size - used, "%s",
		 !job->report.has_changed ? "Nothing is changed: what had been written was removed "
					    "again."
		 : is_undo ? "Nothing is lost: U goes on where it stopped."
			   : "Nothing is lost: plan it again to finish it, or take it back with "
			     "U.");
	return is_cancelled ? STYLE_WARNING : STYLE_BAD;
}

static void repair_done(struct app *app, struct job *head)
{
	struct repair_job *job = (struct repair_job *)head;
	struct report *report = &app->flow->report;
	const char *name = proposal_name(job->proposal->action);
	char outcome[sizeof(report->outcome)];
	app->modal = NULL;
	/* The screens are out of date now, whatever the outcome. */
	atomic_store(&app->session->changed, true);
	if (job->err == AS_ERR_CHANGED) {
		const struct wanted again = { .action = job->proposal->action, .is_replan = true,
					      .options = job->proposal->options };
		action_log_add(app, STYLE_WARNING, name,
			       "not begun: the repository changed since it was planned");
		proposal_plan(app, &again);
		app_say(app, STYLE_WARNING,
			"nothing was done: the repository changed; planning again");
		return;
	}
	report->style = describe_outcome(job, outcome, sizeof(outcome));
	format_masked_text(outcome, report->outcome, sizeof(report->outcome));
	snprintf(report->title, sizeof(report->title), "%s", name);
	ref_release(report->body);
	report->body = ref_hold(job->lines);
	report->state = REPORT_READING;
	report->broken[0] = '\0';
	ref_release(report->proposal);
	report->proposal = NULL;
	if (job->err == AS_OK && job->proposal->action != ACTION_UNDO)
		report->proposal = ref_hold(job->proposal);
	action_log_add(app, report->style, name, "%s", outcome);
	app_close_kind(app, SCREEN_PLAN);
	app_close_kind(app, SCREEN_REPORT);
	app_open(app, SCREEN_REPORT, NULL);
	app_read_again(app, AFTER_READING_VERIFY);
}

/* ---- the progress ---- */

static void progress_input(struct app *app, const struct input *input)
{
	struct job *job = jobs_find(&app->jobs, JOB_REPAIR);
	if (job && input->key == 'x')
		job_cancel(job);
}

static void fill_bar(uint64_t done, uint64_t total, int cells, char *out, size_t size)
{
	size_t at = 0;
	out[0] = '\0';
	const uint64_t full = total > 0 ? (done < total ? done : total) * (unsigned)cells / total
				      : 0;
	for (int i = 0; i < cells && at < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s",
				       glyph((unsigned)i < full ? GLYPH_LIVE : GLYPH_DEAD));
}

static void draw_progress(struct app *app, struct area bottom)
{
	struct repair_job *job = (struct repair_job *)jobs_find(&app->jobs, JOB_REPAIR);
	char step[MESSAGE_MAX], bar[BAR_CELLS * 4 + 1], title[64];
	struct box box = { .title = title, .is_urgent = true };
	if (!job)
		return;
	const bool is_undo = job->proposal->action == ACTION_UNDO;
	const bool cancelled = atomic_load(&job->progress.cancel);
	const unsigned at = atomic_load(&job->progress.step);
	const uint64_t done = atomic_load(&job->progress.bytes_done);
	const uint64_t total = atomic_load(&job->progress.bytes_total);
	snprintf(title, sizeof(title), "%s is running", proposal_name(job->proposal->action));
	job_bytes_text(&job->job, repair_step_text((enum repair_step)at), done, total, step,
		       sizeof(step));
	const bool is_counted = is_undo || at <= STEP_COPY;
	fill_bar(is_counted ? done : 1, is_counted ? total : 1,
		 bottom.cols - 4 < BAR_CELLS ? bottom.cols - 4 : BAR_CELLS, bar, sizeof(bar));
	box_add(&box, STYLE_STRONG, step);
	if (total > 0)
		box_add(&box, STYLE_NORMAL, bar);
	box_add(&box, STYLE_NORMAL, "");
	if (is_undo)
		box_add(&box, STYLE_FAINT,
			"It cannot be stopped: half of an undo is no safe state.");
	else if (at >= STEP_COMMIT)
		box_add(&box, STYLE_FAINT,
			"What was copied is committed; it can no longer be stopped.");
	else
		box_add(&box, cancelled ? STYLE_WARNING : STYLE_FAINT, cancelled
			? "Stopping at the next safe point."
			: "x stops it at the next safe point: what was copied is removed again, "
			  "and the repository is as it was before.");
	box.keys = is_undo || at >= STEP_COMMIT ? "" : "x:stop";
	box_draw(&box, bottom);
}

static const struct modal progress_modal = { .input = progress_input,
					     .draw = draw_progress };

/* Abandon the threads that read the old state; one that reopens the repository would even replace
 * the session during the repair. */
static void start_repair(struct app *app)
{
	struct repair_job *job = calloc(1, sizeof(*job));
	struct lines *lines = lines_new();
	if (!job || !lines) {
		free(job);
		ref_release(lines);
		app_say(app, STYLE_BAD, "out of memory; nothing was done");
		return;
	}
	jobs_abandon(&app->jobs, NULL);
	const char *name = proposal_name(app->flow->proposal->action);
	job->job = (struct job){ .kind = JOB_REPAIR, .verb = name, .run = run_repair,
				 .done = repair_done, .interrupt = cancel_repair,
				 .held = { ref_hold(app->flow->proposal), lines } };
	job->proposal = app->flow->proposal;
	job->lines = lines;
	job->path = app->path;
	action_log_add(app, STYLE_STRONG, name, "confirmed and begun");
	app->modal = &progress_modal;
	if (!app_start(app, &job->job))
		app->modal = NULL;
}

void repair_end(struct app *app)
{
	struct job *job = jobs_find(&app->jobs, JOB_REPAIR);
	char outcome[1024], masked[1024];
	if (!job)
		return;
	job_cancel(job);
	fprintf(stderr, "atticscope: waiting until %s can be left safely; interrupt once more to "
		"leave at once (the next start says what is left)\n", job->verb);
	job_wait(job, -1);
	describe_outcome((struct repair_job *)job, outcome, sizeof(outcome));
	fprintf(stderr, "atticscope: %s\n", format_masked_text(outcome, masked, sizeof(masked)));
}

/* ---- the confirmation ---- */

/* "Files: 3 made, 1 replaced.", or nothing. */
static void sum_up(const struct proposal *proposal, char *out, size_t size)
{
	const struct plan *plan = proposal->plan;
	const struct undo_plan *undo = proposal->undo;
	const struct {
		uint64_t count;
		const char *verb;
	} rows[] = {
		{ undo ? undo_plan_sum(undo, UNDO_PUT_BACK).files : 0, "put back" },
		{ undo ? undo_plan_sum(undo, UNDO_PUT_BACK_OVER).files : 0,
		  "put back over newer ones" },
		{ undo ? undo_plan_sum(undo, UNDO_REMOVE).files : 0, "removed" },
		{ plan ? plan_sum(plan, PLAN_MAKE).files : 0, "made" },
		{ plan ? plan_sum(plan, PLAN_REPLACE).files : 0, "replaced" },
		{ plan ? plan_sum(plan, PLAN_MOVE).files : 0, proposal->options.no_undo
		  ? "DELETED FOR GOOD" : "moved to the undo folder" },
	};
	char text[FORMAT_SIZE];
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(rows) && at < size; i++)
		if (rows[i].count > 0)
			at += (size_t)snprintf(out + at, size - at, "%s%s %s",
					       at ? ", " : "Files: ",
					       format_count(rows[i].count, text, sizeof(text)),
					       rows[i].verb);
	if (at > 0 && at < size)
		snprintf(out + at, size - at, ".");
}

/* "4 objects will be lost; the plan names them." NULL: there are none. */
static const char *count_keys(size_t count, const char *what, char *out, size_t size)
{
	char n[FORMAT_SIZE];
	if (count == 0)
		return NULL;
	snprintf(out, size, "%s object%s will be %s; the plan names %s.",
		 format_count(count, n, sizeof(n)), count == 1 ? "" : "s", what,
		 count == 1 ? "it" : "them");
	return out;
}

static void draw_confirmation(struct app *app, struct area bottom)
{
	static const struct plan loses_nothing;
	const struct proposal *proposal = app->flow->proposal;
	const struct plan *plan = proposal->undo ? &loses_nothing : proposal->plan;
	char title[64], files[MESSAGE_MAX], lost[MESSAGE_MAX], older[MESSAGE_MAX], out[MESSAGE_MAX];
	char dropped[MESSAGE_MAX], how[MESSAGE_MAX];
	struct box box = { .title = title, .is_urgent = true, .typed = &app->typed,
			   .keys = "Esc:cancel" };
	snprintf(title, sizeof(title), "%s: really?", proposal_name(proposal->action));
	sum_up(proposal, files, sizeof(files));
	snprintf(how, sizeof(how), "Type %s and press Enter to start. Anything else cancels; "
		 "nothing has been written up to here.",
		 plan->dropped_count > 0 ? "their number" : app->flow->question.word);
	if (plan->hardware_doubt)
		box_add(&box, STYLE_BAD, "The disk or the machine is in doubt: repair a copy on "
			"another disk instead (ddrescue).");
	box_add(&box, STYLE_NORMAL, files[0] ? files : NULL);
	box_add(&box, STYLE_BAD, count_keys(plan->lost_count, "lost", lost, sizeof(lost)));
	box_add(&box, STYLE_WARNING, count_keys(plan->older_count, "kept in an older version",
						older, sizeof(older)));
	box_add(&box, STYLE_WARNING, count_keys(plan->left_out_count, "left out", out,
						sizeof(out)));
	box_add(&box, STYLE_BAD, proposal->options.no_undo
		? "There is no undo: what goes is deleted for good." : NULL);
	box_add(&box, STYLE_BAD, count_keys(plan->dropped_count,
					    "given up that can be read now", dropped,
					    sizeof(dropped)));
	box.vital = box.count - (plan->dropped_count > 0);
	box_add(&box, STYLE_STRONG, how);
	box_draw(&box, bottom);
}

static const struct modal confirmation = { .input = question_input, .draw = draw_confirmation };

void repair_confirm(struct app *app, struct screen *screen)
{
	(void)screen;
	const struct proposal *proposal = app->flow->proposal;
	if (!proposal || question_must_wait(app))
		return;
	if (proposal->plan && proposal->plan->override == OVERRIDE_DROP_READABLE) {
		app_say(app, STYLE_WARNING,
			"it would give up readable objects; D plans it anyway");
		return;
	}
	if (proposal->is_refused) {
		app_say(app, STYLE_WARNING, "this plan is refused; it says why");
		return;
	}
	if (proposal->is_empty) {
		app_say(app, STYLE_NORMAL, "there is nothing to do");
		return;
	}
	struct question question = { .subject = proposal_name(proposal->action),
				     .refusal = "cancelled; nothing was done",
				     .start = start_repair };
	/* A plan that gives up readable objects wants their number instead of its name. */
	if (proposal->plan && proposal->plan->dropped_count > 0)
		snprintf(question.word, sizeof(question.word), "%zu",
			 proposal->plan->dropped_count);
	else
		snprintf(question.word, sizeof(question.word), "%s", question.subject);
	question_ask(app, &question, &confirmation);
}

/* ---- the report ---- */

void repair_was_verified(struct app *app)
{
	struct report *report = &app->flow->report;
	const struct verify *verify = session_verify(app->session);
	struct as_error error;
	if (!report->proposal || report->state != REPORT_READ || !verify)
		return;
	if (repair_check(report->proposal->plan, verify, &error) != AS_OK) {
		format_masked_text(format_skip_path(app->path, error.message), report->broken,
				   sizeof(report->broken));
		report->style = STYLE_BAD;
		action_log_add(app, STYLE_BAD, report->title, "%s", report->broken);
	}
	ref_release(report->proposal);
	report->proposal = NULL;
}

struct report_screen {
	struct text_screen text;
	const char *status;	/* in the lines that are shown */
};

/* The state of the repository after the repair, as read and verified from the disk. */
static const char *describe(const struct app *app, enum style *style)
{
	const struct diagnosis *d = &app->diagnosis;
	*style = STYLE_WARNING;
	if (app->flow->report.state == REPORT_READING)
		return "the repository is being read again";
	if (app->flow->report.state == REPORT_UNREAD)
		return "the repository could not be read again (r tries once more)";
	switch (atomic_load(&app->session->check)) {
	case CHECK_DONE:
		*style = d->errors ? STYLE_BAD : d->warnings ? STYLE_WARNING : STYLE_GOOD;
		return d->verdict;
	case CHECK_RUNNING:
		return "all of it is being verified again, see the last line";
	default:
		return "it was not verified completely (v starts again)";
	}
}

/* Rebuild the lines whenever the status changes, so that a written file contains it. */
static void compose(struct app *app, struct screen *base)
{
	struct report_screen *screen = (struct report_screen *)base;
	enum style style;
	const char *status = describe(app, &style);
	struct lines *lines = lines_new();
	if (!lines)
		return;
	lines_add(lines, app->flow->report.style, app->flow->report.outcome);
	if (app->flow->report.broken[0]) {
		lines_printf(lines, STYLE_BAD, "NOT WHAT THE PLAN PROMISED: %s.",
			     app->flow->report.broken);
		lines_add(lines, STYLE_BAD, "U plans to take it back: every byte comes back.");
	}
	lines_printf(lines, style, "Afterwards: %s", status);
	if (atomic_load(&app->session->check) == CHECK_DONE && app->diagnosis.advice[0] &&
	    app->flow->report.state == REPORT_READ)
		lines_add(lines, STYLE_NORMAL, app->diagnosis.advice);
	lines_add(lines, STYLE_NORMAL, "");
	lines_add_all(lines, app->flow->report.body);
	text_screen_set(&screen->text, lines);
	screen->status = status;
}

static void refresh(struct app *app, struct screen *base)
{
	enum style style;
	if (describe(app, &style) != ((struct report_screen *)base)->status)
		compose(app, base);
}

static bool open_report(struct app *app, struct screen *base)
{
	if (!app->flow->report.body) {
		app_say(app, STYLE_NORMAL, "nothing was repaired yet");
		return false;
	}
	compose(app, base);
	return true;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	char text[64];
	snprintf(text, sizeof(text), "report: %s", app->flow->report.title);
	text_screen_draw(app, (struct text_screen *)base, area, text);
}

const struct screen_ops report_screen = {
	.title = "Report", .size = sizeof(struct report_screen),
	.columns = text_screen_columns, .column_count = TEXT_SCREEN_COLUMNS,
	.open = open_report, .draw = draw,
	.close = text_screen_close, .reload = compose, .refresh = refresh,
};

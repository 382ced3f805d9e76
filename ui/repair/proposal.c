#include "build-config.h"

#include "repair/proposal.h"

#include "app/action_log.h"
#include "app/app.h"
#include "app/reread.h"
#include "repair/repair_flow.h"
#include "session/format.h"

#include "engine/repair/plan_text.h"

#include <stdio.h>
#include <stdlib.h>

static void free_proposal(void *object)
{
	struct proposal *proposal = object;
	plan_free(proposal->plan);
	undo_plan_free(proposal->undo);
	ref_release(proposal->lines);
	ref_release(proposal->session);
}

const char *proposal_name(unsigned action)
{
	return action == ACTION_UNDO ? "undo" : repair_name((enum repair)action);
}

static void add_line(void *context, enum plan_tone tone, const char *line)
{
	static const enum style styles[] = {
		[PLAN_TONE_PLAIN] = STYLE_NORMAL, [PLAN_TONE_HEADING] = STYLE_STRONG,
		[PLAN_TONE_WARNING] = STYLE_BAD, [PLAN_TONE_FAINT] = STYLE_FAINT,
	};
	lines_add(context, styles[tone], line);
}

void proposal_add_lines(const struct proposal *proposal, struct lines *lines,
			const struct repair_report *report)
{
	const struct plan_text to = { .line = add_line, .context = lines, .has_keys = !report };
	if (proposal->undo && report)
		plan_text_undo_report(proposal->undo, report, &to);
	else if (proposal->undo)
		plan_text_undo(proposal->undo, &to);
	else if (report)
		plan_text_report(proposal->plan, report, &to);
	else
		plan_text_plan(proposal->plan, &to);
}

/* ---- planning ---- */

struct plan_job {
	struct job job;
	bool is_replan;
	char verb[32];
	enum as_err err;
	struct as_error error;
};

static void run_plan(struct job *head)
{
	struct plan_job *job = (struct plan_job *)head;
	struct proposal *proposal = head->held[0];
	const struct repo *repo = proposal->session->repo;
	if (proposal->action == ACTION_UNDO)
		job->err = undo_plan_make(repo, &proposal->undo, &job->error);
	else
		job->err = plan_make(repo, session_verify(proposal->session),
				     (enum repair)proposal->action, &proposal->options,
				     &head->progress, &proposal->plan, &job->error);
	if (job->err != AS_OK)
		return;
	proposal->is_refused = proposal->undo ? proposal->undo->is_refused
					      : proposal->plan->is_refused;
	proposal->is_empty = proposal->undo ? proposal->undo->is_empty : proposal->plan->is_empty;
	if (job->is_replan)
		lines_add(proposal->lines, STYLE_WARNING,
			  "The repository changed since the last plan; this is a new one.");
	if (proposal->undo && proposal->undo->name[0])
		lines_printf(proposal->lines, STYLE_STRONG, "Takes back %s/%s.", UNDO_FOLDER,
			     proposal->undo->name);
	proposal_add_lines(proposal, proposal->lines, NULL);
}

static void plan_done(struct app *app, struct job *head)
{
	const struct plan_job *job = (const struct plan_job *)head;
	struct proposal *proposal = head->held[0];
	const char *name = proposal_name(proposal->action);
	if (job->err == AS_ERR_CANCELLED || atomic_load(&head->progress.cancel)) {
		app_say(app, STYLE_WARNING, "planning was cancelled; nothing was written");
		return;
	}
	const char *why = job->err != AS_OK ? format_skip_path(app->path, job->error.message)
			  : proposal->lines->no_memory ? "out of memory" : NULL;
	if (why) {
		action_log_add(app, STYLE_BAD, name, "could not be planned: %s", why);
		app_say(app, STYLE_BAD, "%s cannot be planned: %s", name, why);
		return;
	}
	action_log_add(app, STYLE_NORMAL, name, "planned%s", proposal->is_refused
		       ? ": refused" : proposal->is_empty ? ": nothing to do" : "");
	ref_release(app->flow->proposal);
	app->flow->proposal = ref_hold(proposal);
	app->message[0] = '\0';	/* to show the keys of the plan instead */
	app_open(app, SCREEN_PLAN, NULL);
}

static void start_planning(struct app *app, const struct wanted *wanted)
{
	struct plan_job *job = calloc(1, sizeof(*job));
	struct proposal *proposal = ref_new(sizeof(*proposal), free_proposal);
	struct lines *lines = lines_new();
	if (!job || !proposal || !lines) {
		free(job);
		ref_release(proposal);
		ref_release(lines);
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	proposal->session = ref_hold(app->session);
	proposal->action = wanted->action;
	proposal->options = wanted->options;
	proposal->options.threads = app->threads;
	proposal->lines = lines;
	job->is_replan = wanted->is_replan;
	snprintf(job->verb, sizeof(job->verb), "planning %s", proposal_name(wanted->action));
	job->job = (struct job){ .kind = JOB_PLAN, .verb = job->verb, .run = run_plan,
				 .done = plan_done, .held = { proposal } };
	app_start(app, &job->job);
}

void proposal_continue(struct app *app)
{
	const struct wanted wanted = app->flow->wanted;
	const struct verify *verify = session_verify(app->session);
	const bool needs_verify = wanted.action != ACTION_UNDO;
	if (!wanted.any || (needs_verify && atomic_load(&app->session->check) == CHECK_RUNNING))
		return;
	app->flow->wanted.any = false;
	if (!needs_verify || (verify && verify->remembered == 0)) {
		start_planning(app, &wanted);
	} else if (verify) {	/* a repair does not rely on earlier runs */
		app_verify(app, true);
		app_say(app, STYLE_NORMAL,
			"the plan follows as soon as everything was read again");
		app->flow->wanted = wanted;	/* reading again clears it */
	}
}

void proposal_plan(struct app *app, const struct wanted *wanted)
{
	struct session *session = app->session;
	const bool changed = atomic_load(&session->changed);
	const bool needs_verify = wanted->action != ACTION_UNDO;
	const bool running = atomic_load(&session->check) == CHECK_RUNNING;
	if (needs_verify && running && !changed)
		app_say(app, STYLE_NORMAL, "the plan follows as soon as all is verified");
	else if (needs_verify && changed)
		app_read_again(app, AFTER_READING_VERIFY_ALL);
	else if (changed)
		app_read_again(app, AFTER_READING_NOTHING);
	else if (needs_verify && !session_verify(session))
		app_verify(app, true);
	app->flow->wanted = *wanted;
	app->flow->wanted.any = true;
	if (!changed)
		proposal_continue(app);
}

#include "build-config.h"

#include "repair/repair_mode.h"

#include "app/action_log.h"
#include "app/app.h"
#include "repair/repair_flow.h"
#include "session/format.h"
#include "widget/box.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum step {
	STEP_ASK,		/* without waiting for other processes */
	STEP_WAIT,
	STEP_LOWER
};

struct lock_job {
	struct job job;
	enum step step;
	enum as_err err;
	struct as_error error;
};

static int is_cancelled(void *context)
{
	const struct lock_job *job = context;
	return atomic_load(&job->job.progress.cancel);
}

static void run_lock(struct job *head)
{
	struct lock_job *job = (struct lock_job *)head;
	const struct lock_wait wait = { job->step == STEP_WAIT ? UINT_MAX : 0, is_cancelled, job };
	if (job->step == STEP_LOWER)
		lock_lower(head->session->lock);
	else
		job->err = lock_upgrade(head->session->lock, &wait, &job->error);
}

static void start(struct app *app, enum step step);

/* ---- what is shown meanwhile ---- */

static void draw_asking(struct app *app, struct area bottom)
{
	(void)app;
	term_put(bottom.y, bottom.x, bottom.cols, STYLE_STRONG, "asking for the exclusive lock");
}

static void waiting_input(struct app *app, const struct input *input)
{
	struct job *job = jobs_find(&app->jobs, JOB_LOCK);
	if (job && (input->key == ESCAPE || input->key == 'x' || input->key == 'q'))
		job_cancel(job);
}

static void draw_waiting(struct app *app, struct area bottom)
{
	char holders[MESSAGE_MAX], who[sizeof(app->flow->refusal) + 1], wait[MESSAGE_MAX];
	const struct job *job = jobs_find(&app->jobs, JOB_LOCK);
	struct box box = { .title = "the lock is held by somebody else", .keys = "Esc x:give up" };
	if (session_name_holders(app->session, holders, sizeof(holders)) > 0)
		snprintf(who, sizeof(who), "Holding a lock now: %s.", holders);
	else
		snprintf(who, sizeof(who), "%s.", app->flow->refusal);
	snprintf(wait, sizeof(wait), "%s waiting until it is free. A backup that runs ends by "
		 "itself; never kill one for this.", box_spinner());
	box_add(&box, STYLE_NORMAL, who);
	box_add(&box, STYLE_NORMAL, "");
	box_add(&box, STYLE_STRONG, job && atomic_load(&job->progress.cancel) ? "giving up" : wait);
	box_draw(&box, bottom);
}

static const struct modal asking = { .draw = draw_asking };
static const struct modal waiting = { .input = waiting_input, .draw = draw_waiting };

/* ---- the outcome ---- */

/* Processes that are gone had left their locks. */
static void log_stale(struct app *app)
{
	struct lock_holder one;
	char who[LOCK_HOLDER_TEXT], masked[4 * LOCK_HOLDER_TEXT];
	const size_t count = lock_count_stale(app->session->lock, &one);
	if (count == 0)
		return;
	lock_holder_text(&one, who);
	action_log_add(app, STYLE_WARNING, "lock", "removed that of %s%s",
		       format_masked_text(who, masked, sizeof(masked)),
		       count > 1 ? ", and more" : "");
}

static void lock_done(struct app *app, struct job *head)
{
	const struct lock_job *job = (const struct lock_job *)head;
	const char *why = format_skip_path(app->path, job->error.message);
	app->modal = NULL;
	if (job->step == STEP_LOWER) {
		action_log_add(app, STYLE_NORMAL, "lock",
			       lock_state(app->session->lock, NULL) == LOCK_SHARED
			       ? "given back: shared, read-only" : "given back: read-only");
		app_say(app, STYLE_NORMAL, "the exclusive lock was given back");
		return;
	}
	if (job->err == AS_OK) {
		app->mode = MODE_REPAIR;
		action_log_add(app, STYLE_GOOD, "lock", "upgraded: exclusive, repair mode");
		log_stale(app);
		app_say(app, STYLE_GOOD, "repair mode: nothing is changed before you have seen a "
			"plan and confirmed it");
		return;
	}
	if (job->err == AS_ERR_CANCELLED) {
		action_log_add(app, STYLE_NORMAL, "lock", "given up waiting for it");
		app_say(app, STYLE_WARNING, "given up; still read-only");
		return;
	}
	action_log_add(app, STYLE_WARNING, "lock", "refused: %s", why);
	if (job->step == STEP_WAIT || job->err != AS_ERR_LOCK_FAILED) {
		app_say(app, STYLE_BAD, "not upgraded: %s", why);
		return;
	}
	format_masked_text(why, app->flow->refusal, sizeof(app->flow->refusal));
	start(app, STEP_WAIT);
}

static void start(struct app *app, enum step step)
{
	static const struct {
		const char *verb;
		const struct modal *modal;
	} steps[] = {
		[STEP_ASK] = { "asking for the exclusive lock", &asking },
		[STEP_WAIT] = { "waiting for the lock", &waiting },
		[STEP_LOWER] = { "giving the lock back", NULL },
	};
	struct lock_job *job = calloc(1, sizeof(*job));
	if (!job) {
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	job->job = (struct job){ .kind = JOB_LOCK, .verb = steps[step].verb, .run = run_lock,
				 .done = lock_done, .session = ref_hold(app->session) };
	job->step = step;
	app->modal = steps[step].modal;
	if (!app_start(app, &job->job))
		app->modal = NULL;
}

/* Is another job using the lock, or replacing the repo that it belongs to? Says so. */
static bool is_busy(struct app *app)
{
	const bool busy = jobs_find(&app->jobs, JOB_LOCK) || jobs_find(&app->jobs, JOB_OPEN);
	if (busy)
		app_say(app, STYLE_WARNING, "one moment, the repository is being opened");
	return busy;
}

void repair_mode_enter(struct app *app, const struct call *call)
{
	(void)call;
	if (app->mode == MODE_REPAIR)
		app_say(app, STYLE_NORMAL, "the exclusive lock is held already (l gives it back)");
	else if (app->no_lock)
		app_say(app, STYLE_WARNING,
			"opened with --no-lock: start again without it to repair");
	else if (!is_busy(app))
		start(app, STEP_ASK);
}

void repair_mode_leave(struct app *app, const struct call *call)
{
	(void)call;
	if (app->mode == MODE_READ_ONLY) {
		app_say(app, STYLE_NORMAL, "there is no exclusive lock to give back");
	} else if (!is_busy(app)) {
		app->mode = MODE_READ_ONLY;
		start(app, STEP_LOWER);
	}
}

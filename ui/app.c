#include "build-config.h"

#include "ui/app.h"

#include "ui/actions.h"
#include "ui/box.h"
#include "ui/format.h"
#include "ui/keys.h"
#include "ui/problem_list.h"
#include "ui/watch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void app_say(struct app *app, enum style style, const char *format, ...)
{
	char text[MESSAGE_MAX * 4];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_masked_text(text, app->message, sizeof(app->message));
	app->message_style = style;
	clock_gettime(CLOCK_MONOTONIC, &app->message_time);
	app->dirty = true;
}

bool app_start(struct app *app, struct job *job)
{
	if (jobs_start(&app->jobs, job)) {
		if (job->verb)
			job_grace(job, GRACE_MS);
		return true;
	}
	app_say(app, STYLE_BAD, "the system gives no further thread");
	return false;
}

/* ---- the stack of screens ---- */

static void close_screen(struct app *app, struct screen *screen)
{
	if (!screen)
		return;
	jobs_abandon_owned(&app->jobs, screen);
	if (screen->ops->close)
		screen->ops->close(screen);
	if (screen->table)
		table_free(screen->table);
	free(screen);
}

void app_close_screens(struct app *app)
{
	while (app->depth > 0)
		close_screen(app, app->stack[--app->depth]);
	for (size_t i = 0; i < SCREEN_KINDS; i++)
		close_screen(app, app->resting[i]);
}

/* A view that is not about one place keeps its order, filter and cursor for the next time. */
static void put_to_rest(struct app *app, struct screen *screen)
{
	static const struct place nothing;
	if (!screen->ops->digit || !place_is_same(&screen->about, &nothing)) {
		close_screen(app, screen);
		return;
	}
	close_screen(app, app->resting[screen->kind]);
	app->resting[screen->kind] = screen;
}

/* Call @each for every screen that lives. */
static void each_screen(struct app *app, void (*each)(struct app *app, struct screen *screen))
{
	for (size_t i = 0; i < app->depth; i++)
		each(app, app->stack[i]);
	for (size_t i = 0; i < SCREEN_KINDS; i++)
		if (app->resting[i])
			each(app, app->resting[i]);
}

static void remove_at(struct app *app, size_t i)
{
	app->depth--;
	memmove(&app->stack[i], &app->stack[i + 1], (app->depth - i) * sizeof(app->stack[0]));
}

/* What the fetch thread was asked for belongs to the screen that was on top before. */
static void show_top(struct app *app)
{
	struct screen *screen = app_top(app);
	fetcher_forget(app->fetcher);
	if (screen->ops->shown)
		screen->ops->shown(screen);
	else if (screen->table)
		screen->table->asked = 0;
	app->dirty = true;
}

void app_drop_screen(struct app *app, enum screen_kind kind)
{
	const struct screen *top = app_top(app);
	for (size_t i = app->depth; i-- > 1;) {
		struct screen *screen = app->stack[i];
		if (screen->kind != kind)
			continue;
		remove_at(app, i);
		close_screen(app, screen);
	}
	if (app_top(app) != top)
		show_top(app);
}

static void raise_to_top(struct app *app, size_t i)
{
	struct screen *screen = app->stack[i];
	if (screen->kind == SCREEN_OVERVIEW) {	/* the way back ends there */
		while (app->depth > 1)
			put_to_rest(app, app->stack[--app->depth]);
	} else {
		remove_at(app, i);
		app->stack[app->depth++] = screen;
	}
	show_top(app);
}

/* What of @place a screen of @kind is about: by that alone it is found again. */
static struct place about_of(enum screen_kind kind, const struct place *place)
{
	struct place about = { 0 };
	if (kind == SCREEN_KEY || kind == SCREEN_INDEX) {
		about.has_key = place->has_key;
		about.key_digits = place->key_digits;
		memcpy(about.key, place->key, sizeof(about.key));
	} else if (kind == SCREEN_HEX && place->has_bucket) {
		about.has_bucket = true;
		about.bucket = place->bucket;
	} else {
		about.has_segment = place->has_segment;
		about.segment = place->segment;
		about.has_offset = place->has_offset;
		about.offset = place->offset;
	}
	return about;
}

/* The newest one on the stack that is about @about (NULL: about whatever). */
static bool find_screen(const struct app *app, enum screen_kind kind, const struct place *about,
			size_t *at)
{
	for (size_t i = app->depth; i-- > 0;) {
		const struct screen *screen = app->stack[i];
		*at = i;
		if (screen->kind == kind && (!about || place_is_same(&screen->about, about)))
			return true;
	}
	return false;
}

/* A new one, or the one that rests. NULL: it said why. */
static struct screen *make_screen(struct app *app, enum screen_kind kind, const struct place *place)
{
	const struct screen_ops *ops = screen_table[kind];
	struct screen *screen = place ? NULL : app->resting[kind];
	if (screen) {
		app->resting[kind] = NULL;
		return screen;
	}
	screen = calloc(1, ops->size);
	if (!screen) {
		app_say(app, STYLE_BAD, "out of memory");
		return NULL;
	}
	screen->ops = ops;
	screen->kind = kind;
	if (place)
		screen->about = *place;
	if (!ops->open(app, screen, place)) {
		free(screen);
		return NULL;
	}
	return screen;
}

/* What another format holds would all look damaged. */
static bool shows_contents(enum screen_kind kind)
{
	return kind != SCREEN_OVERVIEW && kind != SCREEN_PROBLEMS && kind != SCREEN_HELP &&
	       kind != SCREEN_LOG && kind != SCREEN_UNDOS;
}

bool app_open(struct app *app, enum screen_kind kind, const struct place *place)
{
	const struct place about = place ? about_of(kind, place) : (struct place){ 0 };
	size_t at;
	if (app->session->view->dialect != DIALECT_ATTIC && shows_contents(kind)) {
		app_say(app, STYLE_WARNING, "not shown: %s",
			dialect_title(app->session->view->dialect));
		return false;
	}
	/* Help is about the screen below it, and never lies below another. */
	if (app->depth > 1 && app_top(app)->kind == SCREEN_HELP)
		app_leave(app, NULL);
	if (find_screen(app, kind, place ? &about : NULL, &at)) {
		raise_to_top(app, at);
		if (place && app_top(app)->ops->seek)
			app_top(app)->ops->seek(app, app_top(app));
		return true;
	}
	struct screen *screen = make_screen(app, kind, place ? &about : NULL);
	if (!screen)
		return false;
	if (app->depth == STACK_MAX) {
		put_to_rest(app, app->stack[1]);
		remove_at(app, 1);
	}
	app->stack[app->depth++] = screen;
	show_top(app);
	return true;
}

bool app_place(struct app *app, struct place *place)
{
	struct screen *screen = app_top(app);
	if (screen->ops->place)
		return screen->ops->place(app, screen, place);
	const struct row *row = screen->table ? table_current(screen->table) : NULL;
	if (!row)
		return false;
	*place = row->place;
	return true;
}

/* ---- leaving ---- */

static void take_answer(struct app *app, const struct input *input)
{
	app->modal = NULL;
	app->ended = input->key == 'y' || input->key == 'Y';
}

static void draw_question(struct app *app, struct area bottom)
{
	struct box box = { .title = "leave?", .keys = "y:leave  any other key:stay" };
	(void)app;
	box_add(&box, STYLE_NORMAL, "The exclusive lock is held. Leaving gives it back; nothing "
		"more is changed.");
	box_draw(&box, bottom);
}

static const struct modal question = { .input = take_answer, .draw = draw_question };

static void leave_program(struct app *app)
{
	if (app->mode == MODE_REPAIR)
		app->modal = &question;
	else
		app->ended = true;
}

void app_leave(struct app *app, const struct call *call)
{
	(void)call;
	if (app->depth == 1) {
		leave_program(app);
		return;
	}
	put_to_rest(app, app->stack[--app->depth]);
	show_top(app);
}

void app_quit(struct app *app, const struct call *call)
{
	(void)call;
	app->ended = true;
}

/* ---- what is known ---- */

static uint64_t count_problems(const struct findings *findings)
{
	uint64_t count = 0;
	for (size_t i = 0; i < findings->count; i++)
		count += findings->rows[i].severity > SEVERITY_INFO;
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (problem_table[problem].severity > SEVERITY_INFO)
			count += findings->total[problem] - findings->kept[problem];
	return count;
}

/* A copy of what was found so far, sorted. */
static enum as_err copy_findings(struct app *app, struct findings *copy)
{
	struct verify *verify = atomic_load(&app->session->verify);
	findings_init(copy);
	if (verify)
		return verify_copy_findings(verify, copy);
	const enum as_err err = findings_merge(copy, &app->session->view->findings);
	findings_sort(copy);
	return err;
}

/* Nothing to do while verification runs and has found nothing more. */
static void collect_findings(struct app *app)
{
	const struct job *verifying = jobs_find(&app->jobs, JOB_VERIFY);
	struct findings copy;
	const uint32_t seen = verifying ? atomic_load(&verifying->progress.problems) : UINT32_MAX;
	if (verifying && seen == app->problems_seen)
		return;
	const enum as_err err = copy_findings(app, &copy);
	const uint64_t count = count_problems(&copy);
	if (err != AS_OK) {
		findings_free(&copy);
		return;
	}
	struct model *model = problems_model(app->session, &copy);
	if (!model)
		return;
	model_release(app->problems);
	app->problems = model;
	app->problem_count = count;
	app->problems_seen = seen;
}

static void refresh_screen(struct app *app, struct screen *screen)
{
	if (screen->ops->refresh)
		screen->ops->refresh(app, screen);
	else if (screen->table)
		table_stale(screen->table);
}

void app_refresh(struct app *app)
{
	collect_findings(app);
	diagnose(app->session->view, session_verify(app->session), &app->diagnosis);
	each_screen(app, refresh_screen);
	app->dirty = true;
}

/* ---- jobs ---- */

void app_cancel(struct app *app, const struct call *call)
{
	struct job *job = jobs_visible(&app->jobs);
	(void)call;
	if (job && job->kind == JOB_OPEN)
		job_abandon(job);	/* opening cannot be interrupted, only be ignored */
	else if (job)
		job_cancel(job);
}

/* ---- reading the repository again ---- */

struct open_job {
	struct job job;
	const char *path;	/* lives as long as the program */
	bool no_lock;
	struct keeper *keeper;	/* held: the exclusive lock; NULL: the view takes one */
	struct view *view;
	struct as_error error;
};

static void run_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	const struct view_options options = { .no_lock = job->no_lock || job->keeper };
	if (view_open(job->path, &options, &job->view, &job->error) != AS_OK || !job->keeper)
		return;
	if (!keeper_is_of(job->keeper, job->view)) {
		snprintf(job->error.message, sizeof(job->error.message),
			 "another folder or config stands in its place; l gives up the lock");
		view_close(job->view);
		job->view = NULL;
		return;
	}
	/* It met the exclusive lock that is our own. */
	findings_drop(&job->view->findings, PROBLEM_WRITER);
}

static void reload_screen(struct app *app, struct screen *screen)
{
	if (screen->ops->reload)
		screen->ops->reload(app, screen);
}

static void replace_session(struct app *app, struct session *session)
{
	jobs_abandon(&app->jobs);
	fetcher_forget(app->fetcher);
	session_release(app->session);
	app->session = session;
	app->ways.count = 0;
	proposal_forget(app);
	watch_start(app);
	each_screen(app, reload_screen);
	app_refresh(app);
	show_top(app);
}

static void open_done(struct app *app, struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	const bool verify = app->verify_after_open;
	struct session *session = job->view ? session_new(job->view, job->keeper) : NULL;
	app->verify_after_open = false;
	repair_was_read(app, session != NULL);
	if (!session) {
		app->wanted.any = false;
		app_refresh(app);
		app_say(app, STYLE_BAD, "cannot be read again: %s",
			job->view ? "out of memory" : job->error.message);
		return;
	}
	job->view = NULL;
	job->keeper = NULL;
	replace_session(app, session);
	if (verify)
		verifying_start(app);
	else
		app_say(app, STYLE_NORMAL, "the repository was read again");
	app->verify_whole = false;
	proposal_go_on(app);
}

static void drop_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	view_close(job->view);
	keeper_release(job->keeper);
	free(job);
}

void app_read_again(struct app *app, const struct call *call)
{
	struct open_job *job = calloc(1, sizeof(*job));
	(void)call;
	app->verify_after_open = false;
	app->wanted.any = false;
	if (!job)
		return;
	*job = (struct open_job){
		.job = { .kind = JOB_OPEN, .verb = "reading the repository again",
			 .run = run_open, .done = open_done, .drop = drop_open },
		.path = app->path, .no_lock = app->options.no_lock,
		.keeper = app->mode == MODE_REPAIR ? keeper_hold(app->session->keeper) : NULL,
	};
	app_start(app, &job->job);
}

void app_read_and_verify(struct app *app)
{
	app_read_again(app, NULL);
	app->verify_after_open = true;
}

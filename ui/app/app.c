#include "build-config.h"

#include "app/app.h"

#include "session/format.h"
#include "widget/box.h"

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
			job_wait(job, GRACE_MS);
		return true;
	}
	app_say(app, STYLE_BAD, "no thread could be started");
	return false;
}

bool app_start_filling(struct app *app, const struct job *like, void *model)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job) {
		app_say(app, STYLE_BAD, "out of memory");
		return false;
	}
	*job = *like;
	job->held[0] = ref_hold(model);
	return app_start(app, job);
}

/* ---- the stack of screens ---- */

static void close_screen(struct app *app, struct screen *screen)
{
	if (!screen)
		return;
	jobs_abandon(&app->jobs, screen);
	if (screen->ops->close)
		screen->ops->close(screen);
	if (screen->table)
		table_set_model(screen->table, NULL);
	free(screen);
}

void app_close_screens(struct app *app)
{
	while (app->depth > 0)
		close_screen(app, app->stack[--app->depth]);
	for (size_t i = 0; i < SCREEN_KINDS; i++)
		close_screen(app, app->kept[i]);
}

/* Keep @screen for the next time, with its order, filter and cursor, unless it was opened for one
 * place: then close it. */
static void keep_or_close(struct app *app, struct screen *screen)
{
	static const struct place nothing;
	if (!screen->ops->digit || !place_is_same(&screen->about, &nothing)) {
		close_screen(app, screen);
		return;
	}
	close_screen(app, app->kept[screen->kind]);
	app->kept[screen->kind] = screen;
}

static void remove_at(struct app *app, size_t i)
{
	app->depth--;
	memmove(&app->stack[i], &app->stack[i + 1], (app->depth - i) * sizeof(app->stack[0]));
}

/* Requests under way belong to the screen that was on top before. */
void app_show_top(struct app *app)
{
	struct screen *screen = app_top(app);
	fetcher_forget(app->fetcher);
	if (screen->ops->shown)
		screen->ops->shown(screen);
	else if (screen->table)
		screen->table->asked = 0;
	app->dirty = true;
}

void app_close_kind(struct app *app, enum screen_kind kind)
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
		app_show_top(app);
}

static struct place narrow_place(enum about part, const struct place *place)
{
	struct place about = { 0 };
	if (part == ABOUT_KEY) {
		about.has_key = place->has_key;
		about.key_digits = place->key_digits;
		memcpy(about.key, place->key, sizeof(about.key));
	} else if (part == ABOUT_BUCKET && place->has_bucket) {
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

/* Make a new screen, or bring back the one that was kept. NULL: a message says why. */
static struct screen *make_screen(struct app *app, enum screen_kind kind, const struct place *place)
{
	const struct screen_ops *ops = app->screens[kind];
	struct screen *screen = place ? NULL : app->kept[kind];
	if (screen) {
		app->kept[kind] = NULL;
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
	if (ops->columns) {
		screen->table = &((struct table_screen *)screen)->table;
		*screen->table = (struct table){ .columns = ops->columns, .sorted_by = -1,
						 .column_count = ops->column_count, .version = 1 };
	}
	if (ops->open && !ops->open(app, screen)) {
		free(screen);
		return NULL;
	}
	if (!ops->open && ops->reload)
		ops->reload(app, screen);
	return screen;
}

bool app_open(struct app *app, enum screen_kind kind, const struct place *place)
{
	const struct screen_ops *ops = app->screens[kind];
	const struct place about = place ? narrow_place(ops->about, place) : (struct place){ 0 };
	if (!app->session->repo->dialect->is_read && !ops->is_for_any_format) {
		app_say(app, STYLE_WARNING, "not shown: %s",
			app->session->repo->dialect->title);
		return false;
	}
	if (app->depth > 1 && app_top(app)->ops->is_transient)
		app_leave(app, NULL);
	for (size_t i = app->depth; i-- > 0;) {
		struct screen *screen = app->stack[i];
		if (screen->kind != kind || (place && !place_is_same(&screen->about, &about)))
			continue;
		if (i > 0) {
			remove_at(app, i);
			app->stack[app->depth++] = screen;
		}
		while (i == 0 && app->depth > 1)	/* the overview stays at the bottom */
			keep_or_close(app, app->stack[--app->depth]);
		app_show_top(app);
		if (place && ops->seek)
			ops->seek(app, screen);
		return true;
	}
	struct screen *screen = make_screen(app, kind, place ? &about : NULL);
	if (!screen)
		return false;
	if (app->depth == STACK_MAX) {
		keep_or_close(app, app->stack[1]);
		remove_at(app, 1);
	}
	app->stack[app->depth++] = screen;
	app_show_top(app);
	return true;
}

void app_move(struct app *app, const struct call *call)
{
	struct screen *screen = app_top(app);
	if (screen->ops->move)
		screen->ops->move(app, screen, (enum motion)call->value);
	else if (screen->table)
		position_move(&screen->table->position, (enum motion)call->value);
}

bool app_place(struct app *app, struct place *place)
{
	struct screen *screen = app_top(app);
	if (screen->ops->place)
		return screen->ops->place(app, screen, place);
	const struct table *table = screen->table;
	const struct row *row = table ? table_row(table, table->position.cursor) : NULL;
	if (!row)
		return false;
	*place = row->place;
	return true;
}

/* ---- leaving ---- */

static void handle_answer(struct app *app, const struct input *input)
{
	app->modal = NULL;
	app->ended = input->key == 'y' || input->key == 'Y';
}

static void draw_question(struct app *app, struct area bottom)
{
	struct box box = { .title = "leave?", .keys = "y:leave  any other key:stay" };
	(void)app;
	box_add(&box, STYLE_NORMAL, "The exclusive lock is held. Leaving releases it and changes "
		"nothing else.");
	box_draw(&box, bottom);
}

static const struct modal question = { .input = handle_answer, .draw = draw_question };

void app_leave(struct app *app, const struct call *call)
{
	if (call && call->value == LEAVE_PROGRAM) {
		app->ended = true;
	} else if (app->depth > 1) {
		keep_or_close(app, app->stack[--app->depth]);
		app_show_top(app);
	} else if (app->mode == MODE_REPAIR) {
		app->modal = &question;
	} else {
		app->ended = true;
	}
}

/* ---- jobs ---- */

void app_cancel(struct app *app, const struct call *call)
{
	struct job *job = jobs_find(&app->jobs, JOB_SHOWN);
	(void)call;
	if (job && job->kind == JOB_OPEN)
		job_abandon(job);	/* opening cannot be interrupted, only ignored */
	else if (job)
		job_cancel(job);
}

#include "build-config.h"

#include "app/app.h"
#include "screen/screens.h"
#include "screen/segments_model.h"
#include "session/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE_MAX 5000	/* segments; more are sorted in a thread */

struct segments {
	struct screen base;
	struct table table;
	struct segments_order order;	/* requested */
	struct segments_order shown;
	bool is_stale;		/* more became known since a job began to sort */
	bool has_wanted;	/* wanted is set; a filter may hide all segments */
	uint32_t wanted;
};

/* ---- the order of the rows ---- */

/* Put the cursor on segment @number. False: it is not in the list. */
static bool select_segment(struct segments *screen, uint32_t number)
{
	struct table *table = &screen->table;
	uint64_t row;
	if (!table->model || !segments_model_find(table->model, number, &row))
		return false;
	table_select(table, row);
	return true;
}

/* Show @model, which is in @order; the table owns it. The cursor stays on its segment. */
static void show_model(struct app *app, struct segments *screen, struct model *model,
		       const struct segments_order *order)
{
	const uint64_t cursor = screen->table.position.cursor;
	if (cursor < model_count(screen->table.model)) {
		screen->wanted = segments_model_number(screen->table.model, cursor);
		screen->has_wanted = true;
	}
	table_set_model(&screen->table, model);
	screen->shown = *order;
	screen->table.sorted_by = (int)order->column;
	screen->table.descending = order->descending;
	if (screen->has_wanted)
		select_segment(screen, screen->wanted);
	screen->table.empty = order->filter == FILTER_ALL
		? session_no_segments(app->session)
		: atomic_load(&app->session->check) == CHECK_DONE
		? "No segment is like that (f: filter)."
		: "None found yet; not verified: press v (f: filter).";
	app->dirty = true;
}

struct order_job {
	struct job job;
	struct segments *screen;	/* the one that asked; open when done is called */
	struct segments_order order;
	bool needs_stats;		/* see gather_stats */
};

/* Ask for sizes and times of all files, once per session, before rows are sorted by them. False:
 * cancelled, or out of memory. */
static bool gather_stats(struct session *session, struct verify_progress *progress)
{
	const size_t count = session->repo->listing.count;
	struct segment_stat *stats = calloc(count + 1, sizeof(*stats));
	if (!stats)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (atomic_load(&progress->cancel)) {
			free(stats);
			return false;
		}
		stats[i] = session_stat(session, i);
		atomic_fetch_add(&progress->segments_done, 1);
	}
	struct segment_stat *none = NULL;
	if (!atomic_compare_exchange_strong(&session->stats, &none, stats))
		free(stats);	/* an abandoned job was faster */
	return true;
}

/* held[0] becomes the model, or stays NULL: cancelled, or out of memory. */
static void run_order(struct job *head)
{
	struct order_job *job = (struct order_job *)head;
	struct session *session = head->session;
	if (!job->needs_stats || gather_stats(session, &head->progress))
		head->held[0] = segments_model_new(session, &job->order);
}

static void start_order(struct app *app, struct segments *screen, const char *verb);

static void order_done(struct app *app, struct job *head)
{
	struct order_job *job = (struct order_job *)head;
	struct segments *screen = job->screen;
	if (!head->held[0]) {
		screen->order = screen->shown;
		return;
	}
	show_model(app, screen, ref_hold(head->held[0]), &job->order);
	if (screen->is_stale)
		start_order(app, screen, NULL);
}

/* Sort the rows in the requested order; if that takes a while, in a job with @verb (see job.h). */
static void start_order(struct app *app, struct segments *screen, const char *verb)
{
	struct session *session = app->session;
	struct order_job *job = calloc(1, sizeof(*job));
	jobs_abandon(&app->jobs, screen);
	screen->is_stale = false;
	if (!job)
		return;
	*job = (struct order_job){
		.job = { .kind = JOB_ORDER, .verb = verb, .run = run_order,
			 .done = order_done, .owner = screen, .session = ref_hold(session) },
		.screen = screen, .order = screen->order,
		.needs_stats = (screen->order.column == COL_SIZE ||
				screen->order.column == COL_MODIFIED) &&
			       !atomic_load(&session->stats),
	};
	if (job->needs_stats) {
		job->job.verb = "asking for the sizes of";
		job->job.unit = "segments";
		atomic_store(&job->job.total, session->repo->listing.count);
	}
	const bool is_quick = segments_order_is_plain(&screen->order) ||
			      session->repo->listing.count <= AT_ONCE_MAX;
	if (!is_quick || job->needs_stats) {
		app_start(app, &job->job);
	} else {
		run_order(&job->job);
		order_done(app, &job->job);
		job_free(&job->job);
	}
}

/* ---- the screen ---- */

static void seek(struct app *app, struct screen *base)
{
	(void)app;
	select_segment((struct segments *)base, base->about.segment);
}

static bool open_segments(struct app *app, struct screen *base)
{
	struct segments *screen = (struct segments *)base;
	screen->order.column = COL_SEGMENT;
	start_order(app, screen, "sorting");
	if (base->about.has_segment)
		seek(app, base);
	return true;
}

/* Show the segments of the new session at once, and sort them afterwards. */
static void reload(struct app *app, struct screen *base)
{
	static const struct segments_order plain = { FILTER_ALL, COL_SEGMENT, false };
	struct segments *screen = (struct segments *)base;
	show_model(app, screen, segments_model_new(app->session, &plain), &plain);
	start_order(app, screen, "sorting");
}

static void refresh(struct app *app, struct screen *base)
{
	struct segments *screen = (struct segments *)base;
	table_reload(&screen->table);
	if (jobs_find(&app->jobs, JOB_ORDER))
		screen->is_stale = true;
	else if (!segments_order_is_plain(&screen->order))
		start_order(app, screen, NULL);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct segments *screen = (struct segments *)base;
	char text[MESSAGE_MAX], shown[FORMAT_SIZE], all[FORMAT_SIZE];
	format_count(model_count(screen->table.model), shown, sizeof(shown));
	format_count(app->session->repo->listing.count, all, sizeof(all));
	snprintf(text, sizeof(text), "%s of %s segments   filter: %s   sorted by %s%s%s", shown,
		 all, segments_filter_names[screen->shown.filter],
		 segments_columns[screen->shown.column].title,
		 screen->shown.descending ? ", downwards" : "",
		 atomic_load(&app->session->check) == CHECK_NONE ? "   not verified yet: press v"
								 : "");
	table_draw(&screen->table, app->fetcher, area, text);
}

static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	(void)backward;
	(void)app;
	return query->is_number && query->number <= UINT32_MAX &&
	       select_segment((struct segments *)base, (uint32_t)query->number);
}

const struct screen_ops segments_screen = {
	.title = "Segments", .digit = '2', .size = sizeof(struct segments), .opens = SCREEN_ENTRIES,
	.columns = segments_columns, .column_count = COL_COUNT, .leads_to_keys = true,
	.open = open_segments, .draw = draw, .seek = seek, .reload = reload, .refresh = refresh,
	.jump = jump,
};

/* ---- its keys ---- */

void segments_sort(struct app *app, const struct call *call)
{
	struct segments *screen = (struct segments *)app_top(app);
	struct segments_order *order = &screen->order;
	if (call->value == SEGMENTS_REVERSE) {
		order->descending = !order->descending;
	} else {
		/* Sizes and counts begin with the largest; segment numbers and states do not. */
		order->column = (order->column + 1) % COL_COUNT;
		order->descending = order->column != COL_SEGMENT && order->column != COL_STATE;
	}
	start_order(app, screen, "sorting");
}

void segments_filter(struct app *app, const struct call *call)
{
	struct segments *screen = (struct segments *)app_top(app);
	enum filter filter = (enum filter)((screen->order.filter + 1) % FILTER_COUNT);
	for (unsigned i = 0; call->argument && i <= FILTER_COUNT; i++) {
		if (i == FILTER_COUNT) {
			app_say(app, STYLE_WARNING, "%s: no such filter", call->argument);
			return;
		}
		filter = (enum filter)i;
		if (strcmp(call->argument, segments_filter_names[i]) == 0)
			break;
	}
	screen->order.filter = filter;
	start_order(app, screen, "sorting");
}

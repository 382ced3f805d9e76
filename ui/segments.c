#include "build-config.h"

#include "ui/app.h"
#include "ui/format.h"
#include "ui/keys.h"
#include "ui/look.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COL_SEGMENT, COL_SIZE, COL_ENTRIES, COL_PUTS, COL_DELETES, COL_LIVE, COL_HINTS, COL_DEAD,
	COL_CRC, COL_STATE, COL_MODIFIED, COL_COUNT
};

static const struct column columns[COL_COUNT] = {
	[COL_SEGMENT] = { .title = "segment", .width = 10, .right = true },
	[COL_SIZE] = { .title = "size", .width = 8, .right = true },
	[COL_ENTRIES] = { .title = "entries", .width = 8, .right = true, .rank = 4 },
	[COL_PUTS] = { .title = "PUT", .width = 7, .right = true, .rank = 6 },
	[COL_DELETES] = { .title = "DELETE", .width = 7, .right = true, .rank = 6 },
	[COL_LIVE] = { .title = "live", .width = 6, .right = true, .rank = 1 },
	[COL_HINTS] = { .title = "hints", .width = 7, .right = true, .rank = 3 },
	[COL_DEAD] = { .title = "unused", .width = 7, .right = true, .rank = 3 },
	[COL_CRC] = { .title = "CRC", .width = 6, .rank = 2 },
	[COL_STATE] = { .title = "state", .width = 13, .grows = true },
	[COL_MODIFIED] = { .title = "modified", .width = 19, .rank = 5 },
};

enum filter { FILTER_ALL, FILTER_DAMAGED, FILTER_UNCOMMITTED, FILTER_SPARSE, FILTER_COUNT };
static const char *const filter_names[FILTER_COUNT] = { "all", "damaged", "uncommitted", "sparse" };
#define SPARSE_PERCENT 25

struct segments {
	struct screen base;
	struct table table;
	enum filter filter;
	bool has_wanted;	/* what the cursor was last on; a filter may hide all segments */
	uint32_t wanted;
};

/* ---- rows ---- */

struct segments_model {
	struct model base;
	size_t *order;		/* positions in the layout */
	size_t count;
};

static uint64_t model_rows(const struct model *model)
{
	return ((const struct segments_model *)model)->count;
}

static void set_count(struct row *row, size_t column, uint64_t count)
{
	char text[FORMAT_SIZE];
	row_set(row, column, STYLE_NORMAL, "%s", format_count(count, text, sizeof(text)));
}

static void fill_facts(struct row *row, const struct session *session, size_t position)
{
	const struct segment_facts *facts = session_facts(session, position);
	char text[FORMAT_SIZE];
	uint64_t part, whole;
	if (!facts) {
		for (size_t i = COL_ENTRIES; i <= COL_CRC; i++)
			if (i != COL_HINTS)
				row_set(row, i, STYLE_FAINT, "?");
		return;
	}
	set_count(row, COL_ENTRIES, (uint64_t)facts->puts + facts->deletes + facts->commits);
	set_count(row, COL_PUTS, facts->puts);
	set_count(row, COL_DELETES, facts->deletes);
	set_count(row, COL_LIVE, facts->live);
	if (look_sparse(session, position, &part, &whole))
		row_set(row, COL_DEAD, STYLE_NORMAL, "%s",
			format_percent(part, whole, text, sizeof(text)));
	if (facts->damaged > 0)
		row_set(row, COL_CRC, STYLE_BAD, "%" PRIu32 " bad", facts->damaged);
	else
		row_set(row, COL_CRC, facts->is_unreadable ? STYLE_BAD : STYLE_GOOD, "%s",
			facts->is_unreadable ? "unread" : "ok");
}

static void fill_hints(struct row *row, const struct session *session, uint32_t number,
		       size_t position)
{
	const struct hints *hints = &session->view->hints;
	const struct segment_facts *facts = session_facts(session, position);
	if (!hints->usable) {
		row_set(row, COL_HINTS, STYLE_FAINT, "-");
		return;
	}
	const struct hints_segment *hint = hints_find(hints, number);
	const int64_t live = hint ? hint->live : 0;
	const bool differs = facts && facts->is_committed && live != (int64_t)facts->live;
	row_set(row, COL_HINTS, differs ? STYLE_WARNING : STYLE_NORMAL, "%s%" PRId64,
		differs ? "!" : "", live);
}

static void fill_row(struct row *row, const struct session *session, size_t position)
{
	const uint32_t number = session->view->layout.segments[position].number;
	const struct segment_stat stat = session_stat(session, position);
	const struct look_row *look = &look_table[look_of(session, position)];
	char text[FORMAT_SIZE];
	row->place = place_of_segment(number);
	row_set(row, COL_SEGMENT, STYLE_NORMAL, "%" PRIu32, number);
	row_set(row, COL_SIZE, STYLE_NORMAL, "%s", format_bytes(stat.size, text, sizeof(text)));
	fill_facts(row, session, position);
	fill_hints(row, session, number, position);
	row_set(row, COL_STATE, look->style, "%s %s", glyph(look->glyph), look->name);
	row_set(row, COL_MODIFIED, STYLE_NORMAL, "%s",
		format_time((time_t)stat.modified, text, sizeof(text)));
}

static void model_fetch(struct model *base, uint64_t first, size_t count, struct row *rows)
{
	const struct segments_model *model = (const struct segments_model *)base;
	for (size_t i = 0; i < count; i++)
		fill_row(&rows[i], base->session, model->order[first + i]);
}

static void model_free(struct model *model)
{
	free(((struct segments_model *)model)->order);
}

static const struct model_ops model_ops = { .count = model_rows, .fetch = model_fetch,
					    .free = model_free };

/* ---- order and filter ---- */

static bool passes(const struct session *session, size_t position, enum filter filter)
{
	uint64_t part, whole;
	switch (filter) {
	case FILTER_DAMAGED:
		return look_of(session, position) == LOOK_DAMAGED;
	case FILTER_UNCOMMITTED:
		return look_of(session, position) == LOOK_UNCOMMITTED;
	case FILTER_SPARSE:
		return look_sparse(session, position, &part, &whole) &&
		       (double)part * 100 >= (double)whole * SPARSE_PERCENT;
	default:
		return true;
	}
}

/* What a segment is sorted by; what is not known comes first. */
static int64_t sort_key(const struct session *session, size_t position, int column)
{
	const struct segment_facts *facts = session_facts(session, position);
	const struct segment_stat *stats = atomic_load(&session->stats);
	const struct hints_segment *hint;
	uint64_t part, whole;
	switch (column) {
	case COL_SIZE:
		return stats ? (int64_t)stats[position].size : -1;
	case COL_MODIFIED:
		return stats ? stats[position].modified : -1;
	case COL_HINTS:
		hint = hints_find(&session->view->hints,
				  session->view->layout.segments[position].number);
		return hint ? hint->live : 0;
	case COL_DEAD:
		if (!look_sparse(session, position, &part, &whole) || whole == 0)
			return -1;
		return (int64_t)(10000.0 * (double)part / (double)whole);
	case COL_STATE:
		return (int64_t)look_of(session, position);
	case COL_SEGMENT:
		return 0;
	}
	if (!facts)
		return -1;
	switch (column) {
	case COL_ENTRIES:
		return (int64_t)facts->puts + facts->deletes + facts->commits;
	case COL_PUTS:
		return facts->puts;
	case COL_DELETES:
		return facts->deletes;
	case COL_LIVE:
		return facts->live;
	default:
		return facts->damaged;
	}
}

struct sortable { int64_t key; size_t position; };

static int compare(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

static size_t gather(const struct session *session, enum filter filter, int column,
		     struct sortable *rows)
{
	size_t count = 0;
	for (size_t i = 0; i < session->view->layout.count; i++)
		if (passes(session, i, filter))
			rows[count++] = (struct sortable){ sort_key(session, i, column), i };
	return count;
}

static struct segments_model *make_model(struct session *session, const struct segments *screen)
{
	const size_t all = session->view->layout.count + 1;	/* malloc(0) may give NULL */
	struct segments_model *model = model_new(&model_ops, sizeof(*model), session);
	struct sortable *rows = malloc(all * sizeof(*rows));
	size_t *order = malloc(all * sizeof(*order));
	if (!model || !rows || !order) {
		model_release(model);
		free(rows);
		free(order);
		return NULL;
	}
	const size_t count = gather(session, screen->filter, screen->table.sorted_by, rows);
	if (screen->table.sorted_by != COL_SEGMENT)
		qsort(rows, count, sizeof(*rows), compare);
	for (size_t i = 0; i < count; i++)
		order[i] = rows[screen->table.descending ? count - 1 - i : i].position;
	free(rows);
	model->order = order;
	model->count = count;
	return model;
}

static uint32_t number_of(const struct segments_model *model, uint64_t row)
{
	return model->base.session->view->layout.segments[model->order[row]].number;
}

/* Put the cursor on segment @number. False: it is not in the list. */
static bool select_segment(struct segments *screen, uint32_t number)
{
	const struct segments_model *model = (const struct segments_model *)screen->table.model;
	for (size_t i = 0; model && i < model->count; i++) {
		if (number_of(model, i) == number) {
			screen->table.position.count = model->count;
			position_set(&screen->table.position, i);
			return true;
		}
	}
	return false;
}

static void remember_segment(struct segments *screen)
{
	const struct segments_model *model = (const struct segments_model *)screen->table.model;
	const uint64_t cursor = screen->table.position.cursor;
	if (!model || cursor >= model->count)
		return;
	screen->wanted = number_of(model, cursor);
	screen->has_wanted = true;
}

/* A new order, filter or session; the cursor stays on its segment. */
static void rebuild(struct app *app, struct segments *screen)
{
	remember_segment(screen);
	table_set_model(&screen->table, make_model(app->session, screen));
	if (screen->has_wanted)
		select_segment(screen, screen->wanted);
	screen->table.empty = screen->filter == FILTER_ALL
		? "There are no segments."
		: atomic_load(&app->session->check) == CHECK_DONE
		? "No segment is like that (f: filter)."
		: "None known to be like that; not verified yet: press v (f: filter).";
	app->dirty = true;
}

/* ---- sizes and times of all files, for sorting by them ---- */

struct stats_job {
	struct job job;
	struct session *session;	/* held */
};

static void run_stats(struct job *head)
{
	struct session *session = ((struct stats_job *)head)->session;
	const size_t count = session->view->layout.count;
	struct segment_stat *stats = calloc(count + 1, sizeof(*stats));
	for (size_t i = 0; stats && i < count; i++) {
		if (atomic_load(&head->progress.cancel)) {
			free(stats);
			return;
		}
		stats[i] = session_stat(session, i);
		atomic_fetch_add(&head->progress.segments_done, 1);
	}
	struct segment_stat *none = NULL;
	if (!atomic_compare_exchange_strong(&session->stats, &none, stats))
		free(stats);	/* an abandoned job of the same kind was faster */
}

static void stats_done(struct app *app, struct job *head)
{
	(void)head;
	app_refresh(app);
}

static void drop_stats(struct job *head)
{
	session_release(((struct stats_job *)head)->session);
	free(head);
}

static void start_stats(struct app *app)
{
	struct stats_job *job;
	if (atomic_load(&app->session->stats) || jobs_find(&app->jobs, JOB_STATS))
		return;
	job = calloc(1, sizeof(*job));
	if (!job)
		return;
	*job = (struct stats_job){
		.job = { .kind = JOB_STATS, .verb = "asking for the sizes of", .unit = "segments",
			 .run = run_stats, .done = stats_done, .drop = drop_stats },
		.session = session_hold(app->session),
	};
	atomic_store(&job->job.total, app->session->view->layout.count);
	app_start(app, &job->job);
}

/* ---- the screen ---- */

static bool is_plain(const struct segments *screen)
{
	return screen->filter == FILTER_ALL && screen->table.sorted_by == COL_SEGMENT;
}

static void seek(struct app *app, struct screen *base)
{
	(void)app;
	select_segment((struct segments *)base, base->about.segment);
}

static bool open_segments(struct app *app, struct screen *base, const struct place *place)
{
	struct segments *screen = (struct segments *)base;
	table_init(&screen->table, columns, COL_COUNT);
	screen->table.sorted_by = COL_SEGMENT;
	base->table = &screen->table;
	rebuild(app, screen);
	if (place)
		seek(app, base);
	return true;
}

static void reload(struct app *app, struct screen *base)
{
	struct segments *screen = (struct segments *)base;
	const int column = screen->table.sorted_by;
	rebuild(app, screen);
	if (column == COL_SIZE || column == COL_MODIFIED)
		start_stats(app);
}

static void refresh(struct app *app, struct screen *base)
{
	struct segments *screen = (struct segments *)base;
	if (is_plain(screen))
		table_stale(&screen->table);
	else
		rebuild(app, screen);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct segments *screen = (struct segments *)base;
	char text[MESSAGE_MAX], shown[FORMAT_SIZE], all[FORMAT_SIZE];
	format_count(model_count(screen->table.model), shown, sizeof(shown));
	format_count(app->session->view->layout.count, all, sizeof(all));
	snprintf(text, sizeof(text), "%s of %s segments   filter: %s   sorted by %s%s%s", shown,
		 all, filter_names[screen->filter], columns[screen->table.sorted_by].title,
		 screen->table.descending ? ", downwards" : "",
		 atomic_load(&app->session->check) == CHECK_NONE ? "   not verified yet: press v"
								 : "");
	table_draw_titled(&screen->table, app->fetcher, area, text);
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
	.open = open_segments, .draw = draw, .seek = seek, .reload = reload, .refresh = refresh,
	.jump = jump,
};

/* ---- its keys ---- */

/* Numbers are most telling from the largest down; segment numbers are not. */
void segments_sort(struct app *app, const struct call *call)
{
	struct segments *screen = (struct segments *)app_top(app);
	(void)call;
	screen->table.sorted_by = (screen->table.sorted_by + 1) % COL_COUNT;
	screen->table.descending = screen->table.sorted_by != COL_SEGMENT &&
				   screen->table.sorted_by != COL_STATE;
	reload(app, &screen->base);
}

void segments_reverse(struct app *app, const struct call *call)
{
	struct segments *screen = (struct segments *)app_top(app);
	(void)call;
	screen->table.descending = !screen->table.descending;
	rebuild(app, screen);
}

void segments_filter(struct app *app, const struct call *call)
{
	struct segments *screen = (struct segments *)app_top(app);
	enum filter filter = (enum filter)((screen->filter + 1) % FILTER_COUNT);
	for (unsigned i = 0; call->argument && i <= FILTER_COUNT; i++) {
		if (i == FILTER_COUNT) {
			app_say(app, STYLE_WARNING, "%s: no such filter", call->argument);
			return;
		}
		filter = (enum filter)i;
		if (strcmp(call->argument, filter_names[i]) == 0)
			break;
	}
	screen->filter = filter;
	rebuild(app, screen);
}

#include "build-config.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "screen/screens.h"
#include "session/format.h"

#include "engine/base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { COL_SEGMENT, COL_STORED, COL_COUNTED, COL_DIFFERENCE, COL_COMPACT, COL_NOTE, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_SEGMENT] = { .title = "segment", .width = 10, .right = true },
	[COL_STORED] = { .title = "stored", .width = 8, .right = true },
	[COL_COUNTED] = { .title = "counted", .width = 8, .right = true },
	[COL_DIFFERENCE] = { .title = "difference", .width = 10, .right = true },
	[COL_COMPACT] = { .title = "to compact", .width = 10, .rank = 1 },
	[COL_NOTE] = { .title = "", .width = 15, .rank = 2, .grows = true },
};

enum filter { SHOW_ALL, SHOW_DIFFERING, SHOW_COMPACT, SHOW_COUNT };
static const char *const filter_names[SHOW_COUNT] = { "all", "differing", "to compact" };

struct hints_screen {
	struct screen base;
	struct table table;
	enum filter filter;
};

struct hints_model {
	struct model base;
	uint32_t numbers[]; /* of segments in the hints or on the disk, ascending */
};

/* What is known of one segment. */
struct comparison {
	const struct hints_segment *stored;	/* NULL: not in the hints */
	const struct segment_facts *counted;	/* NULL: not verified, or not there */
	bool is_there, is_compact, differs;
	int64_t difference;
};

static struct comparison compare(const struct session *session, uint32_t number)
{
	const struct repo *repo = session->repo;
	const struct verify *verify = session_verify(session);
	/* After verification: the file that really is the segment, whatever its name says. */
	const size_t position = verify ? verify_position(verify, number)
				       : listing_find(&repo->listing, number);
	struct comparison c = {
		.stored = hints_find(&repo->hints, number),
		.is_there = position != LISTING_NONE,
		.is_compact = hints_is_compact(&repo->hints, number),
	};
	if (c.is_there)
		c.counted = session_facts(session, position);
	const bool in_log = !c.counted || c.counted->is_committed;
	if (!repo->hints.usable || !in_log || (c.is_there && !c.counted))
		return c;
	c.difference = (c.counted ? (int64_t)c.counted->live : 0) - (c.stored ? c.stored->live : 0);
	c.differs = c.difference != 0;
	return c;
}

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const uint32_t number = ((const struct hints_model *)base)->numbers[i];
	const struct comparison c = compare(base->session, number);
	row->place = place_of_segment(number);
	row_set(row, COL_SEGMENT, STYLE_NORMAL, "%" PRIu32, number);
	if (c.stored)
		row_set(row, COL_STORED, STYLE_NORMAL, "%" PRId64, c.stored->live);
	else
		row_set(row, COL_STORED, STYLE_FAINT, "-");
	if (c.counted && c.counted->is_committed)
		row_set(row, COL_COUNTED, STYLE_NORMAL, "%" PRIu32, (uint32_t)c.counted->live);
	else
		row_set(row, COL_COUNTED, STYLE_FAINT, "%s", c.is_there && !c.counted ? "?" : "-");
	if (c.differs)
		row_set(row, COL_DIFFERENCE, STYLE_WARNING, "! %+" PRId64, c.difference);
	if (c.is_compact && c.stored && c.stored->freeable > 0)
		row_set(row, COL_COMPACT, STYLE_NORMAL, "%" PRId64, c.stored->freeable);
	else if (c.is_compact)
		row_set(row, COL_COMPACT, STYLE_NORMAL, "yes");
	if (!c.is_there)
		row_set(row, COL_NOTE, STYLE_WARNING, "no such segment");
	else if (c.counted && !c.counted->is_committed)
		row_set(row, COL_NOTE, STYLE_FAINT, "not committed");
}

static const struct model_ops model_ops = { .fill = fill_row, .in_memory = true };

/* Merge the two ascending lists. */
static size_t gather(const struct session *session, enum filter filter, uint32_t *numbers)
{
	const struct listing *listing = &session->repo->listing;
	const struct hints *hints = &session->repo->hints;
	size_t a = 0, b = 0, count = 0;
	while (a < listing->count || b < hints->count) {
		uint32_t least = UINT32_MAX;
		if (a < listing->count)
			least = listing->segments[a].number;
		if (b < hints->count && hints->rows[b].segment < least)
			least = hints->rows[b].segment;
		a += a < listing->count && listing->segments[a].number == least;
		b += b < hints->count && hints->rows[b].segment == least;
		const struct comparison row = compare(session, least);
		if (filter == SHOW_ALL || (filter == SHOW_DIFFERING ? row.differs : row.is_compact))
			numbers[count++] = least;
	}
	return count;
}

static void reload(struct app *app, struct screen *base)
{
	struct hints_screen *screen = (struct hints_screen *)base;
	const struct repo *repo = app->session->repo;
	const size_t most = repo->listing.count + repo->hints.count;
	struct hints_model *model = model_new(
		&model_ops, sizeof(*model) + most * sizeof(model->numbers[0]), app->session);
	if (model)
		model->base.count = gather(app->session, screen->filter, model->numbers);
	table_set_model(&screen->table, model);
	screen->table.empty = screen->filter == SHOW_ALL ? session_no_segments(app->session) :
		screen->filter == SHOW_COMPACT ? "No segment waits to be compacted (f: filter)." :
		atomic_load(&app->session->check) == CHECK_DONE
			? "The hints agree with the log (f: filter)."
			: "No difference known; not verified yet: press v (f: filter).";
}

static void refresh(struct app *app, struct screen *base)
{
	struct hints_screen *screen = (struct hints_screen *)base;
	if (screen->filter == SHOW_DIFFERING)
		reload(app, base);
	else
		table_reload(&screen->table);
}

/* "   FOREIGN: 0 of 4 counts right", or nothing before verification. */
static void describe_credit(const struct session *session, char *out, size_t size)
{
	const struct repo *repo = session->repo;
	const struct verify *verify = session_verify(session);
	struct witness witness;
	char figures[WITNESS_TEXT];
	uint32_t end;
	out[0] = '\0';
	if (!verify || !witness_of_hints(repo, verify, &witness))
		return;
	witness_figures(&witness, figures);
	const char *words = "OF AN OLDER TIME";
	if (witness.credit == CREDIT_FOREIGN)
		words = "FOREIGN";
	else if (witness.credit == CREDIT_CREDIBLE)
		words = "fits the log";
	else if (repo_log_end(repo, &end) && end < repo->hints_transaction)
		words = "NEWER THAN THE LOG";
	snprintf(out, size, "   %s%s%s", words, figures[0] ? ": " : "", figures);
}

static void describe(const struct session *session, const char *filter, char *out, size_t size)
{
	const struct repo *repo = session->repo;
	char known[FORMAT_SIZE], compact[FORMAT_SIZE], credit[WITNESS_TEXT + 32];
	const char *verify =
		atomic_load(&session->check) == CHECK_NONE ? "   not counted yet: press v" : "";
	describe_credit(session, credit, sizeof(credit));
	if (!repo->has_hints) {
		snprintf(out, size, "there is no hints file%s   filter: %s", verify, filter);
		return;
	}
	if (!repo->hints.usable) {
		snprintf(out, size, "hints.%" PRIu32 " cannot be used: see the problems (6)%s"
			 "   filter: %s", repo->hints_transaction, verify, filter);
		return;
	}
	snprintf(out, size, "hints.%" PRIu32 "%s%s   filter: %s", repo->hints_transaction, credit,
		 verify, filter);
	buffer_append(out, size, "   %s segments, %s to compact",
		      format_count(repo->hints.segment_count, known, sizeof(known)),
		      format_count(repo->hints.compact_count, compact, sizeof(compact)));
	if (repo->hints.shadow_count > 0)
		buffer_append(out, size, ", %zu keys in the shadow index",
			      repo->hints.shadow_count);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct hints_screen *screen = (struct hints_screen *)base;
	char text[MESSAGE_MAX];
	describe(app->session, filter_names[screen->filter], text, sizeof(text));
	table_draw(&screen->table, app->fetcher, area, text);
}

static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	(void)backward;
	struct hints_screen *screen = (struct hints_screen *)base;
	const struct hints_model *model = (const struct hints_model *)screen->table.model;
	(void)app;
	for (size_t i = 0; query->is_number && model && i < model_count(&model->base); i++) {
		if (model->numbers[i] != query->number)
			continue;
		table_select(&screen->table, i);
		return true;
	}
	return false;
}

const struct screen_ops hints_screen = {
	.title = "Hints", .digit = '5', .size = sizeof(struct hints_screen),
	.opens = SCREEN_ENTRIES, .columns = columns, .column_count = COL_COUNT,
	.leads_to_keys = true,
	.draw = draw, .reload = reload, .refresh = refresh, .jump = jump,
};

void hints_filter(struct app *app, const struct call *call)
{
	struct hints_screen *screen = (struct hints_screen *)app_top(app);
	(void)call;
	screen->filter = (enum filter)((screen->filter + 1) % SHOW_COUNT);
	reload(app, &screen->base);
}

#include "build-config.h"

#include "app/app.h"
#include "screen/entry_list.h"
#include "screen/screens.h"
#include "session/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct entries {
	struct screen base;
	struct table table;
	struct scan *scan;	/* the table's model */
	bool seeking;		/* the place to show is not among the rows yet */
	uint64_t wanted;	/* offset */
	char empty[160];
};

/* The segment to show when nobody said which. */
static bool first_segment(struct app *app, struct place *place)
{
	const struct listing *listing = &app->session->repo->listing;
	if (listing->count == 0) {
		app_say(app, STYLE_WARNING, "%s", session_no_segments(app->session));
		return false;
	}
	*place = place_of_segment(listing->segments[0].number);
	return true;
}

static bool start(struct app *app, struct entries *screen, const struct place *place)
{
	const size_t position = listing_find(&app->session->repo->listing, place->segment);
	if (position == LISTING_NONE) {
		app_say(app, STYLE_WARNING, "segment %" PRIu32 " is not there", place->segment);
		return false;
	}
	screen->scan = scan_start(app, &screen->base, position);
	if (!screen->scan)
		return false;
	table_set_model(&screen->table, scan_model(screen->scan));
	return true;
}

static void seek(struct entries *screen, uint64_t offset)
{
	screen->seeking = true;
	screen->wanted = offset;
}

static void seek_about(struct app *app, struct screen *base)
{
	(void)app;
	if (base->about.has_offset)
		seek((struct entries *)base, base->about.offset);
}

static bool open_entries(struct app *app, struct screen *base, const struct place *place)
{
	struct entries *screen = (struct entries *)base;
	if (place && place->has_segment)
		base->about = *place;
	else if (!first_segment(app, &base->about))
		return false;
	seek_about(app, base);
	return start(app, screen, &base->about);
}

static void reload(struct app *app, struct screen *base)
{
	struct entries *screen = (struct entries *)base;
	const uint64_t cursor = screen->table.position.cursor;
	uint64_t size;
	if (!screen->seeking && screen->scan && cursor < scan_count(screen->scan))
		seek(screen, scan_row(screen->scan, cursor, &size).offset);
	screen->scan = NULL;
	if (!start(app, screen, &base->about))
		table_set_model(&screen->table, NULL);
}

/* Put the cursor on the wanted offset as soon as the scan has come there. */
static void arrive(struct entries *screen)
{
	const struct scan *scan = screen->scan;
	const uint64_t count = scan_count(scan);
	if (count == 0)
		return;
	const uint64_t row = scan_find(scan, screen->wanted);
	if (row + 1 == count && scan_state(scan) == SCAN_RUNNING)
		return;
	screen->table.position.count = count;
	position_set(&screen->table.position, row);
	screen->seeking = false;
}

static void say_state(const struct entries *screen, char *out, size_t size)
{
	char count[FORMAT_SIZE], damaged[FORMAT_SIZE], length[FORMAT_SIZE];
	const struct scan *scan = screen->scan;
	const bool running = scan_state(scan) == SCAN_RUNNING;
	format_count(scan_count(scan), count, sizeof(count));
	format_count(scan_damaged(scan), damaged, sizeof(damaged));
	format_bytes(scan_length(scan), length, sizeof(length));
	snprintf(out, size, "%s   %s row%s%s   %s damaged%s", length, count,
		 scan_count(scan) == 1 ? "" : "s", running ? " so far" : "", damaged,
		 scan_is_capped(scan) ? "   CUT SHORT: more rows than can be shown" :
		 scan_state(scan) == SCAN_CANCELLED ? "   READING WAS CANCELLED (r)" : "");
}

static void say_empty(struct entries *screen)
{
	const struct scan *scan = screen->scan;
	screen->table.empty = "reading the segment ...";
	if (!scan || scan_state(scan) == SCAN_RUNNING)
		return;
	if (scan_state(scan) == SCAN_FAILED)
		snprintf(screen->empty, sizeof(screen->empty), "The segment cannot be read: %s.",
			 scan_failure(scan));
	else
		snprintf(screen->empty, sizeof(screen->empty), "The segment holds no entries.");
	screen->table.empty = screen->empty;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct entries *screen = (struct entries *)base;
	const struct repo *repo = app->session->repo;
	char text[MESSAGE_MAX + LISTING_PATH_MAX], state[MESSAGE_MAX] = "is not there any more";
	char path[LISTING_PATH_MAX] = "";
	if (screen->scan) {
		if (screen->seeking)
			arrive(screen);
		say_state(screen, state, sizeof(state));
		listing_path(&repo->listing, scan_position(screen->scan), path);
	}
	snprintf(text, sizeof(text), "segment %" PRIu32 "   %.40s   %s", base->about.segment, path,
		 state);
	say_empty(screen);
	table_draw_titled(&screen->table, app->fetcher, area, text);
}

/* An offset in this segment, or another segment by its number. */
static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	(void)backward;
	struct entries *screen = (struct entries *)base;
	(void)app;
	const bool here = query->is_place && query->segment == base->about.segment;
	if (!screen->scan || !(query->is_offset || here))
		return false;
	seek(screen, query->offset);
	return true;
}

const struct screen_ops entries_screen = {
	.title = "Entries", .digit = '3', .size = sizeof(struct entries), .opens = SCREEN_ENTRY,
	.columns = scan_columns, .column_count = SCAN_COLUMNS,
	.open = open_entries, .draw = draw, .seek = seek_about, .reload = reload, .jump = jump,
};

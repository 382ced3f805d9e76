#include "build-config.h"

#include "app/app.h"
#include "screen/entry_list.h"
#include "screen/screens.h"
#include "session/format.h"

#include <inttypes.h>
#include <stdio.h>

struct entries {
	struct screen base;
	struct table table;	/* over a model of entry_list_start */
	uint64_t wanted;	/* offset of the row to show, not read yet; NO_OFFSET: none */
	char empty[160];
};
#define NO_OFFSET UINT64_MAX

static void seek(struct app *app, struct screen *base)
{
	(void)app;
	if (base->about.has_offset)
		((struct entries *)base)->wanted = base->about.offset;
}

/* Start to read the segment. If that fails, the table is empty. */
static bool start(struct app *app, struct screen *base)
{
	const size_t position = entry_list_segment(app, &base->about);
	struct entry_list *list = NULL;
	if (position != LISTING_NONE)
		list = entry_list_start(app, base, position);
	table_set_model(base->table, list);
	return list != NULL;
}

static bool open_entries(struct app *app, struct screen *base)
{
	((struct entries *)base)->wanted = NO_OFFSET;
	seek(app, base);
	return start(app, base);
}

static void reload(struct app *app, struct screen *base)
{
	struct entries *screen = (struct entries *)base;
	const struct entry_list *list = (const struct entry_list *)screen->table.model;
	const uint64_t cursor = screen->table.position.cursor;
	uint64_t size;
	if (screen->wanted == NO_OFFSET && cursor < model_count(screen->table.model))
		screen->wanted = entry_list_row(list, cursor, &size).offset;
	start(app, base);
}

/* Put the cursor on the wanted offset once that has been read. */
static void finish_seek(struct entries *screen, int state)
{
	const struct entry_list *list = (const struct entry_list *)screen->table.model;
	const uint64_t count = model_count(&list->base);
	if (count == 0)
		return;
	const uint64_t row = entry_list_find(list, screen->wanted);
	if (row + 1 == count && state == LIST_RUNNING)
		return;
	table_select(&screen->table, row);
	screen->wanted = NO_OFFSET;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct entries *screen = (struct entries *)base;
	const struct entry_list *list = (const struct entry_list *)screen->table.model;
	char text[MESSAGE_MAX + LISTING_PATH_MAX], state[MESSAGE_MAX] = "is no longer there";
	char path[LISTING_PATH_MAX] = "";
	char count[FORMAT_SIZE], damaged[FORMAT_SIZE], length[FORMAT_SIZE];
	screen->table.empty = "reading the segment ...";
	if (list) {
		const int reading = atomic_load(&list->state);
		const uint64_t rows = model_count(&list->base);
		if (screen->wanted != NO_OFFSET)
			finish_seek(screen, reading);
		snprintf(state, sizeof(state), "%s   %s row%s%s   %s damaged%s",
			 format_bytes(list->length, length, sizeof(length)),
			 format_count(rows, count, sizeof(count)), rows == 1 ? "" : "s",
			 reading == LIST_RUNNING ? " so far" : "",
			 format_count(list->damaged, damaged, sizeof(damaged)), list->capped
			 ? "   CUT SHORT: more rows than can be shown"
			 : reading == LIST_CANCELLED ? "   READING WAS CANCELLED (r)" : "");
		listing_path(&app->session->repo->listing, list->position, path);
		snprintf(screen->empty, sizeof(screen->empty), "The segment cannot be read: %s.",
			 as_err_text(list->error));
		if (reading != LIST_RUNNING)
			screen->table.empty = reading == LIST_FAILED
						      ? screen->empty
						      : "The segment holds no entries.";
	}
	snprintf(text, sizeof(text), "segment %" PRIu32 "   %.40s   %s", base->about.segment, path,
		 state);
	table_draw(&screen->table, app->fetcher, area, text);
}

/* An offset in this segment. */
static bool jump(struct app *app, struct screen *base, const struct query *query, bool backward)
{
	const bool here = query->is_place && query->segment == base->about.segment;
	(void)app;
	(void)backward;
	if (!base->table->model || !(query->is_offset || here))
		return false;
	((struct entries *)base)->wanted = query->offset;
	return true;
}

const struct screen_ops entries_screen = {
	.title = "Entries", .digit = '3', .size = sizeof(struct entries), .opens = SCREEN_ENTRY,
	.columns = entry_list_columns, .column_count = ENTRY_LIST_COLUMNS,
	.open = open_entries, .draw = draw, .seek = seek, .reload = reload, .jump = jump,
};

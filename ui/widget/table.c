#include "build-config.h"

#include "widget/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_GAP 2

/* ---- columns ---- */

void table_layout(const struct column *columns, size_t count, int width, int *widths)
{
	unsigned rank = 1;
	int spare;
	for (size_t i = 0; i < count; i++)
		if (columns[i].rank >= rank)
			rank = columns[i].rank + 1u;
	do {
		rank--;
		spare = width + COLUMN_GAP;
		for (size_t i = 0; i < count; i++)
			if (columns[i].rank <= rank)
				spare -= columns[i].width + COLUMN_GAP;
	} while (spare < 0 && rank > 0);
	for (size_t i = 0; i < count; i++) {
		widths[i] = columns[i].rank <= rank ? columns[i].width : 0;
		if (widths[i] > 0 && columns[i].grows && spare > 0)
			widths[i] += spare;
	}
}

/* ---- loading ---- */

struct table_request {
	struct fetch_request head;
	struct model *model;	/* held */
	unsigned version;
	uint64_t first;
	size_t count;
	struct row *rows;
};

static void run_request(struct fetch_request *head)
{
	struct table_request *request = (struct table_request *)head;
	model_fetch(request->model, request->first, request->count, request->rows);
}

static void drop_request(struct fetch_request *head)
{
	struct table_request *request = (struct table_request *)head;
	ref_release(request->model);
	free(request->rows);
	free(request);
}

bool table_deliver(struct table *table, struct fetch_request *head)
{
	struct table_request *request = (struct table_request *)head;
	const bool ours = head->run == run_request && request->model == table->model;
	if (ours) {
		free(table->rows);
		table->rows = request->rows;
		table->first = request->first;
		table->count = request->count;
		table->loaded = request->version;
		request->rows = NULL;
	}
	head->drop(head);
	return ours;
}

static bool covers(uint64_t first, size_t count, uint64_t from, size_t wanted)
{
	return from >= first && from + wanted <= first + count;
}

/* Request the visible rows unless they are there or under way and, so that the next key finds its
 * rows there, a page on either side. */
static void load_visible(struct table *table, struct fetcher *fetcher)
{
	const struct position *at = &table->position;
	if (!table->model || at->count == 0)
		return;
	const uint64_t rest = at->count - at->top;
	const size_t wanted = rest < at->page ? (size_t)rest : at->page;
	if (table->loaded == table->version &&
	    covers(table->first, table->count, at->top, wanted))
		return;
	if (table->asked == table->version &&
	    covers(table->asked_first, table->asked_count, at->top, wanted))
		return;
	const uint64_t first = at->top > at->page ? at->top - at->page : 0;
	const uint64_t below = at->top + 2 * (uint64_t)at->page;
	const size_t count = (size_t)((below < at->count ? below : at->count) - first);
	struct table_request *request = malloc(sizeof(*request));
	struct row *rows = calloc(count, sizeof(*rows));
	if (!request || !rows) {
		free(request);
		free(rows);
		return;
	}
	*request = (struct table_request){
		.head = { run_request, drop_request }, .model = ref_hold(table->model),
		.version = table->version, .first = first, .count = count, .rows = rows,
	};
	if (table->model->ops->in_memory) {
		run_request(&request->head);
		table_deliver(table, &request->head);
		return;
	}
	table->asked = table->version;
	table->asked_first = first;
	table->asked_count = count;
	fetcher_submit(fetcher, &request->head);
	struct fetch_request *done = fetcher_collect(fetcher, TABLE_WAIT_MS);
	if (done)
		table_deliver(table, done);
}

const struct row *table_row(const struct table *table, uint64_t row)
{
	if (!table->rows || row < table->first || row - table->first >= table->count)
		return NULL;
	return &table->rows[row - table->first];
}

/* ---- drawing ---- */

static void draw_row(void *context, uint64_t number, bool selected, struct area line)
{
	const struct table *table = context;
	const struct row *row = table_row(table, number);
	const unsigned cursor = selected ? STYLE_CURSOR : 0;
	int x = line.x;
	term_put(line.y, line.x, line.cols, (row ? row->style : STYLE_FAINT) | cursor,
		 row ? "" : glyph(GLYPH_WAIT));
	for (size_t i = 0; row && i < table->column_count; i++) {
		const int width = table->widths[i];
		if (width == 0)
			continue;
		const unsigned style = row->cell_style[i] ? row->cell_style[i] : row->style;
		const unsigned side = table->columns[i].right ? STYLE_RIGHT : 0;
		if (row->cell[i] > 0)
			term_put(line.y, x, width, style | side | cursor, row_cell(row, i));
		x += width + COLUMN_GAP;
	}
}

void table_draw(struct table *table, struct fetcher *fetcher, struct area area, const char *title)
{
	const uint64_t count = model_count(table->model);
	char text[64];
	if (title) {
		term_add(area.y++, area.x, area.cols, STYLE_STRONG, title);
		area.rows--;
	}
	if (area.rows < 2)
		return;
	table->area = (struct area){ area.y + 1, area.x, area.rows - 1, area.cols };
	table_layout(table->columns, table->column_count, area.cols - 1, table->widths);
	term_put(area.y, area.x, area.cols, STYLE_TITLE, "");
	int x = area.x;
	for (size_t i = 0; i < table->column_count; i++) {
		const struct column *column = &table->columns[i];
		const char *order = (int)i != table->sorted_by ? "" :
			glyph(table->descending ? GLYPH_DESCENDING : GLYPH_ASCENDING);
		if (table->widths[i] == 0)
			continue;
		snprintf(text, sizeof(text), "%s%s", column->title, order);
		term_put(area.y, x, table->widths[i],
			 STYLE_TITLE | (column->right ? STYLE_RIGHT : 0), text);
		x += table->widths[i] + COLUMN_GAP;
	}
	position_fit(&table->position, count, (uint32_t)table->area.rows);
	load_visible(table, fetcher);
	list_draw(&table->position, count, table->area, draw_row, table);
	if (count == 0 && table->empty)
		term_wrap((struct area){ area.y + 2, area.x, area.rows - 2, area.cols - 1 },
			  STYLE_FAINT, table->empty);
}

/* ---- life ---- */

void table_set_model(struct table *table, void *model)
{
	free(table->rows);
	table->rows = NULL;
	table->count = 0;
	ref_release(table->model);
	table->model = model;
	table_reload(table);
}

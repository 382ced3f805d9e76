/* ui/widget/table.h - a list with columns that shows a model. Only rows near the visible ones are
 * loaded. */
#ifndef ATTICSCOPE_TABLE_H
#define ATTICSCOPE_TABLE_H

#include "session/fetch.h"
#include "widget/list.h"
#include "widget/model.h"

#define TABLE_WAIT_MS 10	/* drawing waits for rows so long: a fast disk causes no flicker */

/* Columns are left out from the highest rank down until the rest fits the line. */
struct column {
	const char *title;
	uint8_t width;
	uint8_t rank;		/* 0 is always shown */
	bool right;		/* flush right */
	bool grows;		/* gets the rest of the line */
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct position position;
	struct area area;	/* of the rows, as last drawn */
	int widths[ROW_CELLS];	/* likewise; 0: left out */
	int sorted_by;		/* the column marked with the order; -1: none */
	bool descending;
	const char *empty;	/* shown if there are no rows */

	struct model *model;	/* held; NULL: nothing to show yet */
	struct row *rows;	/* the loaded rows: [first, first + count) */
	uint64_t first;
	size_t count;
	unsigned version, loaded, asked; /* of the content, from 1: current, in rows, requested */
	uint64_t asked_first;
	size_t asked_count;
};

/* Show @model from now on; the reference passes to the table. NULL shows nothing and frees what the
 * table holds. The position is kept as far as possible. */
void table_set_model(struct table *table, void *model);

/* Put the cursor on @row of the model. */
static inline void table_select(struct table *table, uint64_t row)
{
	table->position.count = model_count(table->model);
	position_set(&table->position, row);
}

/* The content of the rows may have changed: load them again. */
static inline void table_reload(struct table *table)
{
	table->version++;
}

/* Draw titles and rows, below a line that says what the table shows (@title; NULL: none). Missing
 * rows are requested from @fetcher; drawing waits a moment for them. */
void table_draw(struct table *table, struct fetcher *fetcher, struct area area, const char *title);

/* The row number @row; NULL: there is none, or it is not loaded. */
const struct row *table_row(const struct table *table, uint64_t row);

/* Receive rows from the fetch thread. False: they are not for this table. @request is dropped in
 * any case. */
bool table_deliver(struct table *table, struct fetch_request *request);

/* Compute the widths of @columns in a line of @width columns; 0: left out. Pure. */
void table_layout(const struct column *columns, size_t count, int width, int *widths);

#endif

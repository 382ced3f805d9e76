/* ui/widget/table.h - a list with columns over a model, of which only the visible rows are ever
 * loaded. */
#ifndef ATTICSCOPE_TABLE_H
#define ATTICSCOPE_TABLE_H

#include "session/fetch.h"
#include "widget/list.h"
#include "widget/model.h"

#define TABLE_WAIT_MS 10	/* drawing waits so long for rows: a warm disk shows no flicker */

/* Columns are dropped from the highest rank down until the rest fits the line. */
struct column {
	const char *title;
	uint8_t width;
	uint8_t rank;		/* 0 is always shown */
	bool right;		/* flush right */
	bool grows;		/* takes what is left of the line */
};

struct table {
	const struct column *columns;
	size_t column_count;
	struct position position;
	struct area area;	/* of the rows, as last drawn */
	int sorted_by;		/* column that bears the sign of the order, or -1 */
	bool descending;
	const char *empty;	/* what stands in place of rows when there are none */

	struct model *model;	/* held; NULL: nothing to show yet */
	struct row *rows;	/* the window that was loaded: [first, first + count) */
	uint64_t first;
	size_t count;
	unsigned version, loaded, asked; /* of the model's content: now, in rows, on its way */
	uint64_t asked_first;
	size_t asked_count;
};

void table_init(struct table *table, const struct column *columns, size_t count);

/* Show @model from now on; the reference passes to the table. NULL shows nothing and frees what the
 * table holds. The position is kept as far as possible. */
void table_set_model(struct table *table, void *model);

/* Put the cursor on @row of the model. */
void table_select(struct table *table, uint64_t row);

/* What the rows say may have changed: load them again. */
static inline void table_reload(struct table *table)
{
	table->version++;
}

/* Draw titles and rows, and ask @fetcher for rows that are missing; it is given a moment to
 * answer. */
void table_draw(struct table *table, struct fetcher *fetcher, struct area area);

/* The same below one line that says what the table shows. */
void table_draw_titled(struct table *table, struct fetcher *fetcher, struct area area,
		       const char *title);

/* The row under the cursor, or NULL while it is not there. */
const struct row *table_current(const struct table *table);

/* Take over what the fetch thread made for this table. False: it was for somebody else. @request is
 * dropped in any case. */
bool table_deliver(struct table *table, struct fetch_request *request);

/* Which of @columns fit @width, and how wide each is: 0 for those that do not. Pure. */
void table_layout(const struct column *columns, size_t count, int width, int *widths);

#endif

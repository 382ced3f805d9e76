/* ui/widget/list.h - the list widget: visible rows, cursor and scroll bar. */
#ifndef ATTICSCOPE_LIST_H
#define ATTICSCOPE_LIST_H

#include "term/term.h"
#include "widget/position.h"

/* Draw row @row of a list in the line @line. @selected: the cursor is on it. */
typedef void list_draw_fn(void *context, uint64_t row, bool selected, struct area line);

/* Fit @position to @area and @count rows, and draw the visible rows. If there are more, draw a
 * scroll bar in the last column. */
void list_draw(struct position *position, uint64_t count, struct area area, list_draw_fn *draw,
	       void *context);

/* The row at line @y of @area, for the mouse. False: there is none. */
bool list_row_at(const struct position *position, struct area area, int y, uint64_t *row);

#endif

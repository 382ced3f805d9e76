/* ui/widget/position.h - where a list stands: cursor, first visible row, page. Pure.
 *
 * Invariant after every call: if there are rows, cursor < count, and cursor is one of the page rows
 * from top on. No row of the page is empty while rows above could fill it.
 */
#ifndef ATTICSCOPE_POSITION_H
#define ATTICSCOPE_POSITION_H

#include <stdint.h>

struct position {
	uint64_t count;		/* rows in all */
	uint64_t cursor;	/* selected row; 0 if there are no rows */
	uint64_t top;		/* first visible row */
	uint32_t page;		/* visible rows, at least 1 */
};

enum motion {
	MOTION_UP, MOTION_DOWN, MOTION_LEFT, MOTION_RIGHT,
	MOTION_PAGE_UP, MOTION_PAGE_DOWN, MOTION_HOME, MOTION_END,
	MOTION_SCROLL_UP, MOTION_SCROLL_DOWN	/* three rows, as a mouse wheel does */
};

/* The list now has @count rows. @page rows fit on the screen (0 counts as 1). */
void position_fit(struct position *position, uint64_t count, uint32_t page);

/* Put the cursor on row @row, or on the last row. A row that was not visible comes to the middle of
 * the page. */
void position_set(struct position *position, uint64_t row);

/* LEFT and RIGHT do nothing here. */
void position_move(struct position *position, enum motion motion);

/* The thumb of a scroll bar of @height cells: cells [*@first, *@first + *@len). *@len is 0 if all
 * rows are visible. */
void position_thumb(const struct position *position, uint32_t height, uint32_t *first,
		    uint32_t *len);

#endif

#include "build-config.h"

#include "widget/position.h"

#define SCROLL_STEP 3

/* Move the page to the cursor by the fewest rows. */
static void follow_cursor(struct position *position)
{
	const uint64_t last_top = position->count > position->page
		? position->count - position->page : 0;
	if (position->cursor < position->top)
		position->top = position->cursor;
	if (position->cursor - position->top >= position->page)
		position->top = position->cursor - position->page + 1;
	if (position->top > last_top)
		position->top = last_top;
}

void position_fit(struct position *position, uint64_t count, uint32_t page)
{
	position->count = count;
	position->page = page > 0 ? page : 1;
	if (count == 0)
		position->cursor = 0;
	else if (position->cursor >= count)
		position->cursor = count - 1;
	follow_cursor(position);
}

void position_set(struct position *position, uint64_t row)
{
	if (position->count == 0)
		return;
	if (row >= position->count)
		row = position->count - 1;
	position->cursor = row;
	if (row < position->top || row - position->top >= position->page)
		position->top = row > position->page / 2 ? row - position->page / 2 : 0;
	follow_cursor(position);
}

/* @from moved by @rows, but not beyond row 0 or @last. */
static uint64_t step(uint64_t from, int64_t rows, uint64_t last)
{
	const uint64_t distance = rows < 0 ? (uint64_t)-rows : (uint64_t)rows;
	if (rows < 0)
		return from > distance ? from - distance : 0;
	return last - from > distance ? from + distance : last;
}

void position_move(struct position *position, enum motion motion)
{
	const int64_t page = position->page;
	const int64_t rows[] = {
		[MOTION_UP] = -1, [MOTION_DOWN] = 1,
		[MOTION_PAGE_UP] = -page, [MOTION_PAGE_DOWN] = page,
		[MOTION_SCROLL_UP] = -SCROLL_STEP, [MOTION_SCROLL_DOWN] = SCROLL_STEP,
	};
	const uint64_t last = position->count - 1;
	if (position->count == 0)
		return;
	if (motion == MOTION_HOME)
		position->cursor = 0;
	if (motion == MOTION_END)
		position->cursor = last;
	position->cursor = step(position->cursor, rows[motion], last);
	/* The page moves with the cursor, so that the cursor stays at its height on the screen. */
	if (motion != MOTION_UP && motion != MOTION_DOWN)
		position->top = step(position->top, rows[motion], last);
	follow_cursor(position);
}

void position_thumb(const struct position *position, uint32_t height, uint32_t *first,
		    uint32_t *len)
{
	*first = *len = 0;
	if (position->count <= position->page || height == 0)
		return;
	const double scale = (double)height / (double)position->count;
	const double size = (double)position->page * scale;
	*len = size < 1 ? 1 : (uint32_t)size;
	const double way = (double)position->top / (double)(position->count - position->page);
	*first = (uint32_t)(way * (double)(height - *len) + 0.5);
}

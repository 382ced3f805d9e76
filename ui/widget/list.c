#include "build-config.h"

#include "widget/list.h"

void list_draw(struct position *position, uint64_t count, struct area area, list_draw_fn *draw,
	       void *context)
{
	uint32_t first, len;
	if (area.rows < 1)
		return;
	position_fit(position, count, (uint32_t)area.rows);
	for (int i = 0; i < area.rows && position->top + (uint64_t)i < count; i++) {
		const uint64_t row = position->top + (uint64_t)i;
		const struct area line = { area.y + i, area.x, 1, area.cols - 1 };
		draw(context, row, row == position->cursor, line);
	}
	position_thumb(position, (uint32_t)area.rows, &first, &len);
	for (int i = 0; len > 0 && i < area.rows; i++) {
		const bool thumb = (uint32_t)i >= first && (uint32_t)i < first + len;
		term_put(area.y + i, area.x + area.cols - 1, 1, thumb ? STYLE_NORMAL : STYLE_FAINT,
			 glyph(thumb ? GLYPH_THUMB : GLYPH_TRACK));
	}
}

bool list_row_at(const struct position *position, struct area area, int y, uint64_t *row)
{
	if (y < area.y || y >= area.y + area.rows)
		return false;
	*row = position->top + (uint64_t)(y - area.y);
	return *row < position->count;
}

#include "build-config.h"

#include "widget/box.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDTH 72		/* at most, borders included */
#define FIRST_LINE 2		/* below the tabs */

void box_add(struct box *box, enum style style, const char *paragraph)
{
	if (!paragraph || box->count == BOX_PARAGRAPHS)
		return;
	box->styles[box->count] = style;
	box->paragraphs[box->count++] = paragraph;
}

const char *box_spinner(void)
{
	static const char *const faces[] = { "|", "/", "-", "\\" };
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return faces[now.tv_nsec / 250000000 % 4];
}

static void draw_rule(int y, struct area area, const char *left, const char *right)
{
	term_put(y, area.x, 1, STYLE_NORMAL, left);
	for (int x = area.x + 1; x < area.x + area.cols - 1; x++)
		term_put(y, x, 1, STYLE_NORMAL, glyph(GLYPH_RULE));
	term_put(y, area.x + area.cols - 1, 1, STYLE_NORMAL, right);
}

void box_draw(const struct box *box, struct area bottom)
{
	const int width = (bottom.cols < WIDTH ? bottom.cols : WIDTH) - 4;
	const int most = bottom.y - FIRST_LINE;
	int rows = box->typed ? 4 : 2, heights[BOX_PARAGRAPHS] = { 0 };
	size_t first = 0;
	char title[128];
	for (size_t i = 0; i < box->count; i++) {
		heights[i] = *box->paragraphs[i] ? term_lines(width, box->paragraphs[i]) : 1;
		rows += heights[i];
	}
	while (rows > most && first < box->vital)
		rows -= heights[first++];
	if (rows > most)
		rows = most;
	const struct area area = { FIRST_LINE + (most - rows) / 2, (bottom.cols - width - 4) / 2,
				   rows, width + 4 };
	draw_rule(area.y, area, glyph(GLYPH_TOP_LEFT), glyph(GLYPH_TOP_RIGHT));
	for (int y = area.y + 1; y < area.y + rows - 1; y++) {
		term_put(y, area.x, area.cols, STYLE_NORMAL, glyph(GLYPH_TRACK));
		term_put(y, area.x + area.cols - 1, 1, STYLE_NORMAL, glyph(GLYPH_TRACK));
	}
	draw_rule(area.y + rows - 1, area, glyph(GLYPH_BOTTOM_LEFT), glyph(GLYPH_BOTTOM_RIGHT));
	snprintf(title, sizeof(title), " %s ", box->title);
	term_add(area.y, area.x + 2, area.cols - 4, box->is_urgent ? STYLE_BAR_REPAIR : STYLE_BAR,
		 title);
	struct area inside = { area.y + 1, area.x + 2, rows - (box->typed ? 3 : 2), width };
	for (size_t i = first; i < box->count && inside.rows > 0; i++) {
		term_wrap(inside, box->styles[i], box->paragraphs[i]);
		inside.y += heights[i];
		inside.rows -= heights[i];
	}
	term_put(bottom.y, bottom.x, bottom.cols, STYLE_NORMAL, "");
	term_add(bottom.y, bottom.x, bottom.cols, STYLE_KEY, box->keys);
	if (box->typed)
		typing_draw(box->typed, "> ", area.y + rows - 2, area.x + 2, width);
}

#include "build-config.h"

#include "widget/explain.h"

#define INDENT 11		/* the headings */
#define LIST_ROWS_MIN 3

static int lines_of(const struct part *parts, size_t count, int cols)
{
	int lines = 0;
	for (size_t i = 0; i < count; i++)
		lines += term_lines(cols - INDENT, parts[i].text);
	return lines;
}

static void draw_parts(const struct part *parts, size_t count, struct area area)
{
	for (size_t i = 0; i < count && area.rows > 0; i++) {
		const struct part *part = &parts[i];
		term_put(area.y, area.x, INDENT - 1, part->heading_style, part->heading);
		const int used = term_wrap((struct area){ area.y, area.x + INDENT, area.rows,
							  area.cols - INDENT },
					   part->style, part->text);
		area.y += used;
		area.rows -= used;
	}
}

/* Rows for the list, its titles included, out of @room, when the parts take @needed and a blank
 * line. */
static int split(struct explained *explained, uint64_t rows, int needed, int room, int cols)
{
	const int most = room - 1 - LIST_ROWS_MIN;
	if (explained->cols != cols)
		explained->lines = 0;
	explained->cols = cols;
	if (needed > explained->lines)
		explained->lines = needed;
	const int share = explained->lines < most ? explained->lines : most;
	const int list = room - (share > 0 ? share : 0);
	return rows + 1 < (uint64_t)list ? (int)rows + 1 : list;
}

void explain_draw(struct table *table, struct fetcher *fetcher, struct area area,
		  const struct part *parts, size_t count, struct explained *explained)
{
	struct area list = area;
	const int cols = area.cols - 2;
	if (count == 0) {
		table_draw(table, fetcher, area);
		return;
	}
	list.rows = split(explained, model_count(table->model), lines_of(parts, count, cols) + 1,
			  area.rows, cols);
	table_draw(table, fetcher, list);
	draw_parts(parts, count, (struct area){ list.y + list.rows + 1, area.x + 1,
						area.rows - 1 - list.rows, cols });
}

#include "build-config.h"

#include "widget/explain.h"

#define INDENT 11		/* columns of the headings */
#define LIST_ROWS_MIN 3

void explain_draw(struct table *table, struct fetcher *fetcher, struct area area,
		  const struct part *parts, size_t count, struct explained *explained)
{
	struct area list = area;
	const int cols = area.cols - 2, most = area.rows - 1 - LIST_ROWS_MIN;
	const uint64_t rows = model_count(table->model) + 1; /* with the titles */
	int needed = 1;		/* a blank line */
	if (count == 0) {
		table_draw(table, fetcher, area, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++)
		needed += term_lines(cols - INDENT, parts[i].text);
	if (explained->cols != cols || explained->lines < needed)
		explained->lines = needed;
	explained->cols = cols;
	const int share = explained->lines < most ? explained->lines : most;
	list.rows = area.rows - (share > 0 ? share : 0);
	if (rows < (uint64_t)list.rows)
		list.rows = (int)rows;
	table_draw(table, fetcher, list, NULL);
	struct area text = { list.y + list.rows + 1, area.x + 1 + INDENT, area.rows - 1 - list.rows,
			     cols - INDENT };
	for (size_t i = 0; i < count && text.rows > 0; i++) {
		const struct part *part = &parts[i];
		term_put(text.y, area.x + 1, INDENT - 1, part->heading_style, part->heading);
		const int used = term_wrap(text, part->style, part->text);
		text.y += used;
		text.rows -= used;
	}
}

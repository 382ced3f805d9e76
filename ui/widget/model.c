#include "build-config.h"

#include "widget/model.h"

#include "session/format.h"

#include <stdarg.h>
#include <stdio.h>

void row_set(struct row *row, size_t column, enum style style, const char *format, ...)
{
	va_list args;
	if (row->used == 0)
		row->used = 1;
	const size_t room = sizeof(row->text) - row->used;
	if (room < 2)
		return;
	va_start(args, format);
	const int n = vsnprintf(row->text + row->used, room, format, args);
	va_end(args);
	if (n <= 0)
		return;
	row->cell[column] = row->used;
	row->cell_style[column] = (uint8_t)style;
	row->used = (uint16_t)(row->used + ((size_t)n < room ? (size_t)n + 1 : room));
}

void row_mask(struct row *row, size_t column, enum style style, const char *text)
{
	char masked[ROW_TEXT];
	row_set(row, column, style, "%s", format_masked_text(text, masked, sizeof(masked)));
}

bool row_matches(const struct row *row, const struct query *query)
{
	if (query->is_prefix && row->place.has_key &&
	    key_prefix_matches(&query->prefix, row->place.key))
		return true;
	for (size_t i = 0; i < ROW_CELLS; i++)
		if (row->cell[i] > 0 && query_matches_text(query, row_cell(row, i)))
			return true;
	return false;
}

static void free_model(void *object)
{
	struct model *model = object;
	if (model->ops->free)
		model->ops->free(model);
	ref_release(model->session);
}

void *model_new(const struct model_ops *ops, size_t size, struct session *session)
{
	struct model *model = ref_new(size, free_model);
	if (!model)
		return NULL;
	model->ops = ops;
	model->session = ref_hold(session);
	return model;
}

void model_fetch(struct model *model, uint64_t first, size_t count, struct row *rows)
{
	if (model->ops->fetch) {
		model->ops->fetch(model, first, count, rows);
		return;
	}
	for (size_t i = 0; i < count; i++)
		model->ops->fill(model, first + i, &rows[i]);
}

bool model_find(struct model *model, const struct query *query, uint64_t first, uint64_t count,
		bool backward, uint64_t *found)
{
	if (model->ops->find)
		return model->ops->find(model, query, first, count, backward, found);
	for (uint64_t i = 0; i < count; i++) {
		const uint64_t at = backward ? first + count - 1 - i : first + i;
		struct row row = { .used = 0 };
		model_fetch(model, at, 1, &row);
		if (row_matches(&row, query)) {
			*found = at;
			return true;
		}
	}
	return false;
}

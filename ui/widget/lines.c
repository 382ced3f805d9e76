#include "build-config.h"

#include "widget/lines.h"

#include "session/format.h"

#include "engine/base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (ROW_TEXT - 64)
#define HANG 2			/* extra indent of the rows after the first */

static void free_lines(void *object)
{
	struct lines *lines = object;
	for (size_t i = 0; i < lines->count; i++)
		free(lines->rows[i].text);
	free(lines->rows);
}

struct lines *lines_new(void)
{
	return ref_new(sizeof(struct lines), free_lines);
}

void lines_add(struct lines *lines, enum style style, const char *text)
{
	char masked[LINE_MAX_BYTES];
	format_masked_text(text, masked, sizeof(masked));
	char *copy = strdup(masked);
	if (!copy || !ARRAY_RESERVE(lines->rows, lines->count, lines->capacity)) {
		free(copy);
		lines->no_memory = true;
		return;
	}
	lines->rows[lines->count++] = (struct line){ copy, style };
}

void lines_printf(struct lines *lines, enum style style, const char *format, ...)
{
	char text[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lines_add(lines, style, text);
}

void lines_add_all(struct lines *lines, const struct lines *from)
{
	for (size_t i = 0; i < from->count; i++)
		lines_add(lines, from->rows[i].style, from->rows[i].text);
	lines->no_memory = lines->no_memory || from->no_memory;
}

/* ---- broken into rows ---- */

struct piece {
	size_t line;
	uint16_t first, len;	/* bytes of the line's text */
	uint16_t indent;	/* columns before them */
};

struct lines_model {
	struct model base;
	struct lines *lines;	/* held */
	struct piece *pieces;
	size_t count, capacity;
};

/* Bytes of @text that fit @cols columns: up to the last space after its indentation or, if the
 * first word is longer, as many characters as fit, at least one. */
static size_t piece_length(const char *text, int cols)
{
	char part[LINE_MAX_BYTES];
	const size_t indent = strspn(text, " "), all = strlen(text);
	size_t len = 0, space = 0;
	if (all <= (size_t)cols)	/* no character takes more columns than bytes */
		return all;
	while (text[len]) {
		size_t next = len + 1;
		while (((unsigned char)text[next] & 0xc0) == 0x80)
			next++;
		snprintf(part, sizeof(part), "%.*s", (int)next, text);
		if (term_width(part) > cols)
			break;
		if (text[len] == ' ' && len > indent)
			space = len;
		len = next;
	}
	if (!text[len])
		return len;
	return text[len] == ' ' || space == 0 ? (len > 0 ? len : 1) : space;
}

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct lines_model *model = (const struct lines_model *)base;
	const struct piece *piece = &model->pieces[i];
	const struct line *line = &model->lines->rows[piece->line];
	row->style = (uint8_t)line->style;
	row_set(row, 0, STYLE_NORMAL, "%*s%.*s", piece->indent, "", piece->len,
		line->text + piece->first);
}

static void model_free(struct model *base)
{
	struct lines_model *model = (struct lines_model *)base;
	ref_release(model->lines);
	free(model->pieces);
}

static const struct model_ops model_ops = { .fill = fill_row, .free = model_free,
					    .in_memory = true };

struct model *lines_model(struct session *session, struct lines *lines, int cols)
{
	struct lines_model *model = model_new(&model_ops, sizeof(*model), session);
	if (!model)
		return NULL;
	model->lines = ref_hold(lines);
	if (cols < 1)
		cols = 1;
	for (size_t i = 0; i < lines->count; i++) {
		const char *text = lines->rows[i].text;
		const size_t hang = strspn(text, " ") + HANG;
		size_t at = 0, indent = 0;	/* the first piece has none; the others hang */
		do {
			const size_t len = piece_length(text + at, cols - (int)indent);
			if (!ARRAY_RESERVE(model->pieces, model->count, model->capacity)) {
				ref_release(model);
				return NULL;
			}
			model->pieces[model->count++] = (struct piece){
				i, (uint16_t)at, (uint16_t)len, (uint16_t)indent
			};
			at += len;
			at += strspn(text + at, " ");
			indent = hang < (size_t)cols / 2 ? hang : 0;
		} while (text[at]);
	}
	model->base.count = model->count;
	return &model->base;
}

/* ui/widget/model.h - the source of a table's rows.
 *
 * Several threads use a model: the one that draws asks for the count, the fetch thread for rows, a
 * search for matches. Whatever changes in it meanwhile is atomic and only grows. Another order or
 * filter is another model.
 */
#ifndef ATTICSCOPE_MODEL_H
#define ATTICSCOPE_MODEL_H

#include "session/place.h"
#include "session/session.h"
#include "term/term.h"

#define ROW_CELLS 12
#define ROW_TEXT 1024

/* One row, ready to be drawn. Its text is masked. All zero is an empty one. */
struct row {
	struct place place;		/* where Enter, h and K go */
	uint8_t style;			/* enum style of the whole row */
	uint8_t cell_style[ROW_CELLS];	/* STYLE_NORMAL: the row's */
	uint16_t cell[ROW_CELLS];	/* where each cell begins in text; 0: empty */
	uint16_t used;			/* bytes of text; the first one stays 0 */
	char text[ROW_TEXT];
};

/* Set the text of a cell. The caller masks bytes from the disk (row_mask, format_...). */
void row_set(struct row *row, size_t column, enum style style, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Set a cell to text that may hold any bytes. */
void row_mask(struct row *row, size_t column, enum style style, const char *text);

/* Does a cell contain the query's text, or does the row's key begin with the query's? */
bool row_matches(const struct row *row, const struct query *query);

static inline const char *row_cell(const struct row *row, size_t column)
{
	return row->text + row->cell[column];
}

struct model;

struct model_ops {
	/* Fill @row, which exists and is zeroed. May wait for a disk, unless in_memory. */
	void (*fill)(struct model *model, uint64_t i, struct row *row);
	/* Instead of fill, if several rows are cheaper together: [@first, @first + @count). */
	void (*fetch)(struct model *model, uint64_t first, size_t count, struct row *rows);
	/* Find the first row (the last, if @backward) of [@first, @first + @count) that matches
	 * @query. NULL: the text of the cells is searched. */
	bool (*find)(struct model *model, const struct query *query, uint64_t first,
		     uint64_t count, bool backward, uint64_t *row);
	void (*free)(struct model *model);
	bool in_memory;
};

/* The head of every model. */
struct model {
	struct ref ref;
	const struct model_ops *ops;
	struct session *session;	/* held */
	_Atomic uint64_t count;		/* rows there are (so far) */
};

/* A zeroed model of @size bytes for one owner. NULL: out of memory. */
void *model_new(const struct model_ops *ops, size_t size, struct session *session);

static inline uint64_t model_count(const struct model *model)
{
	return model ? atomic_load_explicit(&model->count, memory_order_acquire) : 0;
}

/* Fill the zeroed @rows with [@first, @first + @count), which all exist. */
void model_fetch(struct model *model, uint64_t first, size_t count, struct row *rows);

/* Find the first row (the last, if @backward) of [@first, @first + @count) that matches @query. */
bool model_find(struct model *model, const struct query *query, uint64_t first, uint64_t count,
		bool backward, uint64_t *found);

#endif

/* src/out_table.h - titles and rows on standard output: calls out_text.h or out_json.h. */
#ifndef ATTICSCOPE_OUT_TABLE_H
#define ATTICSCOPE_OUT_TABLE_H

#include "src/out.h"

/* The titles, in text. */
void out_titles(struct out *out, const struct column *columns, size_t count);

/* One row; @cells are in the order of @columns. Returns out_goes_on(). */
bool out_row(struct out *out, const struct column *columns, const struct cell *cells,
	     size_t count);

#endif

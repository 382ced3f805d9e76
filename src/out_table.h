/* src/out_table.h - a table on standard output, as text or as JSON. */
#ifndef ATTICSCOPE_OUT_TABLE_H
#define ATTICSCOPE_OUT_TABLE_H

#include "src/out.h"

/* The titles, in text. */
void out_titles(struct out *out, const struct column *columns, size_t count);

/* One row; @cells are in the order of @columns. Returns out_goes_on(). */
bool out_row(struct out *out, const struct column *columns, const struct cell *cells,
	     size_t count);

#endif

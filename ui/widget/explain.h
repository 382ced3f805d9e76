/* ui/widget/explain.h - a list, and below it what is under its cursor explained. */
#ifndef ATTICSCOPE_EXPLAIN_H
#define ATTICSCOPE_EXPLAIN_H

#include "widget/table.h"

/* A heading of one word, and beside it a text, masked, that is wrapped. */
struct part { const char *heading, *text; enum style heading_style, style; };

/* Of a screen, zeroed: the most lines that an explanation took so far, at this width. */
struct explained { int lines, cols; };

/* Draw @table and below it @parts, if any, the most important first: those that find no room go.
 * Their share never shrinks while the width stays, so that the list does not jump as the cursor
 * moves. */
void explain_draw(struct table *table, struct fetcher *fetcher, struct area area,
		  const struct part *parts, size_t count, struct explained *explained);

#endif

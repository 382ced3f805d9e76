/* ui/widget/explain.h - a list with an explanation of the row under its cursor below it. */
#ifndef ATTICSCOPE_EXPLAIN_H
#define ATTICSCOPE_EXPLAIN_H

#include "widget/table.h"

/* A part of the explanation: a heading of one word, and beside it a masked text, which is
 * wrapped. */
struct part { const char *heading, *text; enum style heading_style, style; };

/* Kept by the screen, zeroed at first: the most lines that an explanation took at this width. */
struct explained { int lines, cols; };

/* Draw @table, and below it @parts, the most important first. Parts that do not fit are left out.
 * Their share of the area does not shrink while the width stays, so the list does not jump when the
 * cursor moves. */
void explain_draw(struct table *table, struct fetcher *fetcher, struct area area,
		  const struct part *parts, size_t count, struct explained *explained);

#endif

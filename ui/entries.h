/* ui/entries.h - what a row of the list of entries says. */
#ifndef ATTICSCOPE_ENTRIES_H
#define ATTICSCOPE_ENTRIES_H

#include "ui/raw.h"
#include "ui/scan.h"

/* Fill @row for @at, @size bytes long, in the segment at @position. @raw is that segment, NULL when
 * it cannot be opened. */
void entries_fill_row(struct row *row, const struct session *session, size_t position,
		      const struct raw *raw, const struct scan_row *at, uint64_t size);

#endif

/* src/entry_rows.h - the columns and cells that entries and history share. */
#ifndef ATTICSCOPE_ENTRY_ROWS_H
#define ATTICSCOPE_ENTRY_ROWS_H

#include "engine/check/check.h"
#include "src/out.h"

enum { ENTRY_SEGMENT, ENTRY_OFFSET, ENTRY_SIZE, ENTRY_TAG, ENTRY_KEY, ENTRY_CRC, ENTRY_CRC_STORED,
       ENTRY_CRC_COMPUTED, ENTRY_STATUS, ENTRY_CAUSE, ENTRY_LENGTH, ENTRY_TEXT, ENTRY_INDEX,
       ENTRY_COLUMNS };

extern const struct column entry_columns[ENTRY_COLUMNS];

/* The cells of one row, and what they point to. */
struct entry_row {
	struct cell cells[ENTRY_COLUMNS];
	char what[160];
};

/* Fill all of *@row but ENTRY_INDEX. It points into itself and into @entry. */
void entry_row_fill(struct entry_row *row, uint32_t segment, const struct segment_entry *entry,
		    enum entry_status status);

#endif

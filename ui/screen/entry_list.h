/* ui/screen/entry_list.h - where the entries of a segment begin, found in the background and kept
 * at 16 bytes each. */
#ifndef ATTICSCOPE_ENTRY_LIST_H
#define ATTICSCOPE_ENTRY_LIST_H

#include "app/screen.h"

#define SCAN_ROWS_MAX (1u << 21)	/* 32 MiB */

struct scan_row {
	uint64_t offset;	/* bytes; the row ends where the next begins */
	uint8_t tag;		/* enum segment_tag */
	uint8_t cause;		/* enum segment_cause */
	uint8_t flags;		/* SCAN_ bits */
	uint8_t spare[5];
};
enum { SCAN_HAS_HEADER = 1, SCAN_HAS_KEY = 2, SCAN_SEARCHED = 4, SCAN_UNSTABLE = 8 };

enum scan_state { SCAN_RUNNING, SCAN_DONE, SCAN_CANCELLED, SCAN_FAILED };

#define SCAN_COLUMNS 7
extern const struct column scan_columns[SCAN_COLUMNS];

/* A model of the rows of one segment. Others may read the first scan_count rows while it grows. */
struct scan;

/* Starts to read the segment at @position of the listing, for the screen @owner. NULL, and said so:
 * out of memory, no thread. */
struct scan *scan_start(struct app *app, const struct screen *owner, size_t position);

struct model *scan_model(struct scan *scan);	/* the same object */
size_t scan_position(const struct scan *scan);
uint64_t scan_count(const struct scan *scan);
enum scan_state scan_state(const struct scan *scan);
bool scan_is_capped(const struct scan *scan);		/* SCAN_ROWS_MAX was reached */
const char *scan_failure(const struct scan *scan);	/* of SCAN_FAILED */
uint64_t scan_length(const struct scan *scan); /* of the file, bytes; known once there is a row */
uint64_t scan_damaged(const struct scan *scan);		/* rows that are damaged, so far */

/* Row @i and its size in bytes. */
struct scan_row scan_row(const struct scan *scan, uint64_t i, uint64_t *size);

/* The row that holds the byte at @offset, or the last one before; 0 when there are none. */
uint64_t scan_find(const struct scan *scan, uint64_t offset);

#endif

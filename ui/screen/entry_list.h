/* ui/screen/entry_list.h - where the entries of a segment begin, found in the background and kept
 * at 16 bytes each. */
#ifndef ATTICSCOPE_ENTRY_LIST_H
#define ATTICSCOPE_ENTRY_LIST_H

#include "app/screen.h"

#define ENTRY_ROWS_MAX (1u << 21)	/* 32 MiB */

struct entry_row {
	uint64_t offset;	/* bytes; the row ends where the next begins */
	uint8_t tag;		/* enum segment_tag */
	uint8_t cause;		/* enum segment_cause */
	uint8_t flags;		/* SCAN_ bits */
	uint8_t spare[5];
};
enum { ENTRY_HAS_HEADER = 1, ENTRY_HAS_KEY = 2, ENTRY_SEARCHED = 4, ENTRY_UNSTABLE = 8 };

enum list_state { LIST_RUNNING, LIST_DONE, LIST_CANCELLED, LIST_FAILED };

#define ENTRY_LIST_COLUMNS 7
extern const struct column entry_list_columns[ENTRY_LIST_COLUMNS];

/* What is known of the segment so far. */
struct entry_list_status {
	enum list_state state;
	size_t position;	/* in the listing */
	uint64_t length;	/* of the file, bytes; known once there is a row */
	uint64_t damaged;	/* rows */
	bool is_capped;		/* ENTRY_ROWS_MAX was reached */
	const char *failure;	/* why, where the state is LIST_FAILED */
};

/* Where in the listing the segment is that @about names; it then names the first one if it named
 * none. LISTING_NONE, and said so: it is not there. */
size_t entry_list_segment(struct app *app, struct place *about);

/* Start to read the segment at @position of the listing, for the screen @owner. Returns a model of
 * its rows; they may be read while it grows. NULL, and said so: out of memory, no thread. */
struct model *entry_list_start(struct app *app, const struct screen *owner, size_t position);

/* The rest is for such a model. */
struct entry_list_status entry_list_status(const struct model *model);

/* Row @i and its size in bytes. */
struct entry_row entry_list_row(const struct model *model, uint64_t i, uint64_t *size);

/* The row that holds the byte at @offset, or the last one before; 0 when there are none. */
uint64_t entry_list_find(const struct model *model, uint64_t offset);

#endif

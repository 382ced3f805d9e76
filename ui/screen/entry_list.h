/* ui/screen/entry_list.h - the entries of a segment, found in the background. 16 bytes are kept for
 * each. */
#ifndef ATTICSCOPE_ENTRY_LIST_H
#define ATTICSCOPE_ENTRY_LIST_H

#include "app/screen.h"

#define ENTRY_ROWS_MAX (1u << 21)	/* 32 MiB */
#define ENTRY_CHUNK 8192u		/* rows that are allocated together */

struct entry_row {
	uint64_t offset;	/* bytes; the row ends where the next begins */
	uint8_t tag;		/* enum segment_tag */
	uint8_t cause;		/* enum segment_cause */
	uint8_t flags;		/* ENTRY_ bits */
	uint8_t spare[5];
};
enum { ENTRY_HAS_HEADER = 1, ENTRY_HAS_KEY = 2, ENTRY_SEARCHED = 4, ENTRY_UNSTABLE = 8 };

enum list_state { LIST_RUNNING, LIST_DONE, LIST_CANCELLED, LIST_FAILED };

#define ENTRY_LIST_COLUMNS 7
extern const struct column entry_list_columns[ENTRY_LIST_COLUMNS];

/* A model, whose rows can be used while it grows. */
struct entry_list {
	struct model base;
	size_t position;		/* of the segment in the listing */
	_Atomic uint64_t length;	/* of the file, bytes; known once there is a row */
	_Atomic uint64_t damaged;	/* rows so far */
	atomic_int state;		/* enum list_state */
	atomic_bool capped;		/* ENTRY_ROWS_MAX was reached */
	enum as_err error;		/* written before state says LIST_FAILED */
	struct entry_row *chunks[ENTRY_ROWS_MAX / ENTRY_CHUNK];	/* allocated before count says so */
};

/* The position in the listing of the segment that @about names. If it names none, it is set to the
 * first segment. LISTING_NONE, with a message: there is no such segment. */
size_t entry_list_segment(struct app *app, struct place *about);

/* Start to read the segment at @position of the listing, for the screen @owner. NULL, with a
 * message: out of memory, or no thread. */
struct entry_list *entry_list_start(struct app *app, const struct screen *owner, size_t position);

/* Row @i and its size in bytes. */
struct entry_row entry_list_row(const struct entry_list *list, uint64_t i, uint64_t *size);

/* The row that holds the byte at @offset, or the last one before it; 0 if there are none. */
uint64_t entry_list_find(const struct entry_list *list, uint64_t offset);

#endif

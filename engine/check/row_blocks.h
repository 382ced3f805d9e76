/* engine/check/row_blocks.h - memory for the rows of a replay, in blocks.
 *
 * Rows come by the million and nobody knows how many: blocks are of one size, never move, and are
 * given back to be used again. The system is asked for small pieces first, for what stays small,
 * and then for whole huge pages.
 */
#ifndef ATTICSCOPE_ROW_BLOCKS_H
#define ATTICSCOPE_ROW_BLOCKS_H

#include "base/bytes.h"

#include <pthread.h>

/* kind: bit 0 set for a PUT, and the size above it (an entry has at most 20 MiB). */
struct row {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t kind;
};
#define ROW_PUT 1u
#define ROW_SIZE_SHIFT 1
_Static_assert(sizeof(struct row) == 44, "rows are what the memory goes into");

#define BLOCK_ROWS 256u		/* 11 KiB */
union row_block {
	struct row rows[BLOCK_ROWS];
	union row_block *next;	/* of those that were given back */
};

/* Blocks that nobody had yet, of one piece of memory. All zero: none. A thread that takes many has
 * a source of its own: of a huge page that two threads come to at once both make a copy, and one
 * is thrown away. */
struct row_source {
	union row_block *blocks;
	uint32_t count;
};

struct row_blocks {
	pthread_mutex_t lock;
	struct row_chunk *chunks;	/* what the system gave: kept to the end */
	uint32_t chunk_count;
	union row_block *spare;		/* given back */
	struct row_source source;	/* of those that have none of their own */
};

void row_blocks_init(struct row_blocks *blocks);
void row_blocks_free(struct row_blocks *blocks);

/* A block, whose rows hold anything; out of @own (or NULL) where it has any. Safe in several
 * threads at once, each with an @own of its own. NULL: out of memory. */
union row_block *row_blocks_take(struct row_blocks *blocks, struct row_source *own);

/* Give back @count blocks that @rows points to. Safe in several threads at once. */
void row_blocks_give_back(struct row_blocks *blocks, union row_block **rows, uint32_t count);

#endif

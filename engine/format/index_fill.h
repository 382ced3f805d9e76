/* engine/format/index_fill.h - a new index of many keys, made by several threads.
 *
 * Keys come in the parts of index_part. In a large index each part has stripes of its own: one
 * thread makes them empty and fills them while they are in the cache, and need not ask the others.
 * In a smaller one several parts share a stripe: they are a group, whose parts are filled one after
 * the other. A few keys find their stripe full from their home to its end; they are put in last.
 */
#ifndef ATTICSCOPE_INDEX_FILL_H
#define ATTICSCOPE_INDEX_FILL_H

#include "format/index_table.h"

struct index_fill;

/* For about @keys keys. NULL: out of memory, or too many. */
struct index_fill *index_fill_new(const struct dialect *dialect, uint64_t keys);

/* NULL is no fill. */
void index_fill_free(struct index_fill *fill);

/* How many groups there are, a power of two: group g owns the parts p with p % groups == g. */
unsigned index_fill_groups(const struct index_fill *fill);

/* One thread's share in it. */
struct index_mapping {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
};
struct index_filler {
	struct index_fill *fill;
	/* looked up together, so that each is prefetched before its turn comes */
	struct index_mapping batch[32];
	unsigned batched;
	uint32_t used;			/* buckets filled, and */
	uint64_t passed;		/* buckets of others passed, not yet added to the total */
};

/* Begin *@group, which belongs to this thread alone; @filler may hold anything. False: no group is
 * left. */
bool index_filler_begin(struct index_filler *filler, struct index_fill *fill, unsigned *group);

/* Map @key, which is in a part of the group, to @segment (below INDEX_DELETED) and @offset. The
 * last of several mappings of one key stays. AS_ERR_MEMORY; AS_ERR_COLLISION: see
 * index_table_reserve. */
enum as_err index_filler_put(struct index_filler *filler, const uint8_t key[KEY_SIZE],
			     uint32_t segment, uint32_t offset);

/* End the group. Errors as index_filler_put. */
enum as_err index_filler_end(struct index_filler *filler);

/* When no group is left, and each was ended: the table, which is the caller's, or NULL. @fill is
 * gone then. Errors as index_table_put. */
enum as_err index_fill_end(struct index_fill *fill, struct index_table **table);

#endif

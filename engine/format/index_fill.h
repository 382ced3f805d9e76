/* engine/format/index_fill.h - a new index of many keys, made by several threads.
 *
 * Keys come in the parts of index_part, and of a large index each part has stripes of its own: they
 * are made empty and filled while they are in the cache, by one thread that need not ask others. In
 * a smaller one several parts share a stripe; they are a group, and filled one after the other. The
 * few keys that find their stripe full from their home to its end wait for the last of all.
 */
#ifndef ATTICSCOPE_INDEX_FILL_H
#define ATTICSCOPE_INDEX_FILL_H

#include "format/index_table.h"

struct index_fill;

/* For about @keys keys. NULL: out of memory, or too many. */
struct index_fill *index_fill_new(uint64_t keys);

/* NULL is no fill. */
void index_fill_free(struct index_fill *fill);

/* Groups, a power of two: of each the parts are filled whose number leaves that of the group as the
 * remainder of dividing by this. */
unsigned index_fill_groups(const struct index_fill *fill);

/* One thread's share in it. */
struct index_mapping {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
};
struct index_filler {
	struct index_fill *fill;
	/* looked up together: the memory of the last has come when its turn does */
	struct index_mapping batch[32];
	unsigned batched;
	uint32_t used;			/* buckets that it filled, */
	uint64_t passed;		/* and of others that it passed: not yet added to all */
};

/* Begin with *@group, which is this thread's alone; @filler may hold anything. False: there is none
 * left. */
bool index_filler_begin(struct index_filler *filler, struct index_fill *fill, unsigned *group);

/* Map @key, which is in a part of the group, to @segment (below INDEX_DELETED) and @offset. Of
 * several mappings of one key that which is put last stays. AS_ERR_MEMORY; AS_ERR_COLLISION: see
 * index_table_reserve. */
enum as_err index_filler_put(struct index_filler *filler, const uint8_t key[KEY_SIZE],
			     uint32_t segment, uint32_t offset);

/* End the group. Errors as index_filler_put. */
enum as_err index_filler_end(struct index_filler *filler);

/* When no group is left, and each was ended: the table, which is the caller's, or NULL. @fill is
 * gone then. Errors as index_table_put. */
enum as_err index_fill_end(struct index_fill *fill, struct index_table **table);

#endif

/* engine/format/index_table_internal.h - what the table is. For index_table.c and index_fill.c. */
#ifndef ATTICSCOPE_INDEX_TABLE_INTERNAL_H
#define ATTICSCOPE_INDEX_TABLE_INTERNAL_H

#include "format/index_load.h"
#include "format/index_table.h"

#include <string.h>

/* Removing a key moves what follows it closer to home, so the only deleted buckets are those of a
 * table that Attic wrote. normalise() removes them before the first change. */
struct index_table {
	/* Its bytes are a mapping of its own. Its counts are kept up to date; passed grows by what
	 * a new key has to pass. */
	struct index_image image;
	size_t mapped;			/* bytes */
	const struct dialect *dialect;	/* whose sizes and magic it has */
};

/* A table whose @buckets hold anything. NULL: out of memory. */
struct index_table *index_table_new_raw(const struct dialect *dialect, uint32_t buckets);

/* As Attic makes it. */
extern const uint8_t index_empty_bucket[INDEX_BUCKET];

static inline uint8_t *bucket_at(const struct index_table *table, uint32_t number)
{
	return table->image.bytes + (size_t)number * INDEX_BUCKET;
}

/* Make buckets [@first, @end) empty. */
static inline void make_empty(const struct index_table *table, uint32_t first, uint32_t end)
{
	uint8_t *p = bucket_at(table, first);

	for (uint32_t left = end - first; left; left--, p += INDEX_BUCKET)
		memcpy(p, index_empty_bucket, INDEX_BUCKET);
}

static inline void fill_bucket(uint8_t *p, const uint8_t key[KEY_SIZE], uint32_t segment,
			       uint32_t offset)
{
	memcpy(p, key, KEY_SIZE);
	put_u32le(p + KEY_SIZE, segment);
	put_u32le(p + KEY_SIZE + 4, offset);
}

/* Keys come from the disk and may be made to collide. Those of one run have passed half the square
 * of its length; divided by all buckets that is what a look-up that finds nothing passes. The limit
 * is half of what the census allows, because runs grow together. */
static inline bool is_degenerating(uint64_t passed, uint32_t buckets)
{
	return buckets > INDEX_DEGENERATE_BUCKETS &&
	       passed / buckets > INDEX_DEGENERATE_PROBES / 2;
}

#endif

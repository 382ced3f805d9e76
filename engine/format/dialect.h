/* engine/format/dialect.h - what differs between the dialects of the format: one row for each.
 *
 * Attic's is the only one that is read and written. Borg 1.x has other magics, hints of version 2,
 * a fixed list of index sizes, and other defaults in its config. repo/origin.h recognises it.
 */
#ifndef ATTICSCOPE_FORMAT_DIALECT_H
#define ATTICSCOPE_FORMAT_DIALECT_H

#include <stdint.h>

/* How a writer keeps others away. See repo/lock.h. */
enum lock_kind {
	LOCK_KIND_FILE,			/* a record lock on REPO/config */
	LOCK_KIND_FOLDER		/* REPO/lock.exclusive/ and REPO/lock.roster */
};

struct dialect {
	const char *name;		/* in the JSON */
	const char *title;		/* for a person */
	const char *readme;		/* the text of REPO/README */
	const char *segment_magic, *index_magic;	/* 8 bytes each */
	uint32_t entry_max;		/* bytes of the largest entry, header included */
	uint32_t hints_version;
	/* An index has index_buckets_min buckets, or that times a power of index_growth
	 * (2: rehash in index_table.c relies on it). It grows
	 * where a new key finds more than index_used_max percent of them used, and shrinks where a
	 * removal leaves less than index_used_min percent. */
	uint32_t index_buckets_min, index_growth, index_used_max, index_used_min;
	uint32_t segments_per_dir;	/* defaults of the config */
	uint32_t max_segment_size;	/* bytes */
	enum lock_kind lock_kind;
};

extern const struct dialect dialect_attic;

#endif

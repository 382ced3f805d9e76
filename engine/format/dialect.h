/* engine/format/dialect.h - what differs between the dialects of the format: one row for each.
 *
 * Attic's is the only one that is read and written. repo/origin.h recognises the others. What they
 * do not have is 0 or NULL in their rows.
 */
#ifndef ATTICSCOPE_FORMAT_DIALECT_H
#define ATTICSCOPE_FORMAT_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

/* How a writer keeps others away. See repo/lock.h. */
enum lock_kind {
	LOCK_KIND_FILE,			/* a record lock on REPO/config */
	LOCK_KIND_FOLDER		/* REPO/lock.exclusive/ and REPO/lock.roster */
};

struct dialect {
	const char *name;		/* in the JSON */
	const char *title;		/* for a person */
	/* Why nothing is changed in such a repository, one sentence without a full stop, and what a
	 * person can do with it. NULL where it is written. */
	const char *refusal, *by_hand;
	bool is_read;			/* more than config and listing */
	const char *readme;		/* REPO/README, and how every version begins it */
	const char *readme_start;
	const char *segment_magic, *index_magic;	/* 8 bytes each */
	uint32_t entry_max;		/* bytes of the largest entry, header included */
	/* The version of hints that is written, and the highest that is read. Only 2 has an
	 * integrity.N beside it. */
	uint32_t hints_version, hints_version_max;
	/* An index has index_buckets_min buckets, or that times a power of index_growth. It grows
	 * where a new key finds more than index_used_max percent of them used, and shrinks where a
	 * removal leaves less than index_used_min percent. */
	uint32_t index_buckets_min, index_growth, index_used_max, index_used_min;
	uint32_t segments_per_dir;	/* defaults of the config */
	uint32_t max_segment_size;	/* bytes */
	enum lock_kind lock_kind;
};

extern const struct dialect dialect_attic;
extern const struct dialect dialect_borg;	/* Borg 1.x */
extern const struct dialect dialect_mixed;	/* Attic's, and "borg upgrade" was interrupted */
extern const struct dialect dialect_borg2;

#endif

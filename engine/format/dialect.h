/* engine/format/dialect.h - what differs between the dialects of the format: one row for each.
 *
 * Modules ask the row of the repository (struct repo), never for its name. repo/origin.h finds out
 * who wrote a repository. What a dialect does not have is 0 or NULL in its row.
 */
#ifndef ATTICSCOPE_FORMAT_DIALECT_H
#define ATTICSCOPE_FORMAT_DIALECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a writer keeps others away. See repo/lock.h. */
enum lock_kind {
	LOCK_KIND_FILE,			/* a record lock on REPO/config */
	LOCK_KIND_FOLDER		/* REPO/lock.exclusive/ and REPO/lock.roster */
};

struct dialect {
	const char *name;		/* in the JSON */
	const char *title;		/* for a person */
	const char *client;		/* the program that writes it, for a person */
	const char *id_places;		/* where that keeps the id of a repository */
	const char *frame;		/* in the frame of the terminal: "" or a word and a blank */
	/* Sentences are written for Attic. What is said otherwise, the longer first: pairs of
	 * before and after, and NULL behind the last. */
	const char *const (*words)[2];
	/* Why such a repository is not written to, one sentence without a full stop, and what a
	 * person can do with it. NULL where it is written. */
	const char *refusal, *by_hand;
	/* What a salvage makes of it all the same. NULL: nothing else than it is. */
	const struct dialect *salvaged_as;
	/* What a client says where a committed transaction was given up, and what helps, in
	 * sentences; NULL: nothing. */
	const char *after_rollback;
	/* The same where the manifest, the list of all archives, is not there afterwards. */
	const char *after_lost_manifest;
	bool is_read;			/* more than config and listing */
	/* REPO/README of a new repository, NULL where none is made; and how every version begins
	 * it. */
	const char *readme;
	const char *readme_start;
	const char *segment_magic, *index_magic;	/* 8 bytes each */
	const char *segment_magic_before;	/* segments may have it as well */
	uint32_t entry_max;		/* bytes of the largest entry, header included */
	/* The highest that the writer reads: what lies above is not found by it. */
	uint32_t segment_number_max, segment_offset_max;
	/* The version of hints that is written, and the highest that is read. */
	uint32_t hints_version, hints_version_max;
	bool has_integrity;		/* integrity.N stands beside index and hints */
	/* A transaction ends with a segment of its own, which holds nothing but the COMMIT.
	 * Segments without one are whole. */
	bool has_lone_commits;
	/* Superseded entries stay until a person asks for a compaction. It copies a segment when
	 * more than so many percent of it can be freed. 0: every commit compacts. */
	uint32_t compact_percent;
	/* An index has index_buckets_min buckets or more: one of index_sizes, which ascend and end
	 * with 0, or where these are NULL the least times a power of index_growth. It grows where a
	 * new key finds more than index_used_max percent of them used, and shrinks where a removal
	 * leaves less than index_used_min percent. */
	const uint32_t *index_sizes;
	uint32_t index_buckets_min, index_growth, index_used_max, index_used_min;
	/* The config. */
	uint32_t segments_per_dir;	/* where it is not said */
	uint32_t max_segment_size;	/* bytes, likewise */
	uint32_t max_segment_size_limit; /* bytes: the highest that is allowed */
	bool has_options;		/* append_only, storage_quota, and sizes with a suffix */
	/* Names. Other files in the repository folder that belong to it, behind the last NULL; and
	 * whether only what is all digits behind "index." is taken for an index. */
	const char *const *own_files;
	bool index_names_are_exact;
	enum lock_kind lock_kind;
};

extern const struct dialect dialect_attic;
extern const struct dialect dialect_borg;	/* Borg 1.1 to 1.4 */
extern const struct dialect dialect_borg_1_0;	/* Borg 1.0, and what was upgraded from Attic */
extern const struct dialect dialect_mixed;	/* Attic's, and "borg upgrade" was interrupted */
extern const struct dialect dialect_borg2;

/* Is @magic, 8 bytes, that of a segment in @dialect? In any where that is NULL. */
bool dialect_has_magic(const struct dialect *dialect, const char *magic);

/* Say @text, which is written for Attic, in the words of @dialect, in its place. What does not fit
 * into @size bytes is cut off. No memory is needed, so that no words are those of another dialect
 * where there is none; a text of DIALECT_TEXT_MAX bytes or more, which nobody has, stays. */
#define DIALECT_TEXT_MAX 4096u
void dialect_reword(const struct dialect *dialect, char *text, size_t size);

/* The size of an index above @buckets; UINT64_MAX where there is none. */
uint64_t dialect_more_buckets(const struct dialect *dialect, uint64_t buckets);

/* The size below @buckets; 0 where there is none. */
uint64_t dialect_fewer_buckets(const struct dialect *dialect, uint64_t buckets);

/* Is nothing at all changed in such a repository? */
bool dialect_is_only_read(const struct dialect *dialect);

/* The row of @dialect whose hints are of @version; @dialect itself where there is no other. */
const struct dialect *dialect_of_hints(const struct dialect *dialect, uint32_t version);

#endif

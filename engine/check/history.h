/* engine/check/history.h - the life of one key: each PUT and DELETE in the log, oldest first. */
#ifndef ATTICSCOPE_HISTORY_H
#define ATTICSCOPE_HISTORY_H

#include "check/check.h"

struct history_row {
	uint32_t segment;
	struct segment_entry entry;
	enum entry_status status;
	bool index_points_here;
};

struct history {
	uint8_t key[KEY_SIZE];
	struct history_row *rows;	/* ascending by segment and offset */
	size_t count;
	bool index_is_of_log;		/* see probe_repo */
	bool has_index_place;		/* the index maps the key, perhaps to none of the rows */
	struct index_bucket index_place;
	bool truncated;			/* HISTORY_MAX rows were reached */
};
#define HISTORY_MAX 1000000u

/* Read the whole log for the keys that begin with @prefix. Where the prefix fits the keys of more
 * than one object, AS_ERR_AMBIGUOUS; where none, AS_ERR_OBJECT_NOT_FOUND. @progress as for
 * verify_run. *@out is freed with history_free. A damaged entry whose 32 bytes in the key's place
 * match is a row too. AS_ERR_MEMORY, AS_ERR_CANCELLED. */
enum as_err history_run(const struct repo *repo, const struct key_prefix *prefix, unsigned threads,
			struct verify_progress *progress, struct history **out,
			struct as_error *error);
/* What a complete @verify knows of @key beyond its entries, in a line: that the object is lost,
 * left in an older version, cannot be read now, or was perhaps deleted. Empty where there is
 * nothing. */
#define HISTORY_DOUBT_SIZE 128u
void history_doubt(const struct verify *verify, const uint8_t key[KEY_SIZE],
		   char out[HISTORY_DOUBT_SIZE]);

void history_free(struct history *history);

/* Is an entry of the key damaged, do log and index disagree on it, or is there no index of this
 * log? The rows have their status from the key's own entries alone then, and may want
 * history_update. */
bool history_is_disputed(const struct history *history);

/* Let the rows have the status that a complete @verify of the same repo gives them. */
void history_update(struct history *history, const struct verify *verify);

#endif

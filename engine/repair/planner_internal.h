/* engine/repair/planner_internal.h - what planning and running a repair share. For engine/repair/
 * alone.
 *
 * planner.c       the order of planning: which segments go, what is written
 * plan_keys.c     which objects there should be, which are lost
 * plan_copies.c   which entries must be written once more, and reading them
 * plan_older.c    which older PUTs stay, for Borg's shadow index
 * plan_files.c    which files are made, moved and replaced, and what the hints will say then
 * refusal.c       why a plan is refused, and what lets it through all the same
 * plan.c          a plan, counted and compared
 * make_durable.c  what must be on the disk before a repair
 * run.c           doing it
 * undo*.c         the undo folder and the way back: see undo_internal.h
 */
#ifndef ATTICSCOPE_PLANNER_INTERNAL_H
#define ATTICSCOPE_PLANNER_INTERNAL_H

#include "base/array.h"
#include "format/index_table.h"
#include "format/hints.h"
#include "repair/undo.h"
#include "repo/log.h"

/* A PUT to be written once more, from where it lies. */
struct copy {
	uint32_t segment, offset;
	uint32_t size;			/* of the entry, bytes; 0: not yet known */
	uint8_t key[KEY_SIZE];
	bool ends_like_commit;		/* no segment is closed behind it: see repo/log.c */
};

struct plan_work {
	const struct repo *repo;
	const struct dialect *dialect;	/* what is written is in */
	const struct verify *verify;	/* with the end of the log that the repair wants */
	struct verify *own_verify;	/* where the log was read again for that */
	struct verify_progress *progress;

	struct index_table *table;	/* the objects that there should be, and where they lie */
	/* for each segment of the listing: why it goes, or NULL */
	const char **goes;
	struct copy *copies;		/* ascending by place */
	size_t copy_count, copy_capacity;
	uint8_t (*deletes)[KEY_SIZE];	/* keys that a superseded PUT would bring back */
	size_t delete_count, delete_capacity;
	size_t file_capacity;		/* of plan->files */
	struct hints hints;		/* what the new hints will say */
	bool writes_index;
	bool writes_commit;
	bool can_do_without_undo;	/* there is room for that at least */
	uint32_t next;			/* number of the first new segment */
	/* The objects promised: so many, with such a sum over their keys (see check/check.h). */
	uint64_t objects, key_sum;
};

/* Fail with @err, for the repository as a whole; the message is as_err_text. */
enum as_err repair_fail(const struct repo *repo, enum as_err err, struct as_error *error);

/* Fill in table, lost keys, objects and, for a salvage, suspects of @plan from its verify, and from
 * @first (the verify that the caller gave) what was held before. */
enum as_err plan_find_objects(struct plan *plan, const struct verify *first);

/* Find the copies and DELETEs that must be written so that the log alone says what the table says,
 * once the segments that go are gone. */
enum as_err plan_find_entries(struct plan *plan, struct as_error *error);

/* Reads the copies of a plan again: each must still be what it was. In their order, which is that
 * of their places, each segment is opened once and read from its beginning to its end. All but the
 * first two is zeroed at first. */
struct copy_reader {
	const struct plan *plan;
	struct segment_reader *segment;	/* the caller's */
	bool is_open;
	char path[LISTING_PATH_MAX];	/* of the file that is open */
};

/* Read the entry of @copy into *@entry, and lend all of its bytes, verified, until the next call.
 * AS_ERR_INTEGRITY when it cannot be read, is damaged, no PUT of that key, or of another size than
 * is known; AS_ERR_MEMORY. */
enum as_err copy_read(struct copy_reader *reader, const struct copy *copy,
		      struct segment_entry *entry, const uint8_t **bytes, struct as_error *error);

/* Make durable the names that are in the repository now, and the end of its log. An earlier process
 * may have died, without a power loss, between a change and its sync. What comes next relies on
 * what it sees now, so that must survive a power loss first. */
enum as_err repair_make_durable(const struct repo *repo, const struct permit *permit,
				struct as_error *error);

/* Bytes of a segment that a compaction would free. */
static inline uint64_t plan_freeable(const struct segment_facts *facts)
{
	return facts->live == 0 ? facts->size
				: facts->size - SEGMENT_MAGIC_SIZE - facts->live_bytes;
}

#define PLAN_BLOCK 4096u	/* bytes; what a file takes at least, for the sum of space */

/* Find the PUTs that no object is in, in segments that stay and have a row in the hints, for the
 * hints of a dialect that lists them. Reads these segments again. AS_ERR_MEMORY,
 * AS_ERR_CANCELLED. */
enum as_err plan_find_older(struct plan *plan);

/* Choose the numbers of the new segments, and list the files that change; count for the hints.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED, errors of io_ask and io_list. */
enum as_err plan_list_files(struct plan *plan);

void plan_sum_add(struct plan_sum *sum, const char *path, uint64_t bytes);

/* Refuse @plan, unless it is refused already: then false. */
bool plan_refuse(struct plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Does one of @findings above info ask for @repair? */
bool plan_wants(const struct findings *findings, enum repair repair);

/* Refuse what no repair may build on; @first is the verify that the caller gave. */
void plan_check_findings(struct plan *plan, const struct verify *first, bool is_clean);

/* Refuse a plan that gives up what can be read, unless that is wanted. */
void plan_check_dropped(struct plan *plan);

/* Check what the repair needs besides the repository, and refuse the plan where it is not there:
 * space, the right owner, an undo folder. AS_ERR_MEMORY. */
enum as_err plan_check_surroundings(struct plan *plan, struct as_error *error);

/* New segments lie where config says, and are as large as it says: name what of that is a guess. */
void plan_name_guesses(struct plan *plan);

/* The end of a sentence that offers to do @plan without an undo folder; empty if it cannot be. */
const char *plan_without_undo(const struct plan *plan);

#endif

/* engine/repair/repair.h - the four repairs: what one would do, and doing it.
 *
 * Every repair comes down to the same few things: which objects there should be and where (what
 * verify says), which segments are to go, which entries must be copied out of them first, and new
 * hints and a new index. The plan says all of it and writes nothing; running it does what it says.
 *
 *   recover   new index and hints; no segment is touched
 *   rollback  the tail goes; index and hints anew where they do not fit what is left
 *   compact   live entries of the segments that hold something superseded are copied, those go
 *   salvage   live entries of damaged segments are copied, those go
 *
 * What goes is moved to REPO/undo/, see undo.h. No segment that was there is ever written to.
 */
#ifndef ATTICSCOPE_REPAIR_H
#define ATTICSCOPE_REPAIR_H

#include "check/check.h"
#include "format/index_table.h"

struct repair_options {
	bool keep_tail;		/* salvage: all of the tail counts as committed */
	bool drop_tail;		/* salvage: none of it does */
	bool with_suspects;	/* salvage: bring back what is found only inside damaged entries */
	bool no_older;		/* salvage: leave out older versions of what is lost */
	bool with_older_manifest; /* salvage: keep an older manifest though newer objects are whole */
	bool drop_readable;	/* go on although objects are given up that can be read now */
	bool no_undo;		/* rollback: delete for good */
	unsigned threads;	/* 0: one for each processor */
};

/* Why a key is not held afterwards. */
enum loss {
	LOSS_DAMAGED,		/* no whole entry of it is left */
	LOSS_MISSING,		/* its segment is not there */
	LOSS_UNREADABLE,	/* the disk refuses to read it; it may be whole */
	LOSS_ROLLED_BACK	/* only the transaction that is given up held it */
};
/* "no whole entry of it is left", ... */
const char *loss_text(enum loss loss);

/* A key that the plan names. */
struct lost_key {
	uint8_t key[KEY_SIZE];
	enum loss loss;
	bool has_place;
	uint32_t segment, offset;	/* where it should lie */
};

/* An entry found only inside the extent of a damaged one, without a witness. */
struct suspect {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t size;			/* of the entry, bytes */
	bool is_taken;			/* with_suspects, and no other entry gives the key */
};

enum plan_way_out { WAY_OUT_NONE, WAY_OUT_DROP_READABLE, WAY_OUT_NO_UNDO };

enum plan_change {
	PLAN_MAKE,	/* a new file */
	PLAN_MOVE,	/* goes to the undo folder (or is deleted: no_undo) */
	PLAN_REPLACE	/* the old one is kept in the undo folder, a new one takes its name */
};

struct plan_file {
	enum plan_change change;
	char path[LISTING_PATH_MAX];	/* relative to the repository */
	uint64_t size;			/* bytes; of a new file as computed */
	const char *reason;		/* "damaged", "uncommitted", "superseded entries" ... */
	bool is_tail;			/* a segment that was never committed */
};

struct plan {
	enum repair action;
	struct repair_options options;
	/* Nothing is to be done; or it cannot be done, and refusal says why. */
	bool is_empty;
	bool is_refused;
	char refusal[256];
	/* What lets it through all the same; the refusal names it as an option of the command line,
	 * behind its first reason_len bytes. */
	enum plan_way_out way_out;
	size_t reason_len;
	/* What a refused plan does not know or only guesses, in sentences; or empty. */
	char not_planned[256];
	/* All that follows is known, also of a plan that is refused. Not so of a format that is not
	 * Attic's, and where planning itself failed on what the refusal names. */
	bool is_filled;

	bool has_before, has_after;	/* a transaction at all */
	uint32_t before, after;		/* transaction ids */
	uint64_t objects_before;	/* by its index or its log, lost ones included */
	uint64_t objects_after;

	struct plan_file *files;	/* in the order in which they are dealt with */
	size_t file_count;
	struct lost_key *lost;		/* ascending by key */
	size_t lost_count;
	/* Objects whose newest version is lost: those whose older version, at the place given, is
	 * kept; and those whose older version is left out. Ascending by key. */
	struct lost_key *older, *left_out;
	size_t older_count, left_out_count;
	/* Objects that can be read now and not afterwards, and that no witness calls deleted. */
	struct lost_key *dropped;
	size_t dropped_count;
	/* Nobody can tell whether more is lost than is named. */
	bool loss_is_unknown;
	uint64_t possibly_deleted;	/* objects that are kept in doubt */
	struct suspect *suspects;	/* ascending by place */
	size_t suspect_count;
	uint64_t entries_copied, bytes_copied;
	uint64_t deletes_written;	/* so that no superseded entry comes back */
	uint64_t bytes_needed;		/* of free space, all files together */
	uint64_t bytes_free;		/* now; UINT64_MAX: the file system does not say */
	uint64_t bytes_in_undo;		/* what a purge of the undo folder will free */
	bool hardware_doubt;		/* unreadable ranges, or readings that differ */
	/* Run as root, and the repository is another user's, who gets what is made: */
	bool has_other_owner;
	uint32_t owner;			/* number of that user */

	struct plan_work *work;		/* how to do it: the planner's own */
};

/* Plan @action for @repo, of which @verify (complete) is what is known. Reads; writes nothing. Both
 * must outlive the plan. *@plan is the caller's until plan_free, also when it is empty or refused.
 * Where options ask for another end of the log than @verify has (rollback of a tail that looks
 * committed, keep_tail, drop_tail) the log is verified once more. @progress may be looked at and
 * cancelled from another thread; it must be zeroed before.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED, AS_ERR_IO; AS_ERR_USAGE when @verify left segments out or
 * believed records of an earlier run: no repair rests on those. */
enum as_err plan_make(const struct repo *repo, const struct verify *verify, enum repair action,
		      const struct repair_options *options, struct verify_progress *progress,
		      struct plan **plan, struct as_error *error);
void plan_free(struct plan *plan);

/* How many keys are not held after @plan, of those that it or @other, the plan of another repair of
 * the same repository, knows. Without this each would count by what it looks at: a rollback never looks
 * at the index of the tail that it gives up. @other may be NULL. */
uint64_t plan_loses(const struct plan *plan, const struct plan *other);

/* Is @path not a file at all, but a folder that is made: "data/7"? */
bool plan_is_folder(const char *path);

/* How many there are in @plan with @change, and the bytes of the files. */
struct plan_sum { uint64_t files, folders, bytes; };
struct plan_sum plan_sum(const struct plan *plan, enum plan_change change);

/* Did the repository change since the repository of @plan was opened? The plan is then worth nothing. */
bool plan_is_outdated(const struct plan *plan);

/* What a repair, or the undoing of one, is doing; may be looked at from another thread. */
struct repair_progress {
	/* copied; of an undo: files put back or removed, by their size */
	_Atomic uint64_t bytes_done, bytes_total;
	_Atomic unsigned step;				/* enum repair_step */
	_Atomic bool cancel;	/* set by the onlooker: stop, as long as that leaves no trace */
};
enum repair_step {
	STEP_PREPARE, STEP_COPY, STEP_COMMIT, STEP_INDEX, STEP_MOVE, STEP_PUT_BACK, STEP_DONE
};
const char *repair_step_text(enum repair_step step);	/* "copying", ... */

struct repair_report {
	bool has_changed;	/* anything was changed at all */
	bool is_done;		/* all of it was done */
	bool has_after;
	uint32_t after;		/* transaction id now */
	uint64_t entries_copied, bytes_copied;
	char undo[128];		/* "undo/20261122T215501Z-salvage", or empty */
};

/* Do what @plan says; it must be neither empty nor refused, and is of no further use then.
 * AS_ERR_CHANGED: it is outdated, nothing was done. AS_ERR_INTEGRITY: a second reading of an entry
 * differs from the first; what was copied was removed again. AS_ERR_CANCELLED: likewise.
 * AS_ERR_NO_SPACE, AS_ERR_IO and others: @report says how far it came; what was copied is removed
 * again when it was not committed. Whatever happens, nothing is lost: what is left can be opened,
 * told of, finished, or taken back with undo_run. */
enum as_err repair_run(struct plan *plan, const struct permit *permit,
		       struct repair_progress *progress, struct repair_report *report,
		       struct as_error *error);

/* Does @after, a complete verification of what a finished repair left, hold exactly the objects that
 * @plan promised? AS_ERR_INTEGRITY, with figures in @error: it does not; undo takes the repair
 * back. */
enum as_err repair_check(const struct plan *plan, const struct verify *after,
			 struct as_error *error);

#endif

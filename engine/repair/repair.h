/* engine/repair/repair.h - the four repairs: what one would do, and doing it.
 *
 * Every repair comes down to the same few things: which objects there should be and where (verify
 * finds that), which segments go, which entries must be copied out of them first, and new hints and
 * a new index. Planning finds all of it and writes nothing; running the plan does what it says.
 *
 *   recover   new index and hints; no segment is touched
 *   rollback  the tail goes; new index and hints where they do not fit what is left
 *   compact   live entries of the segments that hold something superseded are copied, those go
 *   salvage   live entries of damaged segments are copied, those go
 *
 * What goes is moved to REPO/undo/, see undo.h. No segment that was there is ever written to.
 */
#ifndef ATTICSCOPE_REPAIR_H
#define ATTICSCOPE_REPAIR_H

#include "check/check.h"
#include "repair/plan.h"

/* The dialect in which @action would write to @repo; NULL: it is refused, whatever is found. */
const struct dialect *repair_dialect(const struct repo *repo, enum repair action);

/* Plan @action for @repo, as @verify (complete) found it. Reads; writes nothing. Both must outlive
 * the plan. *@plan is the caller's until plan_free, also when it is empty or refused.
 * Where options ask for another end of the log than @verify has (rollback of a tail that looks
 * committed, keep_tail, drop_tail) the log is verified once more. @progress may be looked at and
 * cancelled from another thread; it must be zeroed before.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED, AS_ERR_IO; AS_ERR_USAGE when @verify left segments out or
 * believed records of an earlier run: no repair builds on those. */
enum as_err plan_make(const struct repo *repo, const struct verify *verify, enum repair action,
		      const struct repair_options *options, struct verify_progress *progress,
		      struct plan **plan, struct as_error *error);

/* What a repair, or an undo, is doing; may be looked at from another thread. */
struct repair_progress {
	/* copied; of an undo: files put back or removed, by their size */
	_Atomic uint64_t bytes_done, bytes_total;
	_Atomic unsigned step;				/* enum repair_step */
	_Atomic bool cancel;	/* set by the onlooker: stop if nothing is committed yet */
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

/* Do what @plan says. It must be neither empty nor refused, and cannot be used again.
 * AS_ERR_CHANGED: it is outdated, nothing was done. AS_ERR_INTEGRITY: a second reading of an entry
 * differs from the first; what was copied was removed again. AS_ERR_CANCELLED: likewise.
 * AS_ERR_NO_SPACE, AS_ERR_IO and others: @report says how far it came; what was copied is removed
 * again when it was not committed. Nothing is lost in any case: what is left can be opened, is
 * reported there, and can be finished or taken back with undo_run. */
enum as_err repair_run(struct plan *plan, const struct permit *permit,
		       struct repair_progress *progress, struct repair_report *report,
		       struct as_error *error);

/* Does @after, a complete verify of what a finished repair left, hold exactly the objects that
 * @plan promised? AS_ERR_INTEGRITY, with figures in @error: it does not; undo takes the repair
 * back. */
enum as_err repair_check(const struct plan *plan, const struct verify *after,
			 struct as_error *error);

#endif

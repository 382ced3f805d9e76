/* engine/repair/undo.h - what a repair set aside, and the way back.
 *
 * REPO/undo/<UTC time>-<action>/ (see undo_name_is_repairs) holds, under their own paths, the files
 * that the repair moved out or replaced, and
 *   manifest   what was to be moved, replaced and made: written and synced before the first change
 *   done       an empty file: the repair is done
 *   undoing    an empty file: taking it back was begun; in place of done, where that was there
 *   plan.txt, report.txt   for people
 *
 * manifest: lines "atticscope-undo 1", "action salvage", "before 17" (or "before none"), "after
 * 20", then "made PATH", "moved PATH", "replaced PATH", and at last "end XXXXXXXX", the CRC-32 of
 * all bytes before that line.
 *
 * A repair's folder sorts above all that are there when it begins, and what is taken back is the
 * highest one with a manifest: the newest, whatever the clock says. A folder with another name is
 * taken back only when no repair has left one.
 *
 * Files "try-1" to "try-3" are there for a moment only, before the manifest. They show what the
 * file system can do.
 *
 * Taking back renames everything to where it was, then removes what was made, newest first, then
 * the folder. Each step can be repeated: after an interruption undo starts again. */
#ifndef ATTICSCOPE_UNDO_H
#define ATTICSCOPE_UNDO_H

#include "repair/repair.h"
#include "repo/undo_folders.h"

const char *undo_state_text(enum undo_state state);	/* in words */
/* "done", "interrupted", "undoing", "unreadable" */
const char *undo_state_name(enum undo_state state);

struct undo_entry {
	char name[UNDO_NAME_MAX];	/* "20261122T215501Z-salvage" */
	char action[16];
	enum undo_state state;
	bool has_before;
	uint32_t before, after;		/* transaction ids */
	uint64_t files;			/* moved and replaced */
	uint64_t bytes;			/* that removing the folder frees */
};

/* What lies below REPO/undo, newest first; the caller frees *@entries. Reads every manifest, and
 * asks for the size of every file that is named in one. Errors of undo_names_list. */
enum as_err undo_list(const struct io *io, int repo_fd, struct undo_entry **entries, size_t *count);

enum undo_change {
	UNDO_PUT_BACK,		/* a file in the undo folder goes back to its place */
	UNDO_PUT_BACK_OVER,	/* likewise, over the file that has its place now */
	UNDO_REMOVE		/* what the repair made is removed */
};

struct undo_step {
	enum undo_change change;
	char path[LISTING_PATH_MAX];	/* relative to the repository */
	uint64_t size;			/* bytes */
	const char *reason;
	bool is_tail;			/* a segment that was never committed */
};

/* How the newest repair is taken back. */
struct undo_plan {
	char name[UNDO_NAME_MAX];	/* of the undo folder; empty where there is none */
	bool is_empty;			/* there is nothing to take back */
	/* A later transaction was written, or the manifest cannot be read: refusal says which. */
	bool is_refused;
	char refusal[256];
	bool is_filled;			/* the steps are known, also of a plan that is refused */
	bool has_before, has_after;	/* a transaction at all */
	uint32_t before, after;		/* transaction ids: now, and when all is taken back */
	struct undo_step *steps;	/* in the order in which they are done */
	size_t step_count;
	const struct repo *repo;
};

/* Plan to take the newest repair back. Reads; writes nothing. @repo must outlive the plan, which
 * the caller frees, also when it is empty or refused. AS_ERR_MEMORY, AS_ERR_IO. */
enum as_err undo_plan_make(const struct repo *repo, struct undo_plan **plan,
			   struct as_error *error);
void undo_plan_free(struct undo_plan *plan);

/* How many steps with @change there are, and the bytes of their files. */
struct plan_sum undo_plan_sum(const struct undo_plan *plan, enum undo_change change);

/* Carry @plan out. AS_ERR_CHANGED as for repair_run. After other errors the same can be tried
 * again. @progress may be looked at from another thread; it must be zeroed before. Its cancel is
 * ignored: a repair must not stay half taken back. */
enum as_err undo_run(const struct undo_plan *plan, const struct permit *permit,
		     struct repair_progress *progress, struct as_error *error);

/* Remove the undo folder @name with all that is in it; *@freed in bytes. There is no way back then.
 * AS_ERR_DOES_NOT_EXIST, AS_ERR_IO. */
enum as_err undo_purge(const struct permit *permit, const char *name, uint64_t *freed,
		       struct as_error *error);

#endif

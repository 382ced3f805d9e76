/* engine/repair/plan.h - what a repair would do: data for those who show it, count it or compare
 * it. repair.h makes a plan and carries it out; plan_text.h puts it into words. */
#ifndef ATTICSCOPE_PLAN_H
#define ATTICSCOPE_PLAN_H

#include "base/bytes.h"
#include "base/problem.h"
#include "format/dialect.h"
#include "repo/listing.h"

struct repair_options {
	bool keep_tail;		/* salvage: all of the tail counts as committed */
	bool drop_tail;		/* salvage: none of it does */
	bool with_suspects;	/* salvage: bring back what is found only inside damaged entries */
	bool no_older;		/* salvage: leave out older versions of what is lost */
	bool with_older_manifest; /* salvage: keep one though newer objects are whole */
	bool drop_readable;	/* go on although objects are given up that can be read now */
	bool no_undo;		/* rollback: delete for good */
	unsigned threads;	/* 0: one for each processor */
};

/* Why a key is not held afterwards. */
enum loss {
	LOSS_DAMAGED,		/* no whole entry of it is left */
	LOSS_MISSING,		/* its segment is missing */
	LOSS_UNREADABLE,	/* the disk cannot read it; it may be whole */
	LOSS_ROLLED_BACK	/* only the transaction that is given up held it */
};
/* "no whole entry is left", ...; the words fit one key and many. */
const char *loss_text(enum loss loss);

/* A key that the plan names. */
struct lost_key {
	uint8_t key[KEY_SIZE];
	enum loss loss;
	bool has_place;			/* ... in the log */
	uint32_t segment, offset;	/* where it should lie */
};

/* An entry found only inside a damaged one. No witness confirms it. */
struct suspect {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
	uint32_t size;			/* of the entry, bytes */
	bool is_taken;			/* with_suspects, and no other entry gives the key */
};

/* An option that lets a refused plan through. */
enum plan_override { OVERRIDE_NONE, OVERRIDE_DROP_READABLE, OVERRIDE_NO_UNDO };

enum plan_change {
	PLAN_MAKE,	/* a new file */
	PLAN_MOVE,	/* goes to the undo folder (or is deleted: no_undo) */
	PLAN_REPLACE	/* the old one is kept in the undo folder, a new one takes its name */
};

struct plan_file {
	enum plan_change change;
	char path[LISTING_PATH_MAX];	/* relative to the repository */
	uint64_t size;			/* bytes; as computed where the file is new */
	const char *reason;		/* "damaged", "uncommitted", "superseded entries" ... */
	bool is_tail;			/* a segment that was never committed */
};

struct plan {
	enum repair action;
	struct repair_options options;
	bool is_empty;		/* there is nothing to do */
	bool is_refused;	/* it cannot be done; refusal says why */
	char refusal[256];
	/* What lets it through all the same; the refusal names it as an option of the command line,
	 * behind its first reason_len bytes. */
	enum plan_override override;
	size_t reason_len;
	/* What a refused plan does not know or only guesses, in sentences; or empty. */
	char not_planned[256];
	/* All that follows is known, also where the plan is refused. It is not where the format is
	 * not Attic's, and where planning itself failed on what the refusal names. */
	bool is_filled;

	const struct dialect *dialect;	/* of the repository as it was found */
	const char *caution;	/* what to think of before, a sentence or two; NULL: nothing */
	/* What a client asks of a person afterwards, in sentences; NULL: nothing */
	const char *next_step;
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
	bool loss_is_unknown;		/* more may be lost than is named */
	uint64_t possibly_deleted;	/* objects that are kept in doubt */
	struct suspect *suspects;	/* ascending by place */
	size_t suspect_count;
	uint64_t entries_copied, bytes_copied;
	uint64_t deletes_written;	/* so that no superseded entry comes back */
	uint64_t bytes_needed;		/* of free space, all files together */
	uint64_t bytes_free;		/* now; UINT64_MAX: the file system does not say */
	uint64_t bytes_in_undo;		/* what a purge of the undo folder will free */
	bool hardware_doubt;		/* unreadable ranges, or readings that differ */
	/* Root runs the program, and the repository belongs to another user, to whom new files are
	 * given. */
	bool has_other_owner;
	uint32_t owner;			/* number of that user */

	struct plan_work *work;		/* how to do it: for the planner and repair_run alone */
};

void plan_free(struct plan *plan);

/* How many keys are not held after @plan, of those that it or @other knows. @other is the plan of
 * another repair of the same repository; it may be NULL. Without it each would count by what it
 * looks at: a rollback never looks at the index of the tail that it gives up. */
uint64_t plan_loses(const struct plan *plan, const struct plan *other);

/* Is @path not a file, but a folder that is made: "data/7"? */
bool plan_is_folder(const char *path);

/* How many files and folders @plan deals with as @change says, and the bytes of the files. */
struct plan_sum { uint64_t files, folders, bytes; };
struct plan_sum plan_sum(const struct plan *plan, enum plan_change change);

#endif

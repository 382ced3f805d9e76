/* engine/repo/repo.h - the read-only picture of one repository.
 *
 * Opening reads folder listings, config, the header of the index, the hints, the first eight bytes
 * of the oldest and of the newest segment, the last nine of the last ones and the names below
 * undo/: not the data. Hints that count objects in segments which are not there are a finding
 * already. Nothing is written, ever. All reading
 * code gets a const struct repo and may use it from any number of threads at once. */
#ifndef ATTICSCOPE_REPO_H
#define ATTICSCOPE_REPO_H

#include "base/io.h"
#include "base/problem.h"
#include "format/config.h"
#include "format/hints.h"
#include "format/index.h"
#include "format/integrity.h"
#include "format/segment.h"
#include "repo/config_mend.h"
#include "repo/origin.h"
#include "repo/listing.h"
#include "repo/lock.h"
#include "repo/undo_folders.h"

#include <time.h>

struct repo_options {
	/* Open under this lock, which is held, and keep a reference to it. NULL: take a lock. */
	struct lock *lock;
	bool no_lock;		/* take none: LOCK_TO_LOOK */
	bool may_write;		/* the lock is to be upgraded later: LOCK_TO_WRITE */
	const struct io *io;	/* NULL: the real system */
};

/* A snapshot of modification times, cheap to take: tells whether somebody else wrote. */
struct repo_stamp {
	struct timespec folder, data, last_folder, config;
	/* Names, times and sizes of what lies in the repository folder, added up. Where a lock is a
	 * folder in it, this is compared instead of the folder's time: readers change that. */
	uint64_t entries;
	uint64_t last_segment;	/* length in bytes */
};

struct repo {
	char *path;			/* as the caller gave it */
	const struct io *io;
	int fd;				/* the repository folder */
	struct config config;
	struct config_mend mend;	/* what to write into config, where it is not usable */
	struct listing listing;
	/* Where it is none that is read, nothing but config and listing was read, and the only
	 * finding is PROBLEM_FOREIGN_FORMAT. */
	const struct dialect *dialect;

	/* The log. The transaction id is the number of the newest complete segment. Segments above
	 * it are the tail. */
	bool has_transaction;
	uint32_t transaction;
	/* position in listing of the first tail segment; listing.count where there is none */
	size_t tail;
	/* some segment of the tail could not be looked into: it may end in a COMMIT */
	bool end_is_unknown;
	enum as_err end_failure;	/* why */

	/* Index and hints: the newest of each, whatever its number. */
	bool has_index;			/* a file index.N is there */
	uint32_t index_transaction;	/* its N */
	struct index_file index;	/* index.fd is -1 when it cannot be used */
	bool index_is_folder;		/* only a folder bears such a name; its number is taken */
	bool has_older_index;		/* another index.N is there: the newest of those */
	uint32_t older_index;
	bool has_hints, hints_is_folder; /* as of the index */
	uint32_t hints_transaction;
	struct hints hints;
	bool has_older_hints;
	uint32_t older_hints;
	bool has_integrity;		/* an integrity.N of the log's end, or above, is there */
	struct integrity integrity;	/* the newest, where the dialect has any */

	/* The newest undo folder that has a manifest, where its repair or taking that back was cut
	 * short: UNDO_BEGUN, UNDO_UNDOING. UNDO_DONE where there is none such. */
	enum undo_state undo_state;
	char undo_name[UNDO_NAME_MAX];

	struct findings findings;	/* what opening found, sorted */
	struct repo_stamp stamp;
};

/* Open @path. *@repo is the caller's until repo_close. Errors, with a message in @error:
 * AS_ERR_DOES_NOT_EXIST, AS_ERR_DENIED, AS_ERR_INVALID_REPOSITORY (neither config nor data/ nor an
 * index is there), AS_ERR_LOCK_FAILED (error names the holder), AS_ERR_CHANGED (the lock that was
 * given is on another folder or config), AS_ERR_IO, AS_ERR_MEMORY. Damage is not an error. */
enum as_err repo_open(const char *path, const struct repo_options *options, struct repo **repo,
		      struct as_error *error);

void repo_close(struct repo *repo);

/* The lock that @repo was opened under. It is no part of struct repo, so that reading code,
 * which has a const struct repo, cannot upgrade it. It lives until repo_close, or longer with
 * lock_hold. */
struct lock *repo_lock(struct repo *repo);

/* Was the repository changed on the disk since @repo was opened? Touches the disk: not for the
 * thread that draws. */
bool repo_is_changed(const struct repo *repo);

/* Is segment @number committed, that is not above the transaction id? */
bool repo_is_committed(const struct repo *repo, uint32_t number);

/* Can the index be compared with the log: readable, and of the log's own transaction? That is the
 * transaction id or, where index or hints bear the number of a segment in the tail, that number:
 * they are written only after its COMMIT. */
bool repo_index_fits(const struct repo *repo);

/* The last segment of the log as far as opening can tell: the transaction id, or a tail segment
 * whose number index or hints bear. False when there is none. */
bool repo_log_end(const struct repo *repo, uint32_t *end);

#endif

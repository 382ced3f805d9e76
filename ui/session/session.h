/* ui/session/session.h - one opened repository and what is known about it, shared by all threads.
 *
 * Reading the repository again makes a new session. Threads that still work on the old one hold it
 * until they are done, so that nothing waits for a disk that does not answer.
 */
#ifndef ATTICSCOPE_SESSION_H
#define ATTICSCOPE_SESSION_H

#include "engine/check/witness.h"
#include "engine/repo/repo.h"
#include "session/ref.h"

enum check_state { CHECK_NONE, CHECK_RUNNING, CHECK_DONE, CHECK_STOPPED };

#define SESSION_HOLDERS 4

/* Size and time of each segment's file, in listing order. */
struct segment_stat {
	uint64_t size;		/* bytes */
	int64_t modified;	/* seconds since 1970; 0 not known */
};

struct session {
	struct ref ref;
	const struct repo *repo;
	struct repo *owned;		/* the same, to close it */
	struct lock *lock;		/* the repo's */
	/* Positions in the listing from here on are behind the end of the log, as far as it is
	 * known after opening: see repo_log_end. */
	size_t log_end;

	/* Verification, at most one for each session. */
	struct verify *_Atomic verify;	/* NULL until it is started */
	atomic_int check;		/* enum check_state */

	struct witness *_Atomic index_witness; /* from a sample; NULL: not known yet */
	struct segment_stat *_Atomic stats; /* of all segments; NULL: not known yet */

	atomic_bool changed;		/* another program has written to the repository */
	pthread_mutex_t mutex;		/* protects the two below */
	struct lock_holder holders[SESSION_HOLDERS];
	size_t holder_count;
};

/* A session for one owner, itself the owner of @repo. NULL: out of memory, and @repo is still the
 * caller's. */
struct session *session_new(struct repo *repo);

/* The finished verification, or NULL. entry_status and diagnose take it. */
static inline const struct verify *session_verify(const struct session *session)
{
	return atomic_load(&session->check) == CHECK_DONE ? atomic_load(&session->verify) : NULL;
}

/* The facts about the segment at @position of the listing; NULL: it was not verified yet. */
const struct segment_facts *session_facts(const struct session *session, size_t position);

/* List the other holders of a lock, as last seen, masked: "python3 (4711) EXCLUSIVE". Returns their
 * number. */
size_t session_name_holders(struct session *session, char *out, size_t size);

/* A sentence for an empty list of segments: there are none, or it is not known. */
const char *session_no_segments(const struct session *session);

/* Size and time of the segment's file. May read from the disk, so the thread that draws must not
 * call it. */
struct segment_stat session_stat(const struct session *session, size_t position);

#endif

/* ui/session/session.h - one opened repository with what was found out about it, shared by all
 * threads.
 *
 * Reading the repository again makes a new session; threads that still work for the old one keep it
 * alive until they are done, so that nobody ever waits for a disk that does not answer.
 */
#ifndef ATTICSCOPE_SESSION_H
#define ATTICSCOPE_SESSION_H

#include "engine/check/witness.h"
#include "engine/repo/repo.h"

enum check_state { CHECK_NONE, CHECK_RUNNING, CHECK_DONE, CHECK_STOPPED };

#define SESSION_HOLDERS 4

/* Size and time of each segment's file, in listing order. */
struct segment_stat {
	uint64_t size;		/* bytes */
	int64_t modified;	/* seconds since 1970; 0 not known */
};

struct session {
	atomic_uint refs;
	const struct repo *repo;
	struct repo *owned;		/* the same, for closing */
	struct lock *lock;		/* the repo's */
	/* positions in the listing from here on are behind the log's end, as far as opening can
	 * tell: see repo_log_end */
	size_t log_end;

	/* Verification; at most one a session. */
	struct verify *_Atomic verify;	/* NULL until it was asked for */
	atomic_int check;		/* enum check_state */

	struct witness *_Atomic index_witness; /* by a sample; NULL until it was looked at */
	struct segment_stat *_Atomic stats; /* all segments; NULL until they were asked for */

	atomic_bool changed;		/* somebody else wrote to the repository */
	pthread_mutex_t mutex;		/* the two below */
	struct lock_holder holders[SESSION_HOLDERS];
	size_t holder_count;
};

/* A session with one reference, the owner of @repo. NULL: out of memory, and @repo is still the
 * caller's. */
struct session *session_new(struct repo *repo);
struct session *session_hold(struct session *session);
void session_release(struct session *session);

/* The finished verification, or NULL: what entry_status and diagnose want. */
const struct verify *session_verify(const struct session *session);

/* What is known of the segment at @position of the listing, or NULL while that is nothing. */
const struct segment_facts *session_facts(const struct session *session, size_t position);

/* Name those who else hold a lock, as last seen, masked: "python3 (4711) EXCLUSIVE". Returns how
 * many there are. */
size_t session_name_holders(struct session *session, char *out, size_t size);

/* What is to be said where no segment can be listed: there is none, or that is not known. */
const char *session_no_segments(const struct session *session);

/* Size and time of the segment's file. May ask the disk: not for the thread that draws. */
struct segment_stat session_stat(const struct session *session, size_t position);

#endif

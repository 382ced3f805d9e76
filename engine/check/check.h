/* engine/check/check.h - read everything, and compare it with the index and the hints.
 *
 * Every entry of every segment is read and its checksum computed, by several threads; the log is
 * replayed and compared in both directions with the index and with the hints. No second index is
 * built: a PUT that the index maps back to is live, and only what disagrees or is deleted is
 * remembered (see replay.h). Where no index fits the log, the whole log is.
 */
#ifndef ATTICSCOPE_CHECK_H
#define ATTICSCOPE_CHECK_H

#include "check/evidence.h"
#include "check/known.h"
#include "check/replay.h"
#include "repo/repo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* What is known of a segment. Written by one worker; readable by others once state says so. */
enum segment_state { SEGMENT_UNVERIFIED, SEGMENT_READING, SEGMENT_VERIFIED };

/* Does the file of a segment take part in the log? */
enum segment_role {
	ROLE_LOG,
	ROLE_RETURNED,		/* a compaction had removed it, and it came back */
	ROLE_FOREIGN		/* it holds what no witness of this repository knows */
};

struct segment_facts {
	_Atomic uint8_t state;		/* enum segment_state */
	uint8_t role;			/* enum segment_role */
	/* the segment that the file is: not the number it bears where two were swapped */
	uint32_t number;
	bool is_complete;		/* ends in a COMMIT */
	bool is_committed;		/* not above the end of the log */
	bool is_unopened;		/* the file could not be opened */
	bool is_unreadable;		/* that, or it holds unreadable ranges */
	bool is_cut;			/* it ends too early: what else it held is not known */
	bool is_too_large;		/* an entry begins where Attic cannot read it */
	bool is_remembered;		/* not read: a record was believed */
	bool is_contradicted;		/* index and hints agree on other objects in it */
	uint32_t puts, deletes, commits, damaged; /* rows of each kind */
	/* PUTs that the log holds at its end; by the index until all is compared */
	_Atomic uint32_t live;
	uint32_t held;			/* live by the log alone */
	uint32_t mapped;		/* whole PUTs that the index maps keys to */
	uint32_t unknown;		/* of held: the index does not have the key */
	uint32_t newer;			/* of held: the index has the key at an older place */
	uint32_t unmet;			/* objects that the index places here, but are not */
	uint32_t wrong;			/* objects that it places where other bytes are whole */
	uint32_t wanted;		/* objects that witnesses place in its damage alone */
	uint32_t named;			/* further ones, that the comparison names as gone */
	uint64_t size;			/* bytes of the file */
	_Atomic uint64_t live_bytes;	/* bytes of the live entries, headers included */
	uint64_t damaged_bytes;
};

/* Shared between the workers and the thread that watches them. */
struct verify_progress {
	/* the total grows while files are opened for the first time */
	_Atomic uint64_t bytes_done, bytes_total;
	_Atomic uint32_t segments_done;
	_Atomic uint32_t problems;
	_Atomic bool cancel;		/* set by the watching thread: stop at the next entry */
};

enum tail_kind {
	TAIL_NONE, TAIL_UNCOMMITTED, TAIL_TORN, TAIL_COMMIT_DAMAGED, TAIL_WAS_COMMITTED
};
/* "none", "uncommitted", "torn", "commit damaged", "was committed" */
const char *tail_kind_name(enum tail_kind kind);

/* A damaged stretch of the log. At most VERIFY_DAMAGE_SEGMENT of a segment and VERIFY_DAMAGE_MAX in
 * all are remembered; segment_facts counts them all. */
#define VERIFY_DAMAGE_SEGMENT 4096u
#define VERIFY_DAMAGE_MAX (1u << 20)
struct verify_damage {
	uint64_t offset, length;
	uint32_t segment;
	uint8_t cause;		/* enum segment_cause */
	uint8_t raw_tag;	/* as read, when has_key */
	bool has_key;
	uint8_t key[KEY_SIZE];	/* what stands in the key's place */
};

/* A file below data/ that bears a segment's number with something added, in its name or by its
 * folder: what a tool or an interrupted repair left beside the segment. */
struct verify_copy {
	uint32_t number;
	char path[LISTING_PATH_MAX];
};

/* An entry that only such a file has whole. */
struct verify_fill {
	uint32_t segment, offset;	/* of an entry that is damaged or missing in the segment */
	uint32_t copy;			/* position in verify->copies */
	uint32_t at;			/* the offset of the entry there */
	bool is_put;
};

/* Where the bytes of an entry are to be read. */
struct verify_source {
	char path[LISTING_PATH_MAX];	/* relative to the repository */
	uint32_t offset;
};

/* A segment that witnesses know, and that no file of the log is. */
struct verify_missing {
	uint32_t segment;
	uint32_t mapped;	/* keys that the index maps to it */
	uint32_t moved_on;	/* of these: the log has a later event of the key */
	uint32_t lost;		/* of these: objects that are lost, or left in an older version */
};

/* A mapping of the index to where a whole PUT of another key stands, or with a damaged key. */
struct verify_oddity {
	uint32_t bucket;
	/* The bucket's key differs in a few bits from that PUT's, or from that of another object in
	 * the segment that no bucket has. Else the index does not know the PUT's key: what it knows
	 * was overwritten. */
	bool key_is_damaged;
};

/* An object whose key no bucket of the index has. */
struct verify_stranger {
	uint8_t key[KEY_SIZE];
	uint32_t segment;
	bool is_near;		/* a bucket has it but for a few wrong bits */
};

/* An object whose newest version is gone. */
struct verify_gone {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;	/* where that should lie */
	bool is_unreadable;		/* it lies there, and the disk refuses to read it */
	bool has_older;			/* and this is the newest whole version: */
	struct replay_event older;
	/* position in verify->copies of the file that it is in, and where there: the offset in
	 * older then stands for that place. UINT32_MAX: the segment itself */
	uint32_t older_copy, older_at;
	bool older_is_uncommitted;	/* no COMMIT stands behind it: no repair brings it in */
};

/* Where the log is to end. */
enum tail_choice {
	TAIL_AS_FOUND,		/* behind what was committed, as far as that can be known */
	TAIL_KEPT,		/* behind the last segment */
	TAIL_DROPPED		/* behind the newest whole COMMIT */
};

/* What is to be read. All zero: everything. Records need the repository to have an id. */
struct verify_scope {
	bool has_range;
	uint32_t first, last;		/* segments, both included */
	unsigned shard, shards;		/* every segment whose turn it is: 1 to shards of so many */
	uint64_t seconds;		/* begin no segment later than that; 0: no limit */
	/* A segment is not read when a record here is believed, unless that is from before
	 * not_before (seconds since 1970) and time is left. Sorted, borrowed; may be NULL. */
	const struct verify_records *known;
	int64_t not_before;
	struct verify_records *keep;	/* records of what was read or believed; may be NULL */
};

struct verify {
	const struct repo *repo;	/* borrowed */
	struct verify_scope scope;	/* set between verify_new and verify_work */
	enum tail_choice tail_choice;	/* set between verify_new and verify_work */
	struct segment_facts *facts;	/* one for each of repo->listing.segments, same positions */
	/* all: those of opening and those of verifying; sorted when complete. While verify_work
	 * runs look at a copy: verify_copy_findings */
	struct findings findings;
	struct verify_damage *damage;	/* ascending by segment and offset */
	size_t damage_count;
	struct verify_copy *copies;	/* ascending by path */
	size_t copy_count, copy_capacity;
	struct verify_fill *fills;	/* ascending by segment and offset */
	size_t fill_count, fill_capacity;
	struct verify_missing *missing;	/* ascending */
	size_t missing_count;
	struct verify_oddity *oddities;	/* ascending by bucket */
	size_t oddity_count, oddity_capacity;
	struct verify_stranger *strangers;	/* of all there are, as many as are looked into */
	size_t stranger_count;
	struct verify_gone *gone;	/* ascending by key: the lost objects, and those left in an
					 * older version */
	size_t gone_count;
	enum tail_kind tail;
	bool has_end;			/* the log holds anything at all */
	/* the last segment of the log: the transaction id, or above it where the tail was
	 * committed */
	uint32_t end;
	uint64_t bytes;			/* read */
	/* What can be read of the log at its end, and a sum over the keys: two runs that give the
	 * same figures hold the same objects. Not where segments were skipped or remembered. */
	uint64_t objects, key_sum;
	uint64_t lost, older;		/* of gone */
	uint64_t possibly_deleted;	/* of objects: kept in doubt */
	bool loss_is_unknown;		/* more may be lost than can be named */
	uint64_t superseded;		/* whole PUTs in the log that are not live */
	bool index_was_compared;	/* there is an index that can be searched */
	struct index_file index;	/* that one, of the repo or opened by verify; fd -1: none */
	bool owns_index;
	struct index_figures index_figures;
	enum credit index_credit;
	uint32_t index_last;		/* the highest segment that it leads to, once asked for */
	bool index_is_inferred;		/* the buckets behind a header that is damaged */
	struct hints_figures hints_figures;
	enum credit hints_credit;
	/* They count objects in a missing segment that no credible index places there. */
	bool hints_know_missing;
	/* Bytes in data/ are damaged, a file is not what its name says, or a segment is missing
	 * that witnesses know: replaying the log does not give all there is. */
	bool log_is_damaged;
	/* replay_time of the last place where a DELETE may be lost; 0: none */
	uint64_t last_place;
	uint64_t deletes_moved;		/* objects that the log alone would not give */
	size_t returned;		/* files with ROLE_RETURNED that would change the log */
	struct replay *apart;		/* newest events in files with ROLE_RETURNED */
	/* some file has another role or number than its name says */
	bool has_roles;
	/* hints count in each foreign file what the index places there */
	bool roles_are_counted;
	bool complete;			/* not cancelled, no memory error */
	/* segments that were left out: the log was then not compared with index and hints, and
	 * objects counts what was read */
	size_t skipped;
	size_t remembered;		/* segments that were not read: a record was believed */
	/* newest events of the keys that the index does not decide */
	struct replay *replay;
	/* the same from entries that only searching found (segment_entry.searched), kept apart as
	 * long as an index may speak against them */
	struct replay *unanchored;
	/* a bit for each index bucket: a whole PUT stands where it points */
	_Atomic uint64_t *confirmed;
	/* for each key of the hints' shadow index: a PUT was read that the index does not map to;
	 * NULL where there are none */
	_Atomic bool *shadow_is_there;
	pthread_mutex_t mutex;		/* findings and damage, while verify_work runs */
};

/* Verify @repo with @threads threads (0: one for each processor). @progress may be looked at from
 * another thread; it must be zeroed before. *@out is the caller's until verify_free, also when
 * AS_ERR_CANCELLED is returned (complete is then false). AS_ERR_MEMORY, AS_ERR_CANCELLED. Damage
 * and I/O errors are findings, not errors. The result does not depend on @threads. */
enum as_err verify_run(const struct repo *repo, unsigned threads, struct verify_progress *progress,
		       struct verify **out);

/* The same in two steps, so that an onlooker can watch the facts while verify_work runs in another
 * thread. */
enum as_err verify_new(const struct repo *repo, struct verify **out);
enum as_err verify_work(struct verify *verify, unsigned threads, struct verify_progress *progress);
void verify_free(struct verify *verify);

/* Look into the tail of @repo alone: what is it? TAIL_NONE where there is none, or where some of it
 * cannot be read. AS_ERR_MEMORY. */
enum as_err verify_tail(const struct repo *repo, enum tail_kind *kind);

/* A sorted copy of what was found so far, also while verify_work runs in another thread; the caller
 * frees it with findings_free. AS_ERR_MEMORY. */
enum as_err verify_copy_findings(struct verify *verify, struct findings *copy);

enum entry_status {
	STATUS_LIVE, STATUS_SUPERSEDED, STATUS_DELETED, STATUS_TOMBSTONE, STATUS_COMMIT,
	STATUS_UNCOMMITTED, STATUS_DAMAGED,
	STATUS_OLDER	/* the newest whole version of an object whose newest version is gone */
};
const char *entry_status_name(enum entry_status status);	/* as in the JSON */

/* What became of the entry in @segment. With @verify (complete) the log itself answers; with NULL
 * the index, where it fits the log (repo_index_fits), by a look-up on the disk: *@known is false
 * where neither can tell. */
enum entry_status entry_status(const struct repo *repo, const struct verify *verify,
			       uint32_t segment, const struct segment_entry *entry, bool *known);

/* Where the log, with the index as a witness, has @key: false when it is not an object. Needs a
 * complete @verify. */
bool verify_lookup(const struct verify *verify, const uint8_t key[KEY_SIZE],
		   struct replay_event *event);

/* The object of @key whose newest version is gone, or NULL. */
const struct verify_gone *verify_find_gone(const struct verify *verify,
					   const uint8_t key[KEY_SIZE]);

/* Position in the listing of the file that holds segment @number of the log, or LISTING_NONE. */
size_t verify_position(const struct verify *verify, uint32_t number);

/* Which file has the entry at @offset of segment @number of the log, and where. False: none. */
bool verify_find_source(const struct verify *verify, uint32_t number, uint32_t offset,
			struct verify_source *source);

/* Has a copy the entry at @offset of segment @number? */
bool verify_has_fill(const struct verify *verify, uint32_t number, uint32_t offset);

/* What became of a key that log or index speak of. */
enum verify_outcome {
	OUTCOME_OBJECT,		/* it is an object, at the place given */
	OUTCOME_OLDER,		/* its newest version is gone; an older one is at that place */
	OUTCOME_LOST,		/* it should lie at the place given, and no whole entry is left */
	OUTCOME_UNREADABLE,	/* it should lie there, where nothing can be read now */
	OUTCOME_NONE		/* it was deleted, or never was */
};

typedef enum as_err verify_each_fn(void *context, const uint8_t key[KEY_SIZE],
				   enum verify_outcome outcome, const struct replay_event *place);

/* Call @each for the keys that the log, with the index as a witness, speaks of, in no particular
 * order, until it returns other than AS_OK; returns that. Every object comes once, every lost key
 * at least once, of the others some. The size in @place may be 0: not known. Needs a complete
 * @verify. AS_ERR_IO when the index can no longer be read. */
enum as_err verify_each(const struct verify *verify, verify_each_fn *each, void *context);

/* The same for a part of the keys: those of @part, from 0, of VERIFY_PARTS. Several threads may
 * walk parts at once. What the index holds is all in the first. */
#define VERIFY_PARTS REPLAY_PARTS
enum as_err verify_each_of(const struct verify *verify, unsigned part, verify_each_fn *each,
			   void *context);

/* Call @each for every object whose newest version is gone, each once, ascending by key, however
 * many they are: with OUTCOME_LOST, OUTCOME_UNREADABLE or OUTCOME_OLDER. Until it returns other
 * than AS_OK; returns that. Needs a complete @verify, and no memory. */
enum as_err verify_each_gone(const struct verify *verify, verify_each_fn *each, void *context);

#endif

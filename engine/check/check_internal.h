/* engine/check/check_internal.h - what the parts of verify share. For engine/check/ alone.
 *
 * result.c        struct verify made and freed, findings added; whether to stop
 * loaded_index.c  the index in memory, which of it is confirmed, and the witnesses that it gives
 * tail.c          what the segments above the newest COMMIT are, before anything else
 * scan.c          one segment, in one worker
 * parcels.c       what it has read, for workers that have no segment
 * known.c         segments that need not be read, and in which order the others are
 * missing.c       segments that are not there
 * mapping.c       where a mapping leads, and what the log says of its key
 * damage.c        what is damaged, by its place and by its key, when all segments were read
 * weigh.c         what index and hints are worth, by what they share with the log
 * roles.c         files that came back, are of elsewhere, or bear another's number
 * copies.c        files of other names that hold what is damaged or missing
 * tally.c         counts the objects of the log where there is no index
 * verdict.c       what log, index and hints say of one key: evidence.c decides
 * compare.c       the verdicts on all keys, the hints and the files: the findings
 * cover.c         may more be lost than the witnesses name?
 * objects.c       after the comparison: look up one key, walk over all
 * older.c         the older versions of what is lost
 * verify.c        all of them in their order, and one entry's status
 */
#ifndef ATTICSCOPE_CHECK_INTERNAL_H
#define ATTICSCOPE_CHECK_INTERNAL_H

#include "check/check.h"
#include "check/parcels.h"
#include "format/index_load.h"

#include <string.h>

/* What the index maps to one segment. */
struct index_mark {
	uint64_t mark;			/* sum of index_image_mark */
	uint32_t live;
};

/* The index in memory, and which of its buckets point into which segment (made at the first
 * damage). */
struct verify_index {
	bool is_loaded;
	bool is_whole;			/* every used bucket counted, reachable, and once */
	struct index_image image;
	pthread_mutex_t mutex;
	bool is_grouped, group_failed;
	uint32_t *group_start;		/* for each segment of the listing, and one more */
	uint32_t *group;		/* bucket numbers by segment */
	/* for each segment of the listing, where records are to be compared with it; else NULL */
	struct index_mark *marks;
};

/* One run of verify_work. */
struct verify_run {
	struct verify *verify;
	const struct repo *repo;
	struct verify_progress *progress;
	unsigned threads;
	struct verify_index index;
	bool tail_is_unknown;		/* the tail segment at position tail_unopened ... */
	size_t tail_unopened;		/* ... could not be opened to be judged */
	_Atomic size_t next;		/* turn of the next segment to be read */
	struct parcels parcels;		/* while segments are read */
	size_t *order;			/* positions by turn; NULL: one after the other */
	uint64_t deadline;		/* of the monotonic clock, nanoseconds; 0: none */
	_Atomic size_t skipped, remembered;
	struct findings before;		/* those from before anything was read */
	unsigned reading;		/* 0 while all is read for the first time */
	uint32_t end_by_names;		/* of the log, where no file bears another's number */
	bool has_index_last;
	bool is_weighed;		/* buckets that cannot be read were reported */
	bool is_agreed;		/* log and index agree on every key */
	_Atomic int failure;		/* enum as_err: the first that ends the run */
};

/* The facts of segment @number of the log, or NULL where no file is that segment. */
struct segment_facts *verify_facts(const struct verify *verify, uint32_t number);

/* Forget what was read. AS_ERR_MEMORY. */
enum as_err verify_begin_reading(struct verify *verify);

void verify_fail(struct verify_run *run, enum as_err err);
bool verify_should_stop(const struct verify_run *run);

/* Add @finding under the lock and count it for the onlooker. */
enum as_err verify_add(struct verify_run *run, const struct finding *finding);

/* Load the newest index that can be searched, whatever its number: weighing it comes later. An
 * unreadable or degenerate one is a finding. AS_ERR_MEMORY. */
enum as_err verify_load_index(struct verify_run *run);

/* Does the newest index have the digest that integrity.N holds of it? Adds the finding.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED. */
enum as_err verify_compare_digest(struct verify_run *run);

/* After the weighing: where the index is of elsewhere and above the end of the log, an older one
 * beside it takes its place. *@again: it does, and all must be read and weighed once more.
 * AS_ERR_MEMORY. */
enum as_err verify_use_older_index(struct verify_run *run, bool *again);

/* After the scan, or without one: is the index a table as it should be? Adds the findings of a
 * census. AS_ERR_MEMORY. */
enum as_err verify_check_index(struct verify_run *run);

/* Where the loaded index maps @key, whether or not that is confirmed. False: it does not have the
 * key, or none is loaded. */
bool verify_find_mapping(const struct verify_run *run, const uint8_t key[KEY_SIZE],
			 struct index_bucket *bucket);

/* Position in the listing of the file whose segment bucket @number maps to, or LISTING_NONE. */
size_t verify_mapped_position(const struct verify_run *run, uint32_t number);

/* After verify_load_index, whatever it returned. */
void verify_free_index(struct verify_run *run);

/* Witnesses for segment_open; @context is a struct verify_witness. */
struct verify_witness {
	struct verify_run *run;
	struct segment_witness *rows;	/* freed by the owner of the struct */
	size_t capacity;
};
void verify_find_witnesses(void *context, uint32_t segment, struct segment_witnesses *out);

/* Classify the tail: sets verify->tail, has_end and end, and adds the findings. */
enum as_err verify_check_tail(struct verify_run *run);

/* After the scan: it opened what could not be opened a moment before, and has nothing to report;
 * but the end of the log was chosen without it. Adds a finding then. */
enum as_err verify_report_unknown_tail(struct verify_run *run);

/* A worker of the struct verify_run @context: reads segments until none is left. An error ends the
 * run: see verify_fail. */
void verify_scan(void *context);

/* A PUT of @key was read that the index does not map to. */
static inline void verify_note_shadow(struct verify_run *run, const uint8_t key[KEY_SIZE])
{
	const struct hints *hints = &run->repo->hints;
	const struct hints_shadow *row =
		hints->shadow_count > 0 ? hints_find_shadow(hints, key) : NULL;
	if (row)
		atomic_store_explicit(&run->verify->shadow_is_there[row - hints->shadow], true,
				      memory_order_relaxed);
}

/* Sum up what the loaded index maps to each segment. AS_ERR_MEMORY. */
enum as_err verify_mark_index(struct verify_run *run);

/* The mappings into segments whose records were believed are confirmed. */
void verify_confirm_remembered(struct verify_run *run);

/* What tells the file at @position from another, and the time. False: that is not to be had. */
bool verify_read_identity(const struct verify_run *run, size_t position,
			  struct verify_record *record);

/* A record that can be believed of the segment at @position, whose identity is @now; or NULL. */
const struct verify_record *verify_find_record(const struct verify_run *run, size_t position,
					       const struct verify_record *now);

/* Is the file old enough for its time to show a later change? */
bool verify_is_old_enough(const struct verify_record *record);

/* Add a copy to scope.keep. AS_ERR_MEMORY. */
enum as_err verify_add_record(struct verify_run *run, const struct verify_record *record);

/* Is the segment at @position among those that are to be read? */
bool verify_is_wanted(const struct verify *verify, size_t position);

void verify_start_clock(struct verify_run *run);
bool verify_is_late(const struct verify_run *run);

/* Sets run->order where the order matters; the caller frees it. AS_ERR_MEMORY. */
enum as_err verify_order_turns(struct verify_run *run);

/* Make the damage ready to be asked about, after every segment was read. */
void verify_sort_damage(struct verify *verify);

/* The damaged stretches of @segment that are remembered, *@count of them; NULL for none. */
const struct verify_damage *verify_damage_in(const struct verify *verify, uint32_t segment,
					     size_t *count);

/* The damaged stretch that begins at @offset of @segment, or NULL. */
const struct verify_damage *verify_damage_from(const struct verify *verify, uint32_t segment,
					       uint32_t offset);

/* Is @offset of @segment in a damaged stretch? *@cause is why. */
bool verify_damage_at(const struct verify *verify, uint32_t segment, uint32_t offset,
		      uint8_t *cause);

/* Count the objects of the log where there is no index, so that the replay knows all of them.
 * Begins at nothing. AS_ERR_MEMORY. */
enum as_err verify_tally_log(struct verify_run *run);

/* All comparisons, after every segment was read. */
enum as_err verify_compare(struct verify_run *run);

/* What the comparison met and could not put down to an object. */
struct verify_unnamed {
	uint64_t phantoms;	/* keys that only the index has, and that no damaged bits explain */
	uint64_t by_damage;	/* lost objects that only a damaged entry names */
	uint64_t by_hints;	/* objects that the hints alone count in missing segments */
	bool manifest;		/* the log ends with its DELETE, and no credible index knows one */
};

/* Find out whether more may have been lost than can be named, and report it. AS_ERR_MEMORY. */
enum as_err verify_report_unknown(struct verify_run *run, const struct verify_unnamed *unnamed);

/* What a verdict means. */
struct verdict_info {
	bool is_object;
	bool is_reported;	/* one finding a key, where the index is to be believed */
	enum problem problem;
	const char *detail;
};
extern const struct verdict_info verdict_table[VERDICT_COUNT];

/* What log, index and hints together say of one key. @bucket: the index's mapping, or NULL;
 * @event: the newest event that the log has apart from the PUT that a confirmed mapping leads to,
 * or NULL. Where the verdict is an object, or an older version of one, *@place is where. */
enum verdict verify_find_verdict(const struct verify *verify, const uint8_t key[KEY_SIZE],
				 const struct index_bucket *bucket,
				 const struct replay_event *event, struct replay_event *place);

/* The same with the event of verify_find_event. */
enum verdict verify_find_verdict_of_key(const struct verify *verify, const uint8_t key[KEY_SIZE],
					const struct index_bucket *bucket,
					struct replay_event *place);

/* The newest event of @key that counts. One that only searching found counts when no mapping is
 * confirmed and there is no other, or when it is a newer PUT in the segment that @bucket (or NULL)
 * knows the key in. */
bool verify_find_event(const struct verify *verify, const uint8_t key[KEY_SIZE],
		       const struct index_bucket *bucket, bool is_confirmed,
		       struct replay_event *event);

/* Where an unconfirmed mapping leads, by what the scan left behind. */
enum aim {
	AIM_NOWHERE,		/* to no place that an entry can have: the bucket is damaged */
	AIM_WRONG,		/* whole bytes stand there, but not this PUT */
	AIM_DAMAGED,		/* into a damaged stretch */
	AIM_BEYOND,		/* behind the end of its segment */
	AIM_MISSING,		/* to a segment that is not there */
	AIM_UNREADABLE		/* to what the disk or a permission refuses: perhaps whole */
};
enum aim verify_aim(const struct verify *verify, const struct index_bucket *bucket);

/* Did only searching find @event of @key? */
bool verify_was_searched(const struct verify *verify, const uint8_t key[KEY_SIZE],
			 const struct replay_event *event);

/* Is @event a PUT that only searching found, in the segment that the index knows the key in? Bytes
 * came or went before it. */
bool verify_has_moved(const struct verify *verify, const struct index_bucket *bucket,
		      const struct replay_event *event);

/* What is odd about an unconfirmed mapping, or NULL. */
const struct verify_oddity *verify_find_oddity(const struct verify *verify, uint32_t bucket);
/* Are a few bits of the bucket's key wrong? */
bool verify_has_damaged_key(const struct verify *verify, const struct index_bucket *bucket);
/* Does a bucket have the key but for a few wrong bits, and lead to the segment of its object? */
bool verify_is_near_bucket(const struct verify *verify, const uint8_t key[KEY_SIZE]);

/* There is no file of the segment: may it be there all the same? */
bool verify_may_be_elsewhere(const struct repo *repo, uint32_t segment);

/* Call @each for every used bucket that is not confirmed and that a look-up of its key finds.
 * @each may return any error; one that cannot be read is a finding. AS_ERR_CANCELLED. */
enum as_err verify_each_unconfirmed(struct verify_run *run,
				    enum as_err (*each)(void *context,
							const struct index_bucket *bucket),
				    void *context);

/* After the scan: what index and hints have in common with the log, and what that makes them worth.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED. */
enum as_err verify_weigh(struct verify_run *run);

/* Find verify->index_last: a walk over the index, the first time. */
void verify_find_index_last(struct verify_run *run);

/* The row of missing segment @number, or NULL. */
struct verify_missing *verify_find_missing(const struct verify *verify, uint32_t number);

/* Do the witnesses say that there is more in segment @number than is left of it? */
bool verify_is_gap(const struct verify *verify, uint32_t number);

/* Do the hints of the log's end, or of the index's transaction, count objects in @number? */
int64_t verify_hinted(const struct verify *verify, uint32_t number);

/* Objects of the segment by the index, whether they are there or not. */
static inline int64_t facts_by_index(const struct segment_facts *facts)
{
	return (int64_t)facts->mapped + (int64_t)facts->unmet;
}

/* Objects of the segment by the log, with those that witnesses place in its damage. Verdicts rest
 * on it, so the comparison does not change it: what that names is counted apart. */
static inline int64_t facts_by_log(const struct segment_facts *facts)
{
	return (int64_t)facts->held + (int64_t)facts->wanted;
}

/* Are nearly all objects of the log in the index, wherever it places them? All but one are
 * enough where there are fewer than ten. */
static inline bool verify_knows_keys(const struct verify *verify)
{
	const struct index_figures *f = &verify->index_figures;
	const uint64_t of = f->live - f->excused;
	return f->known * 10 >= of * 9 || (of > 2 && of < 10 && f->known + 1 == of);
}

/* Do the hints count as many in the segment as the index? */
static inline bool verify_hints_like_index(const struct verify *verify,
					   const struct segment_facts *facts)
{
	return verify_hinted(verify, facts->number) == facts_by_index(facts);
}

/* After the weighing: which files take no part in the log, or bear another's number (EVIDENCE rule
 * 7)? *@again: some do, and all must be read and weighed once more. AS_ERR_MEMORY. */
enum as_err verify_choose_roles(struct verify_run *run, bool *again);

/* Are the keys the same but for a few damaged bits, or the first bytes of one zeroed? */
bool verify_keys_are_near(const uint8_t a[KEY_SIZE], const uint8_t b[KEY_SIZE]);

/* Look for files of other names that hold what is damaged or missing, and take from them what they
 * have whole. *@again: something was found, and must be weighed. AS_ERR_MEMORY. */
enum as_err verify_use_copies(struct verify_run *run, bool *again);

/* List the files of other names below data/ in verify->copies; with @all also those whose segment
 * lacks nothing, and the files that take no part in the log. AS_ERR_MEMORY. */
enum as_err verify_list_copies(struct verify_run *run, bool all);

/* How many PUTs of segment @number only copies have. */
uint32_t verify_count_filled(const struct verify *verify, uint32_t number);

/* Make verify_find_source know the older versions that lie in copies. AS_ERR_MEMORY. */
enum as_err verify_fill_older(struct verify_run *run);

/* Find the newest whole version of each object in verify->gone. AS_ERR_MEMORY, AS_ERR_CANCELLED. */
enum as_err verify_find_older(struct verify_run *run);

/* Add an object whose newest version is gone; @older is NULL where none is known. AS_ERR_MEMORY. */
enum as_err verify_add_gone(struct verify *verify, size_t *capacity, const uint8_t key[KEY_SIZE],
			    uint32_t segment, uint32_t offset, const struct replay_event *older);

bool verify_is_confirmed(const struct verify *verify, uint32_t bucket);

/* How many buckets of an index of @buckets are confirmed. */
uint32_t verify_count_confirmed(const struct verify *verify, uint32_t buckets);

#endif

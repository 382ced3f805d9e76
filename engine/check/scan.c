#include "build-config.h"

#include "check/check_internal.h"

#include "base/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Entries looked up in the index together. The memory that one of them wants is asked for when it
 * was read, and comes while those after it are read. A helper asks for that of an entry while it
 * looks up those before it. */
#define BATCH 32u
/* Bytes between two looks at the cancel flag. */
#define REPORT_BYTES (1u << 20)

struct scanner {
	struct verify_run *run;
	struct segment_reader *reader;
	struct verify_witness witness;
	uint32_t number;		/* of the segment being read */
	uint8_t role;			/* of its file, enum segment_role */
	struct segment_facts facts;	/* of it, but for what is live: those fields are atomic, and
					 * adding to one would wait for all that is being fetched */
	uint32_t live;
	uint64_t live_bytes;
	uint64_t key_sum;		/* of all live ones, in all segments */
	/* What this worker adds to verify->confirmed, at its end: setting a bit for all to see each
	 * time would have to wait for the memory every time. NULL without an index. */
	uint64_t *confirmed;
	struct parcel *parcel;		/* entries that were read and not looked up */
	bool is_helped;			/* others look up what it has read */
	struct parcel_account account;	/* what they found in this segment */
	struct replay_batch replayed;	/* on the way into verify->replay */
	uint64_t reported;		/* bytes of it that progress knows of */
	uint32_t damage_rows;		/* remembered of this segment */
	uint64_t damage_end;		/* of the stretch that is searched for suspects */
	bool has_findings, is_skipped;	/* of this segment */
	/* The events of this segment that its record will have; more of them than there is room for
	 * and it has none. Where no records are kept there is no room. */
	struct verify_event *events;
	size_t event_count;
	uint64_t mark;			/* sum of its live PUTs, as in their record */
};

static enum as_err add_finding(struct scanner *s, const struct finding *finding)
{
	s->has_findings = true;
	return verify_add(s->run, finding);
}

static const enum problem problem_of_cause[SEGMENT_CAUSES] = {
	[SEGMENT_BAD_MAGIC] = PROBLEM_SEGMENT_MAGIC,
	[SEGMENT_ZEROS] = PROBLEM_ENTRY_ZEROS,
	[SEGMENT_SIZE_SMALL] = PROBLEM_ENTRY_SIZE_SMALL,
	[SEGMENT_SIZE_LARGE] = PROBLEM_ENTRY_SIZE_LARGE,
	[SEGMENT_BAD_TAG] = PROBLEM_ENTRY_TAG,
	[SEGMENT_TORN] = PROBLEM_ENTRY_TORN,
	[SEGMENT_CRC_MISMATCH] = PROBLEM_ENTRY_CRC,
	[SEGMENT_UNREADABLE] = PROBLEM_RANGE_UNREADABLE,
	[SEGMENT_BEYOND] = PROBLEM_SEGMENT_TOO_LARGE,
};

/* "CSEG" where the size should be: the magic once more. Attic's next run writes it when a first one
 * died before its COMMIT, and goes on in the same file. */
#define SIZE_OF_SECOND_MAGIC 0x47455343u

static void describe(const struct segment_entry *e, uint32_t segment, char *out, size_t size)
{
	if (e->cause == SEGMENT_SIZE_LARGE && segment == 0 && e->raw_size == SIZE_OF_SECOND_MAGIC) {
		snprintf(out, size, "the magic a second time: a first backup was interrupted, and "
			 "the next one went on in the same file");
		return;
	}
	switch (e->cause) {
	case SEGMENT_SIZE_SMALL:
	case SEGMENT_SIZE_LARGE:
		snprintf(out, size, "the size field says %" PRIu32 " bytes", e->raw_size);
		break;
	case SEGMENT_BAD_TAG:
		snprintf(out, size, "the tag is %u", e->raw_tag);
		break;
	case SEGMENT_TORN:
		if (e->has_header)
			snprintf(out, size, "%" PRIu32 " bytes wanted, %" PRIu64 " there",
				 e->raw_size, e->size);
		else
			snprintf(out, size, "a header has 9 bytes, %" PRIu64 " are there", e->size);
		break;
	case SEGMENT_CRC_MISMATCH:
		snprintf(out, size, "stored %08" PRIx32 ", computed %08" PRIx32, e->crc_stored,
			 e->crc_computed);
		break;
	default:
		out[0] = '\0';
	}
}

static enum as_err report_damage(struct scanner *s, const struct segment_entry *e)
{
	struct finding finding = finding_of(problem_of_cause[e->cause]);
	const uint64_t file_end = segment_length(s->reader);
	if (!s->facts.is_committed) {
		/* The tail's own finding has said that it is cut off. */
		if (e->offset + e->size == file_end && e->cause == SEGMENT_TORN)
			return AS_OK;
		/* A rollback moves the tail out: damage in it costs nothing that was committed. */
		finding.severity = SEVERITY_WARNING;
		finding.repair = REPAIR_ROLLBACK;
	}
	finding.segment = s->number;
	finding.offset = (int64_t)(e->cause == SEGMENT_UNREADABLE ? e->bad_offset : e->offset);
	finding.length = (int64_t)(e->cause == SEGMENT_UNREADABLE ? e->bad_length : e->size);
	finding.has_key = e->has_key;
	memcpy(finding.key, e->key, KEY_SIZE);
	describe(e, s->number, finding.detail, sizeof(finding.detail));
	if (e->cause == SEGMENT_BAD_MAGIC && e->size < SEGMENT_MAGIC_SIZE && e->size < file_end)
		snprintf(finding.detail, sizeof(finding.detail), "an entry begins at byte %" PRIu64,
			 e->size);
	return add_finding(s, &finding);
}

static enum as_err remember_damage(struct scanner *s, const struct segment_entry *e)
{
	struct verify *verify = s->run->verify;
	enum as_err err = AS_OK;
	if (s->damage_rows >= VERIFY_DAMAGE_SEGMENT)
		return AS_OK;
	s->damage_rows++;
	pthread_mutex_lock(&verify->mutex);
	const size_t count = verify->damage_count;
	/* Grow at every power of two. */
	if (count < VERIFY_DAMAGE_MAX && (count & (count - 1)) == 0) {
		struct verify_damage *grown = realloc(verify->damage,
						      (count ? count * 2 : 1) * sizeof(*grown));
		if (grown)
			verify->damage = grown;
		else
			err = AS_ERR_MEMORY;
	}
	if (err == AS_OK && count < VERIFY_DAMAGE_MAX) {
		struct verify_damage *damage = &verify->damage[verify->damage_count++];
		*damage = (struct verify_damage){
			.offset = e->offset, .length = e->size, .segment = s->number,
			.cause = e->cause, .raw_tag = e->raw_tag, .has_key = e->has_key,
		};
		memcpy(damage->key, e->key, KEY_SIZE);
	}
	pthread_mutex_unlock(&verify->mutex);
	return err;
}

static enum as_err add_entry(const struct scanner *s, struct replay *replay,
			     const struct segment_entry *e)
{
	const struct replay_event event = {
		.segment = s->number, .offset = (uint32_t)e->offset, .size = (uint32_t)e->size,
		.is_put = e->tag == SEGMENT_PUT,
	};
	return replay_add(replay, e->key, &event);
}

static enum as_err report_suspect(void *context, const struct segment_entry *e)
{
	struct scanner *s = context;
	struct finding finding = finding_of(PROBLEM_ENTRY_SUSPECT);
	struct index_bucket bucket;
	if (e->tag == SEGMENT_COMMIT)
		return AS_OK;	/* nine bytes that every COMMIT has say nothing */
	/* A PUT of a key that the index knows in this segment, at another place: bytes came or went
	 * before it, and it is no part of a payload. */
	if (e->tag == SEGMENT_PUT && e->offset <= UINT32_MAX &&
	    verify_find_mapping(s->run, e->key, &bucket) && bucket.segment == s->number &&
	    bucket.offset != e->offset)
		return add_entry(s, s->run->verify->unanchored, e);
	if (e->offset + e->size > s->damage_end)
		return AS_OK;	/* the entries behind the damage are whole, and it overlaps them */
	finding.segment = s->number;
	finding.offset = (int64_t)e->offset;
	finding.length = (int64_t)e->size;
	finding.has_key = true;
	memcpy(finding.key, e->key, KEY_SIZE);
	return add_finding(s, &finding);
}

static enum as_err report_unstable(struct scanner *s, const struct segment_entry *e)
{
	struct finding finding = finding_of(PROBLEM_UNSTABLE_READ);
	finding.segment = s->number;
	finding.offset = (int64_t)e->offset;
	finding.length = (int64_t)e->size;
	return add_finding(s, &finding);
}

static enum as_err read_damage(struct scanner *s, const struct segment_entry *e)
{
	s->facts.damaged++;
	s->facts.damaged_bytes += e->size;
	if (e->cause == SEGMENT_UNREADABLE)
		s->facts.is_unreadable = true;
	enum as_err err = AS_OK;
	if (s->facts.is_committed && s->role == ROLE_LOG)
		err = remember_damage(s, e);
	if (err == AS_OK)
		err = report_damage(s, e);
	if (err == AS_OK && e->unstable)
		err = report_unstable(s, e);
	s->damage_end = e->offset + e->size;
	if (err == AS_OK && s->facts.is_committed && e->cause != SEGMENT_BEYOND)
		err = segment_suspects(s->reader, e->offset, e->size, report_suspect, s);
	return err;
}

/* Compare one entry with the index: either it points back at it, or the replay must remember it. */
static enum as_err check_event(struct scanner *s, const struct parcel_event *event)
{
	struct verify *verify = s->run->verify;
	struct index_bucket bucket;
	/* A mapping into the magic is wrong, whatever stands there. */
	if (event->is_put && verify_find_mapping(s->run, event->key, &bucket) &&
	    bucket.segment == s->number && bucket.offset == event->offset &&
	    bucket.offset >= SEGMENT_MAGIC_SIZE) {
		s->confirmed[bucket.number / 64] |= UINT64_C(1) << (bucket.number % 64);
		s->live++;
		s->live_bytes += event->size;
		s->key_sum += key_value(event->key);
		if (s->events)
			s->mark += index_image_mark(&s->run->index.image, bucket.number);
		return AS_OK;
	}
	if (s->events && s->event_count++ < VERIFY_RECORD_EVENTS) {
		struct verify_event *row = &s->events[s->event_count - 1];
		*row = (struct verify_event){
			.offset = event->offset, .size = event->size, .is_put = event->is_put,
		};
		memcpy(row->key, event->key, KEY_SIZE);
	}
	if (event->is_put)
		verify_note_shadow(s->run, event->key);
	const struct replay_event replayed = {
		.segment = s->number, .offset = event->offset, .size = event->size,
		.is_put = event->is_put,
	};
	/* The index may speak against what only searching found. */
	return event->is_unanchored ? replay_add(verify->unanchored, event->key, &replayed)
				    : replay_append(verify->replay, &s->replayed, event->key,
						    &replayed);
}

static enum as_err check_parcel(struct scanner *s, const struct parcel *parcel)
{
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < parcel->count; i++) {
		if (s->run->index.is_loaded && i + BATCH < parcel->count)
			index_image_prefetch(&s->run->index.image, parcel->events[i + BATCH].key);
		err = check_event(s, &parcel->events[i]);
	}
	return err;
}

/* Have all entries of the parcel looked up, and begin another one. */
static enum as_err flush_parcel(struct scanner *s)
{
	struct parcels *parcels = &s->run->parcels;
	enum as_err err = AS_OK;
	s->parcel->segment = s->number;
	s->parcel->account = &s->account;
	if (s->is_helped && s->parcel->count > 0 && parcels_give(parcels, s->parcel)) {
		s->parcel = malloc(sizeof(*s->parcel));
		if (!s->parcel)
			return AS_ERR_MEMORY;
	} else {
		err = check_parcel(s, s->parcel);
	}
	s->parcel->count = 0;
	/* A record has the events of its segment in their order, so they stay with the reader. */
	s->is_helped = !s->events && parcels_have_helper(parcels);
	return err;
}

/* Once for a segment. */
static enum as_err report_too_large(struct scanner *s, const struct segment_entry *e)
{
	struct finding finding = finding_of(PROBLEM_SEGMENT_TOO_LARGE);
	if (s->facts.is_too_large)
		return AS_OK;
	s->facts.is_too_large = true;
	finding.segment = s->number;
	finding.offset = (int64_t)e->offset;
	return add_finding(s, &finding);
}

static enum as_err read_whole(struct scanner *s, const struct segment_entry *e)
{
	enum as_err err = e->unstable ? report_unstable(s, e) : AS_OK;
	if (err != AS_OK)
		return err;
	s->facts.is_complete = e->tag == SEGMENT_COMMIT;
	if (e->tag == SEGMENT_COMMIT) {
		s->facts.commits++;
		return AS_OK;
	}
	if (e->tag == SEGMENT_PUT)
		s->facts.puts++;
	else
		s->facts.deletes++;
	if (!s->facts.is_committed)
		return AS_OK;
	if (e->offset > UINT32_MAX)
		return report_too_large(s, e);	/* no index can point here */
	/* What a file would change that came back is found out later. */
	if (s->role == ROLE_RETURNED)
		return add_entry(s, s->run->verify->apart, e);
	if (s->role != ROLE_LOG)
		return AS_OK;
	if (e->offset > s->run->repo->dialect->segment_offset_max && e->tag == SEGMENT_PUT)
		err = report_too_large(s, e);
	if (err != AS_OK)
		return err;
	struct parcel_event *event = &s->parcel->events[s->parcel->count++];
	memcpy(event->key, e->key, KEY_SIZE);
	if (s->run->index.is_loaded && !s->is_helped)
		index_image_prefetch(&s->run->index.image, event->key);
	event->offset = (uint32_t)e->offset;
	event->size = (uint32_t)e->size;
	event->is_put = e->tag == SEGMENT_PUT;
	event->is_unanchored = s->run->index.is_loaded && e->searched;
	return s->parcel->count >= (s->is_helped ? PARCEL_EVENTS : BATCH) ? flush_parcel(s) : AS_OK;
}

static void report_progress(struct scanner *s, uint64_t position)
{
	struct verify_progress *progress = s->run->progress;
	atomic_fetch_add_explicit(&progress->bytes_done, position - s->reported,
				  memory_order_relaxed);
	s->reported = position;
}

static enum as_err read_rows(struct scanner *s)
{
	struct segment_entry entry;
	enum as_err err;
	while ((err = segment_next(s->reader, &entry)) == AS_OK) {
		if (entry.tag == SEGMENT_DAMAGED) {
			s->facts.is_complete = false;
			err = read_damage(s, &entry);
		} else {
			err = read_whole(s, &entry);
		}
		if (err != AS_OK)
			return err;
		const uint64_t position = entry.offset + entry.size;
		if (position - s->reported >= REPORT_BYTES) {
			report_progress(s, position);
			if (verify_should_stop(s->run))
				return AS_ERR_CANCELLED;
		}
	}
	if (err != AS_END)
		return err;
	return flush_parcel(s);
}

static enum as_err report_unopened(struct scanner *s, const char *path, enum as_err err, int sys)
{
	/* Listed a moment ago: another process removed it, as compaction does. */
	struct finding finding = finding_of(err == AS_ERR_DOES_NOT_EXIST ? PROBLEM_CHANGED
					    : PROBLEM_SEGMENT_UNREADABLE);
	finding.segment = s->number;
	snprintf(finding.detail, sizeof(finding.detail), "%s", strerror(sys));
	if (finding.problem == PROBLEM_SEGMENT_UNREADABLE)
		finding.cause = cause_of(as_code_of_errno(sys));
	if (finding.cause == CAUSE_DENIED)
		owner_append(s->run->repo->io, s->run->repo->fd, path, finding.detail,
			     sizeof(finding.detail));
	s->facts.is_unopened = s->facts.is_unreadable = true;
	return add_finding(s, &finding);
}

static enum as_err report_empty(struct scanner *s)
{
	struct finding finding = finding_of(PROBLEM_SEGMENT_MAGIC);
	if (!s->facts.is_committed)
		return AS_OK;
	finding.segment = s->number;
	finding.offset = 0;
	finding.length = 0;
	snprintf(finding.detail, sizeof(finding.detail), "the file is empty");
	s->facts.damaged++;
	s->facts.is_cut = true;
	return add_finding(s, &finding);
}

/* An uncommitted segment that Attic takes for the end of a transaction. */
static enum as_err report_false_commit(struct scanner *s, const char *path)
{
	const struct repo *repo = s->run->repo;
	struct finding finding = finding_of(PROBLEM_TAIL_LIKE_COMMIT);
	bool is_like;
	const enum as_err err = segment_ends_like_commit(repo->io, repo->fd, path, &is_like);
	if (err != AS_OK || !is_like)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	finding.segment = s->number;
	return add_finding(s, &finding);
}

/* Cut off between two entries a segment looks whole; only that it ends too early gives it away,
 * where one that is not full ends in a COMMIT. */
static enum as_err report_short(struct scanner *s)
{
	const struct config *config = &s->run->repo->config;
	if (s->run->repo->dialect->has_lone_commits || !config->usable ||
	    !s->facts.is_committed || s->facts.is_complete ||
	    s->facts.damaged > 0 || s->facts.size > config->max_segment_size)
		return AS_OK;
	struct finding finding = finding_of(PROBLEM_SEGMENT_SHORT);
	finding.segment = s->number;
	s->facts.is_cut = true;
	snprintf(finding.detail, sizeof(finding.detail), "%" PRIu64 " bytes", s->facts.size);
	return add_finding(s, &finding);
}

static enum as_err read_segment(struct scanner *s, size_t position)
{
	char path[LISTING_PATH_MAX];
	struct verify_run *run = s->run;
	listing_path(&run->repo->listing, position, path);
	enum as_err err = segment_open(s->reader, run->repo->fd, path, s->number,
				       verify_find_witnesses, &s->witness);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK)
		return report_unopened(s, path, err, errno);
	s->facts.size = segment_length(s->reader);
	atomic_fetch_add_explicit(&run->progress->bytes_total, s->facts.size, memory_order_relaxed);
	if (s->facts.size == 0)
		return report_empty(s);
	err = read_rows(s);
	report_progress(s, s->facts.size);
	/* Behind damage opening and the store give the same answer. */
	if (err == AS_OK && s->facts.damaged > 0 &&
	    segment_is_complete(run->repo->io, run->repo->fd, path, &s->facts.is_complete) ==
		    AS_ERR_MEMORY)
		err = AS_ERR_MEMORY;
	if (err == AS_OK && !s->facts.is_committed && !s->facts.is_complete)
		err = report_false_commit(s, path);
	return err == AS_OK ? report_short(s) : err;
}

/* Publish the facts for the watching thread: everything first, the state last. */
static void publish(struct scanner *s, size_t position)
{
	struct segment_facts *facts = &s->run->verify->facts[position];
	facts->is_complete = s->facts.is_complete;
	facts->is_committed = s->facts.is_committed;
	facts->is_unopened = s->facts.is_unopened;
	facts->is_unreadable = s->facts.is_unreadable;
	facts->is_cut = s->facts.is_cut;
	facts->is_too_large = s->facts.is_too_large;
	facts->is_remembered = s->facts.is_remembered;
	facts->puts = s->facts.puts;
	facts->deletes = s->facts.deletes;
	facts->commits = s->facts.commits;
	facts->damaged = s->facts.damaged;
	facts->live = s->live;
	facts->size = s->facts.size;
	facts->live_bytes = s->live_bytes;
	facts->damaged_bytes = s->facts.damaged_bytes;
	atomic_store_explicit(&facts->state, SEGMENT_VERIFIED, memory_order_release);
	atomic_fetch_add_explicit(&s->run->progress->segments_done, 1, memory_order_relaxed);
}

/* ---- segments that have records, and those that get them ---- */

/* As if it had been read. */
static enum as_err use_record(struct scanner *s, const struct verify_record *record)
{
	struct verify_run *run = s->run;
	enum as_err err = AS_OK;
	s->facts.is_remembered = true;
	s->facts.is_complete = record->is_complete;
	s->facts.puts = record->puts;
	s->facts.deletes = record->deletes;
	s->facts.commits = record->commits;
	s->live = record->live;
	s->live_bytes = record->live_bytes;
	s->facts.size = record->size;
	for (size_t i = 0; err == AS_OK && i < record->event_count; i++) {
		const struct verify_event *event = &record->events[i];
		const struct replay_event replayed = {
			.segment = s->number, .offset = event->offset, .size = event->size,
			.is_put = event->is_put,
		};
		if (event->is_put)
			verify_note_shadow(run, event->key);
		err = replay_append(run->verify->replay, &s->replayed, event->key, &replayed);
	}
	if (err == AS_OK && run->verify->scope.keep)
		err = verify_add_record(run, record);
	atomic_fetch_add(&run->remembered, 1);
	return err;
}

static enum as_err keep_record(struct scanner *s, const struct verify_record *identity)
{
	struct verify_record record = *identity;
	if (s->has_findings || !s->facts.is_committed || s->event_count > VERIFY_RECORD_EVENTS ||
	    !s->run->index.is_loaded || record.size != s->facts.size ||
	    !verify_is_old_enough(&record))
		return AS_OK;
	record.is_complete = s->facts.is_complete;
	record.puts = s->facts.puts;
	record.deletes = s->facts.deletes;
	record.commits = s->facts.commits;
	record.live = s->live;
	record.live_bytes = s->live_bytes;
	record.mark = s->mark;
	record.events = s->events;
	record.event_count = s->event_count;
	return verify_add_record(s->run, &record);
}

/* ---- a worker ---- */

static void begin_segment(struct scanner *s, size_t position)
{
	const struct verify *verify = s->run->verify;
	s->number = verify->facts[position].number;
	s->role = verify->facts[position].role;
	s->facts = (struct segment_facts){
		.is_committed = verify->has_end && s->number <= verify->end,
	};
	s->live = 0;
	s->live_bytes = 0;
	s->reported = 0;
	s->damage_rows = 0;
	s->has_findings = s->is_skipped = false;
	s->event_count = 0;
	s->mark = 0;
}

static enum as_err check_segment(struct scanner *s, size_t position)
{
	struct verify_run *run = s->run;
	const struct verify_scope *scope = &run->verify->scope;
	struct verify_record now = { .segment = s->number };
	const bool has_identity = (scope->known || scope->keep) &&
				  verify_read_identity(run, position, &now);
	const struct verify_record *record =
		has_identity && s->facts.is_committed ? verify_find_record(run, position, &now)
						      : NULL;
	const bool is_left_out = !verify_is_wanted(run->verify, position) || verify_is_late(run);
	if (record && (is_left_out || record->verified >= scope->not_before))
		return use_record(s, record);
	if (is_left_out) {
		s->is_skipped = true;
		atomic_fetch_add(&run->skipped, 1);
		return AS_OK;
	}
	atomic_store(&run->verify->facts[position].state, SEGMENT_READING);
	enum as_err err = read_segment(s, position);
	const struct parcel_account helped = parcels_collect(&run->parcels, &s->account);
	s->live += helped.live;
	s->live_bytes += helped.live_bytes;
	if (err == AS_OK)
		err = helped.err;
	if (err == AS_OK && has_identity && scope->keep)
		err = keep_record(s, &now);
	return err;
}

static size_t confirmed_words(const struct verify_run *run)
{
	return (size_t)run->index.image.buckets / 64 + 1;
}

static void scanner_free(struct scanner *s)
{
	segment_reader_free(s->reader);
	free(s->witness.rows);
	free(s->parcel);
	free(s->events);
	free(s->confirmed);
	free(s);
}

static struct scanner *scanner_new(struct verify_run *run)
{
	struct scanner *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->run = run;
	s->witness.run = run;
	s->reader = segment_reader_new(run->repo->io, run->repo->dialect);
	s->parcel = malloc(sizeof(*s->parcel));
	if (run->verify->scope.keep)
		s->events = malloc(VERIFY_RECORD_EVENTS * sizeof(*s->events));
	if (run->index.is_loaded)
		s->confirmed = calloc(confirmed_words(run), sizeof(*s->confirmed));
	if (s->parcel)
		s->parcel->count = 0;
	if (s->reader && s->parcel && (s->events || !run->verify->scope.keep) &&
	    (s->confirmed || !run->index.is_loaded))
		return s;
	scanner_free(s);
	return NULL;
}

/* Look up what the others have read, until nobody reads. */
static void help(struct scanner *s)
{
	struct parcels *parcels = &s->run->parcels;
	struct parcel *parcel;
	parcels_begin_helping(parcels);
	while ((parcel = parcels_take(parcels)) != NULL) {
		s->number = parcel->segment;
		s->live = 0;
		s->live_bytes = 0;
		const enum as_err err = check_parcel(s, parcel);
		parcels_finish(parcels, parcel, s->live, s->live_bytes, err);
	}
}

void verify_scan(void *context)
{
	struct verify_run *run = context;
	struct verify *verify = run->verify;
	struct scanner *s = scanner_new(run);
	enum as_err err = AS_OK;
	if (!s) {
		verify_fail(run, AS_ERR_MEMORY);
		return;
	}
	segment_reader_watch(s->reader, &run->progress->cancel);
	parcels_begin_reading(&run->parcels);
	while (err == AS_OK && !verify_should_stop(run)) {
		const size_t turn = atomic_fetch_add(&run->next, 1);
		if (turn >= run->repo->listing.count)
			break;
		const size_t position = run->order ? run->order[turn] : turn;
		begin_segment(s, position);
		err = check_segment(s, position);
		if (err == AS_OK && !s->is_skipped)
			publish(s, position);
	}
	if (err != AS_OK)
		verify_fail(run, err);	/* the others must know, if this one is to help them */
	help(s);
	if (err == AS_OK)
		err = replay_hand_over(verify->replay, &s->replayed);
	pthread_mutex_lock(&verify->mutex);
	verify->key_sum += s->key_sum;
	pthread_mutex_unlock(&verify->mutex);
	for (size_t i = 0; s->confirmed && i < confirmed_words(run); i++)
		if (s->confirmed[i])
			atomic_fetch_or_explicit(&verify->confirmed[i], s->confirmed[i],
						 memory_order_relaxed);
	scanner_free(s);
	if (err != AS_OK)
		verify_fail(run, err);
}

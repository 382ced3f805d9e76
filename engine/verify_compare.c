#include "build-config.h"

#include "verify_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one key ---- */

/* Where a mapping that no scan has confirmed leads, by what the scan left behind. */
enum aim {
	AIM_WRONG,		/* whole bytes stand there, but not this PUT */
	AIM_DAMAGED,		/* into a damaged stretch */
	AIM_MISSING,		/* to a segment or an end of one that is not there */
	AIM_UNREADABLE		/* to what the disk or a permission refuses: perhaps whole */
};

/* Does something that is no regular file, such as a link, stand in the place of @segment? */
static bool is_not_a_file(const struct view *view, uint32_t segment)
{
	for (size_t i = 0; i < view->findings.count; i++)
		if (view->findings.rows[i].problem == PROBLEM_NOT_A_FILE &&
		    view->findings.rows[i].segment == (int64_t)segment)
			return true;
	return false;
}

/* Is the segment, of which there is no file, perhaps there all the same? */
static bool may_be_elsewhere(const struct view *view, uint32_t segment)
{
	return layout_is_partial(&view->findings) ||
	       (view->findings.total[PROBLEM_NOT_A_FILE] > 0 && is_not_a_file(view, segment));
}

static enum aim aim_of(const struct verify *verify, const struct index_bucket *bucket)
{
	const size_t position = layout_find(&verify->view->layout, bucket->segment);
	uint8_t cause;
	if (position == LAYOUT_NONE)
		return may_be_elsewhere(verify->view, bucket->segment) ? AIM_UNREADABLE
									: AIM_MISSING;
	const struct segment_facts *facts = &verify->facts[position];
	if (facts->is_unopened)
		return AIM_UNREADABLE;
	if (verify_damage_at(verify, bucket->segment, bucket->offset, &cause))
		return cause == SEGMENT_UNREADABLE ? AIM_UNREADABLE : AIM_DAMAGED;
	return (uint64_t)bucket->offset + SEGMENT_KEYED > facts->size ? AIM_MISSING : AIM_WRONG;
}

/* Do the hints say that @segment held more live objects than were found in it? A second witness for
 * what is no longer there. */
static bool hints_miss_objects(const struct verify *verify, uint32_t segment,
			       const struct replay_event *event)
{
	const struct view *view = verify->view;
	if (!view->hints.usable || view->hints.transaction != view->index_transaction)
		return false;
	const struct hints_segment *row = hints_find(&view->hints, segment);
	const size_t position = layout_find(&view->layout, segment);
	uint32_t live = position == LAYOUT_NONE ? 0 : verify->facts[position].mapped;
	/* The PUT in question may be one of them, and only its mapping wrong. */
	if (event && event->segment == segment)
		live++;
	return row && row->live > (int64_t)live;
}

/* Did only searching find @event? */
static bool was_searched(const struct verify *verify, const uint8_t key[KEY_SIZE],
			 const struct replay_event *event)
{
	struct replay_event adrift;
	return replay_find(verify->adrift, key, &adrift) && adrift.segment == event->segment &&
	       adrift.offset == event->offset;
}

/* Found behind damage, and the index knows the key in this very segment: bytes came or went before
 * it, and that is not the index's fault. */
static bool has_moved(const struct verify *verify, const struct index_bucket *bucket,
		      const struct replay_event *event)
{
	return event && event->is_put && event->segment == bucket->segment &&
	       was_searched(verify, bucket->key, event);
}

/* The mapping leads nowhere, and the log knows nothing newer. */
static enum verdict settle_unconfirmed(const struct verify *verify,
				       const struct index_bucket *bucket,
				       const struct replay_event *event)
{
	const enum aim aim = aim_of(verify, bucket);
	const bool has_older_put = event && event->is_put;
	if (aim == AIM_UNREADABLE)
		return VERDICT_UNREADABLE;
	if (has_moved(verify, bucket, event))
		return VERDICT_MOVED;
	if (aim == AIM_DAMAGED)
		return VERDICT_LOST;
	/* Is the segment lost, or the mapping wrong? An index newer than the log knows what is lost
	 * of it. */
	const bool is_beyond_log = bucket->segment > verify->end &&
				   bucket->segment <= verify->view->index_transaction;
	if (aim == AIM_MISSING && (!has_older_put || is_beyond_log ||
				   hints_miss_objects(verify, bucket->segment, event)))
		return VERDICT_LOST;
	if (has_older_put)
		return VERDICT_MISDIRECTED;
	/* No whole entry gives this key: with damage elsewhere its PUT may have been there, unless
	 * the bucket leads to one that the index does not know by its own key. Then it is the
	 * bucket's key that was damaged, and no object of that name ever was. */
	return (verify_damage_names(verify, bucket->key, event) ||
		(!event && verify->damage_count > 0 &&
		 !verify_is_stray(verify, bucket->segment, bucket->offset)))
		? VERDICT_VANISHED : VERDICT_PHANTOM;
}

enum verdict verify_settle(const struct verify *verify, const struct index_bucket *bucket,
			   bool is_confirmed, const struct replay_event *event,
			   struct replay_event *place)
{
	if (event)
		*place = *event;
	if (!bucket) {
		if (!event || !event->is_put)
			return VERDICT_DELETED;
		/* Its DELETE may lie in the gap. In a log without gaps the index is wrong. */
		return verify->index_is_intact && verify->log_has_gaps ? VERDICT_VETOED
								       : VERDICT_UNINDEXED;
	}
	const bool is_newer = event && replay_time(event->segment, event->offset) >
				       replay_time(bucket->segment, bucket->offset);
	if (is_newer && !is_confirmed && has_moved(verify, bucket, event))
		return VERDICT_MOVED;
	if (is_newer)
		return event->is_put ? VERDICT_OUTDATED : VERDICT_UNDELETED;
	if (is_confirmed) {
		*place = (struct replay_event){
			.segment = bucket->segment, .offset = bucket->offset, .is_put = true,
		};
		return VERDICT_AGREED;
	}
	return settle_unconfirmed(verify, bucket, event);
}

/* ---- the findings behind the verdicts ---- */

static const struct {
	bool is_reported;
	bool is_object;
	bool blames_index;	/* an index that does this is no witness */
	enum problem problem;
	const char *detail;
} verdicts[] = {
	[VERDICT_AGREED] = { .is_object = true },
	[VERDICT_DELETED] = { 0 },
	[VERDICT_UNINDEXED] = { true, true, true, PROBLEM_INDEX_KEY_MISSING, "" },
	[VERDICT_VETOED] = { true, false, false, PROBLEM_DELETE_LOST, "" },
	[VERDICT_OUTDATED] = { true, true, true, PROBLEM_INDEX_MAPPING, "a newer PUT follows" },
	[VERDICT_UNDELETED] = { true, false, true, PROBLEM_INDEX_KEY_DELETED, "" },
	[VERDICT_LOST] = { true, false, false, PROBLEM_OBJECT_LOST, "" },
	[VERDICT_VANISHED] = { true, false, true, PROBLEM_OBJECT_LOST, "" },
	[VERDICT_UNREADABLE] = { true, false, false, PROBLEM_OBJECT_UNREADABLE, "" },
	[VERDICT_MOVED] = { true, true, false, PROBLEM_INDEX_MAPPING, "the PUT lies elsewhere" },
	[VERDICT_MISDIRECTED] = { true, true, true, PROBLEM_INDEX_MAPPING,
				  "the PUT lies elsewhere" },
	[VERDICT_PHANTOM] = { true, false, true, PROBLEM_INDEX_MAPPING,
			      "the log knows no such object" },
};

struct compare {
	struct verify_run *run;
	struct verify *verify;
	uint32_t *missing;		/* segments that mappings lead to and that are not there */
	size_t missing_count;
	bool index_is_blamed;
	bool has_gaps;			/* objects are lost or cannot be read */
	bool unindexed_only;		/* which keys the walk over the replay settles */
};

static struct segment_facts *facts_of(const struct verify *verify, uint32_t segment)
{
	const size_t position = layout_find(&verify->view->layout, segment);
	return position == LAYOUT_NONE ? NULL : &verify->facts[position];
}

/* While all is compared one thread alone counts, and others only look on: no need to lock the
 * memory for each of a million objects. */
static void count_live(struct verify *verify, const struct replay_event *place)
{
	struct segment_facts *facts = facts_of(verify, place->segment);
	verify->objects++;
	if (!facts)
		return;
	const uint32_t live = atomic_load_explicit(&facts->live, memory_order_relaxed);
	const uint64_t bytes = atomic_load_explicit(&facts->live_bytes, memory_order_relaxed);
	atomic_store_explicit(&facts->live, live + 1, memory_order_relaxed);
	atomic_store_explicit(&facts->live_bytes, bytes + place->size, memory_order_relaxed);
}

/* The scan took the index's word that the PUT in @bucket is live; the log knows better. */
static enum as_err uncount_live(struct verify *verify, const struct index_bucket *bucket)
{
	char path[LAYOUT_PATH_MAX];
	struct segment_entry entry;
	const struct view *view = verify->view;
	const size_t position = layout_find(&view->layout, bucket->segment);
	verify->objects--;
	layout_path(&view->layout, position, path);
	verify->facts[position].live--;
	const enum as_err err = segment_read_entry(view->io, view->fd, path, bucket->offset, &entry,
						   NULL);
	if (err == AS_OK)
		verify->facts[position].live_bytes -= entry.size;
	return err == AS_ERR_MEMORY ? err : AS_OK;
}

static enum as_err note_missing(struct compare *compare, uint32_t segment)
{
	const size_t count = compare->missing_count;
	if ((count & (count - 1)) == 0) {
		uint32_t *grown =
			realloc(compare->missing, (count ? count * 2 : 1) * sizeof(*grown));
		if (!grown)
			return AS_ERR_MEMORY;
		compare->missing = grown;
	}
	compare->missing[compare->missing_count++] = segment;
	return AS_OK;
}

static enum as_err report_verdict(struct compare *compare, enum verdict verdict,
				  const uint8_t key[KEY_SIZE], const struct index_bucket *bucket,
				  const struct replay_event *place)
{
	struct finding finding = finding_of(verdicts[verdict].problem);
	if (!verdicts[verdict].is_reported)
		return AS_OK;
	compare->index_is_blamed = compare->index_is_blamed || verdicts[verdict].blames_index;
	compare->has_gaps = compare->has_gaps || verdict == VERDICT_LOST ||
			    verdict == VERDICT_VANISHED ||
			    verdict == VERDICT_UNREADABLE;
	finding.has_key = true;
	memcpy(finding.key, key, KEY_SIZE);
	finding.segment = bucket ? bucket->segment : place->segment;
	finding.offset = bucket ? bucket->offset : place->offset;
	if (verdicts[verdict].is_object && bucket)
		snprintf(finding.detail, sizeof(finding.detail), "%s, at %" PRIu32 ":%" PRIu32,
			 verdicts[verdict].detail, place->segment, place->offset);
	else
		snprintf(finding.detail, sizeof(finding.detail), "%s", verdicts[verdict].detail);
	enum as_err err = verify_add(compare->run, &finding);
	if (err == AS_OK && verdict == VERDICT_LOST && !facts_of(compare->verify, bucket->segment))
		err = note_missing(compare, bucket->segment);
	return err;
}

/* ---- the walks ---- */

bool verify_is_confirmed(const struct verify *verify, uint32_t bucket)
{
	return atomic_load_explicit(&verify->confirmed[bucket / 64], memory_order_relaxed) >>
	       (bucket % 64) & 1;
}

bool verify_find_event(const struct verify *verify, const uint8_t key[KEY_SIZE],
		       const struct index_bucket *bucket, bool is_confirmed,
		       struct replay_event *event)
{
	struct replay_event adrift;
	const bool has_sound = replay_find(verify->replay, key, event);
	if (is_confirmed || !replay_find(verify->adrift, key, &adrift))
		return has_sound;
	const bool is_supported = bucket && adrift.is_put && adrift.segment == bucket->segment;
	if (has_sound && !(is_supported && replay_time(adrift.segment, adrift.offset) >
						   replay_time(event->segment, event->offset)))
		return true;
	*event = adrift;
	return true;
}

/* A key that the replay remembers: the index holds it too and its mapping was confirmed, or (in the
 * second walk) the index does not hold it. Mappings that were not confirmed are settled by the walk
 * over the index. */
static enum as_err settle_remembered(void *context, const uint8_t key[KEY_SIZE],
				     const struct replay_event *event)
{
	struct compare *compare = context;
	struct verify *verify = compare->verify;
	struct index_bucket bucket;
	struct replay_event place;
	const uint32_t number = index_image_find(&compare->run->index.image, key);
	const bool has_bucket = number != INDEX_EMPTY;
	if (has_bucket == compare->unindexed_only ||
	    (has_bucket && !verify_is_confirmed(verify, number)))
		return AS_OK;
	if (has_bucket) {
		index_image_place(&compare->run->index.image, number, &bucket.segment,
				  &bucket.offset);
		bucket.number = number;
		memcpy(bucket.key, key, KEY_SIZE);
	}
	const enum verdict verdict = verify_settle(verify, has_bucket ? &bucket : NULL, has_bucket,
						   event, &place);
	if ((verdict == VERDICT_OUTDATED || verdict == VERDICT_UNDELETED) &&
	    uncount_live(verify, &bucket) != AS_OK)
		return AS_ERR_MEMORY;
	if (verdicts[verdict].is_object && verdict != VERDICT_AGREED)
		count_live(verify, &place);
	return report_verdict(compare, verdict, key, has_bucket ? &bucket : NULL, &place);
}

/* A key of which only searching found an event. */
static enum as_err settle_adrift(void *context, const uint8_t key[KEY_SIZE],
				 const struct replay_event *event)
{
	const struct compare *compare = context;
	struct replay_event sound;
	if (replay_find(compare->verify->replay, key, &sound))
		return AS_OK;
	return settle_remembered(context, key, event);
}

static enum as_err settle_unconfirmed_bucket(struct compare *compare, uint32_t number)
{
	struct verify *verify = compare->verify;
	const struct index_image *image = &compare->run->index.image;
	struct index_bucket bucket;
	struct replay_event event, place = { 0 };
	index_image_place(image, number, &bucket.segment, &bucket.offset);
	/* A second bucket of the same key: the census has named it, and no look-up finds it. */
	if (!index_bucket_is_used(&bucket) || index_image_find_again(image, number) != number)
		return AS_OK;
	if (index_image_bucket(image, &verify->view->index, number, &bucket) != AS_OK) {
		compare->index_is_blamed = true;
		return verify_lose_index(compare->run, number);
	}
	const bool has_event = verify_find_event(verify, bucket.key, &bucket, false, &event);
	const enum verdict verdict = verify_settle(verify, &bucket, false,
						   has_event ? &event : NULL, &place);
	if (verdicts[verdict].is_object)
		count_live(verify, &place);
	return report_verdict(compare, verdict, bucket.key, &bucket, &place);
}

uint32_t verify_count_confirmed(const struct verify *verify, uint32_t buckets)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < buckets / 64 + 1; i++)
		count += (uint32_t)__builtin_popcountll(
			atomic_load_explicit(&verify->confirmed[i], memory_order_relaxed));
	return count;
}

static enum as_err settle_index(struct compare *compare)
{
	const struct index_image *image = &compare->run->index.image;
	/* Of a whole repository nothing is left to be settled. */
	if (verify_count_confirmed(compare->verify, image->buckets) == image->used) {
		compare->verify->objects += image->used;
		return AS_OK;
	}
	for (uint32_t i = 0; i < image->buckets; i++) {
		if (verify_is_confirmed(compare->verify, i)) {
			compare->verify->objects++;
			continue;
		}
		if (i % 65536 == 0 && verify_should_stop(compare->run))
			return AS_ERR_CANCELLED;
		const enum as_err err = settle_unconfirmed_bucket(compare, i);
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

/* ---- what no index can tell: damaged entries name their own key ---- */

/* Does damaged stretch number @i name an object that nothing else tells of? The first stretch that
 * names a key need not be the only one. */
static bool is_named_by_damage(const struct verify *verify, size_t i)
{
	const struct verify_damage *damage = &verify->damage[i];
	struct replay_event event;
	if (!damage->has_key || damage->raw_tag != SEGMENT_PUT || damage->cause == SEGMENT_ZEROS)
		return false;
	/* Any event that is left speaks for itself: the object lives on, or was deleted later. */
	return !replay_find(verify->replay, damage->key, &event) ||
	       (!event.is_put && replay_time(event.segment, event.offset) <
				 replay_time(damage->segment, (uint32_t)damage->offset));
}

static enum as_err name_lost_without_index(struct compare *compare)
{
	struct verify *verify = compare->verify;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->damage_count; i++) {
		const struct verify_damage *damage = &verify->damage[i];
		if (!is_named_by_damage(verify, i))
			continue;
		struct finding finding = finding_of(damage->cause == SEGMENT_UNREADABLE
						    ? PROBLEM_OBJECT_UNREADABLE
						    : PROBLEM_OBJECT_LOST);
		finding.segment = damage->segment;
		finding.offset = (int64_t)damage->offset;
		finding.has_key = true;
		memcpy(finding.key, damage->key, KEY_SIZE);
		snprintf(finding.detail, sizeof(finding.detail),
			 "named by the damaged entry itself, no index can tell");
		err = verify_add(compare->run, &finding);
	}
	return err;
}

/* ---- missing segments ---- */

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static enum as_err report_missing_segment(struct compare *compare, uint32_t segment,
					  uint64_t objects)
{
	struct finding finding = finding_of(PROBLEM_SEGMENT_MISSING);
	finding.segment = segment;
	/* Nothing live is missed; what else it held, such as a DELETE, may be. */
	if (objects == 0)
		finding.severity = SEVERITY_INFO;
	snprintf(finding.detail, sizeof(finding.detail), "%" PRIu64 " object%s", objects,
		 objects == 1 ? " was in it" : "s were in it");
	return verify_add(compare->run, &finding);
}

static enum as_err report_missing_segments(struct compare *compare)
{
	enum as_err err = AS_OK;
	if (compare->missing_count > 0)
		qsort(compare->missing, compare->missing_count, sizeof(uint32_t), by_number);
	for (size_t i = 0, next; err == AS_OK && i < compare->missing_count; i = next) {
		for (next = i + 1; next < compare->missing_count &&
		     compare->missing[next] == compare->missing[i]; next++)
			;
		err = report_missing_segment(compare, compare->missing[i], next - i);
	}
	return err;
}

/* ---- hints ---- */

/* Is it what a compaction leaves that was interrupted: superseded entries, a row of 0, and not
 * listed to be compacted? */
static bool is_emptied(const struct verify *verify, const struct hints_segment *row,
		       const struct segment_facts *facts)
{
	return row && row->live == 0 && facts->live == 0 && facts->puts + facts->deletes > 0 &&
	       !hints_is_compact(&verify->view->hints, row->segment);
}

static enum as_err compare_hints_row(struct compare *compare, const struct hints_segment *row)
{
	struct verify *verify = compare->verify;
	const struct segment_facts *facts = facts_of(verify, row->segment);
	if (facts || may_be_elsewhere(verify->view, row->segment))
		return AS_OK;	/* the walk over the segments compares it */
	/* What the index maps there is named already; what it does not map there was not live. */
	if (verify->index_was_compared && row->live > 0)
		return AS_OK;
	return report_missing_segment(compare, row->segment,
				      row->live > 0 ? (uint64_t)row->live : 0);
}

/* Hints of the log's end count objects in a segment that is not there, or list it to be compacted,
 * and no mapping leads there: it is the hints that are wrong. Attic's next commit fails on such a
 * list. A row of 0 does no harm. */
static enum as_err report_hints_ghost(struct compare *compare, uint32_t segment, int64_t live)
{
	const struct verify *verify = compare->verify;
	if (facts_of(verify, segment) || may_be_elsewhere(verify->view, segment))
		return AS_OK;
	struct finding finding = finding_of(PROBLEM_HINTS_COUNT);
	finding.segment = segment;
	if (live > 0)
		snprintf(finding.detail, sizeof(finding.detail),
			 "stored %" PRId64 ", and the segment is not there", live);
	else
		snprintf(finding.detail, sizeof(finding.detail),
			 "they list it to be compacted, and it is not there");
	return verify_add(compare->run, &finding);
}

static enum as_err compare_hints_ghosts(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	const struct hints *hints = &verify->view->hints;
	enum as_err err = AS_OK;
	if (!verify->index_was_compared)
		return AS_OK;
	for (size_t i = 0; err == AS_OK && i < hints->segment_count; i++)
		if (hints->segments[i].live > 0)
			err = report_hints_ghost(compare, hints->segments[i].segment,
						 hints->segments[i].live);
	for (size_t i = 0; err == AS_OK && i < hints->compact_count; i++) {
		const struct hints_segment *row = hints_find(hints, hints->compact[i]);
		if (!row || row->live <= 0)
			err = report_hints_ghost(compare, hints->compact[i], 0);
	}
	return err;
}

static enum as_err compare_hints_count(struct compare *compare, size_t position)
{
	const struct verify *verify = compare->verify;
	const struct segment_facts *facts = &verify->facts[position];
	const uint32_t number = verify->view->layout.segments[position].number;
	const struct hints_segment *row = hints_find(&verify->view->hints, number);
	const int64_t stored = row ? row->live : 0;
	const bool count_is_right = stored == (int64_t)facts->live;
	/* A compaction that does not know of a superseded PUT may drop the DELETE that killed it.
	 */
	const bool is_unlisted = row && facts->puts > facts->live &&
				 !hints_is_compact(&verify->view->hints, number);
	if (!facts->is_committed || facts->is_unopened)
		return AS_OK;
	const bool was_emptied = is_emptied(verify, row, facts);
	if (count_is_right && !is_unlisted && !was_emptied)
		return AS_OK;
	struct finding finding = finding_of(was_emptied ? PROBLEM_SEGMENT_EMPTIED
							: PROBLEM_HINTS_COUNT);
	finding.segment = number;
	if (was_emptied)
		return verify_add(compare->run, &finding);
	if (count_is_right)
		snprintf(finding.detail, sizeof(finding.detail),
			 "it holds superseded entries, and they do not list it");
	else
		snprintf(finding.detail, sizeof(finding.detail),
			 "stored %" PRId64 ", counted %" PRIu32, stored, (uint32_t)facts->live);
	return verify_add(compare->run, &finding);
}

static enum as_err compare_hints(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	const struct view *view = verify->view;
	enum as_err err = AS_OK;
	if (!view->hints.usable || !verify->has_end || view->hints.transaction < verify->end)
		return AS_OK;
	for (size_t i = 0; err == AS_OK && i < view->hints.segment_count; i++)
		err = compare_hints_row(compare, &view->hints.segments[i]);
	/* Where the log is damaged the counts differ for that reason alone, and salvage writes new
	 * ones. */
	if (verify->damage_count > 0 || compare->has_gaps || view->hints.transaction != verify->end)
		return err;
	for (size_t i = 0; err == AS_OK && i < view->layout.count; i++)
		err = compare_hints_count(compare, i);
	return err == AS_OK ? compare_hints_ghosts(compare) : err;
}

/* ---- everything ---- */

/* Do the hints of the index's transaction know a segment that is not there? */
static bool hints_miss_segments(const struct verify *verify)
{
	const struct view *view = verify->view;
	if (!view->hints.usable || view->hints.transaction != view->index_transaction)
		return false;
	for (size_t i = 0; i < view->hints.segment_count; i++)
		if (layout_find(&view->layout, view->hints.segments[i].segment) == LAYOUT_NONE)
			return true;
	return false;
}

/* Does the index lead to whole entries of other keys more often than to its own? Then it is of
 * another repository, or of another time, and says nothing about the keys here. */
static bool is_foreign(const struct verify_run *run)
{
	const struct index_image *image = &run->index.image;
	uint32_t wrong = 0;
	for (uint32_t i = 0; i < image->buckets; i++) {
		struct index_bucket bucket;
		if (verify_is_confirmed(run->verify, i))
			continue;
		index_image_place(image, i, &bucket.segment, &bucket.offset);
		if (index_bucket_is_used(&bucket) && aim_of(run->verify, &bucket) == AIM_WRONG)
			wrong++;
	}
	return wrong > verify_count_confirmed(run->verify, image->buckets);
}

static enum as_err believe(void *context, const uint8_t key[KEY_SIZE],
			   const struct replay_event *event)
{
	return replay_note(context, key, event);
}

/* What only searching found is believed, as without an index, where this one is no witness. */
static enum as_err believe_adrift(const struct verify_run *run)
{
	struct verify *verify = run->verify;
	if (replay_count(verify->adrift) == 0 || !is_foreign(run))
		return AS_OK;
	return replay_each(verify->adrift, believe, verify->replay);
}

static bool any_is_cut(const struct verify *verify)
{
	for (size_t i = 0; i < verify->view->layout.count; i++)
		if (verify->facts[i].is_cut)
			return true;
	return false;
}

/* What the index holds, and of what the replay remembers that which it holds too. */
static enum as_err compare_mappings(struct compare *compare)
{
	struct verify_run *run = compare->run;
	enum as_err err = believe_adrift(run);
	if (err == AS_OK)
		err = settle_index(compare);
	if (err == AS_OK)
		err = replay_each(run->verify->replay, settle_remembered, compare);
	if (err != AS_OK)
		return err;
	run->verify->index_is_intact = !compare->index_is_blamed && run->index.is_whole;
	run->verify->log_has_gaps = run->verify->damage_count > 0 || compare->has_gaps ||
				    run->view->index_transaction > run->verify->end ||
				    hints_miss_segments(run->verify) || any_is_cut(run->verify);
	return AS_OK;
}

/* Then the rest of it, which rests on how the index has fared. */
static enum as_err compare_index(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	enum as_err err = compare_mappings(compare);
	compare->unindexed_only = true;
	if (err == AS_OK)
		err = replay_each(verify->replay, settle_remembered, compare);
	if (err == AS_OK)
		err = replay_each(verify->adrift, settle_adrift, compare);
	return err;
}

static enum as_err take_log(struct compare *compare)
{
	const enum as_err err = name_lost_without_index(compare);
	return err == AS_OK ? verify_tally_log(compare->run) : err;
}

/* Does the index lead to the damaged entry? */
static bool leads_to(const struct index_image *image, const struct verify_damage *damage)
{
	uint32_t segment, offset;
	if (!damage->has_key || damage->raw_tag != SEGMENT_PUT)
		return false;
	const uint32_t number = index_image_find(image, damage->key);
	if (number == INDEX_EMPTY)
		return false;
	index_image_place(image, number, &segment, &offset);
	return segment == damage->segment && offset == damage->offset;
}

/* What is live changes while keys are settled; a verdict must be the same in whatever order that is
 * done, and when it is asked for again. What is damaged was live as well. */
static void keep_mapped(const struct verify_run *run)
{
	struct verify *verify = run->verify;
	for (size_t i = 0; i < verify->view->layout.count; i++)
		verify->facts[i].mapped = verify->facts[i].live;
	for (size_t i = 0; run->index.is_loaded && i < verify->damage_count; i++)
		if (leads_to(&run->index.image, &verify->damage[i]))
			facts_of(verify, verify->damage[i].segment)->mapped++;
}

enum as_err verify_compare(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct compare compare = { .run = run, .verify = verify };
	enum as_err err = verify_sort_damage(run);
	if (err != AS_OK)
		return err;
	keep_mapped(run);
	verify->index_was_compared = run->index.is_loaded;
	err = verify->index_was_compared ? compare_index(&compare) : take_log(&compare);
	if (err == AS_OK)
		err = report_missing_segments(&compare);
	if (err == AS_OK)
		err = compare_hints(&compare);
	free(compare.missing);
	return err;
}

/* ---- every key, afterwards ---- */

#define BUCKETS_AT_ONCE 1024u

struct every {
	const struct verify *verify;
	enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE], enum verify_outcome outcome,
			    const struct replay_event *place);
	void *context;
};

static enum verify_outcome outcome_of(enum verdict verdict)
{
	if (verdicts[verdict].is_object)
		return OUTCOME_OBJECT;
	if (verdict == VERDICT_LOST || verdict == VERDICT_VANISHED)
		return OUTCOME_LOST;
	return verdict == VERDICT_UNREADABLE ? OUTCOME_UNREADABLE : OUTCOME_NONE;
}

static enum as_err give_bucket(const struct every *every, const struct index_bucket *bucket)
{
	const struct verify *verify = every->verify;
	const bool is_confirmed = verify_is_confirmed(verify, bucket->number);
	struct index_bucket found;
	struct replay_event event, place = { .is_put = true };
	/* A second bucket of the same key is not the one that a look-up finds. */
	if (!is_confirmed && (index_lookup(&verify->view->index, bucket->key, &found) != AS_OK ||
			      found.number != bucket->number))
		return AS_OK;
	const bool has_event = verify_find_event(verify, bucket->key, bucket, is_confirmed, &event);
	const enum verdict verdict = verify_settle(verify, bucket, is_confirmed,
						   has_event ? &event : NULL, &place);
	const enum verify_outcome outcome = outcome_of(verdict);
	if (outcome == OUTCOME_LOST || outcome == OUTCOME_UNREADABLE)
		place = (struct replay_event){
			.segment = bucket->segment, .offset = bucket->offset, .is_put = true,
		};
	return every->each(every->context, bucket->key, outcome, &place);
}

static enum as_err give_buckets(const struct every *every)
{
	const struct index_file *index = &every->verify->view->index;
	struct index_bucket *rows = malloc(BUCKETS_AT_ONCE * sizeof(*rows));
	enum as_err err = rows ? AS_OK : AS_ERR_MEMORY;
	uint32_t got = 0;
	for (uint32_t first = 0; err == AS_OK && first < index->buckets; first += got) {
		err = index_read(index, first, BUCKETS_AT_ONCE, rows, &got);
		for (uint32_t i = 0; err == AS_OK && i < got; i++)
			if (index_bucket_is_used(&rows[i]))
				err = give_bucket(every, &rows[i]);
	}
	free(rows);
	return err;
}

/* A key that the index does not know. */
static enum as_err give_event(void *context, const uint8_t key[KEY_SIZE],
			      const struct replay_event *event)
{
	const struct every *every = context;
	const struct verify *verify = every->verify;
	struct index_bucket bucket;
	struct replay_event place = *event;
	if (!verify->index_was_compared)
		return every->each(every->context, key,
				   event->is_put ? OUTCOME_OBJECT : OUTCOME_NONE, event);
	if (index_lookup(&verify->view->index, key, &bucket) == AS_OK)
		return AS_OK;
	const enum verdict verdict = verify_settle(verify, NULL, false, event, &place);
	return every->each(every->context, key, outcome_of(verdict), &place);
}

static enum as_err give_adrift(void *context, const uint8_t key[KEY_SIZE],
			       const struct replay_event *event)
{
	const struct every *every = context;
	struct replay_event sound;
	return replay_find(every->verify->replay, key, &sound) ? AS_OK
							       : give_event(context, key, event);
}

/* As name_lost_without_index. */
static enum as_err give_damaged(const struct every *every)
{
	const struct verify *verify = every->verify;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->damage_count; i++) {
		const struct verify_damage *damage = &verify->damage[i];
		const struct replay_event place = {
			.segment = damage->segment, .offset = (uint32_t)damage->offset,
			.is_put = true,
		};
		if (is_named_by_damage(verify, i))
			err = every->each(every->context, damage->key,
					  damage->cause == SEGMENT_UNREADABLE ? OUTCOME_UNREADABLE
									      : OUTCOME_LOST,
					  &place);
	}
	return err;
}

enum as_err verify_each_of(const struct verify *verify, unsigned part,
			   enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					       enum verify_outcome outcome,
					       const struct replay_event *place),
			   void *context)
{
	struct every every = { .verify = verify, .each = each, .context = context };
	enum as_err err = AS_OK;
	if (part == 0)
		err = verify->index_was_compared ? give_buckets(&every) : give_damaged(&every);
	if (err == AS_OK)
		err = replay_each_of(verify->replay, part, give_event, &every);
	if (err == AS_OK)
		err = replay_each_of(verify->adrift, part, give_adrift, &every);
	return err;
}

enum as_err verify_each(const struct verify *verify,
			enum as_err (*each)(void *context, const uint8_t key[KEY_SIZE],
					    enum verify_outcome outcome,
					    const struct replay_event *place),
			void *context)
{
	enum as_err err = AS_OK;
	for (unsigned part = 0; err == AS_OK && part < VERIFY_PARTS; part++)
		err = verify_each_of(verify, part, each, context);
	return err;
}

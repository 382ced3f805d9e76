#include "build-config.h"

#include "check/check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is found ---- */

struct compare {
	struct verify_run *run;
	struct verify *verify;
	size_t gone_capacity;
	struct verify_unnamed unnamed;
};

/* While all is compared one thread alone counts, and others only look on: no need to lock the
 * memory for each of a million objects. */
static void count_live(struct verify *verify, const uint8_t key[KEY_SIZE],
		       const struct replay_event *place)
{
	struct segment_facts *facts = verify_facts(verify, place->segment);
	verify->objects++;
	verify->key_sum += key_value(key);
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
	const struct repo *repo = verify->repo;
	struct verify_source source;
	struct segment_entry entry;
	struct segment_facts *facts = verify_facts(verify, bucket->segment);
	verify->objects--;
	verify->key_sum -= key_value(bucket->key);
	if (!facts || !verify_find_source(verify, bucket->segment, bucket->offset, &source))
		return AS_OK;
	facts->live--;
	const enum as_err err = segment_read_entry(repo->io, repo->fd, source.path, source.offset,
						   &entry, NULL);
	if (err == AS_OK)
		facts->live_bytes -= entry.size;
	return err == AS_ERR_MEMORY ? err : AS_OK;
}

/* The repair that mends what was found of one key. Where nothing is wrong with the log, writing the
 * index again does. */
static enum repair repair_of(const struct verify *verify, enum verdict verdict, bool is_confirmed)
{
	if (verdict == VERDICT_DELETE_MOVED ||
	    (verdict == VERDICT_POSSIBLY_DELETED && is_confirmed))
		return REPAIR_COMPACT;
	if (verdict == VERDICT_POSSIBLY_DELETED)
		return verify->damage_count > 0 ? REPAIR_SALVAGE : REPAIR_RECOVER;
	return problem_table[verdict_table[verdict].problem].repair;
}

static enum as_err add_gone(struct compare *compare, enum verdict verdict,
			    const struct index_bucket *bucket, const struct replay_event *place)
{
	struct verify *verify = compare->verify;
	struct verify_missing *row = verify_find_missing(verify, bucket->segment);
	struct segment_facts *facts = verify_facts(verify, bucket->segment);
	if (row)
		row->lost++;
	if (facts && verify->index_credit != CREDIT_CREDIBLE)
		facts->named++;
	const enum as_err err = verify_add_gone(verify, &compare->gone_capacity, bucket->key,
						bucket->segment, bucket->offset,
						verdict == VERDICT_OLDER ? place : NULL);
	if (err == AS_OK && verdict == VERDICT_UNREADABLE)
		verify->gone[verify->gone_count - 1].is_unreadable = true;
	return err;
}

static enum as_err report_verdict(struct compare *compare, enum verdict verdict,
				  const uint8_t key[KEY_SIZE], const struct index_bucket *bucket,
				  const struct replay_event *place)
{
	struct verify *verify = compare->verify;
	const bool is_confirmed = bucket && verify_is_confirmed(verify, bucket->number);
	if (bucket && (verdict == VERDICT_LOST || verdict == VERDICT_OLDER ||
		       verdict == VERDICT_UNREADABLE))
		return add_gone(compare, verdict, bucket, place);
	verify->possibly_deleted += verdict == VERDICT_POSSIBLY_DELETED;
	verify->deletes_moved += is_confirmed && (verdict == VERDICT_DELETE_MOVED ||
						  verdict == VERDICT_POSSIBLY_DELETED);
	compare->unnamed.phantoms += verdict == VERDICT_PHANTOM &&
				     !verify_has_damaged_key(verify, bucket);
	if (!verdict_table[verdict].is_reported ||
	    (verify->index_credit != CREDIT_CREDIBLE && verdict != VERDICT_DELETE_MOVED &&
	     verdict != VERDICT_POSSIBLY_DELETED))
		return AS_OK;
	struct finding finding = finding_of(verdict_table[verdict].problem);
	finding.repair = repair_of(verify, verdict, is_confirmed);
	finding.has_key = true;
	memcpy(finding.key, key, KEY_SIZE);
	finding.segment = bucket ? bucket->segment : place->segment;
	finding.offset = bucket ? bucket->offset : place->offset;
	if (verdict_table[verdict].is_object && bucket && verdict_table[verdict].detail[0])
		snprintf(finding.detail, sizeof(finding.detail), "%s, at %" PRIu32 ":%" PRIu32,
			 verdict_table[verdict].detail, place->segment, place->offset);
	else
		snprintf(finding.detail, sizeof(finding.detail), "%s",
			 verdict_table[verdict].detail);
	return verify_add(compare->run, &finding);
}

/* ---- the walks ---- */

/* A key that the replay remembers: the index holds it too and its mapping was confirmed, or the
 * index does not hold it. Mappings that were not confirmed are left to the walk over the
 * index. */
static enum as_err compare_remembered(void *context, const uint8_t key[KEY_SIZE],
				      const struct replay_event *event)
{
	struct compare *compare = context;
	struct verify *verify = compare->verify;
	struct index_bucket bucket;
	struct replay_event place;
	const bool has_bucket = verify_find_mapping(compare->run, key, &bucket);
	const bool is_confirmed = has_bucket && verify_is_confirmed(verify, bucket.number);
	if (has_bucket && !is_confirmed && bucket.offset >= SEGMENT_MAGIC_SIZE)
		return AS_OK;
	const enum verdict verdict = verify_find_verdict(verify, key, has_bucket ? &bucket : NULL,
							 event, &place);
	if ((verdict == VERDICT_OUTDATED || verdict == VERDICT_UNDELETED) && is_confirmed &&
	    uncount_live(verify, &bucket) != AS_OK)
		return AS_ERR_MEMORY;
	if (verdict_table[verdict].is_object && !(is_confirmed && verdict != VERDICT_OUTDATED))
		count_live(verify, key, &place);
	return report_verdict(compare, verdict, key, has_bucket ? &bucket : NULL, &place);
}

/* A key whose events only searching found. */
static enum as_err compare_unanchored(void *context, const uint8_t key[KEY_SIZE],
				      const struct replay_event *event)
{
	const struct compare *compare = context;
	struct replay_event sound;
	if (replay_find(compare->verify->replay, key, &sound))
		return AS_OK;
	return compare_remembered(context, key, event);
}

static enum as_err compare_unconfirmed(void *context, const struct index_bucket *bucket)
{
	struct compare *compare = context;
	struct verify *verify = compare->verify;
	struct replay_event place = { 0 };
	if (bucket->offset < SEGMENT_MAGIC_SIZE)
		return AS_OK;	/* no mapping at all: the log alone speaks of the key */
	const enum verdict verdict =
		verify_find_verdict_of_key(verify, bucket->key, bucket, &place);
	if (verdict_table[verdict].is_object)
		count_live(verify, bucket->key, &place);
	return report_verdict(compare, verdict, bucket->key, bucket, &place);
}

/* ---- what no index can tell: damaged entries name their own key ---- */

/* Where no index is to be believed: the objects that damaged PUTs show as their keys and nothing
 * else names. The first stretch that names a key need not be the only one. */
static enum as_err name_by_damage(struct compare *compare)
{
	struct verify *verify = compare->verify;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->damage_count; i++) {
		const struct verify_damage *damage = &verify->damage[i];
		const uint32_t offset = (uint32_t)damage->offset;
		struct index_bucket bucket;
		struct replay_event event;
		if (!damage->has_key || damage->raw_tag != SEGMENT_PUT ||
		    damage->cause == SEGMENT_ZEROS ||
		    verify_has_fill(verify, damage->segment, offset))
			continue;
		/* A mapping that is confirmed is no event of the replay. */
		if (verify_find_mapping(compare->run, damage->key, &bucket) &&
		    verify_is_confirmed(verify, bucket.number))
			continue;
		/* Any later event decides: the object lives on, or was deleted later. */
		if (replay_find(verify->replay, damage->key, &event) &&
		    (event.is_put || replay_time(event.segment, event.offset) >=
					     replay_time(damage->segment, offset)))
			continue;
		verify_facts(verify, damage->segment)->named++;
		compare->unnamed.by_damage++;
		err = verify_add_gone(verify, &compare->gone_capacity, damage->key,
				      damage->segment, offset, NULL);
		if (err == AS_OK)
			verify->gone[verify->gone_count - 1].is_unreadable =
				damage->cause == SEGMENT_UNREADABLE;
	}
	return err;
}

static enum as_err report_gone_row(struct compare *compare, const struct verify_gone *gone)
{
	struct verify *verify = compare->verify;
	struct finding finding = finding_of(gone->has_older ? PROBLEM_OBJECT_OLDER
					    : gone->is_unreadable ? PROBLEM_OBJECT_UNREADABLE
								  : PROBLEM_OBJECT_LOST);
	verify->older += gone->has_older;
	verify->lost += !gone->has_older && !gone->is_unreadable;
	finding.segment = gone->segment;
	finding.offset = gone->offset;
	finding.has_key = true;
	memcpy(finding.key, gone->key, KEY_SIZE);
	if (gone->has_older && gone->older_copy != UINT32_MAX)
		snprintf(finding.detail, sizeof(finding.detail), "a whole one is in %.100s, at %"
			 PRIu32, verify->copies[gone->older_copy].path, gone->older_at);
	else if (gone->has_older && gone->older_is_uncommitted)
		snprintf(finding.detail, sizeof(finding.detail),
			 "a whole one, never committed, is at %" PRIu32 ":%" PRIu32,
			 gone->older.segment, gone->older.offset);
	else if (gone->has_older)
		snprintf(finding.detail, sizeof(finding.detail),
			 "the older one is at %" PRIu32 ":%" PRIu32, gone->older.segment,
			 gone->older.offset);
	else if (verify->index_credit != CREDIT_CREDIBLE)
		snprintf(finding.detail, sizeof(finding.detail), "%s",
			 verify->index_credit == CREDIT_OLDER
				 ? "an earlier index names it"
				 : "named by the damaged entry itself, no index can tell");
	/* Nothing of what is there is damaged: the log as it stands is all there is. */
	if (verify->damage_count == 0 && gone->segment > verify->end && !gone->is_unreadable)
		finding.repair = REPAIR_RECOVER;
	return verify_add(compare->run, &finding);
}

static enum as_err report_gone(struct compare *compare)
{
	enum as_err err = verify_find_older(compare->run);
	for (size_t i = 0; err == AS_OK && i < compare->verify->gone_count; i++)
		err = report_gone_row(compare, &compare->verify->gone[i]);
	return err;
}

/* ---- missing segments ---- */

static enum as_err report_missing_segment(struct compare *compare, uint32_t segment,
					  uint64_t objects)
{
	struct finding finding = finding_of(PROBLEM_SEGMENT_MISSING);
	finding.segment = segment;
	/* Nothing live is missed; what else it held, such as a DELETE, may be. */
	if (objects == 0)
		finding.severity = SEVERITY_INFO;
	else if (segment > compare->verify->end)
		finding.repair = REPAIR_RECOVER;
	else
		compare->verify->log_is_damaged = true;
	snprintf(finding.detail, sizeof(finding.detail), "%" PRIu64 " object%s", objects,
		 objects == 1 ? " was in it" : "s were in it");
	return verify_add(compare->run, &finding);
}

static enum as_err report_missing_segments(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < verify->missing_count; i++)
		if (verify->missing[i].lost > 0 &&
		    verify_is_gap(verify, verify->missing[i].segment))
			err = report_missing_segment(compare, verify->missing[i].segment,
						     verify->missing[i].lost);
	return err;
}

/* ---- hints ---- */

static enum as_err report_hints(struct compare *compare, uint32_t segment, const char *detail)
{
	struct finding finding = finding_of(PROBLEM_HINTS_COUNT);
	finding.segment = segment;
	snprintf(finding.detail, sizeof(finding.detail), "%s", detail);
	return verify_add(compare->run, &finding);
}

/* A segment that the hints know and that is not there: is it missing, or are they wrong? */
static enum as_err compare_hints_row(struct compare *compare, const struct hints_segment *row)
{
	const struct verify *verify = compare->verify;
	const uint64_t live = row->live > 0 ? (uint64_t)row->live : 0;
	char detail[FINDING_DETAIL_MAX];
	if (verify_facts(verify, row->segment) ||
	    verify_may_be_elsewhere(verify->repo, row->segment))
		return AS_OK;	/* the walk over the segments compares it */
	if (live == 0)	/* a file that takes no part in the log may bear the number */
		return listing_find(&verify->repo->listing, row->segment) != LISTING_NONE
			? AS_OK : report_missing_segment(compare, row->segment, 0);
	const bool index_knows_all = verify->index_credit == CREDIT_CREDIBLE;
	const struct verify_missing *missing = verify_find_missing(verify, row->segment);
	const uint64_t filled = verify_count_filled(verify, row->segment);
	if ((missing && (index_knows_all || missing->lost > 0)) || live <= filled)
		return AS_OK;
	const bool hints_share_most = verify->hints_figures.right * 2 >= verify->hints_figures.rows;
	if (!index_knows_all &&
	    (verify->hints_credit == CREDIT_CREDIBLE ||
	     (verify->repo->hints.transaction > verify->end && hints_share_most))) {
		compare->unnamed.by_hints += live - filled;
		return report_missing_segment(compare, row->segment, live - filled);
	}
	if (!index_knows_all)
		return AS_OK;
	snprintf(detail, sizeof(detail), "they count %" PRIu64 " in it, and it is not there", live);
	return report_hints(compare, row->segment, detail);
}

static enum as_err compare_hints_count(struct compare *compare, size_t position)
{
	const struct verify *verify = compare->verify;
	const struct segment_facts *facts = &verify->facts[position];
	const struct hints_segment *row = hints_find(&verify->repo->hints, facts->number);
	const int64_t stored = row ? row->live : 0;
	const bool count_is_right = stored == (int64_t)facts->live;
	char detail[FINDING_DETAIL_MAX];
	const bool is_to_compact = hints_is_compact(&verify->repo->hints, facts->number);
	/* A compaction that does not know of a superseded PUT may drop the DELETE that killed
	 * it. */
	const bool is_unlisted = row && facts->puts > facts->live && !is_to_compact;
	/* What a compaction leaves that was interrupted: superseded entries, and a row of 0. Where
	 * digests cover the hints the row is gone before the segment. */
	const bool has_empty_row = row ? row->live == 0 : verify->repo->dialect->has_integrity;
	const bool was_emptied = has_empty_row && facts->live == 0 &&
				 facts->puts + facts->deletes > 0 && !is_to_compact;
	if (!facts->is_committed || facts->is_unopened || facts->role != ROLE_LOG ||
	    (count_is_right && !is_unlisted && !was_emptied))
		return AS_OK;
	if (was_emptied) {
		struct finding finding = finding_of(PROBLEM_SEGMENT_EMPTIED);
		finding.segment = facts->number;
		return verify_add(compare->run, &finding);
	}
	if (verify->has_roles)
		return AS_OK;
	if (count_is_right)
		snprintf(detail, sizeof(detail),
			 "it holds superseded entries, and they do not list it");
	else
		snprintf(detail, sizeof(detail), "stored %" PRId64 ", counted %" PRIu32, stored,
			 (uint32_t)facts->live);
	return report_hints(compare, facts->number, detail);
}

/* Compare the hints' sum of the sizes of all PUTs. Borg 1.1 counted live ones alone, so that any
 * sum between is right. It matters only where there is a quota. */
static enum as_err compare_quota(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	const struct repo *repo = verify->repo;
	const uint64_t use = (uint64_t)repo->hints.quota_use;
	struct finding finding = finding_of(PROBLEM_HINTS_QUOTA);
	uint64_t least = 0, most = 0;
	if (repo->config.storage_quota == 0 || !repo->hints.has_quota_use)
		return AS_OK;
	for (size_t i = 0; i < repo->listing.count; i++) {
		least += verify->facts[i].live_bytes;
		most += verify->facts[i].is_committed ? verify->facts[i].size : 0;
	}
	if (repo->hints.quota_use >= 0 && use >= least && use <= most)
		return AS_OK;
	snprintf(finding.detail, sizeof(finding.detail), "stored %" PRId64 ", between %" PRIu64
		 " and %" PRIu64 " counted", repo->hints.quota_use, least, most);
	return verify_add(compare->run, &finding);
}

/* Report the deleted keys whose older PUTs are all gone by the hints, while one is there: what
 * compacts next drops the DELETE. Objects that are there do not count: they need no DELETE. */
static enum as_err compare_shadow(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	const struct hints *hints = &verify->repo->hints;
	struct finding finding = finding_of(PROBLEM_HINTS_SHADOW);
	struct replay_event event;
	struct index_bucket bucket;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < hints->shadow_count; i++) {
		const struct hints_shadow *row = &hints->shadow[i];
		if (row->count > 0 || !verify->shadow_is_there[i] ||
		    verify_find_mapping(compare->run, row->key, &bucket) ||
		    !replay_find(verify->replay, row->key, &event) || event.is_put)
			continue;
		finding.segment = event.segment;
		finding.offset = event.offset;
		finding.has_key = true;
		memcpy(finding.key, row->key, KEY_SIZE);
		err = verify_add(compare->run, &finding);
	}
	return err;
}

static enum as_err compare_hints(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	const struct repo *repo = verify->repo;
	enum as_err err = AS_OK;
	if (!repo->hints.usable || !verify->has_end || repo->hints.transaction < verify->end)
		return AS_OK;
	for (size_t i = 0; err == AS_OK && i < repo->hints.count; i++)
		if (repo->hints.rows[i].is_counted)
			err = compare_hints_row(compare, &repo->hints.rows[i]);
	/* Where the log is damaged the counts differ for that reason alone, and salvage writes new
	 * ones. */
	if (verify->damage_count > 0 || verify->gone_count > 0 ||
	    repo->hints.transaction != verify->end)
		return err;
	for (size_t i = 0; err == AS_OK && !verify->has_roles && i < repo->hints.count; i++) {
		const struct hints_segment *row = &repo->hints.rows[i];
		/* Borg passes over such a row. */
		if (!repo->dialect->has_lone_commits && row->is_compact &&
		    !verify_facts(verify, row->segment) &&
		    !verify_may_be_elsewhere(repo, row->segment))
			err = report_hints(compare, row->segment,
					   "they list it to be compacted, and it is not there");
	}
	for (size_t i = 0; err == AS_OK && i < repo->listing.count; i++)
		err = compare_hints_count(compare, i);
	if (err == AS_OK)
		err = compare_quota(compare);
	return err == AS_OK ? compare_shadow(compare) : err;
}

/* ---- files that take no part, or bear another's number ---- */

/* Would the log say something else of the key with what came back? */
static enum as_err weigh_apart(void *context, const uint8_t key[KEY_SIZE],
			       const struct replay_event *event)
{
	struct compare *compare = context;
	const struct verify *verify = compare->verify;
	struct replay_event place;
	const bool is_object = verify_lookup(verify, key, &place);
	const uint64_t time = replay_time(event->segment, event->offset);
	struct replay_event last;
	if (is_object && time < replay_time(place.segment, place.offset))
		return AS_OK;
	if (!is_object && !event->is_put)
		return AS_OK;
	if (!is_object && replay_find(verify->replay, key, &last) && !last.is_put &&
	    replay_time(last.segment, last.offset) > time)
		return AS_OK;
	compare->verify->returned++;
	return AS_OK;
}

static enum as_err report_role(struct compare *compare, size_t position)
{
	struct verify *verify = compare->verify;
	const struct segment_facts *facts = &verify->facts[position];
	const uint32_t number = verify->repo->listing.segments[position].number;
	char path[LISTING_PATH_MAX];
	struct finding finding;
	listing_path(&verify->repo->listing, position, path);
	if (facts->role == ROLE_RETURNED) {
		const bool is_listed = hints_find(&verify->repo->hints, number) != NULL;
		finding = finding_of(verify->returned == 0 && is_listed ? PROBLEM_SEGMENT_EMPTIED
									: PROBLEM_SEGMENT_RETURNED);
		if (verify->returned == 0)
			finding.severity = SEVERITY_INFO;
		snprintf(finding.detail, sizeof(finding.detail), "%.120s", path);
	} else if (facts->role == ROLE_FOREIGN) {
		finding = finding_of(PROBLEM_SEGMENT_FOREIGN);
		snprintf(finding.detail, sizeof(finding.detail), "%.120s", path);
		verify->log_is_damaged = true;
	} else if (facts->number != number) {
		finding = finding_of(PROBLEM_SEGMENT_MISNAMED);
		snprintf(finding.detail, sizeof(finding.detail), "%.120s is segment %" PRIu32, path,
			 facts->number);
		verify->log_is_damaged = true;
	} else {
		return AS_OK;
	}
	finding.segment = number;
	return verify_add(compare->run, &finding);
}

static enum as_err report_roles(struct compare *compare)
{
	const struct verify *verify = compare->verify;
	enum as_err err = AS_OK;
	if (!verify->has_roles)
		return AS_OK;
	err = replay_each(verify->apart, weigh_apart, compare);
	for (size_t i = 0; err == AS_OK && i < verify->repo->listing.count; i++)
		err = report_role(compare, i);
	return err;
}

/* ---- everything ---- */

/* An index that fits the log's end by its number and not by what it says. */
static enum as_err report_index(struct compare *compare)
{
	struct verify *verify = compare->verify;
	const struct index_figures *f = &verify->index_figures;
	struct finding finding = finding_of(PROBLEM_INDEX_FOREIGN);
	if (!compare->run->index.is_loaded || verify->index_credit == CREDIT_CREDIBLE ||
	    !verify->has_end || verify->index.transaction != verify->end ||
	    verify->index_is_inferred)
		return AS_OK;
	snprintf(finding.detail, sizeof(finding.detail),
		 "index.%" PRIu32 " is %s: it knows %" PRIu64 " of %" PRIu64 " objects; %" PRIu64
		 " of %" PRIu64 " mappings are confirmed", verify->index.transaction,
		 credit_name(verify->index_credit), f->known, f->live, f->confirmed, f->used);
	return verify_add(compare->run, &finding);
}

/* What the index holds, and of what the replay remembers that which it does not settle. */
static enum as_err compare_index(struct compare *compare)
{
	struct verify *verify = compare->verify;
	const struct index_image *image = &compare->run->index.image;
	verify->objects = verify_count_confirmed(verify, image->buckets);
	if (compare->run->is_agreed)
		return AS_OK;
	enum as_err err = verify_each_unconfirmed(compare->run, compare_unconfirmed, compare);
	if (err == AS_OK)
		err = replay_each(verify->replay, compare_remembered, compare);
	if (err == AS_OK)
		err = replay_each(verify->unanchored, compare_unanchored, compare);
	return err;
}

enum as_err verify_compare(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct compare compare = { .run = run, .verify = verify };
	static enum as_err (*const steps[])(struct compare *compare) = {
		report_gone, report_missing_segments, compare_hints, report_index, report_roles,
	};
	static const uint8_t manifest[KEY_SIZE];
	struct replay_event event;
	enum as_err err = AS_OK;
	verify->index_was_compared = run->index.is_loaded;
	verify->log_is_damaged = false;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		verify->log_is_damaged |= facts->is_committed && facts->damaged > 0 &&
					  facts->role == ROLE_LOG;
	}
	if (verify->index_was_compared)
		err = compare_index(&compare);
	if (err == AS_OK && verify->index_credit != CREDIT_CREDIBLE)
		err = name_by_damage(&compare);
	for (size_t i = 0; err == AS_OK && i < ARRAY_SIZE(steps); i++)
		err = steps[i](&compare);
	if (err != AS_OK)
		return err;
	/* Is the newest that the log has of the manifest a DELETE? No client deletes it for good:
	 * the DELETE was moved there (rule 8), and a manifest is lost. */
	compare.unnamed.manifest = replay_find(verify->replay, manifest, &event) &&
				   !event.is_put && verify->index_credit != CREDIT_CREDIBLE &&
				   !verify_lookup(verify, manifest, &event);
	return verify_report_unknown(run, &compare.unnamed);
}

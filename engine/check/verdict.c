#include "build-config.h"

#include "check/check_internal.h"

const struct verdict_info verdict_table[VERDICT_COUNT] = {
	[VERDICT_AGREED] = { .is_object = true },
	[VERDICT_UNWITNESSED] = { .is_object = true },
	[VERDICT_UNINDEXED] = { true, true, PROBLEM_INDEX_KEY_MISSING, "" },
	[VERDICT_POSSIBLY_DELETED] = { true, true, PROBLEM_OBJECT_POSSIBLY_DELETED, "" },
	[VERDICT_DENIED] = { false, true, PROBLEM_DELETE_LOST, "" },
	[VERDICT_OUTDATED] = { true, true, PROBLEM_INDEX_MAPPING, "a newer PUT follows" },
	[VERDICT_UNDELETED] = { false, true, PROBLEM_INDEX_KEY_DELETED, "" },
	[VERDICT_DELETE_MOVED] = { true, true, PROBLEM_DELETE_MOVED, "" },
	[VERDICT_MOVED] = { true, true, PROBLEM_INDEX_MAPPING, "the PUT lies elsewhere" },
	[VERDICT_MISDIRECTED] = { true, true, PROBLEM_INDEX_MAPPING, "the PUT lies elsewhere" },
	[VERDICT_PHANTOM] = { false, true, PROBLEM_INDEX_MAPPING,
			      "the log knows no such object" },
};

/* Was what the index knows at the place of @bucket overwritten: with an object that it does not
 * know, or so that the hints miss it? */
static bool is_overwritten(const struct verify *verify, const struct index_bucket *bucket)
{
	if (verify->index_credit != CREDIT_CREDIBLE)
		return false;
	if (verify_find_oddity(verify, bucket->number))
		return true;	/* its key is not damaged: that was asked before */
	const size_t position = verify_position(verify, bucket->segment);
	return verify->hints_credit == CREDIT_CREDIBLE && verify->facts[position].damaged > 0 &&
	       verify_is_gap(verify, bucket->segment);
}

bool verify_has_damaged_key(const struct verify *verify, const struct index_bucket *bucket)
{
	const struct verify_oddity *odd = verify_find_oddity(verify, bucket->number);
	return odd && odd->key_is_damaged;
}

static enum mapping mapping_of(const struct verify *verify, const struct index_bucket *bucket,
			       bool is_confirmed)
{
	if (!bucket)
		return MAPPING_NONE;
	if (is_confirmed)
		return MAPPING_CONFIRMED;
	if (verify_has_damaged_key(verify, bucket))
		return MAPPING_WRONG;
	switch (verify_aim(verify, bucket)) {
	case AIM_NOWHERE:
		return MAPPING_NONE;
	case AIM_UNREADABLE:
		return MAPPING_UNREADABLE;
	case AIM_DAMAGED:
		return MAPPING_DAMAGED;
	case AIM_MISSING:
	case AIM_BEYOND:
		return verify_is_gap(verify, bucket->segment) ? MAPPING_GAP : MAPPING_WRONG;
	default:
		return is_overwritten(verify, bucket) ? MAPPING_GAP : MAPPING_WRONG;
	}
}

/* Whose count the hints have of @segment: the log's, the index's, both or neither. An older index
 * and hints of one time are heard about events up to it, and so are those of a later time than the
 * log's. */
static void compare_with_hints(const struct verify *verify, uint32_t segment,
			       const struct replay_event *event, struct testimony *t)
{
	const struct hints *hints = &verify->repo->hints;
	const struct segment_facts *facts = verify_facts(verify, segment);
	const bool are_older = verify->index_credit == CREDIT_OLDER &&
			       verify->index_figures.is_stale && hints->usable &&
			       hints->transaction == verify->index.transaction &&
			       event->segment <= hints->transaction;
	t->hints_are_credible = verify->hints_credit == CREDIT_CREDIBLE ||
				(are_older && verify->hints_credit == CREDIT_OLDER);
	const bool are_newer = verify->index_credit == CREDIT_CREDIBLE &&
			       hints->transaction == verify->index.transaction &&
			       hints->transaction > verify->end;
	if (!hints->usable || !facts ||
	    (hints->transaction != verify->end && !are_older && !are_newer))
		return;
	const int64_t live = verify_hinted(verify, segment);
	const int64_t by_log = facts_by_log(facts);
	t->hints_like_log = t->event_is_searched ? live > by_log : live == by_log;
	/* What they count in a missing segment may be what this file holds. */
	t->hints_like_index = verify_hints_like_index(verify, facts) &&
			      !(live == 0 && verify->hints_know_missing);
}

enum verdict verify_find_verdict(const struct verify *verify, const uint8_t key[KEY_SIZE],
				 const struct index_bucket *bucket,
				 const struct replay_event *event, struct replay_event *place)
{
	const bool is_confirmed = bucket && verify_is_confirmed(verify, bucket->number);
	struct testimony t = {
		.event = !event ? EVENT_NONE : event->is_put ? EVENT_PUT : EVENT_DELETE,
		.mapping = mapping_of(verify, bucket, is_confirmed),
		.index = verify->index_credit,
		.index_knows_keys = verify_knows_keys(verify),
		.index_is_beyond = !verify->has_end || verify->index.transaction > verify->end,
	};
	/* One that leads to no place of an entry knows the key all the same. */
	const bool has_key = bucket != NULL;
	if (t.mapping == MAPPING_NONE)
		bucket = NULL;
	if (event) {
		*place = *event;
		t.event_is_searched = verify_was_searched(verify, key, event);
	}
	if (event && bucket)
		t.event_is_later = replay_time(event->segment, event->offset) >
				   replay_time(bucket->segment, bucket->offset);
	t.delete_is_moved = t.event == EVENT_DELETE && key_is_manifest(key) &&
			    !t.index_is_beyond &&
			    replay_time(event->segment, event->offset) >= verify->last_place;
	if (event && event->is_put) {
		t.is_above_index = event->segment > verify->index_last;
		t.has_place = replay_time(event->segment, event->offset) < verify->last_place;
		t.event_has_moved = bucket && !is_confirmed &&
				    verify_has_moved(verify, bucket, event);
	}
	const struct segment_facts *facts =
		event && event->is_put ? verify_facts(verify, event->segment) : NULL;
	if (facts) {
		t.is_stranger = facts->mapped == 0;
		t.is_contradicted = facts->is_contradicted;
		t.has_near_bucket = !bucket && t.index == CREDIT_CREDIBLE &&
				    (has_key || verify_is_near_bucket(verify, key));
	}
	if (event && (!bucket || t.event_is_later))
		compare_with_hints(verify, bucket ? bucket->segment : event->segment, event, &t);
	t.key_is_damaged = t.mapping == MAPPING_WRONG && verify_has_damaged_key(verify, bucket);
	const enum verdict verdict = evidence_decide(&t).verdict;
	/* Where the index is right about the place, the log has none later that counts. */
	if (is_confirmed && verdict_table[verdict].is_object && verdict != VERDICT_OUTDATED)
		*place = (struct replay_event){
			.segment = bucket->segment, .offset = bucket->offset, .is_put = true,
		};
	return verdict;
}

enum verdict verify_find_verdict_of_key(const struct verify *verify, const uint8_t key[KEY_SIZE],
					const struct index_bucket *bucket,
					struct replay_event *place)
{
	struct replay_event event;
	const bool is_confirmed = bucket && verify_is_confirmed(verify, bucket->number);
	const bool has_event = verify_find_event(verify, key, bucket, is_confirmed, &event);
	return verify_find_verdict(verify, key, bucket, has_event ? &event : NULL, place);
}

#include "build-config.h"

#include "base/array.h"
#include "check/check_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- segments that are not there ---- */

/* Count a mapping into segment @number, for which there is no file. */
static enum as_err add_missing(struct verify *verify, size_t *capacity, uint32_t number,
			       bool has_moved_on)
{
	struct verify_missing *row = verify_find_missing(verify, number);
	if (!row) {
		size_t i = verify->missing_count;
		if (!array_reserve(&verify->missing, i, capacity, sizeof(*verify->missing)))
			return AS_ERR_MEMORY;
		for (; i > 0 && verify->missing[i - 1].segment > number; i--)
			verify->missing[i] = verify->missing[i - 1];
		row = &verify->missing[i];
		*row = (struct verify_missing){ .segment = number };
		verify->missing_count++;
	}
	row->mapped++;
	row->moved_on += has_moved_on;
	return AS_OK;
}

/* ---- where a DELETE may be lost ---- */

static void find_last_place(struct verify *verify)
{
	const struct listing *listing = &verify->repo->listing;
	uint64_t last = 0;
	if (verify->damage_count > 0) {
		const struct verify_damage *damage = &verify->damage[verify->damage_count - 1];
		const uint64_t end = damage->offset + damage->length;
		last = replay_time(damage->segment, end > 0 ? (uint32_t)(end - 1) : 0);
	}
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		const uint64_t end = replay_time(facts->number, UINT32_MAX);
		if (facts->is_committed && end > last &&
		    (facts->is_cut || facts->is_unopened || facts->role != ROLE_LOG))
			last = end;
	}
	/* Where files changed places the order of the log is a guess, and all of it in doubt. */
	for (size_t i = 0; verify->has_roles && i < listing->count; i++)
		if (verify->facts[i].is_committed &&
		    verify->facts[i].number != listing->segments[i].number)
			last = replay_time(verify->end, UINT32_MAX);
	/* The highest number below the end that no file bears. */
	size_t i = verify->has_end ? listing_from(listing, verify->end) : 0;
	uint32_t hole = verify->end;
	for (; i > 0 && hole > 0 && listing->segments[i - 1].number == hole - 1; i--)
		hole--;
	if (hole > 0 && replay_time(hole - 1, UINT32_MAX) > last)
		last = replay_time(hole - 1, UINT32_MAX);
	verify->last_place = last;
}

/* ---- the index ---- */

/* Objects that the index lacks and that are looked for among its wrong keys. */
#define STRANGERS_MAX 256u

struct weighing {
	struct verify_run *run;
	struct verify *verify;
	struct index_figures figures;
	uint64_t disputed;		/* keys on which log and index do not agree */
	size_t stranger_capacity;
	size_t missing_capacity;
	struct replay *searched;	/* what the index decides of what only searching found */
};

static void change_held(const struct weighing *w, uint32_t segment, int change)
{
	struct segment_facts *facts = verify_facts(w->verify, segment);
	if (facts)
		facts->held += (uint32_t)change;
}

/* An object whose key no bucket has: one may have it with a few wrong bits. */
static enum as_err add_stranger(struct weighing *w, const uint8_t key[KEY_SIZE], uint32_t segment)
{
	struct verify *verify = w->verify;
	if (verify->stranger_count == STRANGERS_MAX)
		return AS_OK;
	if (!ARRAY_RESERVE(verify->strangers, verify->stranger_count, w->stranger_capacity))
		return AS_ERR_MEMORY;
	struct verify_stranger *stranger = &verify->strangers[verify->stranger_count++];
	*stranger = (struct verify_stranger){ .segment = segment };
	memcpy(stranger->key, key, KEY_SIZE);
	return AS_OK;
}

/* The log's own newest event of a key, against what the scan took from the index. */
static enum as_err weigh_event(void *context, const uint8_t key[KEY_SIZE],
			       const struct replay_event *event)
{
	struct weighing *w = context;
	struct index_bucket bucket;
	const bool has_bucket = verify_find_mapping(w->run, key, &bucket);
	/* What came after the index's own time says nothing about it. */
	const bool is_in_time = event->segment <= w->verify->index.transaction;
	if (has_bucket && verify_is_confirmed(w->verify, bucket.number)) {
		if (replay_time(bucket.segment, bucket.offset) >=
		    replay_time(event->segment, event->offset))
			return AS_OK;
		w->disputed++;
		change_held(w, bucket.segment, -1);
		if (event->is_put)
			change_held(w, event->segment, 1);
		if (event->is_put && is_in_time) {
			struct segment_facts *facts = verify_facts(w->verify, event->segment);
			w->figures.confirmed--;	/* it is not of its own time */
			if (facts)
				facts->newer++;
		}
		if (!event->is_put && is_in_time)
			w->figures.live--, w->figures.known--;
		return AS_OK;
	}
	if (!event->is_put)
		return AS_OK;
	w->disputed++;
	change_held(w, event->segment, 1);
	struct segment_facts *facts = verify_facts(w->verify, event->segment);
	if (facts && !has_bucket)
		facts->unknown++;
	w->figures.live += is_in_time;
	w->figures.known += is_in_time && has_bucket;
	return has_bucket ? AS_OK : add_stranger(w, key, event->segment);
}

static enum as_err add_oddity(struct verify *verify, uint32_t bucket, bool key_is_damaged)
{
	if (!ARRAY_RESERVE(verify->oddities, verify->oddity_count, verify->oddity_capacity))
		return AS_ERR_MEMORY;
	verify->oddities[verify->oddity_count++] = (struct verify_oddity){
		.bucket = bucket, .key_is_damaged = key_is_damaged,
	};
	return AS_OK;
}

/* Is the bucket's key, but for a few bits, that of an object that the index lacks? Then it is that
 * object's bucket. It leads to the newest version, and the object is what is left, there or in an
 * earlier segment. NULL: it is none. */
static struct segment_facts *find_stranger(struct weighing *w, const struct index_bucket *bucket)
{
	for (size_t i = 0; i < w->verify->stranger_count; i++) {
		struct verify_stranger *stranger = &w->verify->strangers[i];
		if (stranger->segment > bucket->segment || stranger->is_near ||
		    !verify_keys_are_near(stranger->key, bucket->key))
			continue;
		stranger->is_near = true;
		return verify_facts(w->verify, stranger->segment);
	}
	return NULL;
}

/* Look at what stands where the mapping leads. */
static enum as_err find_oddity(struct weighing *w, const struct index_bucket *bucket)
{
	struct verify *verify = w->verify;
	const struct repo *repo = verify->repo;
	struct verify_source source;
	struct segment_entry entry;
	struct index_bucket other;
	if (!verify_find_source(verify, bucket->segment, bucket->offset, &source))
		return AS_OK;
	const enum as_err err = segment_read_entry(repo->io, repo->fd, source.path, source.offset,
						   &entry, NULL);
	if (err != AS_OK || entry.tag != SEGMENT_PUT)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	const bool is_near = verify_keys_are_near(entry.key, bucket->key);
	if (!is_near && verify_find_mapping(w->run, entry.key, &other))
		return AS_OK;
	return add_oddity(verify, bucket->number, is_near);
}

static enum as_err weigh_bucket(void *context, const struct index_bucket *bucket)
{
	struct weighing *w = context;
	struct verify *verify = w->verify;
	struct replay_event event;
	struct segment_facts *facts = verify_facts(verify, bucket->segment);
	const enum aim aim = verify_aim(verify, bucket);
	const bool has_event = verify_find_event(verify, bucket->key, bucket, false, &event);
	const bool is_later = has_event && replay_time(event.segment, event.offset) >
						   replay_time(bucket->segment, bucket->offset);
	const bool has_moved = has_event && verify_has_moved(verify, bucket, &event);
	const bool is_outdated = is_later && event.is_put && !has_moved &&
				 event.segment <= verify->index.transaction;
	/* No index leads to what came after it. */
	const bool is_impossible = bucket->segment > verify->index.transaction;
	const bool is_wrong = facts && (aim == AIM_WRONG || aim == AIM_BEYOND);
	const bool is_wrong_in_whole = is_wrong && facts->damaged == 0 && !facts->is_cut;
	/* The right segment: entries may be gone from before it. */
	const bool is_near = has_event && event.is_put && event.segment == bucket->segment;
	w->figures.of += is_outdated || is_impossible || (is_wrong_in_whole && !is_near);
	if (!facts)
		return aim != AIM_MISSING ? AS_OK
			: add_missing(verify, &w->missing_capacity, bucket->segment, is_later);
	if (has_moved) {
		facts->held++;
		facts->mapped++;
		return AS_OK;
	}
	struct segment_facts *stranger = has_event ? NULL : find_stranger(w, bucket);
	if (stranger && stranger->unknown > 0) {	/* it is none that only searching found */
		stranger->unknown--;
		w->figures.known++;
	}
	if (stranger) {
		facts->mapped += stranger == facts;
		facts->unmet += stranger != facts;
		facts->wanted += stranger != facts && aim == AIM_DAMAGED;
		return add_oddity(verify, bucket->number, true);
	}
	/* A bucket that was zeroed speaks of no segment. */
	facts->unmet += aim != AIM_NOWHERE;
	if (aim == AIM_DAMAGED && !is_later)
		facts->wanted++;
	/* An index that is mostly wrong is not believed, and nothing more is read for it. */
	if (aim == AIM_WRONG && w->figures.confirmed * 2 >= w->figures.used &&
	    find_oddity(w, bucket) != AS_OK)
		return AS_ERR_MEMORY;
	if (is_wrong && !is_later && !(has_event && event.is_put) &&
	    !verify_has_damaged_key(verify, bucket)) {
		facts->wanted++;
		facts->wrong += is_wrong_in_whole;
	}
	return AS_OK;
}

static enum as_err weigh_searched(void *context, const uint8_t key[KEY_SIZE],
				  const struct replay_event *event)
{
	struct weighing *w = context;
	struct index_bucket bucket;
	if (!event->is_put || key_is_manifest(key))
		return AS_OK;
	const bool is_known = verify_find_mapping(w->run, key, &bucket);
	w->figures.searched++;
	w->figures.searched_known += is_known;
	return is_known ? AS_OK : add_stranger(w, key, event->segment);
}

static enum as_err weigh_keys(struct weighing *w)
{
	struct verify *verify = w->verify;
	const struct index_image *image = &w->run->index.image;
	const uint32_t confirmed = verify_count_confirmed(verify, image->buckets);
	w->figures = (struct index_figures){
		.used = image->used, .of = confirmed, .confirmed = confirmed, .live = confirmed,
		.known = confirmed,
	};
	w->disputed = image->used - confirmed;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		struct segment_facts *facts = &verify->facts[i];
		facts->held = facts->mapped = facts->live;
		facts->wanted = facts->named = facts->unknown = facts->wrong = 0;
		facts->newer = facts->unmet = 0;
		facts->is_contradicted = false;
	}
	verify->missing_count = verify->oddity_count = verify->stranger_count = 0;
	enum as_err err = replay_each(verify->replay, weigh_event, w);
	if (err == AS_OK)
		err = replay_each(verify->unanchored, weigh_searched, w);
	if (err == AS_OK && image->used > confirmed)
		err = verify_each_unconfirmed(w->run, weigh_bucket, w);
	w->run->is_weighed = true;
	return err;
}

/* Do index and hints, which were not computed from each other, agree on a segment in which other
 * bytes are whole than they know? Then it is the file that is not ours, as far as they differ. */
static bool is_contradicted(const struct verify *verify, const struct segment_facts *facts)
{
	/* Damaged, and some of what the index places there is gone: it was overwritten. */
	if (facts->damaged > 0 && facts->unmet > (facts->mapped > 0) &&
	    verify_hints_like_index(verify, facts))
		return true;
	/* Newer versions stand in it, by the log, and by both nothing lives there, although they
	 * know of later segments. */
	if (facts->newer > 1 && facts_by_index(facts) == 0 && facts->number < verify->index_last &&
	    verify_hints_like_index(verify, facts))
		return true;
	return facts->wrong > 1 && facts->mapped < facts->wrong &&
	       verify_hints_like_index(verify, facts);
}

/* What the index cannot be blamed for. Objects that it does not know because their DELETE may be
 * lost: they lie before a place where it can have been, and below what the index, and hints of its
 * time, know; what lies above is newer than they are. And what is in a file that both
 * contradict. */
static void excuse(struct weighing *w)
{
	struct verify *verify = w->verify;
	const struct hints *hints = &verify->repo->hints;
	verify_find_index_last(w->run);
	/* Hints that end before the index does are of an earlier time than they say. */
	const bool has_hints = hints->usable && hints->segment_count > 0 &&
			       hints->transaction == verify->index.transaction &&
			       hints_last(hints) >= verify->index_last;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		struct segment_facts *facts = &verify->facts[i];
		const uint64_t end = replay_time(facts->number, UINT32_MAX);
		if (has_hints && is_contradicted(verify, facts)) {
			facts->is_contradicted = true;
			w->figures.excused += facts->unknown;
			w->figures.of -= facts->wrong;
			w->figures.confirmed += facts->newer;
			if (end > verify->last_place)
				verify->last_place = end;
			continue;
		}
		if (facts->unknown == 0 || facts->number >= verify->index_last ||
		    replay_time(facts->number, 0) >= verify->last_place)
			continue;
		if (!has_hints || verify_hints_like_index(verify, facts))
			w->figures.excused += facts->unknown;
	}
}

/* Does the index decide about an entry that only searching found? One that is to be believed does,
 * up to the highest segment that it leads to. One that is wrong about places does where it has
 * nearly all keys of the log and not this one, and the log has nothing else of the key. */
static bool is_decided(const struct weighing *w, const uint8_t key[KEY_SIZE],
		       const struct replay_event *event)
{
	const struct verify *verify = w->verify;
	struct index_bucket bucket;
	struct replay_event sound;
	const bool has_bucket = verify_find_mapping(w->run, key, &bucket);
	const bool has_sound = replay_find(verify->replay, key, &sound);
	/* To replace an object is to write a DELETE and a PUT: here the first half is sound. */
	if (event->is_put && !has_bucket && has_sound && !sound.is_put)
		return false;
	if (verify->index_credit == CREDIT_CREDIBLE)
		return event->segment <= verify->index_last;
	return verify->index_credit == CREDIT_DAMAGED && verify_knows_keys(verify) &&
	       !has_bucket && !has_sound;
}

/* Without an index that decides it is believed as any other. */
static enum as_err sort_searched(void *context, const uint8_t key[KEY_SIZE],
				 const struct replay_event *event)
{
	const struct weighing *w = context;
	return replay_add(is_decided(w, key, event) ? w->searched : w->verify->replay, key, event);
}

/* Leave in verify->unanchored only what the index decides about. *@again: something was believed.
 */
static enum as_err sort_unanchored(struct weighing *w, bool *again)
{
	struct verify *verify = w->verify;
	*again = false;
	if (replay_count(verify->unanchored) == 0)
		return AS_OK;
	verify_find_index_last(w->run);
	w->searched = replay_new();
	const enum as_err err = w->searched
		? replay_each(verify->unanchored, sort_searched, w) : AS_ERR_MEMORY;
	if (err != AS_OK) {
		replay_free(w->searched);
		return err;
	}
	*again = replay_count(w->searched) < replay_count(verify->unanchored);
	replay_free(verify->unanchored);
	verify->unanchored = w->searched;
	return AS_OK;
}

/* Every repository has a manifest, under the same key: that both have one says nothing. */
static enum credit weigh_without_manifest(const struct weighing *w)
{
	struct index_figures figures = w->figures;
	struct replay_event event;
	struct index_bucket bucket;
	/* An empty index above the end of the log was made while the log could not be seen. */
	if (figures.used == 0 &&
	    (!w->verify->has_end || w->verify->index.transaction > w->verify->end))
		return CREDIT_FOREIGN;
	if (!verify_find_mapping(w->run, key_of_manifest, &bucket))
		return credit_of_index(&figures);
	const bool is_confirmed = verify_is_confirmed(w->verify, bucket.number);
	const bool has_event = replay_find(w->verify->replay, key_of_manifest, &event);
	if (is_confirmed) {
		figures.confirmed--;
		figures.of--;
	}
	if ((has_event && event.is_put) || (is_confirmed && !has_event)) {
		figures.known -= figures.known > 0;
		figures.live -= figures.live > 0;
	}
	return credit_of_index(&figures);
}

static enum as_err weigh_index(struct weighing *w)
{
	struct verify *verify = w->verify;
	enum as_err err = weigh_keys(w);
	if (err != AS_OK)
		return err;
	const uint64_t of = w->figures.of;
	w->figures.is_stale = verify->has_end && verify->index.transaction < verify->end;
	if (!verify->has_end || verify->index.transaction > verify->end) {
		verify_find_index_last(w->run);
		w->figures.is_beyond = !verify->has_end || verify->index_last > verify->end;
	} else if ((w->figures.known < w->figures.live || w->figures.confirmed < w->figures.of) &&
		   !w->figures.is_stale) {
		excuse(w);
	}
	verify->index_figures = w->figures;
	verify->index_credit = weigh_without_manifest(w);
	if (verify->index_credit == CREDIT_FOREIGN)	/* then it was not the files */
		verify->index_figures.of = of;
	/* What an index that is not to be believed places in damage is not missed there. */
	for (size_t i = 0;
	     verify->index_credit != CREDIT_CREDIBLE && i < verify->repo->listing.count; i++)
		verify->facts[i].wanted = 0;
	bool again;
	err = sort_unanchored(w, &again);
	return err == AS_OK && again ? weigh_keys(w) : err;
}

/* ---- the hints ---- */

/* Is no segment that the hints count objects in there, or does one lie above their own time? */
static bool lists_nothing_there(const struct verify *verify)
{
	const struct hints *hints = &verify->repo->hints;
	bool is_any = false, is_there = false;
	for (size_t i = 0; i < hints->count; i++) {
		if (hints->rows[i].live <= 0)
			continue;
		if (hints->rows[i].segment > hints->transaction)
			return true;
		is_any = true;
		is_there = is_there || listing_find(&verify->repo->listing,
						    hints->rows[i].segment) != LISTING_NONE;
	}
	return is_any && !is_there && verify->repo->listing.count > 1;
}

static bool know_missing(const struct verify *verify)
{
	const struct hints *hints = &verify->repo->hints;
	for (size_t i = 0; hints->usable && i < hints->count; i++) {
		const uint32_t number = hints->rows[i].segment;
		const struct verify_missing *row = verify->index_credit == CREDIT_CREDIBLE
						   ? verify_find_missing(verify, number) : NULL;
		if (hints->rows[i].live > (row ? (int64_t)row->mapped : 0) &&
		    verify_position(verify, number) == LISTING_NONE)
			return true;
	}
	return false;
}

static void weigh_hints(struct verify *verify)
{
	const struct hints *hints = &verify->repo->hints;
	struct hints_figures figures = { 0 };
	verify->hints_credit = CREDIT_NONE;
	verify->hints_know_missing = know_missing(verify);
	if (!hints->usable || !verify->has_end)
		return;
	const uint32_t last = hints_last(hints);
	const bool is_joined = verify->index_credit == CREDIT_CREDIBLE &&
			       hints->transaction == verify->index.transaction;
	figures.is_stale = hints->transaction < verify->end;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		const struct segment_facts *facts = &verify->facts[i];
		if (facts->role != ROLE_LOG || !facts->is_committed)
			continue;
		if (facts->held > 0 && (hints->segment_count == 0 || facts->number > last))
			figures.ends_early = true;
		const int64_t live = verify_hinted(verify, facts->number);
		if (facts->damaged > 0 || facts->is_unreadable || facts->is_cut ||
		    (live == 0 && facts->held == 0))
			continue;
		figures.rows++;
		figures.right += live == (int64_t)facts->held ||
				 (is_joined && verify_hints_like_index(verify, facts));
	}
	figures.is_elsewhere = lists_nothing_there(verify);
	verify->hints_figures = figures;
	verify->hints_credit = hints->transaction > verify->end ? CREDIT_NONE
								: credit_of_hints(&figures);
}

enum as_err verify_weigh(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct weighing w = { .run = run, .verify = verify };
	enum as_err err = AS_OK;
	find_last_place(verify);
	if (run->index.is_loaded) {
		free(verify->missing);
		verify->missing = NULL;
		err = weigh_index(&w);
	} else {
		err = verify_tally_log(run);
		for (size_t i = 0; i < verify->repo->listing.count; i++)
			verify->facts[i].held = verify->facts[i].live;
	}
	run->is_agreed = run->index.is_loaded && w.disputed == 0 &&
			  replay_count(verify->unanchored) == 0;
	if (err == AS_OK)
		weigh_hints(verify);
	return err;
}

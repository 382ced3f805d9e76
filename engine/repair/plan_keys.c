#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"
#include "base/parallel.h"
#include "format/index_fill.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- objects, and keys that are lost ---- */

/* A list of the plan that is filled. */
struct key_list {
	struct lost_key **keys;
	size_t *count;
	size_t capacity;
};

/* What the threads share that walk the keys. */
struct gathering {
	struct plan *plan;
	struct index_fill *fill;	/* NULL: there is the table */
	_Atomic int failure;		/* enum as_err: the first */
	pthread_mutex_t mutex;		/* of the lists */
	struct key_list lost, older, left_out, dropped;
};

/* One of them. */
struct gatherer {
	struct gathering *gathering;
	struct index_filler filler;
};

static enum as_err add_object(struct gatherer *gatherer, const uint8_t key[KEY_SIZE],
			      const struct replay_event *place)
{
	struct gathering *gathering = gatherer->gathering;
	if (gathering->fill)
		return index_filler_put(&gatherer->filler, key, place->segment, place->offset);
	return index_table_put(gathering->plan->work->table, key, place->segment, place->offset);
}

/* @is_beside: @place is in a file beside the segment, and not one of the log. */
static enum as_err name_key(struct gathering *gathering, struct key_list *list,
			    const uint8_t key[KEY_SIZE], enum loss loss,
			    const struct replay_event *place, bool is_beside)
{
	struct lost_key named = {
		.loss = loss, .has_place = !is_beside, .segment = place->segment,
		.offset = place->offset,
	};
	memcpy(named.key, key, KEY_SIZE);
	pthread_mutex_lock(&gathering->mutex);
	const bool has_room = ARRAY_RESERVE(*list->keys, *list->count, list->capacity);
	if (has_room)
		(*list->keys)[(*list->count)++] = named;
	pthread_mutex_unlock(&gathering->mutex);
	return has_room ? AS_OK : AS_ERR_MEMORY;
}

/* What the log alone says of the key afterwards, where a repair writes no entry. */
static bool log_gives(const struct plan *plan, const uint8_t key[KEY_SIZE],
		      const struct replay_event *place)
{
	struct replay_event event;
	return !replay_find(plan->work->verify->replay, key, &event) ||
	       replay_time(event.segment, event.offset) <=
		       replay_time(place->segment, place->offset);
}

/* An older version of an object: kept, unless it is not wanted or the log does not give it. */
static enum as_err add_older(struct gatherer *gatherer, const uint8_t key[KEY_SIZE],
			     const struct replay_event *place)
{
	struct gathering *gathering = gatherer->gathering;
	const struct plan *plan = gathering->plan;
	const struct verify_gone *gone = verify_find_gone(plan->work->verify, key);
	const bool writes_no_entry =
		plan->action == REPAIR_RECOVER || plan->action == REPAIR_ROLLBACK;
	const bool is_beside = gone && gone->older_copy != UINT32_MAX;
	const bool is_kept = !plan->options.no_older && !(gone && gone->older_is_uncommitted) &&
			     (!writes_no_entry || (!is_beside && log_gives(plan, key, place)));
	const enum as_err err =
		name_key(gathering, is_kept ? &gathering->older : &gathering->left_out, key,
			 LOSS_DAMAGED, place, is_beside);
	return err == AS_OK && is_kept ? add_object(gatherer, key, place) : err;
}

static enum as_err add_key(void *context, const uint8_t key[KEY_SIZE], enum verify_outcome outcome,
			   const struct replay_event *place)
{
	struct gatherer *gatherer = context;
	struct gathering *gathering = gatherer->gathering;
	const struct plan *plan = gathering->plan;
	if (outcome == OUTCOME_OLDER)
		return add_older(gatherer, key, place);
	if (outcome != OUTCOME_OBJECT)
		return AS_OK;
	/* It can be read now; but a repair that writes no entry cannot keep what the log alone does
	 * not give. */
	if (plan->action == REPAIR_RECOVER && plan->work->verify->deletes_moved > 0 &&
	    !log_gives(plan, key, place))
		return name_key(gathering, &gathering->dropped, key, LOSS_DAMAGED, place, false);
	return add_object(gatherer, key, place);
}

/* What is lost; add_key has added what is left in an older version. */
static enum as_err add_gone(void *context, const uint8_t key[KEY_SIZE], enum verify_outcome outcome,
			    const struct replay_event *place)
{
	struct gathering *gathering = context;
	const struct verify *verify = gathering->plan->work->verify;
	enum loss loss = LOSS_DAMAGED;
	if (outcome == OUTCOME_OLDER)
		return AS_OK;
	if (outcome == OUTCOME_UNREADABLE)
		loss = LOSS_UNREADABLE;
	else if (verify_position(verify, place->segment) == LISTING_NONE)
		loss = LOSS_MISSING;
	return name_key(gathering, &gathering->lost, key, loss, place, false);
}

/* What the log held with its tail, and does not hold without. */
static enum as_err add_given_up(void *context, const uint8_t key[KEY_SIZE],
				enum verify_outcome outcome, const struct replay_event *place)
{
	struct gathering *gathering = context;
	if (outcome != OUTCOME_OBJECT ||
	    index_table_find(gathering->plan->work->table, key) != INDEX_EMPTY)
		return AS_OK;
	return name_key(gathering, &gathering->lost, key, LOSS_ROLLED_BACK, place, false);
}

static void gather_groups(void *context)
{
	struct gathering *gathering = context;
	const struct verify *verify = gathering->plan->work->verify;
	struct gatherer gatherer = { .gathering = gathering };
	const unsigned groups = index_fill_groups(gathering->fill);
	unsigned group;
	while (gathering->failure == AS_OK &&
	       index_filler_begin(&gatherer.filler, gathering->fill, &group)) {
		enum as_err err = AS_OK;
		int none = AS_OK;
		for (unsigned part = group; err == AS_OK && part < VERIFY_PARTS; part += groups)
			err = verify_each_of(verify, part, add_key, &gatherer);
		if (err == AS_OK)
			err = index_filler_end(&gatherer.filler);
		if (err != AS_OK)
			atomic_compare_exchange_strong(&gathering->failure, &none, (int)err);
	}
}

static enum as_err gather(struct gathering *gathering)
{
	const struct plan *plan = gathering->plan;
	struct plan_work *work = plan->work;
	if (work->verify->index_was_compared) {
		/* The keys of an index come in its order and in one thread: the same table each
		 * time. */
		struct gatherer gatherer = { .gathering = gathering };
		work->table = index_table_new(work->dialect, work->verify->objects);
		return work->table ? verify_each(work->verify, add_key, &gatherer) : AS_ERR_MEMORY;
	}
	/* All that there is to know comes from the log, in parts. */
	gathering->fill = index_fill_new(work->dialect, work->verify->objects);
	if (!gathering->fill)
		return AS_ERR_MEMORY;
	parallel_run(parallel_threads(plan->options.threads), gather_groups, gathering);
	if (gathering->failure == AS_OK)
		return index_fill_end(gathering->fill, &work->table);
	index_fill_free(gathering->fill);
	return (enum as_err)gathering->failure;
}

static void sort_list(const struct key_list *list)
{
	array_sort(*list->keys, *list->count, sizeof(**list->keys), array_compare_key);
}

/* Several damaged entries may name one key; one that is an object all the same is not lost. */
static void drop_found(struct plan *plan)
{
	size_t kept = 0;
	for (size_t i = 0; i < plan->lost_count; i++) {
		const struct lost_key *lost = &plan->lost[i];
		if (index_table_find(plan->work->table, lost->key) == INDEX_EMPTY &&
		    (kept == 0 || array_compare_key(&plan->lost[kept - 1], lost) != 0))
			plan->lost[kept++] = *lost;
	}
	plan->lost_count = kept;
}

/* An older manifest hides every archive that is newer, and the client's own repair would then
 * delete what belongs to those. Where newer objects are whole it is left out: without a manifest
 * the client finds all archives again. */
static enum as_err leave_manifest_out(struct gathering *gathering)
{
	struct plan *plan = gathering->plan;
	struct index_table *table = plan->work->table;
	struct index_bucket bucket;
	bool has_newer = false;
	if (plan->action != REPAIR_SALVAGE || plan->options.with_older_manifest ||
	    plan->older_count == 0 || !key_is_manifest(plan->older[0].key))
		return AS_OK;
	const struct replay_event place = {
		.segment = plan->older[0].segment, .offset = plan->older[0].offset,
	};
	for (uint32_t from = 0; !has_newer && index_table_next(table, from, &bucket);
	     from = bucket.number + 1)
		has_newer = replay_time(bucket.segment, bucket.offset) >
			    replay_time(place.segment, place.offset);
	if (!has_newer)
		return AS_OK;
	index_table_remove(table, key_of_manifest);
	memmove(plan->older, plan->older + 1, (plan->older_count - 1) * sizeof(*plan->older));
	plan->older_count--;
	return name_key(gathering, &gathering->left_out, key_of_manifest, LOSS_DAMAGED, &place,
			false);
}

/* ---- suspects ---- */

static enum as_err add_suspect(struct plan *plan, const struct finding *finding, size_t *capacity)
{
	const struct repo *repo = plan->work->repo;
	const uint32_t number = (uint32_t)finding->segment;
	const size_t position = listing_find(&repo->listing, number);
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	if (position == LISTING_NONE || finding->offset > UINT32_MAX)
		return AS_OK;
	listing_path(&repo->listing, position, path);
	const enum as_err err = segment_read_entry(repo->io, repo->fd, path,
						   (uint64_t)finding->offset, &entry, NULL);
	if (err != AS_OK || entry.tag != SEGMENT_PUT)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	if (!array_reserve(&plan->suspects, plan->suspect_count, capacity,
			   sizeof(*plan->suspects)))
		return AS_ERR_MEMORY;
	struct suspect *suspect = &plan->suspects[plan->suspect_count++];
	*suspect = (struct suspect){
		.segment = number, .offset = (uint32_t)finding->offset,
		.size = (uint32_t)entry.size,
		.is_taken = plan->options.with_suspects &&
			    index_table_find(plan->work->table, entry.key) == INDEX_EMPTY,
	};
	memcpy(suspect->key, entry.key, KEY_SIZE);
	if (suspect->is_taken) {
		plan->work->objects++;
		plan->work->key_sum += key_value(entry.key);
	}
	return suspect->is_taken ? index_table_put(plan->work->table, entry.key, number,
						   suspect->offset)
				 : AS_OK;
}

/* List what was found only inside damaged entries. */
static enum as_err find_suspects(struct plan *plan)
{
	const struct findings *findings = &plan->work->verify->findings;
	size_t capacity = 0;
	for (size_t i = 0; i < findings->count; i++) {
		if (findings->rows[i].problem != PROBLEM_ENTRY_SUSPECT)
			continue;
		const enum as_err err = add_suspect(plan, &findings->rows[i], &capacity);
		if (err != AS_OK)
			return err;
	}
	drop_found(plan);	/* those that are brought back */
	return AS_OK;
}

/* ---- the whole ---- */

/* What verify counted, but for what the plan adds or leaves out: see repair_check. */
static void promise(struct plan *plan)
{
	struct plan_work *work = plan->work;
	work->objects = work->verify->objects + plan->older_count - plan->dropped_count;
	work->key_sum = work->verify->key_sum;
	for (size_t i = 0; i < plan->older_count; i++)
		work->key_sum += key_value(plan->older[i].key);
	for (size_t i = 0; i < plan->dropped_count; i++)
		work->key_sum -= key_value(plan->dropped[i].key);
}

enum as_err plan_find_objects(struct plan *plan, const struct verify *first)
{
	struct gathering gathering = {
		.plan = plan, .mutex = PTHREAD_MUTEX_INITIALIZER,
		.lost = { .keys = &plan->lost, .count = &plan->lost_count },
		.older = { .keys = &plan->older, .count = &plan->older_count },
		.left_out = { .keys = &plan->left_out, .count = &plan->left_out_count },
		.dropped = { .keys = &plan->dropped, .count = &plan->dropped_count },
	};
	enum as_err err = gather(&gathering);
	if (err == AS_OK)
		err = verify_each_gone(plan->work->verify, add_gone, &gathering);
	if (err == AS_OK && first != plan->work->verify)
		err = verify_each(first, add_given_up, &gathering);
	if (err != AS_OK)
		return err;
	sort_list(&gathering.lost);
	sort_list(&gathering.older);
	sort_list(&gathering.dropped);
	drop_found(plan);
	err = leave_manifest_out(&gathering);
	if (err != AS_OK)
		return err;
	sort_list(&gathering.left_out);
	promise(plan);
	if (plan->action == REPAIR_SALVAGE)
		err = find_suspects(plan);
	plan->loss_is_unknown = first->loss_is_unknown || plan->work->verify->loss_is_unknown;
	/* Where no witness says where the log ends, the tail may have been committed. */
	if (plan->action == REPAIR_ROLLBACK && first->tail != TAIL_COMMIT_DAMAGED &&
	    first->index_credit != CREDIT_CREDIBLE && first->hints_credit != CREDIT_CREDIBLE)
		plan->loss_is_unknown = true;
	plan->possibly_deleted = plan->work->verify->possibly_deleted;
	plan->objects_after = index_table_count(plan->work->table);
	plan->objects_before = first->objects + first->lost + first->older;
	return err;
}

enum as_err repair_check(const struct plan *plan, const struct verify *after,
			 struct as_error *error)
{
	const struct plan_work *work = plan->work;
	if (!after->complete || after->skipped > 0 || after->remembered > 0 ||
	    (after->objects == work->objects && after->key_sum == work->key_sum))
		return AS_OK;
	return as_fail(error, AS_ERR_INTEGRITY, 0,
		       "%s: %" PRIu64 " objects can be read after the %s, and the plan promised %"
		       PRIu64 "%s: take it back with undo", after->repo->path, after->objects,
		       repair_name(plan->action), work->objects,
		       after->objects == work->objects ? " others" : "");
}

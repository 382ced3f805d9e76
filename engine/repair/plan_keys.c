#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"
#include "base/parallel.h"
#include "format/index_fill.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- objects, and keys that are lost ---- */

/* What the threads share that walk the keys. */
struct gathering {
	struct plan *plan;
	struct index_fill *fill;	/* NULL: there is the table */
	_Atomic int failure;		/* enum as_err: the first */
	pthread_mutex_t mutex;		/* the lists of keys */
	size_t lost_capacity, older_capacity, left_out_capacity, dropped_capacity;
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

enum as_err plan_name_key(struct lost_key **list, size_t *count, size_t *capacity,
			  const uint8_t key[KEY_SIZE], enum loss loss,
			  const struct replay_event *place)
{
	if (!ARRAY_RESERVE(*list, *count, *capacity))
		return AS_ERR_MEMORY;
	struct lost_key *named = &(*list)[(*count)++];
	*named = (struct lost_key){
		.loss = loss, .has_place = true, .segment = place->segment,
		.offset = place->offset,
	};
	memcpy(named->key, key, KEY_SIZE);
	return AS_OK;
}

static enum as_err add_lost(struct gathering *gathering, const uint8_t key[KEY_SIZE],
			    enum loss loss, const struct replay_event *place)
{
	struct plan *plan = gathering->plan;
	pthread_mutex_lock(&gathering->mutex);
	const enum as_err err = plan_name_key(&plan->lost, &plan->lost_count,
					      &gathering->lost_capacity, key, loss, place);
	pthread_mutex_unlock(&gathering->mutex);
	return err;
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

static bool writes_no_entry(const struct plan *plan)
{
	return plan->action == REPAIR_RECOVER || plan->action == REPAIR_ROLLBACK;
}

/* An object that can be read now: a repair that writes no entry cannot keep one that the log alone
 * does not give. */
static enum as_err take_object(struct gatherer *gatherer, const uint8_t key[KEY_SIZE],
			       const struct replay_event *place)
{
	struct gathering *gathering = gatherer->gathering;
	struct plan *plan = gathering->plan;
	if (plan->action != REPAIR_RECOVER || plan->work->verify->deletes_moved == 0 ||
	    log_gives(plan, key, place))
		return add_object(gatherer, key, place);
	pthread_mutex_lock(&gathering->mutex);
	const enum as_err err = plan_name_key(&plan->dropped, &plan->dropped_count,
					      &gathering->dropped_capacity, key, LOSS_DAMAGED,
					      place);
	pthread_mutex_unlock(&gathering->mutex);
	return err;
}

/* An older version of an object: kept, unless it is not wanted or the log does not give it. */
static enum as_err take_older(struct gatherer *gatherer, const uint8_t key[KEY_SIZE],
			      const struct replay_event *place)
{
	struct gathering *gathering = gatherer->gathering;
	struct plan *plan = gathering->plan;
	const struct verify_gone *gone = verify_find_gone(plan->work->verify, key);
	const bool is_beside = gone && gone->older_copy != UINT32_MAX;
	const bool is_kept = !plan->options.no_older && !(gone && gone->older_is_uncommitted) &&
			     (!writes_no_entry(plan) ||
			      (!is_beside && log_gives(plan, key, place)));
	pthread_mutex_lock(&gathering->mutex);
	enum as_err err = is_kept ? plan_name_key(&plan->older, &plan->older_count,
						  &gathering->older_capacity, key, LOSS_DAMAGED,
						  place)
				  : plan_name_key(&plan->left_out, &plan->left_out_count,
						  &gathering->left_out_capacity, key, LOSS_DAMAGED,
						  place);
	/* In a file beside the segment: its place is none of the log. */
	if (err == AS_OK && is_beside)
		(is_kept ? &plan->older[plan->older_count - 1]
			 : &plan->left_out[plan->left_out_count - 1])->has_place = false;
	pthread_mutex_unlock(&gathering->mutex);
	return err == AS_OK && is_kept ? add_object(gatherer, key, place) : err;
}

static enum as_err take_key(void *context, const uint8_t key[KEY_SIZE], enum verify_outcome outcome,
			    const struct replay_event *place)
{
	struct gatherer *gatherer = context;
	struct gathering *gathering = gatherer->gathering;
	switch (outcome) {
	case OUTCOME_OBJECT:
		return take_object(gatherer, key, place);
	case OUTCOME_OLDER:
		return take_older(gatherer, key, place);
	case OUTCOME_LOST:
		return add_lost(gathering, key,
				verify_position(gathering->plan->work->verify, place->segment) ==
						LISTING_NONE
				? LOSS_MISSING : LOSS_DAMAGED, place);
	case OUTCOME_UNREADABLE:
		return add_lost(gathering, key, LOSS_UNREADABLE, place);
	default:
		return AS_OK;
	}
}

/* What the log held with its tail, and does not hold without. */
static enum as_err take_given_up(void *context, const uint8_t key[KEY_SIZE],
				 enum verify_outcome outcome, const struct replay_event *place)
{
	struct gathering *gathering = context;
	struct plan *plan = gathering->plan;
	if (outcome != OUTCOME_OBJECT ||
	    index_table_find(plan->work->table, key) != INDEX_EMPTY)
		return AS_OK;
	return add_lost(gathering, key, LOSS_ROLLED_BACK, place);
}

static enum as_err gather_group(struct gatherer *gatherer, unsigned group)
{
	const struct gathering *gathering = gatherer->gathering;
	const unsigned groups = index_fill_groups(gathering->fill);
	enum as_err err = AS_OK;
	for (unsigned part = group; err == AS_OK && part < VERIFY_PARTS; part += groups)
		err = verify_each_of(gathering->plan->work->verify, part, take_key, gatherer);
	return err == AS_OK ? index_filler_end(&gatherer->filler) : err;
}

static void gather_groups(void *context)
{
	struct gathering *gathering = context;
	struct gatherer gatherer = { .gathering = gathering };
	int none = AS_OK;
	unsigned group;
	while (gathering->failure == AS_OK &&
	       index_filler_begin(&gatherer.filler, gathering->fill, &group)) {
		const enum as_err err = gather_group(&gatherer, group);
		if (err != AS_OK)
			atomic_compare_exchange_strong(&gathering->failure, &none, (int)err);
	}
}

/* All that there is to know comes from the log, in parts. */
static enum as_err gather_log(struct gathering *gathering)
{
	struct plan *plan = gathering->plan;
	gathering->fill = index_fill_new(plan->work->verify->objects);
	if (!gathering->fill)
		return AS_ERR_MEMORY;
	parallel_run(parallel_threads(plan->options.threads), gather_groups, gathering);
	if (gathering->failure == AS_OK)
		return index_fill_end(gathering->fill, &plan->work->table);
	index_fill_free(gathering->fill);
	return (enum as_err)gathering->failure;
}

/* The keys of an index come in its order and in one thread: the same table each time. */
static enum as_err gather(struct gathering *gathering)
{
	struct plan_work *work = gathering->plan->work;
	struct gatherer gatherer = { .gathering = gathering };
	if (!work->verify->index_was_compared)
		return gather_log(gathering);
	work->table = index_table_new_for(work->verify->objects);
	return work->table ? verify_each(work->verify, take_key, &gatherer) : AS_ERR_MEMORY;
}

static int compare_lost(const void *left, const void *right)
{
	const struct lost_key *a = left, *b = right;
	return memcmp(a->key, b->key, KEY_SIZE);
}

/* Several damaged entries may name one key; one that is an object all the same is not lost. */
static void tidy_lost(struct plan *plan)
{
	size_t kept = 0;
	array_sort(plan->lost, plan->lost_count, sizeof(*plan->lost), compare_lost);
	for (size_t i = 0; i < plan->lost_count; i++) {
		const struct lost_key *lost = &plan->lost[i];
		if (index_table_find(plan->work->table, lost->key) != INDEX_EMPTY ||
		    (kept > 0 && memcmp(plan->lost[kept - 1].key, lost->key, KEY_SIZE) == 0))
			continue;
		plan->lost[kept++] = *lost;
	}
	plan->lost_count = kept;
}

static void sort_keys(struct lost_key *keys, size_t count)
{
	array_sort(keys, count, sizeof(*keys), compare_lost);
}

/* An older manifest hides every archive that is newer, and the client's own repair would then delete
 * what belongs to those. Where newer objects are whole it is left out: without a manifest the client
 * finds all archives again. */
static enum as_err leave_manifest_out(struct plan *plan, size_t *capacity)
{
	static const uint8_t manifest[KEY_SIZE];
	struct index_table *table = plan->work->table;
	struct index_bucket bucket;
	bool has_newer = false;
	if (plan->action != REPAIR_SALVAGE || plan->options.with_older_manifest ||
	    plan->older_count == 0 || memcmp(plan->older[0].key, manifest, KEY_SIZE) != 0)
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
	index_table_remove(table, manifest);
	memmove(plan->older, plan->older + 1, (plan->older_count - 1) * sizeof(*plan->older));
	plan->older_count--;
	return plan_name_key(&plan->left_out, &plan->left_out_count, capacity, manifest,
			     LOSS_DAMAGED, &place);
}

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
	struct gathering gathering = { .plan = plan, .mutex = PTHREAD_MUTEX_INITIALIZER };
	enum as_err err = gather(&gathering);
	if (err == AS_OK && first != plan->work->verify)
		err = verify_each(first, take_given_up, &gathering);
	if (err != AS_OK)
		return err;
	tidy_lost(plan);
	sort_keys(plan->older, plan->older_count);
	err = leave_manifest_out(plan, &gathering.left_out_capacity);
	sort_keys(plan->left_out, plan->left_out_count);
	sort_keys(plan->dropped, plan->dropped_count);
	promise(plan);
	plan->loss_is_unknown = first->loss_is_unknown || plan->work->verify->loss_is_unknown;
	/* Where no witness tells of the end, the tail may have been committed. */
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

/* ---- entries to be written ---- */

static enum as_err add_copy(struct plan *plan, const uint8_t key[KEY_SIZE], uint32_t segment,
			    uint32_t offset)
{
	struct plan_work *work = plan->work;
	if (!ARRAY_RESERVE(work->copies, work->copy_count, work->copy_capacity))
		return AS_ERR_MEMORY;
	struct copy *copy = &work->copies[work->copy_count++];
	*copy = (struct copy){ .segment = segment, .offset = offset };
	memcpy(copy->key, key, KEY_SIZE);
	return AS_OK;
}

/* Will the entry at @offset of @segment not be where the clients look for it? Its file goes, or bears
 * another name. */
static bool is_leaving(const struct plan *plan, uint32_t segment, uint32_t offset)
{
	const struct verify *verify = plan->work->verify;
	const size_t position = verify_position(verify, segment);
	return position == LISTING_NONE || plan->work->goes[position] ||
	       (verify->fill_count > 0 && verify_has_fill(verify, segment, offset));
}

/* Live entries of what goes. */
static enum as_err copy_from_what_goes(struct plan *plan)
{
	const struct index_table *table = plan->work->table;
	struct index_bucket bucket;
	enum as_err err = AS_OK;
	for (uint32_t from = 0; err == AS_OK && index_table_next(table, from, &bucket);
	     from = bucket.number + 1) {
		if (is_leaving(plan, bucket.segment, bucket.offset))
			err = add_copy(plan, bucket.key, bucket.segment, bucket.offset);
	}
	return err;
}

/* What stays can hold entries that are not live: a PUT whose DELETE goes, a DELETE that an index
 * speaks against. What goes holds them too, and goes only when the new index is there: a repair may
 * be killed before. Where the log alone would say something else of their keys, with what goes or
 * without, it must be said once more at its end. */
struct sweep {
	struct plan *plan;
	struct replay *stays, *goes;	/* newest event of keys that are no objects */
};

static enum as_err weigh_entry(const struct sweep *sweep, uint32_t number, bool goes,
			       const struct segment_entry *entry)
{
	struct plan *plan = sweep->plan;
	const struct replay_event event = {
		.segment = number, .offset = (uint32_t)entry->offset,
		.size = (uint32_t)entry->size, .is_put = entry->tag == SEGMENT_PUT,
	};
	uint32_t segment, offset;
	if (entry->tag == SEGMENT_COMMIT || entry->tag == SEGMENT_DAMAGED)
		return AS_OK;
	if (!index_table_get(plan->work->table, entry->key, &segment, &offset))
		return replay_add(goes ? sweep->goes : sweep->stays, entry->key, &event);
	if (replay_time(segment, offset) >= replay_time(number, event.offset) ||
	    is_leaving(plan, segment, offset))
		return AS_OK;
	return add_copy(plan, entry->key, segment, offset);
}

static enum as_err add_delete(void *context, const uint8_t key[KEY_SIZE],
			      const struct replay_event *event)
{
	struct plan_work *work = ((const struct sweep *)context)->plan->work;
	if (!event->is_put)
		return AS_OK;
	if (!ARRAY_RESERVE(work->deletes, work->delete_count, work->delete_capacity))
		return AS_ERR_MEMORY;
	memcpy(work->deletes[work->delete_count++], key, KEY_SIZE);
	return AS_OK;
}

/* Of a key of what goes, unless what stays has the last word, or has brought about a DELETE. */
static enum as_err add_delete_for_now(void *context, const uint8_t key[KEY_SIZE],
				      const struct replay_event *event)
{
	const struct sweep *sweep = context;
	struct replay_event other;
	if (replay_find(sweep->stays, key, &other) &&
	    (other.is_put || replay_time(other.segment, other.offset) >
				     replay_time(event->segment, event->offset)))
		return AS_OK;
	return add_delete(context, key, event);
}

static enum as_err sweep_segment(const struct sweep *sweep, struct segment_reader *reader,
				 size_t position, struct as_error *error)
{
	const struct repo *repo = sweep->plan->work->repo;
	const bool goes = sweep->plan->work->goes[position] != NULL;
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	/* Until a file that bears another's number has gone, the clients read it as that one. */
	const uint32_t is = sweep->plan->work->verify->facts[position].number;
	const uint32_t bears = repo->listing.segments[position].number;
	const uint32_t number = is > bears ? is : bears;
	listing_path(&repo->listing, position, path);
	enum as_err err = segment_open(reader, repo->fd, path, number, NULL, NULL);
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s/%s: %s", repo->path, path, as_err_text(err));
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		err = weigh_entry(sweep, number, goes, &entry);
		if (err != AS_OK)
			break;
	}
	return err == AS_END ? AS_OK
			     : as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
}

/* Does the log end elsewhere without @position, or is a transaction written anyhow? Files that came
 * back or are of elsewhere are then swept like the log; else index and hints of before stay, and
 * know better. */
static bool sweeps_outsider(const struct plan *plan, size_t position)
{
	const struct plan_work *work = plan->work;
	bool is_end = true;
	if (plan->action == REPAIR_SALVAGE || work->copy_count > 0)
		return true;
	for (size_t i = position + 1; i < work->repo->listing.count; i++)
		is_end = is_end && (work->goes[i] || !work->verify->facts[i].is_complete);
	return is_end;
}

static bool must_be_swept(const struct plan *plan, size_t position)
{
	const struct plan_work *work = plan->work;
	const struct verify *verify = work->verify;
	const struct segment_facts *facts = &verify->facts[position];
	if (!facts->is_committed)
		return false;
	if (facts->role != ROLE_LOG)
		return work->goes[position] && sweeps_outsider(plan, position);
	if (facts->number != work->repo->listing.segments[position].number)
		return true;
	return (facts->puts != facts->live || facts->deletes > 0) &&
	       (!work->goes[position] || verify->log_is_damaged || verify->deletes_moved > 0);
}

static enum as_err sweep_all(const struct sweep *sweep, struct as_error *error)
{
	const struct plan_work *work = sweep->plan->work;
	struct segment_reader *reader = segment_reader_new(work->repo->io);
	enum as_err err = reader ? AS_OK : AS_ERR_MEMORY;
	if (reader)
		segment_reader_watch(reader, &work->progress->cancel);
	const size_t count = work->repo->listing.count;
	for (size_t i = 0; err == AS_OK && i < 2 * count; i++) {	/* the log first */
		const bool is_log = work->verify->facts[i % count].role == ROLE_LOG;
		if (is_log == (i < count) && must_be_swept(sweep->plan, i % count))
			err = sweep_segment(sweep, reader, i % count, error);
	}
	segment_reader_free(reader);
	return err;
}

static int compare_copies(const void *left, const void *right)
{
	const struct copy *a = left, *b = right;
	const uint64_t x = replay_time(a->segment, a->offset);
	const uint64_t y = replay_time(b->segment, b->offset);
	return (x > y) - (x < y);
}

static void tidy_copies(struct plan_work *work)
{
	size_t kept = 0;
	array_sort(work->copies, work->copy_count, sizeof(*work->copies), compare_copies);
	for (size_t i = 0; i < work->copy_count; i++)
		if (kept == 0 || compare_copies(&work->copies[kept - 1], &work->copies[i]) != 0)
			work->copies[kept++] = work->copies[i];
	work->copy_count = kept;
}

static bool ends_like_commit(const struct segment_entry *entry, const uint8_t *bytes)
{
	return memcmp(bytes + entry->size - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER) == 0;
}

static enum as_err fail_memory(const struct plan *plan, enum as_err err, struct as_error *error)
{
	return as_fail(error, err, 0, "%s: %s", plan->work->repo->path, as_err_text(err));
}

/* Read every entry that is to be copied: it must still be what it was, and how it will lie in the
 * new segments depends on its size and its end. */
static enum as_err measure_all(struct plan *plan, struct copy_reader *reader,
			       struct as_error *error)
{
	const struct plan_work *work = plan->work;
	struct segment_entry entry;
	const uint8_t *bytes;
	for (size_t i = 0; i < work->copy_count; i++) {
		struct copy *copy = &work->copies[i];
		if (work->progress->cancel)
			return as_fail(error, AS_ERR_CANCELLED, 0, "%s: %s", work->repo->path,
				       as_err_text(AS_ERR_CANCELLED));
		const enum as_err err = copy_read(reader, copy, &entry, &bytes, error);
		if (err != AS_OK)
			return err;
		copy->size = (uint32_t)entry.size;
		copy->ends_like_commit = ends_like_commit(&entry, bytes);
		plan->bytes_copied += entry.size;
	}
	return AS_OK;
}

static enum as_err measure(struct plan *plan, struct as_error *error)
{
	struct copy_reader reader;
	enum as_err err = copy_reader_init(&reader, plan);
	err = err == AS_OK ? measure_all(plan, &reader, error) : fail_memory(plan, err, error);
	copy_reader_free(&reader);
	plan->entries_copied = plan->work->copy_count;
	plan->deletes_written = plan->work->delete_count;
	return err;
}

enum as_err plan_find_entries(struct plan *plan, struct as_error *error)
{
	struct sweep sweep = { .plan = plan, .stays = replay_new(), .goes = replay_new() };
	enum as_err err = sweep.stays && sweep.goes ? copy_from_what_goes(plan) : AS_ERR_MEMORY;
	if (err != AS_OK)
		fail_memory(plan, err, error);
	if (err == AS_OK)
		err = sweep_all(&sweep, error);
	if (err == AS_OK) {
		err = replay_each(sweep.stays, add_delete, &sweep);
		if (err == AS_OK)
			err = replay_each(sweep.goes, add_delete_for_now, &sweep);
		if (err != AS_OK)
			fail_memory(plan, err, error);
	}
	replay_free(sweep.stays);
	replay_free(sweep.goes);
	if (err != AS_OK)
		return err;
	tidy_copies(plan->work);
	return measure(plan, error);
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
	if (!ARRAY_RESERVE(plan->suspects, plan->suspect_count, *capacity))
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

static bool is_taken(const struct plan *plan, const uint8_t key[KEY_SIZE])
{
	for (size_t i = 0; i < plan->suspect_count; i++)
		if (plan->suspects[i].is_taken &&
		    memcmp(plan->suspects[i].key, key, KEY_SIZE) == 0)
			return true;
	return false;
}

enum as_err plan_find_suspects(struct plan *plan)
{
	const struct findings *findings = &plan->work->verify->findings;
	size_t capacity = 0, kept = 0;
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < findings->count; i++)
		if (findings->rows[i].problem == PROBLEM_ENTRY_SUSPECT)
			err = add_suspect(plan, &findings->rows[i], &capacity);
	for (size_t i = 0; i < plan->lost_count; i++)
		if (!is_taken(plan, plan->lost[i].key))
			plan->lost[kept++] = plan->lost[i];
	plan->lost_count = kept;
	plan->objects_after = index_table_count(plan->work->table);
	return err;
}

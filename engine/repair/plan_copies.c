#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- reading a copy again ---- */

static enum as_err read_copy(struct copy_reader *reader, const struct copy *copy,
			     struct verify_source *source, struct segment_entry *entry,
			     const uint8_t **bytes)
{
	const struct plan_work *work = reader->plan->work;
	if (!verify_find_source(work->verify, copy->segment, copy->offset, source))
		return AS_ERR_INTEGRITY;
	if (!reader->is_open || strcmp(reader->path, source->path) != 0) {
		const enum as_err err = segment_open(reader->segment, work->repo->fd, source->path,
						     copy->segment, NULL, NULL);
		reader->is_open = err == AS_OK;
		snprintf(reader->path, sizeof(reader->path), "%s", source->path);
		if (err != AS_OK)
			return err;
	}
	const enum as_err err = segment_look_at(reader->segment, source->offset, entry);
	if (err != AS_OK)
		return err;
	if (entry->tag != SEGMENT_PUT || memcmp(entry->key, copy->key, KEY_SIZE) != 0 ||
	    (copy->size != 0 && entry->size != copy->size))
		return AS_ERR_INTEGRITY;
	return segment_bytes(reader->segment, entry, bytes);
}

enum as_err copy_read(struct copy_reader *reader, const struct copy *copy,
		      struct segment_entry *entry, const uint8_t **bytes, struct as_error *error)
{
	const struct repo *repo = reader->plan->work->repo;
	struct verify_source source = { .path = "data" };
	const enum as_err err = read_copy(reader, copy, &source, entry, bytes);
	if (err == AS_OK)
		return AS_OK;
	if (err == AS_ERR_MEMORY)
		return repair_fail(repo, err, error);
	return as_fail(error, AS_ERR_INTEGRITY, 0,
		       "%s/%s: segment %" PRIu32 ", offset %" PRIu32 ": read again, it is not what "
		       "it was: the disk or the machine cannot be trusted", repo->path, source.path,
		       copy->segment, copy->offset);
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

/* Will the entry at @offset of @segment not be where the clients look for it? Its file goes, or has
 * another name. */
static bool is_leaving(const struct plan *plan, uint32_t segment, uint32_t offset)
{
	const struct verify *verify = plan->work->verify;
	const size_t position = verify_position(verify, segment);
	return position == LISTING_NONE || plan->work->goes[position] ||
	       (verify->fill_count > 0 && verify_has_fill(verify, segment, offset));
}

/* What stays can hold entries that are not live: a PUT whose DELETE goes, a DELETE that an index
 * speaks against. What goes holds them too, and goes only when the new index is there: a repair may
 * be killed before. Where the log alone would say something else of their keys, with what goes or
 * without, it must be said once more at its end. */
struct sweep {
	struct plan *plan;
	struct segment_reader *reader;
	struct replay *stays, *goes;	/* newest event of keys that are no objects */
};

/* Whose superseded PUTs get a DELETE. */
struct delete_list {
	struct plan_work *work;
	/* Not those for which this has the last word, or has led to a DELETE already; or NULL. */
	const struct replay *stays;
};

static enum as_err add_delete(void *context, const uint8_t key[KEY_SIZE],
			      const struct replay_event *event)
{
	const struct delete_list *list = context;
	struct plan_work *work = list->work;
	struct replay_event other;
	if (!event->is_put)
		return AS_OK;
	if (list->stays && replay_find(list->stays, key, &other) &&
	    (other.is_put || replay_time(other.segment, other.offset) >
				     replay_time(event->segment, event->offset)))
		return AS_OK;
	if (!ARRAY_RESERVE(work->deletes, work->delete_count, work->delete_capacity))
		return AS_ERR_MEMORY;
	memcpy(work->deletes[work->delete_count++], key, KEY_SIZE);
	return AS_OK;
}

static enum as_err sweep_segment(const struct sweep *sweep, size_t position,
				 struct as_error *error)
{
	struct segment_reader *reader = sweep->reader;
	struct plan *plan = sweep->plan;
	const struct repo *repo = plan->work->repo;
	struct replay *dead = plan->work->goes[position] ? sweep->goes : sweep->stays;
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	uint32_t segment, offset;
	/* Until a file that bears another's number has gone, the clients read it as that one. */
	const uint32_t is = plan->work->verify->facts[position].number;
	const uint32_t bears = repo->listing.segments[position].number;
	const uint32_t number = is > bears ? is : bears;
	listing_path(&repo->listing, position, path);
	enum as_err err = segment_open(reader, repo->fd, path, number, NULL, NULL);
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s/%s: %s", repo->path, path, as_err_text(err));
	while (err == AS_OK && (err = segment_next(reader, &entry)) == AS_OK) {
		const struct replay_event event = {
			.segment = number, .offset = (uint32_t)entry.offset,
			.size = (uint32_t)entry.size, .is_put = entry.tag == SEGMENT_PUT,
		};
		if (entry.tag == SEGMENT_COMMIT || entry.tag == SEGMENT_DAMAGED)
			continue;
		if (!index_table_get(plan->work->table, entry.key, &segment, &offset))
			err = replay_add(dead, entry.key, &event);
		else if (replay_time(segment, offset) < replay_time(number, event.offset) &&
			 !is_leaving(plan, segment, offset))
			err = add_copy(plan, entry.key, segment, offset);
	}
	return err == AS_END ? AS_OK : repair_fail(repo, err, error);
}

static bool must_be_swept(const struct plan *plan, size_t position)
{
	const struct plan_work *work = plan->work;
	const struct verify *verify = work->verify;
	const struct segment_facts *facts = &verify->facts[position];
	if (!facts->is_committed)
		return false;
	if (facts->role == ROLE_LOG)
		return facts->number != work->repo->listing.segments[position].number ||
		       ((facts->puts != facts->live || facts->deletes > 0) &&
			(!work->goes[position] || verify->log_is_damaged ||
			 verify->deletes_moved > 0));
	/* A file that came back, or is of elsewhere: swept like the log if a transaction is written
	 * anyhow, or the log ends elsewhere without it. Else index and hints of before stay, and
	 * know better. */
	if (!work->goes[position])
		return false;
	if (plan->action == REPAIR_SALVAGE || work->copy_count > 0)
		return true;
	for (size_t i = position + 1; i < work->repo->listing.count; i++)
		if (!work->goes[i] && verify->facts[i].is_complete)
			return false;
	return true;
}

static int compare_copies(const void *left, const void *right)
{
	const struct copy *a = left, *b = right;
	const uint64_t x = replay_time(a->segment, a->offset);
	const uint64_t y = replay_time(b->segment, b->offset);
	return (x > y) - (x < y);
}

/* Read every entry that is to be copied: it must still be what it was, and how it will lie in the
 * new segments depends on its size and its end. */
static enum as_err measure(struct plan *plan, struct as_error *error)
{
	const struct plan_work *work = plan->work;
	struct copy_reader reader = {
		.plan = plan, .segment = segment_reader_new(work->repo->io, work->repo->dialect),
	};
	struct segment_entry entry;
	const uint8_t *bytes;
	enum as_err err = AS_OK;
	if (!reader.segment)
		return repair_fail(work->repo, AS_ERR_MEMORY, error);
	for (size_t i = 0; i < work->copy_count; i++) {
		struct copy *copy = &work->copies[i];
		err = work->progress->cancel ? repair_fail(work->repo, AS_ERR_CANCELLED, error)
					     : copy_read(&reader, copy, &entry, &bytes, error);
		if (err != AS_OK)
			break;
		copy->size = (uint32_t)entry.size;
		copy->ends_like_commit = log_ends_like_commit(bytes, entry.size, NULL, 0);
		plan->bytes_copied += entry.size;
	}
	segment_reader_free(reader.segment);
	plan->entries_copied = work->copy_count;
	plan->deletes_written = work->delete_count;
	return err;
}

static enum as_err gather(struct sweep *sweep, struct as_error *error)
{
	struct plan *plan = sweep->plan;
	struct plan_work *work = plan->work;
	const size_t count = work->repo->listing.count;
	struct delete_list for_good = { .work = work };
	struct delete_list for_now = { .work = work, .stays = sweep->stays };
	struct index_bucket bucket;
	enum as_err err = AS_OK;
	if (!sweep->stays || !sweep->goes || !sweep->reader)
		return repair_fail(work->repo, AS_ERR_MEMORY, error);
	/* Live entries of what goes. */
	for (uint32_t from = 0; err == AS_OK && index_table_next(work->table, from, &bucket);
	     from = bucket.number + 1)
		if (is_leaving(plan, bucket.segment, bucket.offset))
			err = add_copy(plan, bucket.key, bucket.segment, bucket.offset);
	if (err != AS_OK)
		return repair_fail(work->repo, err, error);
	segment_reader_watch(sweep->reader, &work->progress->cancel);
	for (size_t i = 0; i < 2 * count; i++) {	/* the log first */
		const bool is_log = work->verify->facts[i % count].role == ROLE_LOG;
		if (is_log != (i < count) || !must_be_swept(plan, i % count))
			continue;
		err = sweep_segment(sweep, i % count, error);
		if (err != AS_OK)
			return err;
	}
	err = replay_each(sweep->stays, add_delete, &for_good);
	if (err == AS_OK)
		err = replay_each(sweep->goes, add_delete, &for_now);
	return err == AS_OK ? AS_OK : repair_fail(work->repo, err, error);
}

enum as_err plan_find_entries(struct plan *plan, struct as_error *error)
{
	struct plan_work *work = plan->work;
	struct sweep sweep = {
		.plan = plan, .reader = segment_reader_new(work->repo->io, work->repo->dialect),
		.stays = replay_new(), .goes = replay_new(),
	};
	const enum as_err err = gather(&sweep, error);
	segment_reader_free(sweep.reader);
	replay_free(sweep.stays);
	replay_free(sweep.goes);
	if (err != AS_OK)
		return err;
	/* By place, each once. */
	size_t kept = 0;
	array_sort(work->copies, work->copy_count, sizeof(*work->copies), compare_copies);
	for (size_t i = 0; i < work->copy_count; i++)
		if (kept == 0 || compare_copies(&work->copies[kept - 1], &work->copies[i]) != 0)
			work->copies[kept++] = work->copies[i];
	work->copy_count = kept;
	return measure(plan, error);
}

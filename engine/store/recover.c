#include "build-config.h"

#include "store/store_internal.h"

#include "base/array.h"
#include "repo/probe.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 64u	/* entries whose buckets are fetched while others are entered */

/* ---- where to begin ---- */

struct index_names {
	uint32_t *numbers;
	size_t count, capacity;
	uint32_t below;		/* or equal */
};

static enum as_err list_index(void *context, const char *name, enum io_kind kind)
{
	struct index_names *names = context;
	struct name parsed;
	(void)kind;
	if (!name_is_of_transaction(name, NULL, &parsed) || parsed.kind != NAME_INDEX ||
	    parsed.number > names->below)
		return AS_OK;
	if (!ARRAY_RESERVE(names->numbers, names->count, names->capacity))
		return AS_ERR_MEMORY;
	names->numbers[names->count++] = (uint32_t)parsed.number;
	return AS_OK;
}

/* Load index and hints of transaction @number. AS_ERR_INTEGRITY also where they are not those of
 * the log. */
static enum as_err load_witnesses(struct as_store *store, uint32_t number)
{
	struct findings findings;
	struct index_file file;
	struct hints hints;
	char why[PROBE_TEXT_SIZE];
	findings_init(&findings);
	enum as_err err = hints_read(store->io, store->fd, store->repo->dialect, number, &hints,
				     &findings);
	if (err == AS_OK)
		err = index_open(store->io, store->fd, store->repo->dialect, number, &file,
				 &findings);
	if (err == AS_OK) {
		err = hints.usable ? hints_copy(&store->hints, &hints) : AS_ERR_INTEGRITY;
		if (err == AS_OK)
			err = probe_witnesses(store->repo, &file, &hints, why);
		if (err == AS_OK)
			err = *why ? AS_ERR_INTEGRITY : index_table_load(&file, &store->table);
		index_close(&file);
	}
	hints_free(&hints);
	findings_free(&findings);
	return err;
}

/* An index of transaction @number can be built on when it and its hints are whole, agree with each
 * other, and that transaction is in the log. */
static enum as_err try_start(struct as_store *store, uint32_t number)
{
	char path[LISTING_PATH_MAX];
	bool is_complete = false;
	uint64_t live;
	store_segment_path(store, number, path);
	enum as_err err = segment_is_complete(store->io, store->fd, path, &is_complete);
	if (err == AS_OK && !is_complete)
		err = AS_ERR_INTEGRITY;
	if (err == AS_OK)
		err = load_witnesses(store, number);
	if (err == AS_OK && (!hints_sum(&store->hints, &live) ||
			     live != index_table_count(store->table)))
		err = AS_ERR_INTEGRITY;
	if (err == AS_OK)
		return AS_OK;
	index_table_free(store->table);
	store->table = NULL;
	hints_free(&store->hints);
	return err;
}

/* The newest index that can be trusted, or an empty one: replaying begins at segment *@from. */
static enum as_err find_start(struct as_store *store, bool full, uint32_t *from)
{
	struct index_names names = { .below = store->transaction };
	enum as_err err = full ? AS_OK : io_list(store->io, store->fd, list_index, &names);
	*from = 0;
	array_sort(names.numbers, names.count, sizeof(*names.numbers), array_compare_u32);
	for (size_t i = names.count; err == AS_OK && !store->table && i > 0; i--) {
		const enum as_err tried = try_start(store, names.numbers[i - 1]);
		if (tried == AS_OK)
			*from = names.numbers[i - 1] + 1;
		else if (tried == AS_ERR_MEMORY)
			err = tried;
	}
	free(names.numbers);
	if (err == AS_OK && !store->table) {
		store->table = index_table_new(store->repo->dialect, 0);
		store->hints.has_quota_use = true;
		err = store->table ? AS_OK : AS_ERR_MEMORY;
	}
	return err;
}

/* ---- replaying ---- */

/* Entries of one segment on their way into the table. */
struct batch {
	struct segment_entry entries[BATCH];
	size_t count;
};

static enum as_err enter_batch(struct as_store *store, uint32_t number, struct batch *batch)
{
	enum as_err err = AS_OK;
	for (size_t i = 0; i < batch->count; i++)
		index_table_prefetch(store->table, batch->entries[i].key);
	for (size_t i = 0; err == AS_OK && i < batch->count; i++) {
		const struct segment_entry *entry = &batch->entries[i];
		uint32_t segment, offset;
		if (!hints_reserve_older(&store->hints))
			return AS_ERR_MEMORY;
		if (index_table_get(store->table, entry->key, &segment, &offset))
			store_leave(store, entry->key, segment, offset);
		if (entry->tag == SEGMENT_DELETE) {
			store_count_delete(store, number);
			index_table_remove(store->table, entry->key);
			continue;
		}
		hints_find(&store->hints, number)->live++;
		store->hints.quota_use += (int64_t)entry->size;
		err = index_table_put(store->table, entry->key, number, (uint32_t)entry->offset);
	}
	batch->count = 0;
	return err;
}

static enum as_err replay_segment(struct as_store *store, struct segment_reader *reader,
				  uint32_t number, struct batch *batch, struct as_error *error)
{
	struct segment_entry *entry = &batch->entries[0];
	enum as_err err = store_poll(store, error);
	if (err != AS_OK)
		return err;
	if (number >= INDEX_DELETED)
		return as_fail(error, AS_ERR_FULL, 0, "%s: segment %" PRIu32
			       " has a number that no index can hold", store->repo->path, number);
	if (!hints_add(&store->hints, number))
		return store_fail(store, AS_ERR_MEMORY, error);
	err = store_open_segment(store, reader, number, error);
	if (err != AS_OK)
		return err;
	while ((err = segment_next(reader, entry)) == AS_OK) {
		if (entry->tag == SEGMENT_DAMAGED)
			return store_fail_damage(store, number, entry, error);
		if (entry->offset > UINT32_MAX)
			return as_fail(error, AS_ERR_FULL, 0,
				       "%s: segment %" PRIu32 " reaches beyond 4 GiB",
				       store->repo->path, number);
		if (entry->tag != SEGMENT_COMMIT && ++batch->count == BATCH)
			err = enter_batch(store, number, batch);
		if (err != AS_OK)
			return store_fail(store, err, error);
		entry = &batch->entries[batch->count];
	}
	if (err == AS_END)
		err = enter_batch(store, number, batch);
	return err == AS_OK ? AS_OK : store_fail(store, err, error);
}

static enum as_err replay_all(struct as_store *store, const struct listing *listing, uint32_t from,
			      struct as_error *error)
{
	struct segment_reader *reader = segment_reader_new(store->io, store->repo->dialect);
	struct batch *batch = calloc(1, sizeof(*batch));
	enum as_err err = reader && batch ? AS_OK : AS_ERR_MEMORY;
	if (err != AS_OK)
		store_fail(store, err, error);
	for (size_t i = listing_from(listing, from); err == AS_OK && i < listing->count; i++) {
		if (listing->segments[i].number > store->transaction)
			break;
		err = replay_segment(store, reader, listing->segments[i].number, batch, error);
	}
	segment_reader_free(reader);
	free(batch);
	return err;
}

/* *@from: the first segment that was replayed; 0 where no index was believed. */
static enum as_err replay_from(struct as_store *store, const struct listing *listing, bool full,
			       uint32_t *from, struct as_error *error)
{
	store_unload(store);
	const enum as_err err = find_start(store, full, from);
	if (err != AS_OK)
		return store_fail(store, err, error);
	return replay_all(store, listing, *from, error);
}

enum as_err store_replay(struct as_store *store, bool full, struct as_error *error)
{
	struct listing listing;
	uint32_t from;
	enum as_err err = store_read_listing(store, true, &listing, error);
	if (err != AS_OK)
		return err;
	err = replay_from(store, &listing, false, &from, error);
	const bool can_go_on = err == AS_OK || err == AS_ERR_INTEGRITY || err == AS_ERR_COLLISION;
	/* An old index can map keys to segments that a later compaction removed together with the
	 * DELETEs of those keys. */
	if (can_go_on && (full || (err == AS_OK &&
				   store_find_absent(&listing, &store->hints, true)))) {
		/* Replay all of the log. An object that a credible index and the log behind it
		 * give, and all of the log does not, is not dropped without a word: a DELETE may
		 * have been moved behind the PUT that followed it. */
		struct index_table *before = err == AS_OK && from > 0 ? store->table : NULL;
		if (before)
			store->table = NULL;
		err = replay_from(store, &listing, true, &from, error);
		if (err == AS_OK && before)
			err = store_check_named(store, before, error);
		index_table_free(before);
	}
	if (err == AS_OK)
		store_drop_ghosts(store, &listing);
	listing_free(&listing);
	if (err != AS_OK)
		store_unload(store);
	return err;
}

enum as_err store_recover(struct as_store *store, bool full, struct as_error *error)
{
	static const char advice[] = ": 'atticscope check' says what can be saved";
	if (!store->has_transaction && !store->needs_recover)
		return AS_OK;
	if (!store->has_transaction)
		return as_fail(error, AS_ERR_INTEGRITY, 0,
			       "%s: %s; the log holds nothing to replay", store->repo->path,
			       store->why);
	enum as_err err = store_find_folder(store, error);
	if (err == AS_OK)
		err = store_list_segments(store, error);
	if (err != AS_OK)
		return err;
	err = store_replay(store, full, error);
	const size_t len = error && err == AS_ERR_INTEGRITY ? strlen(error->message) : 0;
	if (len > 0 && len + sizeof(advice) <= sizeof(error->message))
		memcpy(error->message + len, advice, sizeof(advice));
	if (err == AS_OK)
		err = store_check_loss(store, error);
	if (err == AS_OK)
		err = store_write_index(store, error);
	if (err == AS_OK)
		err = store_remove_old(store, error);
	store_unload(store);
	const enum as_err found = store_find_index(store);
	return err == AS_OK && found != AS_OK ? store_fail(store, found, error) : err;
}

enum as_err as_recover(struct as_store *store, int flags, struct as_error *error)
{
	enum as_err err = store_check_call(store, flags, AS_FULL, error);
	if (err != AS_OK)
		return err;
	if (store->in_transaction || store->dead)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: a transaction is open",
			       store->repo->path);
	if (store->needs_rollback)
		return store_refuse(store, AS_ERR_UNCOMMITTED, error);
	err = store_acquire(store, error);
	return err == AS_OK ? store_recover(store, flags & AS_FULL, error) : err;
}

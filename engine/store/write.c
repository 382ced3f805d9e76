#include "build-config.h"

#include "store/store_internal.h"

#include "base/path.h"
#include "check/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- put and delete ---- */

/* Has the quota room for @size bytes more? */
static enum as_err check_quota(const struct as_store *store, uint64_t size, struct as_error *error)
{
	const uint64_t quota = store->repo->config.storage_quota;
	const int64_t used = store->hints.quota_use;
	if (quota == 0 || !store->hints.has_quota_use ||
	    (used < 0 ? 0 : (uint64_t)used) + size <= quota)
		return AS_OK;
	return as_fail(error, AS_ERR_NO_SPACE, 0, "%s: its storage quota of %" PRIu64 " bytes "
		       "would be exceeded; %" PRId64 " are used", store->repo->path, quota, used);
}

/* Does the commit leave the free space that config asks for? What was written is on the disk. */
static enum as_err check_free_space(const struct as_store *store, struct as_error *error)
{
	const uint64_t wanted = store->repo->config.additional_free_space;
	uint64_t free_space;
	if (wanted == 0 || io_free_space(store->io, store->fd, &free_space) != AS_OK ||
	    free_space >= wanted)
		return AS_OK;
	return as_fail(error, AS_ERR_NO_SPACE, 0, "%s: %" PRIu64 " bytes are free; its config "
		       "wants %" PRIu64 " to stay free", store->repo->path, free_space, wanted);
}

/* An append failed half-way. */
static enum as_err take_back(struct as_store *store, const struct log_mark *mark, enum as_err err,
			     struct as_error *error)
{
	if (err == AS_ERR_MEMORY)
		store_fail(store, err, error);
	log_return(&store->log, mark);
	store->dead = store->log.dead;
	store->in_transaction = store->in_transaction || !log_is_empty(&store->log);
	return err;
}

enum as_err as_put(struct as_store *store, const void *key, size_t key_size, const void *value,
		   size_t value_size, struct as_error *error)
{
	uint32_t old_segment, old_offset, delete_segment, segment, offset;
	enum as_err err = store_check_key(store, key_size, error);
	if (err == AS_OK && value_size > AS_VALUE_MAX)
		err = as_fail(error, AS_ERR_TOO_LARGE, 0,
			      "%s: an object of %zu bytes; at most %u are possible",
			      store->repo->path, value_size, AS_VALUE_MAX);
	if (err == AS_OK)
		err = store_begin(store, error);
	if (err == AS_OK)
		err = check_quota(store, SEGMENT_KEYED + value_size, error);
	if (err != AS_OK)
		return err;
	err = index_table_reserve(store->table);
	if (err != AS_OK)
		return store_fail(store, err, error);
	const struct log_mark mark = log_mark(&store->log);
	const bool is_known = index_table_get(store->table, key, &old_segment, &old_offset);
	if (is_known)
		err = log_delete(&store->log, key, &delete_segment, &offset, error);
	if (err == AS_OK)
		err = log_put(&store->log, key, value, value_size, &segment, &offset, error);
	/* Make the rows that are looked for below: nothing can fail then. */
	if (err == AS_OK && ((is_known && !hints_add(&store->hints, delete_segment)) ||
			     !hints_add(&store->hints, segment) ||
			     !hints_reserve_older(&store->hints)))
		err = AS_ERR_MEMORY;
	if (err != AS_OK)
		return take_back(store, &mark, err, error);
	store->in_transaction = true;
	if (is_known) {
		store_leave(store, key, old_segment, old_offset);
		store_count_delete(store, delete_segment);
	}
	hints_find(&store->hints, segment)->live++;
	store->hints.quota_use += (int64_t)(SEGMENT_KEYED + value_size);
	index_table_put(store->table, key, segment, offset);
	return AS_OK;
}

enum as_err as_delete(struct as_store *store, const void *key, size_t key_size,
		      struct as_error *error)
{
	uint32_t old_segment, old_offset, delete_segment, offset;
	enum as_err err = store_check_key(store, key_size, error);
	if (err == AS_OK)
		err = store_begin(store, error);
	if (err != AS_OK)
		return err;
	if (!index_table_get(store->table, key, &old_segment, &old_offset))
		return store_fail_missing(store, key, error);
	const struct log_mark mark = log_mark(&store->log);
	err = log_delete(&store->log, key, &delete_segment, &offset, error);
	if (err == AS_OK && (!hints_add(&store->hints, delete_segment) ||
			     !hints_reserve_older(&store->hints)))
		err = AS_ERR_MEMORY;
	if (err != AS_OK)
		return take_back(store, &mark, err, error);
	store->in_transaction = true;
	store_leave(store, key, old_segment, old_offset);
	store_count_delete(store, delete_segment);
	index_table_remove(store->table, key);
	return AS_OK;
}

/* ---- commit ---- */

/* What comes behind the COMMIT: index, hints, and what they made superfluous. */
static enum as_err finish(struct as_store *store, struct as_report *report, struct as_error *error)
{
	enum as_err err = AS_OK;
	if (store->index_is_behind)
		err = store_log_transaction(store, error);
	if (err == AS_OK && store->index_is_behind)
		err = store_write_index(store, error);
	if (err != AS_OK)
		return err;
	report->indexed = true;
	err = store_remove_emptied(store, report, error);
	const enum as_err old = store_remove_old(store, err == AS_OK ? error : NULL);
	return err == AS_OK ? old : err;
}

enum as_err as_commit(struct as_store *store, int flags, struct as_report *report,
		      struct as_error *error)
{
	struct as_report own;
	if (!report)
		report = &own;
	*report = (struct as_report){ .transaction = store->transaction };
	enum as_err err = store_check_call(store, flags, AS_NO_COMPACT, error);
	if (err == AS_OK)
		err = store_check_order(store, error);
	const bool is_pending = store->index_is_behind || store->emptied_count > 0;
	if (err != AS_OK || (!store->in_transaction && !is_pending))
		return err;
	if (store->in_transaction) {
		uint32_t transaction;
		err = check_free_space(store, error);
		if (err == AS_OK)
			err = log_commit(&store->log, &transaction, error);
		store->dead = store->log.dead;
		if (err != AS_OK)
			return err;
		/* The segment that ends the transaction gets a row, so that it is known when it is
		 * left with nothing live; without it the next opening finds it. */
		hints_add(&store->hints, transaction);
		store->has_transaction = true;
		store->transaction = report->transaction = transaction;
		store->in_transaction = false;
		store->index_is_behind = store->listing_is_old = true;
	}
	report->committed = true;
	enum as_err compacted = AS_OK;
	/* Borg's clients compact when a person asks for it. */
	if (!(flags & AS_NO_COMPACT) && !store->repo->dialect->has_lone_commits)
		compacted = store_compact(store, report, error);
	if (store->needs_recover)
		return compacted;
	err = finish(store, report, compacted == AS_OK ? error : NULL);
	return compacted == AS_OK ? err : compacted;
}

enum as_err as_compact(struct as_store *store, struct as_report *report, struct as_error *error)
{
	struct as_report own;
	if (!report)
		report = &own;
	*report = (struct as_report){ .transaction = store->transaction };
	if (store->in_transaction)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: a transaction is open",
			       store->repo->path);
	if (store->repo->config.is_append_only)
		return as_fail(error, AS_ERR_DENIED, 0, "%s: it is append-only: nothing is ever "
			       "compacted in it", store->repo->path);
	enum as_err err = store_begin(store, error);
	if (err != AS_OK || !store->has_transaction)
		return err;
	err = store_compact(store, report, error);
	if (store->needs_recover)
		return err;
	const enum as_err finished = finish(store, report, err == AS_OK ? error : NULL);
	return err == AS_OK ? finished : err;
}

/* ---- rollback ---- */

/* May the tail that was found when opening be removed? */
static enum as_err check_tail(struct as_store *store, bool force, struct as_error *error)
{
	enum tail_kind kind;
	if (force)
		return AS_OK;
	if (store->repo->end_is_unknown)
		return store_refuse(store, AS_ERR_IO, error);
	const enum as_err err = verify_tail(store->repo, &kind);
	if (err != AS_OK)
		return store_fail(store, err, error);
	if (kind == TAIL_UNCOMMITTED || kind == TAIL_TORN)
		return AS_OK;
	return as_fail(error, kind == TAIL_NONE ? AS_ERR_IO : AS_ERR_INTEGRITY, 0,
		       "%s: %s (%s)", store->repo->path, store->why, tail_kind_name(kind));
}

static enum as_err remove_tail(struct as_store *store, struct as_error *error)
{
	const struct repo *repo = store->repo;
	char path[LISTING_PATH_MAX];
	for (size_t i = repo->listing.count; i > repo->tail; i--) {
		listing_path(&repo->listing, i - 1, path);
		fd_cache_close(&store->fds, repo->listing.segments[i - 1].number);
		enum as_err err = io_remove_file(store->permit, path);
		if (err != AS_OK && err != AS_ERR_DOES_NOT_EXIST)
			return as_fail(error, err, errno, "%s/%s: cannot remove", repo->path, path);
		path_parent(path);
		err = io_sync_folder(store->permit, path);
		if (err != AS_OK)
			return as_fail(error, err, errno, "%s/%s: cannot sync the folder",
				       repo->path, path);
	}
	store->needs_rollback = false;
	store->listing_is_old = true;
	return AS_OK;
}

static enum as_err roll_back_tail(struct as_store *store, bool force, struct as_error *error)
{
	enum as_err err = store_acquire(store, error);
	if (err == AS_OK)
		err = check_tail(store, force, error);
	if (err == AS_OK)
		err = remove_tail(store, error);
	/* Index and hints of what was given up must not wait for another transaction of its number.
	 */
	if (err == AS_OK && !store->has_transaction)
		err = store_remove_old(store, error);
	if (err != AS_OK)
		return err;
	err = store_find_index(store);
	if (err != AS_OK)
		return store_fail(store, err, error);
	if (store->needs_recover)
		err = store_recover(store, false, error);
	return err;
}

static enum as_err roll_back_transaction(struct as_store *store, struct as_error *error)
{
	for (uint32_t i = store->log.first; i <= store->log.segment; i++)
		fd_cache_close(&store->fds, i);
	enum as_err err = log_discard(&store->log, error);
	if (err != AS_OK) {
		store->dead = true;
		return err;
	}
	store->in_transaction = store->dead = false;
	/* Emptied segments that are still there are known again from the next listing; an index
	 * that was not written, from the lack of it. */
	store->index_is_behind = false;
	store_unload(store);
	err = store_find_index(store);
	return err == AS_OK ? AS_OK : store_fail(store, err, error);
}

enum as_err as_rollback(struct as_store *store, int flags, struct as_error *error)
{
	enum as_err err = store_check_call(store, flags, AS_FORCE, error);
	if (err != AS_OK)
		return err;
	if (store->needs_rollback)
		return roll_back_tail(store, flags & AS_FORCE, error);
	if (store->in_transaction || store->dead)
		return roll_back_transaction(store, error);
	return AS_OK;
}

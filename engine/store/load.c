#include "build-config.h"

#include "store/store_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum as_err store_acquire(struct as_store *store, struct as_error *error)
{
	static const char trial[] = "index.tmp";
	struct repo *repo = store->repo;
	const struct lock_wait wait = {
		.ms = store->options.lock_wait,
		.interrupt = store->options.interrupt,
		.context = store->options.context,
	};
	if (store->permit)
		return AS_OK;
	if (store->options.read_only || store->options.no_lock)
		return as_fail(error, AS_ERR_READ_ONLY, 0, "%s: it was opened for reading only",
			       repo->path);
	int fd;
	enum as_err err = lock_upgrade(repo_lock(repo), &wait, error);
	if (err != AS_OK)
		return err;
	store->permit = lock_permit(repo_lock(repo));
	/* Nobody who heeds locks wrote since; others are noticed as far as possible. */
	if (repo_is_changed(repo)) {
		err = as_fail(error, AS_ERR_CHANGED, 0,
			      "%s: it was changed since it was opened%s", repo->path,
			      repo->dialect->lock_kind == LOCK_KIND_FILE
			      ? ", although it was locked" : "");
		goto lower;
	}
	/* Index and hints are written behind the COMMIT: that they can be made at all is better
	 * known before. */
	err = io_create_file(store->permit, trial, &fd);
	if (err == AS_OK)
		io_close(store->io, fd);
	if (err == AS_OK || err == AS_ERR_ALREADY_EXISTS)	/* that one is left by a crash */
		err = io_remove_file(store->permit, trial);
	if (err == AS_OK)
		return AS_OK;
	as_fail(error, err, errno, "%s: cannot write in the folder", repo->path);
lower:
	lock_lower(repo_lock(repo));
	store->permit = NULL;
	return err;
}

static bool is_ghost(void *context, const struct hints_segment *row)
{
	const struct listing *const *listing = context;
	return row->live == 0 && listing_find(*listing, row->segment) == LISTING_NONE;
}

void store_drop_ghosts(struct as_store *store, const struct listing *listing)
{
	hints_remove(&store->hints, is_ghost, &listing);
}

/* AS_ERR_INTEGRITY: index or hints are not those whose digests Borg has written. What this store
 * wrote itself is not compared. */
static enum as_err check_digests(const struct as_store *store)
{
	const struct repo *repo = store->repo;
	const struct integrity *integrity = &repo->integrity;
	char name[sizeof("index.4294967295")];
	bool fits = true;
	if (!repo->has_integrity || integrity->state != INTEGRITY_READ || store->hints_are_old ||
	    integrity->transaction != store->transaction)
		return AS_OK;
	snprintf(name, sizeof(name), "hints.%" PRIu32, store->transaction);
	enum as_err err = integrity->hints.state == DIGEST_UNKNOWN ? AS_OK
		: integrity_compare(store->io, store->fd, name, 0, &integrity->hints, NULL, &fits);
	snprintf(name, sizeof(name), "index.%" PRIu32, store->transaction);
	if (err == AS_OK && fits && integrity->index.state != DIGEST_UNKNOWN)
		err = integrity_compare(store->io, store->fd, name, INDEX_HEADER,
					&integrity->index, NULL, &fits);
	return err == AS_OK && !fits ? AS_ERR_INTEGRITY : err;
}

static enum as_err load_index(struct as_store *store, struct as_error *error)
{
	const struct hints *known = &store->repo->hints;
	const char *fault = NULL;
	uint64_t live;
	if (!store->has_transaction) {
		store->table = index_table_new(store->repo->dialect, 0);
		store->hints.has_quota_use = true;
		return store->table ? AS_OK : as_fail(error, AS_ERR_MEMORY, 0,
						      "%s: cannot load the index",
						      store->repo->path);
	}
	enum as_err err = check_digests(store);
	if (err == AS_OK)
		err = index_table_load(&store->index, &store->table);
	if (err == AS_OK && !store_knows_hints(store))
		err = hints_load(&store->hints, store->io, store->fd, store->repo->dialect,
				 store->transaction);
	else if (err == AS_OK)
		err = known->usable ? hints_copy(&store->hints, known) : AS_ERR_INTEGRITY;
	if (err == AS_ERR_INTEGRITY)
		fault = "index or hints are damaged";
	else if (err != AS_OK)
		return as_fail(error, err, err == AS_ERR_IO ? errno : 0,
			       "%s: cannot load the index", store->repo->path);
	else if (!hints_sum(&store->hints, &live) || live != index_table_count(store->table))
		fault = "index and hints count different numbers of objects";
	if (!fault)
		return AS_OK;
	store_unload(store);
	index_close(&store->index);
	store->needs_recover = true;
	snprintf(store->why, sizeof(store->why), "%s", fault);
	return store_refuse(store, AS_ERR_INDEX, error);
}

enum as_err store_list_segments(struct as_store *store, struct as_error *error)
{
	struct repo *repo = store->repo;
	struct listing listing;
	if (!store->listing_is_old)
		return AS_OK;
	const enum as_err err = store_read_listing(store, false, &listing, error);
	if (err != AS_OK)
		return err;
	listing_free(&repo->listing);
	repo->listing = listing;
	repo->tail = store->has_transaction ? listing_from(&listing, store->transaction + 1) : 0;
	store->listing_is_old = false;
	return AS_OK;
}

/* Begin the log behind the newest transaction. Every segment gets a row in the hints: one that they
 * do not know holds nothing live, and is the rest of an interrupted compaction. */
static enum as_err begin_log(struct as_store *store, struct as_error *error)
{
	const struct repo *repo = store->repo;
	const uint32_t next = store->has_transaction ? store->transaction + 1 : 0;
	enum as_err err = store_list_segments(store, error);
	if (err != AS_OK)
		return err;
	store->written_from = next;
	for (size_t i = 0; i < repo->tail; i++)
		if (!hints_add(&store->hints, repo->listing.segments[i].number))
			return store_fail(store, AS_ERR_MEMORY, error);
	store_drop_ghosts(store, &repo->listing);
	err = log_init(&store->log, store->permit, repo->dialect, repo->path,
		       repo->config.max_segment_size, repo->config.segments_per_dir, next);
	return err == AS_OK ? AS_OK : store_fail(store, err, error);
}

enum as_err store_check_order(const struct as_store *store, struct as_error *error)
{
	const enum as_err err = store_check_call(store, 0, 0, error);
	if (err != AS_OK)
		return err;
	if (store->dead)
		return store_fail(store, AS_ERR_DEAD, error);
	if (store->needs_rollback)
		return store_refuse(store, AS_ERR_UNCOMMITTED, error);
	if (store->needs_recover)
		return store_refuse(store, AS_ERR_INDEX, error);
	if (listing_is_partial(&store->repo->findings))
		return store_fail_partial(store, error);
	return AS_OK;
}

/* Each commit is written down there: that it can be is better known before. */
static enum as_err check_transactions(const struct as_store *store, struct as_error *error)
{
	struct stat st;
	bool is_there;
	if (!store->repo->config.is_append_only ||
	    io_ask(store->io, store->fd, "transactions", &is_there, &st) != AS_OK || !is_there ||
	    S_ISREG(st.st_mode))
		return AS_OK;
	return as_fail(error, AS_ERR_NOT_REGULAR, 0, "%s/transactions: is no regular file: move it "
		       "elsewhere", store->repo->path);
}

enum as_err store_begin(struct as_store *store, struct as_error *error)
{
	enum as_err err = store_check_order(store, error);
	if (err == AS_OK)
		err = check_transactions(store, error);
	if (err == AS_OK)
		err = store_acquire(store, error);
	if (err != AS_OK || store->table)
		return err;
	if (store->has_transaction && store->transaction >= LOG_SEGMENT_LAST)
		return as_fail(error, AS_ERR_FULL, 0, "%s: segment numbers end at %" PRIu32
			       ", the highest that Attic can read", store->repo->path,
			       LOG_SEGMENT_LAST);
	err = load_index(store, error);
	if (err == AS_OK)
		err = begin_log(store, error);
	if (err != AS_OK)
		store_unload(store);
	return err;
}

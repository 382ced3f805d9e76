#include "build-config.h"

#include "store/store_internal.h"

#include "repo/create.h"
#include "repo/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- why the store cannot be written to ---- */

static void __attribute__((format(printf, 2, 3)))
say_why(struct as_store *store, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(store->why, sizeof(store->why), format, args);
	va_end(args);
}

/* Without all of data/ index and hints cannot be checked, and nothing can be built on them. As
 * listing_is_partial, but with the finding that says so as the reason. */
static bool data_is_missing(struct as_store *store)
{
	static const enum problem problems[] = { PROBLEM_DATA_MISSING, PROBLEM_FOLDER_UNREADABLE };
	const struct findings *findings = &store->repo->findings;
	for (size_t i = 0; i < ARRAY_SIZE(problems); i++)
		for (size_t j = 0; j < findings->count; j++) {
			if (findings->rows[j].problem != problems[i])
				continue;
			say_why(store, "%s: %s", problem_table[problems[i]].found,
				findings->rows[j].detail);
			return true;
		}
	return false;
}

static void check_tail(struct as_store *store)
{
	const struct repo *repo = store->repo;
	const size_t tail = repo->listing.count - repo->tail;
	uint32_t end;
	if (tail == 0)
		return;
	store->needs_rollback = true;
	if (repo->end_is_unknown)
		say_why(store, "segment %" PRIu32 " cannot be read: whether it was committed is "
			"not known", repo->listing.segments[repo->listing.count - 1].number);
	else if (repo_log_end(repo, &end) && (!repo->has_transaction || end > repo->transaction))
		say_why(store, "segment %" PRIu32 " has no whole COMMIT, but index or hints say "
			"that it was committed", end);
	else
		say_why(store, "%zu segment%s of an unfinished transaction, from segment %" PRIu32
			" on", tail, tail == 1 ? "" : "s",
			repo->listing.segments[repo->tail].number);
}

#define INDEX_NAME_SIZE sizeof("index.4294967295")

/* Index, hints or digests of a transaction that the log does not hold. A later transaction would
 * come to bear that number, and be mistaken for it. */
struct newer {
	const struct as_store *store;
	bool found;
	char name[sizeof("integrity.4294967295")];
};

static enum as_err find_newer(void *context, const char *name, enum io_kind kind)
{
	struct newer *newer = context;
	const struct as_store *store = newer->store;
	struct name parsed;
	(void)kind;
	if (!name_is_of_transaction(name, store->repo->dialect, &parsed) ||
	    strlen(name) >= sizeof(newer->name) ||
	    (store->has_transaction && parsed.number <= store->transaction))
		return AS_OK;
	newer->found = true;
	memcpy(newer->name, name, strlen(name) + 1);
	return AS_OK;
}

/* Is something that is no file in the place of the index or hints of the store's transaction? */
static bool stands_for_file(const struct as_store *store, char name[INDEX_NAME_SIZE],
			    bool *is_folder)
{
	static const char *const prefixes[] = { "hints.", "index." };
	struct stat st;
	bool is_there;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		snprintf(name, INDEX_NAME_SIZE, "%s%" PRIu32, prefixes[i], store->transaction);
		if (io_ask(store->io, store->fd, name, &is_there, &st) != AS_OK || !is_there ||
		    S_ISREG(st.st_mode))
			continue;
		*is_folder = S_ISDIR(st.st_mode);
		return true;
	}
	return false;
}

static enum as_err check_files(struct as_store *store, bool is_wrong)
{
	struct newer newer = { .store = store };
	char name[INDEX_NAME_SIZE];
	bool is_folder = false;
	const enum as_err err = io_list(store->io, store->fd, find_newer, &newer);
	const bool is_missing = store->has_transaction && store->index.fd < 0 && !is_wrong;
	store->needs_recover = newer.found || is_missing || is_wrong;
	if (!store->needs_recover || store->needs_rollback || data_is_missing(store))
		return err;
	if (newer.found)
		say_why(store, "%s is of a transaction that the log does not hold", newer.name);
	else if (is_missing && stands_for_file(store, name, &is_folder))
		say_why(store, "%s is %s", name, is_folder
			? "a folder, in the place of a file: move it elsewhere"
			: "no regular file");
	else if (is_missing)
		say_why(store, "index or hints of transaction %" PRIu32
			" are missing or cannot be used", store->transaction);
	return err;
}

enum as_err store_find_folder(const struct as_store *store, struct as_error *error)
{
	char name[INDEX_NAME_SIZE];
	bool is_folder;
	return stands_for_file(store, name, &is_folder) && is_folder
		? store_fail_folder(store, name, error) : AS_OK;
}

const struct hints_segment *store_find_absent(const struct listing *listing,
					      const struct hints *hints, bool is_counted)
{
	for (size_t i = 0; i < hints->count; i++) {
		const struct hints_segment *row = &hints->rows[i];
		const bool is_named = is_counted ? row->live > 0
						 : row->live == 0 && row->is_compact;
		if (is_named && listing_find(listing, row->segment) == LISTING_NONE)
			return row;
	}
	return NULL;
}

/* Do @hints count what the index holds, and list only segments that are there? The listing of
 * segments is the one of opening: what this store wrote since is not in it. */
static bool check_counts(struct as_store *store, const struct hints *hints)
{
	const bool sees_all = !store->listing_is_old && !listing_is_partial(&store->repo->findings);
	const char *differ = "index and hints count different numbers of objects";
	const struct listing *listing = &store->repo->listing;
	uint64_t sum;
	const bool is_wrong = !hints_sum(hints, &sum);
	const struct hints_segment *counted =
		sees_all && sum != store->index.used ? store_find_absent(listing, hints, true)
						     : NULL;
	/* Borg lists lone COMMITs as well, which people tidy away; and it leaves such rows behind
	 * when it replays a compaction that was cut short. It passes over them. */
	const struct hints_segment *listed =
		sees_all && !store->repo->dialect->has_lone_commits
		? store_find_absent(listing, hints, false) : NULL;
	if (counted)
		say_why(store, "%s: hints.%" PRIu32 " counts %" PRId64 " in segment %" PRIu32
			", which is not there", differ, store->transaction, counted->live,
			counted->segment);
	else if (is_wrong || sum != store->index.used)
		say_why(store, "%s", differ);
	else if (listed)
		say_why(store, "hints.%" PRIu32 " lists segment %" PRIu32 " for compaction, and "
			"that segment is not there", store->transaction, listed->segment);
	return is_wrong || sum != store->index.used || listed;
}

/* Are index and @hints, which agree with each other, those of this log? Nobody can use an index
 * that is not. What this store wrote itself, after the listing, is not checked. */
static enum as_err check_witnesses(struct as_store *store, const struct hints *hints,
				   bool *is_wrong)
{
	char why[PROBE_TEXT_SIZE] = "";
	enum as_err err = AS_OK;
	if (!store->listing_is_old)
		err = probe_witnesses(store->repo, &store->index, hints, why);
	if (!*why)	/* a reader of the index gets the error itself */
		return err == AS_ERR_IO ? AS_OK : err;
	*is_wrong = true;
	say_why(store, "%s", why);
	index_close(&store->index);
	return err;
}

bool store_knows_hints(const struct as_store *store)
{
	const struct repo *repo = store->repo;
	return repo->has_hints && repo->hints_transaction == store->transaction &&
	       !store->hints_are_old;
}

enum as_err store_find_index(struct as_store *store)
{
	struct hints own = { .usable = false };
	const struct hints *hints = &store->repo->hints;
	struct findings findings;
	bool is_wrong = false;
	enum as_err err = AS_OK;
	index_close(&store->index);
	store->needs_recover = false;
	findings_init(&findings);
	if (!store->has_transaction || !store_knows_hints(store))
		hints = &own;
	if (store->has_transaction && hints == &own)
		err = hints_read(store->io, store->fd, store->repo->dialect, store->transaction,
				 &own, &findings);
	/* The repo's own index file stays with it: it is what a look into the tail asks. */
	if (err == AS_OK && hints->usable)
		err = index_open(store->io, store->fd, store->repo->dialect, store->transaction,
				 &store->index,
				 &findings);
	if (err == AS_OK && store->index.fd >= 0 && !store->needs_rollback)
		is_wrong = check_counts(store, hints);
	if (err == AS_OK && store->index.fd >= 0 && !store->needs_rollback && !is_wrong)
		err = check_witnesses(store, hints, &is_wrong);
	findings_free(&findings);
	hints_free(&own);
	if (err == AS_ERR_MEMORY)
		return err;
	return check_files(store, is_wrong);
}

/* ---- opening and closing ---- */

static enum as_err check_repo(struct as_store *store, struct as_error *error)
{
	struct repo *repo = store->repo;
	store->io = repo->io;
	store->fd = repo->fd;
	const bool only_reads = store->options.read_only || store->options.no_lock;
	if (!repo->dialect->is_read || (repo->dialect->refusal && !only_reads))
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s: %s", repo->path,
			       repo->dialect->refusal);
	for (size_t i = 0; !repo->config.usable && i < repo->findings.count; i++) {
		const struct finding *finding = &repo->findings.rows[i];
		const struct problem_info *info = &problem_table[finding->problem];
		if (strncmp(info->id, "config-", strlen("config-")) == 0)
			return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s/" CONFIG_NAME
				       ": %s%s%s", repo->path, info->found,
				       finding->detail[0] ? ": " : "", finding->detail);
	}
	if (!repo->config.usable)
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s/" CONFIG_NAME
			       ": cannot be used", repo->path);
	struct stat st;
	store->has_owner = store->io->fstat(store->io, store->fd, &st) == 0;
	store->owner = store->has_owner ? (uint32_t)st.st_uid : 0;
	enum as_err err = fd_cache_init(&store->fds, store->io, store->options.descriptors);
	store->has_transaction = repo->has_transaction;
	store->transaction = repo->transaction;
	check_tail(store);
	if (err == AS_OK)
		err = store_find_index(store);
	return err == AS_OK ? AS_OK : store_fail(store, err, error);
}

enum as_err store_open(const char *path, const struct as_options *options, const struct io *io,
		       struct as_store **out, struct as_error *error)
{
	*out = NULL;
	struct as_store *store = calloc(1, sizeof(*store));
	if (!store)
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", path);
	store->pid = getpid();
	if (options)
		store->options = *options;
	store->index.fd = store->log.fd = -1;
	const struct repo_options repo_options = {
		.no_lock = store->options.no_lock,
		.may_write = !store->options.read_only && !store->options.no_lock,
		.io = io,
	};
	enum as_err err = repo_open(path, &repo_options, &store->repo, error);
	if (err == AS_OK)
		err = check_repo(store, error);
	if (err != AS_OK) {
		as_close(store);
		return err;
	}
	*out = store;
	return AS_OK;
}

enum as_err as_open(const char *path, const struct as_options *options, struct as_store **store,
		    struct as_error *error)
{
	return store_open(path, options, &io_system, store, error);
}

void store_unload(struct as_store *store)
{
	index_table_free(store->table);
	store->table = NULL;
	hints_free(&store->hints);
	log_free(&store->log);
	store->emptied_count = 0;
}

void as_close(struct as_store *store)
{
	if (!store)
		return;
	/* In the child of a fork the files are still the parent's. */
	if (store->pid == getpid() && store->log.permit)
		log_discard(&store->log, NULL);
	store_unload(store);
	free(store->emptied);
	if (store->fds.rows)
		fd_cache_free(&store->fds);
	index_close(&store->index);
	repo_close(store->repo);
	free(store);
}

/* ---- what is known ---- */

void as_get_state(const struct as_store *store, struct as_state *state)
{
	const struct repo *repo = store->repo;
	*state = (struct as_state){
		.dialect = repo->dialect->lock_kind == LOCK_KIND_FILE ? AS_DIALECT_ATTIC
								      : AS_DIALECT_BORG,
		.segments_per_dir = repo->config.segments_per_dir,
		.max_segment_size = repo->config.max_segment_size,
		.has_transaction = store->has_transaction,
		.transaction = store->transaction,
		.in_transaction = store->in_transaction,
		.dead = store->dead,
		.can_write = store->permit != NULL,
		.needs_rollback = store->needs_rollback,
		.needs_recover = store->needs_recover,
	};
	memcpy(state->id, repo->config.id, sizeof(state->id));
	state->has_other_owner = geteuid() == 0 && store->has_owner && store->owner != 0;
	state->owner = store->owner;
	if (store->needs_rollback)
		state->tail_segments = (uint32_t)(repo->listing.count - repo->tail);
	if (store->needs_rollback || store->needs_recover)
		memcpy(state->why, store->why, sizeof(state->why));
}

/* ---- shared by the parts ---- */

void store_segment_path(const struct as_store *store, uint32_t number, char out[LISTING_PATH_MAX])
{
	const struct repo *repo = store->repo;
	const size_t at = listing_find(&repo->listing, number);
	log_segment_path(repo->config.segments_per_dir, number, out);
	/* What this store wrote itself lies where it belongs; opening may have found it elsewhere.
	 */
	if (at != LISTING_NONE && at < repo->tail)
		listing_path(&repo->listing, at, out);
}

enum as_err store_fail(const struct as_store *store, enum as_err err, struct as_error *error)
{
	return as_fail(error, err, err == AS_ERR_IO ? errno : 0, "%s: %s", store->repo->path,
		       as_err_text(err));
}

enum as_err store_refuse(const struct as_store *store, enum as_err err, struct as_error *error)
{
	return as_fail(error, err, 0, "%s: %s", store->repo->path, store->why);
}

enum as_err store_check_call(const struct as_store *store, int flags, int known,
			     struct as_error *error)
{
	if (flags & ~known)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: unknown flags %#x", store->repo->path,
			       (unsigned)(flags & ~known));
	if (store->pid == getpid())
		return AS_OK;
	return as_fail(error, AS_ERR_USAGE, 0, "%s: it was opened before a fork: only the parent "
		       "can change it", store->repo->path);
}

enum as_err store_check_key(const struct as_store *store, size_t key_size, struct as_error *error)
{
	if (key_size == KEY_SIZE)
		return AS_OK;
	return as_fail(error, AS_ERR_KEY_SIZE, 0, "%s: a key of %zu bytes, not %d",
		       store->repo->path, key_size, KEY_SIZE);
}

enum as_err store_fail_missing(const struct as_store *store, const uint8_t key[KEY_SIZE],
			       struct as_error *error)
{
	char hex[KEY_HEX_SIZE];
	key_to_hex(key, hex);
	return as_fail(error, AS_ERR_OBJECT_NOT_FOUND, 0, "%s: there is no object %s%s",
		       store->repo->path, hex, key_note(key));
}

enum as_err store_fail_folder(const struct as_store *store, const char *name,
			      struct as_error *error)
{
	return as_fail(error, AS_ERR_NOT_REGULAR, 0, "%s/%s: is a folder, in the place of a file: "
		       "move it elsewhere", store->repo->path, name);
}

enum as_err store_open_segment(const struct as_store *store, struct segment_reader *reader,
			       uint32_t number, struct as_error *error)
{
	char path[LISTING_PATH_MAX];
	store_segment_path(store, number, path);
	const enum as_err err = segment_open(reader, store->fd, path, number, NULL, NULL);
	if (err == AS_OK)
		return AS_OK;
	return as_fail(error, err, err == AS_ERR_NOT_REGULAR ? 0 : errno,
		       "%s/%s: cannot read segment %" PRIu32, store->repo->path, path, number);
}

enum as_err store_poll(const struct as_store *store, struct as_error *error)
{
	if (!store->options.interrupt || !store->options.interrupt(store->options.context))
		return AS_OK;
	return store_fail(store, AS_ERR_CANCELLED, error);
}

enum as_err store_read_listing(const struct as_store *store, bool every, struct listing *listing,
			       struct as_error *error)
{
	struct findings findings;
	findings_init(&findings);
	const enum as_err err = listing_read(store->io, store->fd,
					     store->repo->config.segments_per_dir, listing,
					     &findings);
	const bool is_partial = listing_is_partial(&findings) ||
				(every && findings.total[PROBLEM_NOT_A_FILE] > 0);
	findings_free(&findings);
	if (err != AS_OK)
		return store_fail(store, err, error);
	if (!is_partial)
		return AS_OK;
	listing_free(listing);
	return store_fail_partial(store, error);
}

enum as_err store_fail_partial(const struct as_store *store, struct as_error *error)
{
	return as_fail(error, AS_ERR_INTEGRITY, 0,
		       "%s/data: some of it is missing, is no folder or file, or cannot be read",
		       store->repo->path);
}

enum as_err store_fail_damage(const struct as_store *store, uint32_t number,
			      const struct segment_entry *entry, struct as_error *error)
{
	char path[LISTING_PATH_MAX];
	store_segment_path(store, number, path);
	return object_fail_damage(store->repo, path, number, entry, error);
}

enum as_err as_create(const char *path, const struct as_settings *settings, struct as_error *error)
{
	return store_create(path, settings, &io_system, error);
}

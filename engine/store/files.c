#include "build-config.h"

#include "store/store_internal.h"

#include "base/array.h"
#include "base/path.h"
#include "format/index_files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static enum as_err fail_path(const struct as_store *store, enum as_err err, const char *verb,
			     const char *path, struct as_error *error)
{
	return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s/%s: cannot %s",
		       store->repo->path, path, verb);
}

/* A folder that is not there has no names to be made durable. */
static enum as_err sync_folder(const struct as_store *store, const char *path,
			       struct as_error *error)
{
	enum as_err err = io_sync_folder(store->permit, path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		err = AS_OK;
	return err == AS_OK ? AS_OK : fail_path(store, err, "sync the folder", path, error);
}

/* The file @name cannot be written; a folder in its place is the one reason that no system call
 * names. */
static enum as_err fail_written(const struct as_store *store, enum as_err err, const char *name,
				struct as_error *error)
{
	const int sys = errno;
	struct stat st;
	bool is_there;
	if (io_ask(store->io, store->fd, name, &is_there, &st) == AS_OK && is_there &&
	    S_ISDIR(st.st_mode))
		return store_fail_folder(store, name, error);
	errno = sys;
	return fail_path(store, err, "write", name, error);
}

static struct index_files files_of(const struct as_store *store)
{
	return (struct index_files){
		.dialect = store->repo->dialect, .table = store->table, .hints = &store->hints,
		.transaction = store->transaction,
	};
}

/* Source: borg/repository.py, write_index; the time is that of helpers.py, ISO_FORMAT. */
enum as_err store_log_transaction(struct as_store *store, struct as_error *error)
{
	static const char path[] = "transactions";
	char line[96], day[32];
	struct timespec now;
	struct stat st;
	struct tm tm;
	int fd;
	if (!store->repo->config.is_append_only)
		return AS_OK;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	const int len = snprintf(line, sizeof(line), "transaction %" PRIu32 ", UTC time %s.%06ld\n",
				 store->transaction, day, now.tv_nsec / 1000);
	enum as_err err = io_reopen_file(store->permit, path, &fd);
	if (err == AS_ERR_DOES_NOT_EXIST)
		err = io_create_file(store->permit, path, &fd);
	if (err != AS_OK)
		return fail_path(store, err, "write", path, error);
	if (store->io->fstat(store->io, fd, &st) != 0)
		err = AS_ERR_IO;
	if (err == AS_OK)
		err = io_write_at(store->permit, fd, line, (size_t)len, (uint64_t)st.st_size);
	if (err == AS_OK)
		err = io_sync(store->permit, fd);
	io_close(store->io, fd);
	return err == AS_OK ? AS_OK : fail_path(store, err, "write", path, error);
}

bool store_is_emptied(const struct as_store *store, uint32_t segment)
{
	return array_find(store->emptied, store->emptied_count, sizeof(*store->emptied), &segment,
			  array_compare_u32) != NULL;
}

static bool is_emptied(void *context, const struct hints_segment *row)
{
	return store_is_emptied(context, row->segment);
}

enum as_err store_write_index(struct as_store *store, struct as_error *error)
{
	const struct index_files files = files_of(store);
	char name[INDEX_FILES_NAME];
	store->hints_are_old = true;
	/* Where digests cover the hints these are not written once more when the segments are gone.
	 */
	if (store->repo->dialect->has_integrity)
		hints_remove(&store->hints, is_emptied, store);
	hints_sort_older(&store->hints);
	const enum as_err err = index_files_write(&files, store->permit, name);
	if (err != AS_OK)
		return strcmp(name, ".") == 0
		       ? fail_path(store, err, "sync the folder", name, error)
		       : fail_written(store, err, name, error);
	store->index_is_behind = false;
	return AS_OK;
}

/* ---- emptied segments ---- */

/* Remove those without a DELETE, which cannot matter to one another: each of their folders is
 * synced once. Or those with one: each goes when all older ones are gone for good, so that in
 * whatever order a crash keeps the removals, no PUT outlives the DELETE that killed it. A segment
 * that is already gone counts as removed. */
static enum as_err remove_segments(struct as_store *store, bool with_deletes,
				   struct as_report *report, struct as_error *error)
{
	char path[LISTING_PATH_MAX], folder[LISTING_PATH_MAX], last[LISTING_PATH_MAX] = "";
	for (size_t i = 0; i < store->emptied_count; i++) {
		const struct emptied *emptied = &store->emptied[i];
		enum as_err err = AS_OK;
		if (emptied->has_deletes != with_deletes)
			continue;
		store_segment_path(store, emptied->segment, path);
		strcpy(folder, path);
		path_parent(folder);
		if (last[0] && (with_deletes || strcmp(folder, last) != 0))
			err = sync_folder(store, last, error);
		if (err != AS_OK)
			return err;
		fd_cache_close(&store->fds, emptied->segment);
		err = io_remove_file(store->permit, path);
		if (err != AS_OK && err != AS_ERR_DOES_NOT_EXIST)
			return fail_path(store, err, "remove", path, error);
		report->segments_compacted += err == AS_OK;
		report->bytes_freed += err == AS_OK ? emptied->size : 0;
		report->segments_left--;
		strcpy(last, folder);
	}
	return last[0] ? sync_folder(store, last, error) : AS_OK;
}

enum as_err store_remove_emptied(struct as_store *store, struct as_report *report,
				 struct as_error *error)
{
	char folder[LISTING_PATH_MAX], next[LISTING_PATH_MAX], last[LISTING_PATH_MAX] = "";
	report->segments_left = (uint32_t)store->emptied_count;
	enum as_err err = remove_segments(store, false, report, error);
	if (err == AS_OK)
		err = remove_segments(store, true, report, error);
	report->bytes_freed -= report->bytes_freed < report->bytes_copied ? report->bytes_freed
									  : report->bytes_copied;
	store->listing_is_old = store->listing_is_old || store->emptied_count > 0;
	if (err != AS_OK)
		return err;
	/* Folders that nothing is left in go; not the one of the next segment, since Attic makes a
	 * folder only for the first number that belongs there. One that comes back after a crash
	 * does no harm. */
	store_segment_path(store, store->transaction + 1, next);
	path_parent(next);
	for (size_t i = 0; i < store->emptied_count; i++) {
		store_segment_path(store, store->emptied[i].segment, folder);
		path_parent(folder);
		if (strcmp(folder, last) != 0 && strcmp(folder, next) != 0)
			io_remove_folder(store->permit, folder);
		strcpy(last, folder);
	}
	/* Write the hints once more, without the rows of what is gone. Those do no harm: where this
	 * fails they stay until the next commit. */
	const size_t rows = store->hints.count;
	hints_remove(&store->hints, is_emptied, store);
	const struct index_files files = files_of(store);
	if (store->hints.count < rows)
		index_files_write_hints(&files, store->permit);
	store->emptied_count = 0;
	return AS_OK;
}

/* ---- older indexes and hints ---- */

struct old_names {
	const struct as_store *store;
	char **names;
	size_t count, capacity;
	bool any_later;			/* one of them is of a transaction to come */
	char folder[NAME_MAX + 1];	/* one in the place of a later transaction's, or empty */
};

/* Gather "index.N", "hints.N" and, where the dialect reads it, "integrity.N" of other
 * transactions, and what a crash left of writing them; index.tmp went when the permit was
 * granted. */
static enum as_err gather_name(void *context, const char *name, enum io_kind kind)
{
	struct old_names *old = context;
	const struct as_store *store = old->store;
	struct name parsed = { .kind = NAME_INDEX };
	const struct dialect *dialect = store->repo->dialect;
	const bool is_written = name_parse(name, &parsed) &&
				(parsed.kind != NAME_INTEGRITY || dialect->has_integrity);
	const bool is_later = !store->has_transaction || parsed.number > store->transaction;
	const bool is_newest = store->has_transaction && is_written && parsed.is_canonical &&
			       parsed.number == store->transaction;
	/* Another "index.N.tmp" than Borg's is none of a client, but of no use either. */
	const bool is_temporary =
		name_is_temporary(name, parsed.kind == NAME_INTEGRITY ? dialect : NULL);
	if (name_is_of_transaction(name, dialect, &parsed) ? is_newest : !is_temporary)
		return AS_OK;
	if (kind == IO_KIND_FOLDER) {
		/* A folder with an older number does no harm. */
		if (is_later && !old->folder[0])
			snprintf(old->folder, sizeof(old->folder), "%s", name);
		return AS_OK;
	}
	if (!ARRAY_RESERVE(old->names, old->count, old->capacity))
		return AS_ERR_MEMORY;
	old->names[old->count] = strdup(name);
	if (!old->names[old->count])
		return AS_ERR_MEMORY;
	old->count++;
	old->any_later = old->any_later || is_later;
	return AS_OK;
}

enum as_err store_remove_old(struct as_store *store, struct as_error *error)
{
	struct old_names old = { .store = store };
	enum as_err err = io_list(store->io, store->fd, gather_name, &old);
	if (err != AS_OK)
		fail_path(store, err, "list", ".", error);
	for (size_t i = 0; i < old.count; i++) {
		const enum as_err one = err == AS_OK ? io_remove_file(store->permit, old.names[i])
						     : AS_OK;
		if (one != AS_OK && one != AS_ERR_DOES_NOT_EXIST)
			err = fail_path(store, one, "remove", old.names[i], error);
		free(old.names[i]);
	}
	free(old.names);
	if (err == AS_OK && old.folder[0])
		return store_fail_folder(store, old.folder, error);
	/* An older one that comes back with the power does no harm; one that a transaction to come
	 * would take for its own must be gone before. */
	return err == AS_OK && old.any_later ? sync_folder(store, ".", error) : err;
}

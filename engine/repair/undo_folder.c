#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/crc.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *undo_state_text(enum undo_state state)
{
	static const char *const texts[] = {
		[UNDO_DONE] = "done",
		[UNDO_BEGUN] = "interrupted",
		[UNDO_UNDOING] = "taking it back was interrupted",
		[UNDO_UNREADABLE] = "no readable manifest",
	};
	return texts[state];
}

const char *undo_state_name(enum undo_state state)
{
	static const char *const names[] = {
		[UNDO_DONE] = "done",
		[UNDO_BEGUN] = "interrupted",
		[UNDO_UNDOING] = "undoing",
		[UNDO_UNREADABLE] = "unreadable",
	};
	return names[state];
}

enum as_err undo_fail_path(enum as_err err, const char *verb, const char *path,
			   struct as_error *error)
{
	return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s: cannot %s", path, verb);
}

/* ---- what lies in one ---- */

struct writing {
	const char *bytes;
	size_t len;
};

static enum as_err write_text(void *context, const struct permit *permit, int fd)
{
	const struct writing *writing = context;
	return io_write_at(permit, fd, writing->bytes, writing->len, 0);
}

static enum as_err write_file(const struct undo *undo, const char *name, const char *bytes,
			      size_t len)
{
	char path[UNDO_PATH_MAX], temporary[UNDO_PATH_MAX];
	struct writing writing = { .bytes = bytes, .len = len };
	undo_below(undo->path, name, path);
	undo_below(undo->path, "tmp", temporary);
	return io_replace_file(undo->permit, path, temporary, write_text, &writing);
}

enum as_err undo_write_file(const struct undo *undo, const char *name, const char *bytes,
			    size_t len)
{
	const enum as_err err = write_file(undo, name, bytes, len);
	return err == AS_OK ? io_sync_folder(undo->permit, undo->path) : err;
}

/* The name becomes durable with the next that must be: nothing rests on it, and no sync of its own
 * stands in for one that is needed. */
void undo_note(struct undo *undo, const char *name, const char *text)
{
	write_file(undo, name, text, strlen(text));
}

/* ---- folders that were touched ---- */

/* The slot of @folder, or the empty one where it belongs. There is an empty one. */
static uint32_t *find_slot(const struct undo *undo, const char *folder)
{
	size_t at = crc32_update(0, folder, strlen(folder));
	for (;; at++) {
		uint32_t *slot = &undo->slots[at & (undo->slot_count - 1)];
		if (*slot == 0 || strcmp(undo->unsynced[*slot - 1], folder) == 0)
			return slot;
	}
}

/* One row more must leave half of the slots empty. */
static bool reserve_slots(struct undo *undo)
{
	if (undo->unsynced_count < undo->slot_count / 2)
		return true;
	const size_t count = undo->slot_count ? undo->slot_count * 2 : 16;
	uint32_t *slots = calloc(count, sizeof(*slots));
	if (!slots)
		return false;
	free(undo->slots);
	undo->slots = slots;
	undo->slot_count = count;
	for (size_t i = 0; i < undo->unsynced_count; i++)
		*find_slot(undo, undo->unsynced[i]) = (uint32_t)i + 1;
	return true;
}

/* The slots go, too: after many rows it would cost more to clear them each time. */
static void forget_rows(struct undo *undo)
{
	free(undo->slots);
	undo->slots = NULL;
	undo->slot_count = undo->unsynced_count = 0;
}

enum as_err undo_touch_folder(struct undo *undo, const char *path)
{
	char folder[UNDO_PATH_MAX];
	snprintf(folder, sizeof(folder), "%.*s", (int)sizeof(folder) - 1, path);
	path_parent(folder);
	if (!reserve_slots(undo))
		return AS_ERR_MEMORY;
	uint32_t *slot = find_slot(undo, folder);
	if (*slot != 0)
		return AS_OK;
	if (!ARRAY_RESERVE(undo->unsynced, undo->unsynced_count, undo->unsynced_capacity))
		return AS_ERR_MEMORY;
	memcpy(undo->unsynced[undo->unsynced_count++], folder, sizeof(folder));
	*slot = (uint32_t)undo->unsynced_count;
	return AS_OK;
}

void undo_forget_touched(struct undo *undo)
{
	forget_rows(undo);
	free(undo->unsynced);
	undo->unsynced = NULL;
	undo->unsynced_capacity = 0;
}

enum as_err undo_sync(struct undo *undo, struct as_error *error)
{
	for (size_t i = 0; i < undo->unsynced_count; i++) {
		const enum as_err err = io_sync_folder(undo->permit, undo->unsynced[i]);
		if (err != AS_OK)
			return undo_fail_path(err, "sync the folder", undo->unsynced[i], error);
	}
	forget_rows(undo);
	return AS_OK;
}

/* ---- before a change ---- */

/* A folder that cannot be opened has no names that were seen. */
static enum as_err settle_folder(const struct permit *permit, const char *path)
{
	const enum as_err err = io_sync_folder(permit, path);
	return err == AS_ERR_DOES_NOT_EXIST || err == AS_ERR_NOT_REGULAR || err == AS_ERR_DENIED
		? AS_OK : err;
}

struct settling {
	const struct permit *permit;
	const char *folder;
	unsigned depth;		/* of folders below it that are looked into */
};

static enum as_err settle_below(const struct settling *settling);

static enum as_err settle_name(void *context, const char *name, enum io_kind kind)
{
	const struct settling *outer = context;
	char path[UNDO_PATH_MAX];
	if ((kind != IO_KIND_FOLDER && kind != IO_KIND_UNKNOWN) ||
	    snprintf(path, sizeof(path), "%s/%s", outer->folder, name) >= (int)sizeof(path))
		return AS_OK;
	const struct settling inner = {
		.permit = outer->permit, .folder = path, .depth = outer->depth - 1,
	};
	return settle_below(&inner);
}

/* The folder before those in it: what is moved must have arrived. */
static enum as_err settle_below(const struct settling *settling)
{
	const struct io *io = io_of(settling->permit);
	int fd;
	enum as_err err = settle_folder(settling->permit, settling->folder);
	if (err != AS_OK || settling->depth == 0 ||
	    io_open_folder(io, io_folder_of(settling->permit), settling->folder, &fd) != AS_OK)
		return err;
	err = io_list(io, fd, settle_name, (void *)(uintptr_t)settling);
	io_close(io, fd);
	return err;
}

/* The tail, and the last COMMIT, which may be written and not synced. What cannot be opened is no
 * ground to build on, and the repair says so. */
static enum as_err settle_log(const struct repo *repo, const struct permit *permit)
{
	char path[LISTING_PATH_MAX];
	enum as_err err = AS_OK;
	int fd;
	for (size_t i = repo->tail > 0 ? repo->tail - 1 : 0;
	     err == AS_OK && i < repo->listing.count; i++) {
		listing_path(&repo->listing, i, path);
		if (io_open_file(repo->io, repo->fd, path, &fd, NULL) != AS_OK)
			continue;
		err = io_sync(permit, fd);
		io_close(repo->io, fd);
	}
	return err;
}

enum as_err undo_settle(const struct repo *repo, const struct permit *permit,
			struct as_error *error)
{
	/* undo/NAME/data/N, and data/N */
	const struct settling aside = { .permit = permit, .folder = UNDO_FOLDER, .depth = 3 };
	const struct settling data = { .permit = permit, .folder = "data", .depth = 1 };
	enum as_err err = settle_log(repo, permit);
	if (err == AS_OK)
		err = settle_folder(permit, ".");
	/* The ways to all folders before what was moved between them, back or forth. */
	if (err == AS_OK)
		err = settle_folder(permit, "data");
	if (err == AS_OK)
		err = settle_below(&aside);
	if (err == AS_OK)
		err = settle_below(&data);
	return err == AS_OK ? AS_OK : undo_fail_path(err, "make durable what is there", repo->path,
						     error);
}

/* ---- removing one ---- */

/* Remove everything below @folder, without following a link. */
struct sweep {
	const struct permit *permit;
	const char *folder;
	uint64_t freed;		/* bytes */
	unsigned depth;
};

static enum as_err sweep_folder(struct sweep *sweep);

static enum as_err sweep_name(void *context, const char *name, enum io_kind kind)
{
	struct sweep *sweep = context;
	const struct io *io = io_of(sweep->permit);
	char path[2 * UNDO_PATH_MAX];
	struct stat st;
	(void)kind;
	if (snprintf(path, sizeof(path), "%s/%s", sweep->folder, name) >= (int)sizeof(path) ||
	    sweep->depth > 4)
		return AS_ERR_LIMIT;
	if (io->fstatat(io, io_folder_of(sweep->permit), path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return as_code_of_errno(errno);
	if (!S_ISDIR(st.st_mode)) {
		const enum as_err err = io_remove_file(sweep->permit, path);
		sweep->freed += err == AS_OK && st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
		return err;
	}
	struct sweep inner = {
		.permit = sweep->permit, .folder = path, .depth = sweep->depth + 1,
	};
	const enum as_err err = sweep_folder(&inner);
	sweep->freed += inner.freed;
	return err == AS_OK ? io_remove_folder(sweep->permit, path) : err;
}

static enum as_err sweep_folder(struct sweep *sweep)
{
	const struct io *io = io_of(sweep->permit);
	int fd;
	enum as_err err = io_open_folder(io, io_folder_of(sweep->permit), sweep->folder, &fd);
	if (err != AS_OK)
		return err;
	err = io_list(io, fd, sweep_name, sweep);
	io_close(io, fd);
	return err;
}

/* Remove an undo folder. The manifest goes first, and for good: half a folder must not look like a
 * way back. */
enum as_err undo_remove_folder(const struct permit *permit, const char *folder, uint64_t *freed,
				 struct as_error *error)
{
	struct sweep sweep = { .permit = permit, .folder = folder };
	char path[UNDO_PATH_MAX];
	*freed = 0;
	undo_below(folder, UNDO_MANIFEST, path);
	enum as_err err = io_remove_file(permit, path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		err = AS_OK;
	if (err == AS_OK)
		err = io_sync_folder(permit, folder);
	if (err == AS_OK)
		err = sweep_folder(&sweep);
	if (err == AS_OK)
		err = io_remove_folder(permit, folder);
	*freed = sweep.freed;
	if (err != AS_OK)
		return undo_fail_path(err, "remove", folder, error);
	io_sync_folder(permit, UNDO_FOLDER);
	io_remove_folder(permit, UNDO_FOLDER);	/* where nothing else is in it */
	err = io_sync_folder(permit, ".");
	return err == AS_OK ? AS_OK : undo_fail_path(err, "sync the folder", ".", error);
}

void undo_sweep(const struct permit *permit, const char *folder)
{
	struct sweep sweep = { .permit = permit, .folder = folder };
	sweep_folder(&sweep);
}

/* ---- what only lies there ---- */

struct search {
	const struct io *io;
	int repo_fd;
	const char *folder;
	unsigned depth;
	bool is_found;
};

static bool is_own_file(const char *name)
{
	static const char *const own[] = {
		UNDO_DONE_MARK, UNDO_UNDOING_MARK, "plan.txt", "report.txt", "tmp",
		UNDO_TRY_1, UNDO_TRY_2, UNDO_TRY_3,
	};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(name, own[i]) == 0)
			return true;
	return false;
}

static enum as_err search_folder(struct search *search);

/* A file that has another name is still in its place. */
static enum as_err search_name(void *context, const char *name, enum io_kind kind)
{
	struct search *search = context;
	char path[2 * UNDO_PATH_MAX];
	struct stat st;
	bool is_there;
	(void)kind;
	if (search->is_found || (search->depth == 0 && is_own_file(name)))
		return AS_OK;
	if (snprintf(path, sizeof(path), "%s/%s", search->folder, name) >= (int)sizeof(path) ||
	    search->depth > 4) {
		search->is_found = true;
		return AS_OK;
	}
	enum as_err err = io_ask(search->io, search->repo_fd, path, &is_there, &st);
	if (err != AS_OK || !is_there)
		return err;
	if (!S_ISDIR(st.st_mode)) {
		search->is_found = st.st_nlink < 2;
		return AS_OK;
	}
	struct search inner = {
		.io = search->io, .repo_fd = search->repo_fd, .folder = path,
		.depth = search->depth + 1,
	};
	err = search_folder(&inner);
	search->is_found = inner.is_found;
	return err;
}

static enum as_err search_folder(struct search *search)
{
	int fd;
	enum as_err err = io_open_folder(search->io, search->repo_fd, search->folder, &fd);
	if (err != AS_OK)
		return err;
	err = io_list(search->io, fd, search_name, search);
	io_close(search->io, fd);
	return err;
}

enum as_err undo_find_kept(const struct io *io, int repo_fd, const char *folder, bool *is_found)
{
	struct search search = { .io = io, .repo_fd = repo_fd, .folder = folder };
	const enum as_err err = search_folder(&search);
	*is_found = search.is_found;
	return err;
}

enum as_err undo_purge(const struct permit *permit, const char *name, uint64_t *freed,
		       struct as_error *error)
{
	char folder[UNDO_FOLDER_MAX];
	*freed = 0;
	if (strlen(name) >= UNDO_NAME_MAX || strchr(name, '/') || name[0] == '.' || !name[0])
		return as_fail(error, AS_ERR_DOES_NOT_EXIST, 0, "%s: no name of an undo folder",
			       name);
	undo_folder_path(name, folder);
	return undo_remove_folder(permit, folder, freed, error);
}

/* ---- what there is ---- */

static enum as_err describe(const struct io *io, int repo_fd, const char *name,
			    struct undo_entry *entry)
{
	char folder[UNDO_FOLDER_MAX];
	struct manifest manifest;
	struct stat st;
	bool is_there;
	*entry = (struct undo_entry){ .state = UNDO_UNREADABLE };
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	undo_folder_path(name, folder);
	const enum as_err err = undo_read_manifest(io, repo_fd, folder, &manifest);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	undo_state_of(io, repo_fd, folder, &entry->state);
	memcpy(entry->action, manifest.action, sizeof(entry->action));
	entry->has_before = manifest.has_before;
	entry->before = manifest.before;
	entry->after = manifest.after;
	for (size_t i = 0; i < manifest.count; i++) {
		if (manifest.files[i].change == PLAN_MAKE ||
		    undo_ask(io, repo_fd, folder, manifest.files[i].path, &is_there, &st) !=
			    AS_OK || !is_there)
			continue;
		entry->files++;
		/* What has a name elsewhere still is not freed. */
		entry->bytes += st.st_nlink == 1 ? (uint64_t)st.st_size : 0;
	}
	free(manifest.files);
	return AS_OK;
}

enum as_err undo_list(const struct io *io, int repo_fd, struct undo_entry **entries, size_t *count)
{
	struct undo_names names;
	*entries = NULL;
	*count = 0;
	enum as_err err = undo_names_list(io, repo_fd, &names);
	struct undo_entry *rows = NULL;
	if (err == AS_OK && names.count > 0) {
		rows = calloc(names.count, sizeof(*rows));
		err = rows ? AS_OK : AS_ERR_MEMORY;
	}
	for (size_t i = 0; err == AS_OK && i < names.count; i++)
		err = describe(io, repo_fd, names.rows[i], &rows[i]);
	if (err == AS_OK) {
		*entries = rows;
		*count = names.count;
	} else {
		free(rows);
	}
	free(names.rows);
	return err;
}

#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/array.h"
#include "base/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- files in the folder ---- */

enum as_err undo_write_file(const struct undo *undo, const char *name, const char *bytes,
			    size_t len, bool is_durable)
{
	char path[UNDO_PATH_MAX], temporary[UNDO_PATH_MAX];
	undo_below(undo->path, name, path);
	undo_below(undo->path, "tmp", temporary);
	const enum as_err err = io_replace_bytes(undo->permit, path, temporary, bytes, len);
	return err == AS_OK && is_durable ? io_sync_folder(undo->permit, undo->path) : err;
}

/* ---- folders whose names are not durable yet ---- */

#define TOUCHED_SEARCHED 8u

/* Only the newest rows are searched: files come folder by folder, and a search of all would take
 * time squared where each lies in a folder of its own. A folder that comes twice is synced
 * twice. */
enum as_err undo_touch_folder(struct undo *undo, const char *path)
{
	char folder[UNDO_PATH_MAX];
	snprintf(folder, sizeof(folder), "%.*s", (int)sizeof(folder) - 1, path);
	path_parent(folder);
	const size_t count = undo->unsynced_count;
	for (size_t i = count; i-- > 0 && count - i <= TOUCHED_SEARCHED;)
		if (strcmp(undo->unsynced[i], folder) == 0)
			return AS_OK;
	if (!ARRAY_RESERVE(undo->unsynced, count, undo->unsynced_capacity))
		return AS_ERR_MEMORY;
	memcpy(undo->unsynced[undo->unsynced_count++], folder, sizeof(folder));
	return AS_OK;
}

enum as_err undo_sync(struct undo *undo, struct as_error *error)
{
	for (size_t i = 0; i < undo->unsynced_count; i++) {
		const enum as_err err = io_sync_folder(undo->permit, undo->unsynced[i]);
		if (err != AS_OK)
			return undo_fail_path(err, "sync the folder", undo->unsynced[i], error);
	}
	undo->unsynced_count = 0;
	return AS_OK;
}

/* ---- the folder is made ---- */

static const char *kind_text(mode_t mode)
{
	return S_ISREG(mode) ? "a plain file" : S_ISLNK(mode) ? "a link"
	     : S_ISFIFO(mode) ? "a fifo" : S_ISSOCK(mode) ? "a socket"
	     : S_ISDIR(mode) ? "a folder" : "a device";
}

enum as_err undo_find_obstacle(const struct io *io, int repo_fd, char out[UNDO_OBSTACLE_SIZE])
{
	struct undo_names names;
	char stamp[UNDO_STAMP_SIZE];
	struct stat st;
	bool is_there;
	out[0] = '\0';
	const enum as_err err = undo_names_list(io, repo_fd, &names);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err == AS_ERR_NOT_REGULAR &&
	    io_ask(io, repo_fd, UNDO_FOLDER, &is_there, &st) == AS_OK && is_there)
		snprintf(out, UNDO_OBSTACLE_SIZE, UNDO_FOLDER ": %s has the name of the undo "
			 "folder: move it elsewhere", kind_text(st.st_mode));
	else if (err != AS_OK)
		snprintf(out, UNDO_OBSTACLE_SIZE, UNDO_FOLDER ": cannot be listed: %s",
			 as_err_text(err));
	else if (names.count > 0 && !undo_stamp_after(names.rows[0], time(NULL), stamp))
		snprintf(out, UNDO_OBSTACLE_SIZE, UNDO_FOLDER "/%s: no name can follow this one: "
			 "move it elsewhere", names.rows[0]);
	free(names.rows);
	return AS_OK;
}

/* The stamp in its name sorts above those of all folders that are there: also for the second repair
 * of a second, and when the clock was set back. */
static enum as_err make_folder(struct undo *undo, enum repair action, struct as_error *error)
{
	struct undo_names names;
	char stamp[UNDO_STAMP_SIZE];
	enum as_err err = io_make_folder(undo->permit, UNDO_FOLDER);
	const bool made_parent = err == AS_OK;
	if (err != AS_OK && err != AS_ERR_ALREADY_EXISTS)
		return undo_fail_path(err, "make the folder", UNDO_FOLDER, error);
	/* Where it is no folder this fails: through a link everything would go elsewhere. */
	err = undo_names_list(io_of(undo->permit), io_folder_of(undo->permit), &names);
	if (err != AS_OK)
		return undo_fail_path(err, "list the folder", UNDO_FOLDER, error);
	const char *newest = names.count > 0 ? names.rows[0] : "";
	if (!undo_stamp_after(newest, time(NULL), stamp))
		err = as_fail(error, AS_ERR_LIMIT, 0, UNDO_FOLDER "/%s: no name can follow this "
			      "one: move it elsewhere", newest);
	free(names.rows);
	if (err != AS_OK)
		return err;
	snprintf(undo->path, sizeof(undo->path), UNDO_FOLDER "/%s-%.12s", stamp,
		 repair_name(action));
	err = io_make_folder(undo->permit, undo->path);
	if (err != AS_OK)
		return undo_fail_path(err, "make the folder", undo->path, error);
	err = io_sync_folder(undo->permit, UNDO_FOLDER);
	if (err == AS_OK && made_parent)
		err = io_sync_folder(undo->permit, ".");
	return err == AS_OK ? AS_OK : undo_fail_path(err, "sync the folder", UNDO_FOLDER, error);
}

/* If the file system cannot link, or rename over a name, for any reason (EPERM, EEXIST, EIO,
 * ENOSYS, EMLINK, ...), the repair does without. */
static enum as_err try_abilities(struct undo *undo, struct as_error *error)
{
	char paths[3][UNDO_PATH_MAX];
	const struct permit *permit = undo->permit;
	undo_below(undo->path, UNDO_TRY_1, paths[0]);
	undo_below(undo->path, UNDO_TRY_2, paths[1]);
	undo_below(undo->path, UNDO_TRY_3, paths[2]);
	for (size_t i = 0; i < 2; i++) {
		int fd;
		const enum as_err err = io_create_file(permit, paths[i], &fd);
		if (err != AS_OK)
			return undo_fail_path(err, "make a file in it", undo->path, error);
		io_close(io_of(permit), fd);
	}
	undo->can_rename_over = io_rename(permit, paths[0], paths[1]) == AS_OK;
	undo->can_link = io_link(permit, paths[1], paths[2]) == AS_OK;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const enum as_err removed = io_remove_file(permit, paths[i]);
		if (removed != AS_OK && removed != AS_ERR_DOES_NOT_EXIST)
			return undo_fail_path(removed,
					      "remove, so a repair could not be taken back",
					      paths[i], error);
	}
	return AS_OK;
}

void undo_free(struct undo *undo)
{
	if (!undo)
		return;
	free(undo->unsynced);
	free(undo);
}

enum as_err undo_begin(const struct permit *permit, const struct plan *plan, struct undo **out,
		       struct as_error *error)
{
	size_t len = 0;
	*out = NULL;
	char *manifest = undo_manifest_text(plan, &len);
	struct undo *undo = calloc(1, sizeof(*undo));
	if (!manifest || !undo) {
		free(manifest);
		free(undo);
		return as_fail(error, AS_ERR_MEMORY, 0, "out of memory");
	}
	undo->permit = permit;
	enum as_err err = make_folder(undo, plan->action, error);
	if (err == AS_OK)
		err = try_abilities(undo, error);
	if (err == AS_OK) {
		err = undo_write_file(undo, UNDO_MANIFEST, manifest, len, true);
		if (err != AS_OK)
			undo_fail_path(err, "write its manifest", undo->path, error);
	}
	free(manifest);
	if (err != AS_OK) {
		undo_abandon(undo);
		undo_free(undo);
		return err;
	}
	*out = undo;
	return AS_OK;
}

/* Nothing in it is needed: at most second names of files that are still in their places. What
 * cannot be removed stays, and does no harm. */
void undo_abandon(struct undo *undo)
{
	char path[UNDO_PATH_MAX];
	uint64_t freed;
	if (undo->path[0] != '\0') {
		undo_below(undo->path, UNDO_MANIFEST, path);
		io_remove_file(undo->permit, path);
		undo_empty_folder(undo->permit, undo->path, &freed);
		io_remove_folder(undo->permit, undo->path);
	}
	io_remove_folder(undo->permit, UNDO_FOLDER);	/* where nothing else is in it */
	undo->path[0] = '\0';
}

/* ---- the folder is filled ---- */

/* Make the folders on the way to @path, which is in the undo folder, and touch them. */
static enum as_err make_parents(struct undo *undo, const char *path)
{
	char folder[UNDO_PATH_MAX];
	const size_t from = strlen(undo->path) + 1;
	snprintf(folder, sizeof(folder), "%.*s", (int)sizeof(folder) - 1, path);
	for (char *slash = strchr(folder + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		enum as_err err = io_make_folder(undo->permit, folder);
		if (err == AS_OK)
			err = undo_touch_folder(undo, folder);
		else if (err == AS_ERR_ALREADY_EXISTS)
			err = AS_OK;
		if (err != AS_OK)
			return err;
		*slash = '/';
	}
	return undo_touch_folder(undo, path);
}

enum as_err undo_set_aside(struct undo *undo, const char *path, struct as_error *error)
{
	char to[UNDO_PATH_MAX];
	struct stat st;
	bool is_there;
	undo_below(undo->path, path, to);
	enum as_err err = make_parents(undo, to);
	if (err == AS_OK)
		err = undo_touch_folder(undo, path);
	if (err == AS_OK)
		err = io_rename(undo->permit, path, to);
	if (err == AS_OK || err == AS_ERR_DOES_NOT_EXIST)
		return AS_OK;
	/* A file system that cannot rename a file over another refuses also where the file is gone
	 * because it was set aside before. */
	const int reason = errno;
	if (io_ask(io_of(undo->permit), io_folder_of(undo->permit), path, &is_there, &st) ==
	    AS_OK && !is_there)
		return AS_OK;
	errno = reason;
	return undo_fail_path(err, "put it into the undo folder", path, error);
}

/* A link may fail although one was made a moment ago: then this file cannot have another. */
enum as_err undo_keep(struct undo *undo, const char *path, bool *is_moved, struct as_error *error)
{
	char to[UNDO_PATH_MAX];
	undo_below(undo->path, path, to);
	*is_moved = false;
	if (undo->can_link && undo->can_rename_over) {
		enum as_err err = make_parents(undo, to);
		if (err != AS_OK)
			return undo_fail_path(err, "put it into the undo folder", path, error);
		err = io_link(undo->permit, path, to);
		if (err == AS_OK || err == AS_ERR_DOES_NOT_EXIST)
			return AS_OK;
		if (err == AS_ERR_NO_SPACE)
			return undo_fail_path(err, "put it into the undo folder", path, error);
	}
	*is_moved = true;
	return undo_set_aside(undo, path, error);
}

enum as_err undo_finish(struct undo *undo, struct as_error *error)
{
	enum as_err err = undo_sync(undo, error);
	if (err != AS_OK)
		return err;
	err = undo_write_file(undo, UNDO_DONE_MARK, "", 0, true);
	return err == AS_OK ? AS_OK
			    : undo_fail_path(err, "write that it is done", undo->path, error);
}

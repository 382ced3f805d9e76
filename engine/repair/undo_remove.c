#include "build-config.h"

#include "repair/undo_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- a walk through an undo folder ---- */

#define DEPTH_MAX 4u	/* of folders in folders; a repair makes two, data/N */

/* Visits each file, and each folder after what is in it. Links are not followed. */
struct walk {
	const struct io *io;
	int repo_fd;
	/* Anything but AS_OK ends the walk, and is what it returns. */
	enum as_err (*visit)(void *context, const char *path, const struct stat *st);
	void *context;
};

struct level {
	const struct walk *walk;
	const char *folder;
	unsigned depth;
};

static enum as_err walk_folder(struct level *level);

static enum as_err walk_name(void *context, const char *name, enum io_kind kind)
{
	const struct level *level = context;
	const struct walk *walk = level->walk;
	char path[2 * UNDO_PATH_MAX];
	struct stat st;
	bool is_there;
	(void)kind;
	if (snprintf(path, sizeof(path), "%s/%s", level->folder, name) >= (int)sizeof(path) ||
	    level->depth > DEPTH_MAX)
		return AS_ERR_LIMIT;
	enum as_err err = io_ask(walk->io, walk->repo_fd, path, &is_there, &st);
	if (err != AS_OK || !is_there)
		return err;
	if (S_ISDIR(st.st_mode)) {
		struct level below = { .walk = walk, .folder = path, .depth = level->depth + 1 };
		err = walk_folder(&below);
		if (err != AS_OK)
			return err;
	}
	return walk->visit(walk->context, path, &st);
}

/* AS_ERR_LIMIT: it is deeper than DEPTH_MAX. Errors of io_open_folder, io_list and io_ask. */
static enum as_err walk_folder(struct level *level)
{
	const struct walk *walk = level->walk;
	int fd;
	enum as_err err = io_open_folder(walk->io, walk->repo_fd, level->folder, &fd);
	if (err != AS_OK)
		return err;
	err = io_list(walk->io, fd, walk_name, level);
	io_close(walk->io, fd);
	return err;
}

/* ---- removing ---- */

struct removal {
	const struct permit *permit;
	uint64_t freed;		/* bytes */
};

static enum as_err remove_one(void *context, const char *path, const struct stat *st)
{
	struct removal *removal = context;
	if (S_ISDIR(st->st_mode))
		return io_remove_folder(removal->permit, path);
	const enum as_err err = io_remove_file(removal->permit, path);
	removal->freed += err == AS_OK && st->st_nlink == 1 ? (uint64_t)st->st_size : 0;
	return err;
}

enum as_err undo_empty_folder(const struct permit *permit, const char *folder, uint64_t *freed)
{
	struct removal removal = { .permit = permit };
	const struct walk walk = {
		.io = io_of(permit), .repo_fd = io_folder_of(permit), .visit = remove_one,
		.context = &removal,
	};
	struct level top = { .walk = &walk, .folder = folder };
	const enum as_err err = walk_folder(&top);
	*freed = removal.freed;
	return err;
}

enum as_err undo_remove_folder(const struct permit *permit, const char *folder, uint64_t *freed,
			       struct as_error *error)
{
	char path[UNDO_PATH_MAX];
	*freed = 0;
	/* The manifest goes first, and for good: half a folder must not look like a way back. */
	undo_below(folder, UNDO_MANIFEST, path);
	enum as_err err = io_remove_file(permit, path);
	if (err == AS_OK || err == AS_ERR_DOES_NOT_EXIST)
		err = io_sync_folder(permit, folder);
	if (err == AS_OK)
		err = undo_empty_folder(permit, folder, freed);
	if (err == AS_OK)
		err = io_remove_folder(permit, folder);
	if (err != AS_OK)
		return undo_fail_path(err, "remove", folder, error);
	io_sync_folder(permit, UNDO_FOLDER);
	io_remove_folder(permit, UNDO_FOLDER);	/* fails where another is in it */
	err = io_sync_folder(permit, ".");
	return err == AS_OK ? AS_OK : undo_fail_path(err, "sync the folder", ".", error);
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

/* ---- looking for what is nowhere else ---- */

/* @context is the folder. A file with a second name is still in its place. */
static enum as_err find_kept(void *context, const char *path, const struct stat *st)
{
	static const char *const own[] = {
		UNDO_DONE_MARK, UNDO_UNDOING_MARK, "plan.txt", "report.txt", "tmp",
		UNDO_TRY_1, UNDO_TRY_2, UNDO_TRY_3,
	};
	const char *name = path + strlen(context) + 1;
	if (S_ISDIR(st->st_mode) || st->st_nlink > 1)
		return AS_OK;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(name, own[i]) == 0)
			return AS_OK;
	return AS_END;
}

enum as_err undo_find_kept(const struct io *io, int repo_fd, const char *folder, bool *is_found)
{
	char name[UNDO_FOLDER_MAX];
	const struct walk walk = {
		.io = io, .repo_fd = repo_fd, .visit = find_kept, .context = name,
	};
	struct level top = { .walk = &walk, .folder = name };
	snprintf(name, sizeof(name), "%s", folder);
	const enum as_err err = walk_folder(&top);
	/* What is too deep to be looked at may be a file. */
	*is_found = err == AS_END || err == AS_ERR_LIMIT;
	return *is_found ? AS_OK : err;
}

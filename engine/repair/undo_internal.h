/* engine/repair/undo_internal.h - how a repair fills its undo folder, and what the parts of undo
 * share. For engine/repair/ alone.
 *
 * undo.c           a folder made, and filled by a repair
 * undo_manifest.c  its manifest: written, read, believed only when whole
 * undo_list.c      the folders described
 * undo_plan.c      the way back
 * undo_remove.c    a folder removed
 *
 * Below them repo/undo_folders.c: which folders there are. */
#ifndef ATTICSCOPE_UNDO_INTERNAL_H
#define ATTICSCOPE_UNDO_INTERNAL_H

#include "repair/planner_internal.h"

#include <errno.h>

/* Files with which the abilities of the file system are tried. */
#define UNDO_TRY_1 "try-1"
#define UNDO_TRY_2 "try-2"
#define UNDO_TRY_3 "try-3"

struct undo {
	const struct permit *permit;
	/* "undo/20261122T215501Z-salvage", relative to the repository */
	char path[UNDO_FOLDER_MAX];
	/* what the file system can do, tried in the folder before anything is changed */
	bool can_link, can_rename_over;
	/* Folders with names that are not durable yet, in the order in which they were touched:
	 * where something goes is durable before where it comes from. */
	char (*unsynced)[UNDO_PATH_MAX];
	size_t unsynced_count, unsynced_capacity;
};

/* Find out why no undo folder can be made: @out is the reason, without a full stop, or empty if
 * none is seen. Reads only. AS_ERR_MEMORY. */
#define UNDO_OBSTACLE_SIZE 152u
enum as_err undo_find_obstacle(const struct io *io, int repo_fd, char out[UNDO_OBSTACLE_SIZE]);
/* Make the folder and the manifest of @plan, durably. Before the manifest is written, what the file
 * system can do is tried in the folder: hard links, and a rename over a name that is there. A
 * repair can do without either; without the making, renaming and removing of files it cannot, and
 * is refused here. */
enum as_err undo_begin(const struct permit *permit, const struct plan *plan, struct undo **undo,
		       struct as_error *error);
/* Move the file @path into the folder. A file that is gone already is no error. */
enum as_err undo_set_aside(struct undo *undo, const char *path, struct as_error *error);
/* Keep the file @path, which will be replaced, in the folder: under a second name, or by moving it
 * there (*@is_moved) if the file system has no hard links or cannot rename a file over another. */
enum as_err undo_keep(struct undo *undo, const char *path, bool *is_moved,
		      struct as_error *error);
/* Make durable what was taken, the names in the folders it came from included. */
enum as_err undo_sync(struct undo *undo, struct as_error *error);
/* The repair is done: write the mark that says so. */
enum as_err undo_finish(struct undo *undo, struct as_error *error);
/* Nothing was changed: remove the folder again. */
void undo_abandon(struct undo *undo);
void undo_free(struct undo *undo);

struct manifest {
	char action[16];
	bool has_before, has_after;
	uint32_t before, after;
	struct plan_file *files;
	size_t count, capacity;
};

/* Say that @path could not be dealt with, for the reason in @err and errno. */
static inline enum as_err undo_fail_path(enum as_err err, const char *verb,
					 const char *path, struct as_error *error)
{
	return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s: cannot %s", path, verb);
}

/* The manifest of @plan in memory that the caller frees. NULL: out of memory. */
char *undo_manifest_text(const struct plan *plan, size_t *len);

/* The manifest in @folder; the caller frees its files. AS_ERR_INTEGRITY: it is not whole; errors of
 * io_read_file. */
enum as_err undo_read_manifest(const struct io *io, int repo_fd, const char *folder,
			       struct manifest *manifest);

/* Write a file into the folder. @is_durable: its name is so, too; otherwise with the next sync. */
enum as_err undo_write_file(const struct undo *undo, const char *name, const char *bytes,
			    size_t len, bool is_durable);

/* Remember that the names in the folder of @path are not durable yet: undo_sync makes them so, in
 * the order in which the folders were touched first. AS_ERR_MEMORY. */
enum as_err undo_touch_folder(struct undo *undo, const char *path);

/* Does the undo folder @folder hold a file that was set aside, and is nowhere else? Errors of
 * io_open_folder, io_list and io_ask. */
enum as_err undo_find_kept(const struct io *io, int repo_fd, const char *folder, bool *is_found);

/* Remove all that lies below the undo folder @folder; *@freed in bytes. After an error a part is
 * removed. AS_ERR_LIMIT: folders lie too deep in one another. */
enum as_err undo_empty_folder(const struct permit *permit, const char *folder, uint64_t *freed);

/* Remove an undo folder, its manifest first; *@freed in bytes. */
enum as_err undo_remove_folder(const struct permit *permit, const char *folder, uint64_t *freed,
			       struct as_error *error);

#endif

/* engine/repair/undo_internal.h - what the parts of undo share. For undo*.c alone.
 *
 * undo.c           a folder made, and filled by a repair
 * undo_manifest.c  its manifest: written, read, believed only when whole
 * undo_list.c      which folders there are, described
 * undo_plan.c      the way back
 * undo_remove.c    a folder removed
 *
 * Below them repo/undo_folders.c: which folders there are. */
#ifndef ATTICSCOPE_UNDO_INTERNAL_H
#define ATTICSCOPE_UNDO_INTERNAL_H

#include "repair/planner_internal.h"

/* Files with which the abilities of the file system are tried. */
#define UNDO_TRY_1 "try-1"
#define UNDO_TRY_2 "try-2"
#define UNDO_TRY_3 "try-3"

struct undo {
	const struct permit *permit;
	char path[UNDO_FOLDER_MAX];	/* "undo/20261122T215501Z-salvage" */
	/* what the file system can do, tried in the folder before anything is changed */
	bool can_link, can_rename_over;
	/* Folders with names that are not durable yet, in the order in which they were touched:
	 * where something goes is durable before where it comes from. */
	char (*unsynced)[UNDO_PATH_MAX];
	size_t unsynced_count, unsynced_capacity;
};

struct manifest {
	char action[16];
	bool has_before, has_after;
	uint32_t before, after;
	struct plan_file *files;
	size_t count, capacity;
};

/* Say that @path could not be dealt with, for the reason in @err and errno. */
enum as_err undo_fail_path(enum as_err err, const char *verb, const char *path,
			   struct as_error *error);

/* The manifest of @plan in memory that the caller frees. NULL: out of memory. */
char *undo_manifest_text(const struct plan *plan, size_t *len);

/* The manifest in @folder; the caller frees its files. AS_ERR_INTEGRITY: it is not whole; errors of
 * io_read_file. */
enum as_err undo_read_manifest(const struct io *io, int repo_fd, const char *folder,
			       struct manifest *manifest);

/* Write a file into the folder, durably. */
enum as_err undo_write_file(const struct undo *undo, const char *name, const char *bytes,
			    size_t len);

/* Remember that the names in the folder of @path are not durable yet: undo_sync makes them so, in
 * the order in which the folders were touched first. AS_ERR_MEMORY. */
enum as_err undo_touch_folder(struct undo *undo, const char *path);

/* Free what undo_touch_folder remembered. */
void undo_forget_touched(struct undo *undo);

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

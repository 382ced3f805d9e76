/* engine/undo_private.h - what the parts of undo share. For engine/undo*.c alone.
 *
 * undo.c           a folder made, and filled by a repair
 * undo_manifest.c  its manifest: written, read, believed only when whole
 * undo_folder.c    the folders that there are: listed, described, removed
 * undo_back.c      the way back
 */
#ifndef ATTICSCOPE_UNDO_PRIVATE_H
#define ATTICSCOPE_UNDO_PRIVATE_H

#include "repair_private.h"

#define UNDO_MANIFEST "manifest"
#define UNDO_DONE_MARK "done"
#define UNDO_UNDOING_MARK "undoing"
#define UNDO_PATH_MAX (sizeof(UNDO_FOLDER) + UNDO_NAME_MAX + LAYOUT_PATH_MAX + 2)

struct undo {
	const struct permit *permit;
	char path[sizeof(UNDO_FOLDER) + UNDO_NAME_MAX];	/* "undo/20261122T215501Z-salvage" */
	bool made_parent;
	/* folders with names that are not yet durable, each once */
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

/* Names of undo folders, newest first. */
struct undo_names {
	char (*rows)[UNDO_NAME_MAX];
	size_t count, capacity;
};

/* "FOLDER/NAME". */
void undo_below(const char *folder, const char *name, char out[UNDO_PATH_MAX]);

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

/* Remember that the names in the folder of @path are not durable yet: undo_sync makes them so.
 * AS_ERR_MEMORY. */
enum as_err undo_touch_folder(struct undo *undo, const char *path);

/* AS_ERR_MEMORY, and errors of io_open_folder; no folder at all is no error. The caller frees the
 * rows. */
enum as_err undo_names_list(const struct io *io, int repo_fd, struct undo_names *names);

bool undo_is_there(const struct io *io, int repo_fd, const char *folder, const char *name,
		   struct stat *st);
enum undo_state undo_state_of(const struct io *io, int repo_fd, const char *folder);

/* Remove all that lies below @folder, as far as that is possible. */
void undo_sweep(const struct permit *permit, const char *folder);

/* Remove an undo folder, its manifest first; *@freed in bytes. */
enum as_err undo_remove_folder(const struct permit *permit, const char *folder, uint64_t *freed,
			       struct as_error *error);

#endif

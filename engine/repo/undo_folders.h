/* engine/repo/undo_folders.h - which undo folders there are and the state of each, from names and
 * marker files alone. Never writes, follows no link.
 *
 * struct repo names the newest; what lies in one, and the way back, is repair/undo.h's, where the
 * layout of REPO/undo is described. */
#ifndef ATTICSCOPE_UNDO_FOLDERS_H
#define ATTICSCOPE_UNDO_FOLDERS_H

#include "base/io.h"
#include "repo/listing.h"

#include <time.h>

#define UNDO_FOLDER "undo"
#define UNDO_NAME_MAX 64u	/* of the folder below UNDO_FOLDER, NUL included */
#define UNDO_FOLDER_MAX (sizeof(UNDO_FOLDER) + UNDO_NAME_MAX)	/* "undo/NAME", NUL included */
#define UNDO_PATH_MAX (UNDO_FOLDER_MAX + LISTING_PATH_MAX + 2)

#define UNDO_MANIFEST "manifest"
#define UNDO_DONE_MARK "done"
#define UNDO_UNDOING_MARK "undoing"
#define UNDO_MANIFEST_FIRST "atticscope-undo 1\n"
#define UNDO_MANIFEST_MAX (64u * 1024u * 1024u)	/* bytes; a larger one is refused */

enum undo_state {
	UNDO_DONE,		/* the repair was finished */
	UNDO_BEGUN,		/* it was interrupted */
	UNDO_UNDOING,		/* taking it back was interrupted */
	UNDO_UNREADABLE		/* no manifest, or a damaged one */
};

/* Names of undo folders, newest first; those that no repair gives come last, so that none of them
 * stands before a repair's. */
struct undo_names {
	char (*rows)[UNDO_NAME_MAX];
	size_t count, capacity;
};

/* Without REPO/undo there are no names. The caller frees the rows. AS_ERR_MEMORY,
 * AS_ERR_NOT_REGULAR (REPO/undo is no folder), and errors of io_open_folder and io_list. */
enum as_err undo_names_list(const struct io *io, int repo_fd, struct undo_names *names);

/* "undo/NAME", and "FOLDER/NAME". */
void undo_folder_path(const char *name, char out[UNDO_FOLDER_MAX]);
void undo_below(const char *folder, const char *name, char out[UNDO_PATH_MAX]);

/* io_ask for @name in @folder ("undo/NAME"). */
enum as_err undo_ask(const struct io *io, int repo_fd, const char *folder, const char *name,
		     bool *is_there, struct stat *st);

/* By the marks alone; UNDO_UNREADABLE only where no manifest is there. A folder without one was
 * made and not yet used, or is being removed: the manifest comes before the first file, and stays
 * as long as anything in the folder is needed. Errors of io_ask: nothing is known, and *@state is
 * UNDO_UNREADABLE. */
enum as_err undo_state_of(const struct io *io, int repo_fd, const char *folder,
			  enum undo_state *state);

/* The lines of the manifest in @folder between the first, which names the format, and the last,
 * which proves that all are there; the caller frees them. AS_ERR_INTEGRITY: it is not whole; errors
 * of io_read_file. */
enum as_err undo_manifest_lines(const struct io *io, int repo_fd, const char *folder,
				char **lines);

/* "20261122T215501Z-salvage" as "2026-11-22T21:55:01Z" and "salvage"; each empty where the name is
 * another's. */
#define UNDO_TIME_SIZE 24u
void undo_name_read(const char *name, char when[UNDO_TIME_SIZE], char action[UNDO_NAME_MAX]);

/* Has @name the form that a repair gives: a time that exists, for the second repair of a second
 * ".001" and so on to ".999", and "-ACTION"? The one that sorts higher of two such names is the
 * newer one. Times from the year 9999 on do not count: nothing could follow the last of them. */
bool undo_name_is_repairs(const char *name);

/* The beginning of the name of a repair that is made @now, so that it sorts above @newest, the
 * first one of undo_names (or ""): the time, or, where that is not above it, the next count or
 * second after it. False: nothing comes after it. */
#define UNDO_STAMP_SIZE 24u
bool undo_stamp_after(const char *newest, time_t now, char stamp[UNDO_STAMP_SIZE]);

#endif

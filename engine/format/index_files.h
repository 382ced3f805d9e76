/* engine/format/index_files.h - write what belongs to a transaction beside its segments: index.T,
 * hints.T and, where the dialect has it, integrity.T.
 *
 * All are written whole under other names first, so that a full disk changes nothing. Then they
 * take their places in the order of Borg (borg/repository.py, write_index), each for good before
 * the next: integrity.T, which does not fit the old ones then and makes Borg replay the log;
 * hints.T; index.T, from which a client knows that the others are there. */
#ifndef ATTICSCOPE_INDEX_FILES_H
#define ATTICSCOPE_INDEX_FILES_H

#include "format/hints.h"
#include "format/index_table.h"

struct index_files {
	const struct dialect *dialect;
	const struct index_table *table;
	const struct hints *hints;
	uint32_t transaction;
};

#define INDEX_FILES_NAME sizeof("integrity.4294967295.tmp")

/* Write the @files in the place of those that are there. Where a file system cannot rename over
 * one, that is removed first: all of them can be made again from the log. Codes of io_write_file
 * and io_rename, with errno; AS_ERR_MEMORY. After an error @name is the file that could not be
 * written, or "." where that was the sync of the folder. */
enum as_err index_files_write(const struct index_files *files, const struct permit *permit,
			      char name[INDEX_FILES_NAME]);

/* Write the hints once more, alone. Where the dialect has integrity.T nothing is done. */
enum as_err index_files_write_hints(const struct index_files *files, const struct permit *permit);

#endif

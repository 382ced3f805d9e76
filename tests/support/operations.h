/* tests/support/operations.h - the table of everything that writes: a repository to begin with, and
 * one operation on it. Each stands there for Attic and, as "Borg: ...", for Borg. */
#ifndef ATTICSCOPE_TESTS_OPERATIONS_H
#define ATTICSCOPE_TESTS_OPERATIONS_H

#include "engine/atticstore.h"
#include "engine/base/io.h"

struct operation {
	const char *name;
	enum as_dialect dialect;
	/* Make the repository @repo, durably. NULL: there is none before. */
	void (*make)(const char *repo, enum as_dialect dialect);
	/* Run the operation. False: it failed. */
	bool (*run)(const char *repo, const struct io *io);
	enum way_back {
		BACK_TO_FOUND,	/* undoing the repairs after a fault restores what the fault left */
		BACK_TO_ORIGIN,	/* a repair, or an undo: undoing all repairs restores the bytes
				 * before the first */
		BACK_WHOLE_OR_NOT, /* a purge: undo still works, to the last byte, or changes
				    * nothing */
		BACK_UNKNOWN	/* after another fault: there is nothing to compare with */
	} way_back;
	/* Nothing is committed before. Where the log holds no COMMIT at all, salvage keeps what it
	 * finds, so part of the transaction may be there afterwards. */
	bool is_first;
};

extern const struct operation operations[];
extern const size_t operation_count;

#endif

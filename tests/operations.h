/* tests/operations.h - everything that writes, as a table: a repository to begin with, and the one
 * operation that is done to it. */
#ifndef ATTICSCOPE_TESTS_OPERATIONS_H
#define ATTICSCOPE_TESTS_OPERATIONS_H

#include "engine/base/io.h"

struct operation {
	const char *name;
	/* Make the repository @repo, for good. NULL: nothing is there before. */
	void (*make)(const char *repo);
	/* Do it. False: it failed. */
	bool (*run)(const char *repo, const struct io *io);
	enum way_back {
		BACK_TO_FOUND,	/* taking back what mended it gives the bytes that were found */
		BACK_TO_ORIGIN,	/* a repair, or the undoing of one: taking back all repairs gives
				 * the bytes that were there before the first */
		BACK_WHOLE_OR_NOT, /* what could be taken back is being removed: that is possible
				 * still, to the last byte, or not at all */
		BACK_UNKNOWN	/* after another fault: there is nothing to hold it against */
	} way_back;
	/* Nothing is committed before. Where the log holds no COMMIT at all salvage keeps what it
	 * finds (see DESIGN), so that part of the transaction may be there afterwards. */
	bool is_first;
};

extern const struct operation operations[];
extern const size_t operation_count;

#endif

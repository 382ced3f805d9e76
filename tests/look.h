/* tests/look.h - a repository as the program finds it when it starts: opened, verified and judged.
 */
#ifndef ATTICSCOPE_TESTS_LOOK_H
#define ATTICSCOPE_TESTS_LOOK_H

#include "engine/check/diagnose.h"
#include "tests/fault.h"

struct look {
	struct fault fault;	/* what the repository is seen and changed through */
	struct view *view;
	struct verify *verify;
	struct diagnosis diagnosis;
};

/* Look at @repo; look_away ends it. False: it cannot be opened or verified. Fails no test, so that
 * a child process may call it. */
bool look_at(struct look *look, const char *repo);
void look_away(struct look *look);

/* Do hints of the log's end, which came after transaction @since, say what FORMAT.md wants of a
 * compaction wherever it stops? Every segment with entries has its count; nothing is listed to be
 * compacted that is not there; an emptied segment that is still there has a row of 0, is not listed,
 * and is named by check: *@emptied counts them. NULL, or what is wrong. Where the log is damaged or
 * the hints are of another transaction there is nothing to say. */
const char *look_hints(const struct look *look, uint32_t since, unsigned *emptied);

/* The right to change it; given back with lock_lower. NULL: it was refused. */
struct permit *look_upgrade(struct look *look);

#endif

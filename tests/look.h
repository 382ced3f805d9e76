/* tests/look.h - a repository as the program finds it when it starts: opened, verified and judged.
 */
#ifndef ATTICSCOPE_TESTS_LOOK_H
#define ATTICSCOPE_TESTS_LOOK_H

#include "engine/diagnose.h"
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

/* The right to change it; given back with lock_lower. NULL: it was refused. */
struct permit *look_upgrade(struct look *look);

#endif

/* tests/opened_repo.h - a repository as the program finds it when it starts: opened, verified and
 * judged. */
#ifndef ATTICSCOPE_TESTS_OPENED_REPO_H
#define ATTICSCOPE_TESTS_OPENED_REPO_H

#include "engine/check/diagnose.h"
#include "tests/fault.h"

struct opened_repo {
	struct fault fault;	/* what the repository is seen and changed through */
	struct repo *repo;
	struct verify *verify;
	struct diagnosis diagnosis;
};

/* Look at @repo; opened_repo_close ends it. False: it cannot be opened or verified. Fails no test,
 * so that a child process may call it. */
bool opened_repo_open(struct opened_repo *opened, const char *repo);
void opened_repo_close(struct opened_repo *opened);

/* Do hints of the log's end, which came after transaction @since, say what FORMAT.md wants of a
 * compaction wherever it stops? Every segment with entries has its count; nothing is listed to be
 * compacted that is not there; an emptied segment that is still there has a row of 0, is not listed,
 * and is named by check: *@emptied counts them. NULL, or what is wrong. Where the log is damaged or
 * the hints are of another transaction there is nothing to say. */
const char *opened_repo_check_hints(const struct opened_repo *opened, uint32_t since,
				    unsigned *emptied);

/* The right to change it, until lock_lower. NULL: it was refused. */
const struct permit *opened_repo_upgrade(struct opened_repo *opened);

#endif

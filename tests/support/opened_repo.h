/* tests/support/opened_repo.h - a repository that was opened, verified and diagnosed. */
#ifndef ATTICSCOPE_TESTS_OPENED_REPO_H
#define ATTICSCOPE_TESTS_OPENED_REPO_H

#include "engine/check/diagnose.h"
#include "tests/support/fault.h"

struct opened_repo {
	struct fault fault;	/* of opened_repo_open: the io that it uses */
	struct repo *repo;
	struct verify *verify;
	struct diagnosis diagnosis;
};

/* Open and verify @repo; opened_repo_close frees it. False on failure. Fails no test, so that a
 * child process may call it. */
bool opened_repo_open(struct opened_repo *opened, const char *repo);
/* The same through @io. @error is set if the repository cannot be opened. */
enum as_err opened_repo_open_through(struct opened_repo *opened, const char *repo,
				     const struct io *io, struct as_error *error);
void opened_repo_close(struct opened_repo *opened);

/* Check the hints of a compaction that stopped anywhere, as FORMAT.md wants them, if they belong to
 * the log's end and are newer than transaction @since: every segment with entries has its count;
 * only existing segments are listed to be compacted; an emptied segment that still exists has a row
 * of 0 (of Borg it may have none), is not listed, and check names it (*@emptied counts these).
 * Returns what is wrong, or NULL, also where the log is damaged or the hints are of another
 * transaction. */
const char *opened_repo_check_hints(const struct opened_repo *opened, uint32_t since,
				    unsigned *emptied);

/* The right to change it, until lock_lower. NULL: it was refused. */
const struct permit *opened_repo_upgrade(struct opened_repo *opened);

#endif

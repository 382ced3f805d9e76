/* src/repository.h - what the commands that view or repair a repository do with it: open, verify,
 * close. Every failure is reported on standard error. */
#ifndef ATTICSCOPE_REPOSITORY_H
#define ATTICSCOPE_REPOSITORY_H

#include "engine/check/check.h"
#include "src/command.h"

/* Open the repository that @request names first. AS_ERR_INVALID_REPOSITORY also means that
 * it is in Borg's format, which is not read. */
enum as_err repository_open(const struct request *request, struct repo **repo);

/* The same, but a repository in Borg's format is opened too. */
enum as_err repository_open_any(const struct request *request, struct repo **repo);

/* Close it, with a message if the repository changed meanwhile. */
void repository_close(struct repo *repo);

/* Open the repository, waiting for its lock as --lock-wait says, and catch interrupts. If
 * @may_write, the lock can be upgraded later. */
enum as_err repository_open_waiting(const struct request *request, bool may_write,
				    struct repo **repo);

/* Make the lock of @repo exclusive, unless it is, waiting for others as lock_wait_to_write says.
 * *@permit is good until lock_lower. */
enum as_err repository_upgrade(const struct request *request, struct repo *repo,
			       const struct permit **permit);

/* Read what @scope names (NULL: all of it), with a progress bar; an interrupt cancels. *@verify is
 * NULL after an error. */
enum as_err repository_verify(const struct request *request, const struct repo *repo,
			      const struct verify_scope *scope, struct verify **verify);

#endif

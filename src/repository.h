/* src/repository.h - what every command does with its repository: open, verify, close. What fails
 * says so on standard error. */
#ifndef ATTICSCOPE_REPOSITORY_H
#define ATTICSCOPE_REPOSITORY_H

#include "engine/check/check.h"
#include "src/command.h"

/* Open the repository that @request names first. AS_OK, or the error, whose message was printed.
 * AS_ERR_INVALID_REPOSITORY: among others, it is in Borg's format, and nothing of it is read. */
enum as_err repository_open(const struct request *request, struct repo **repo);

/* The same for those who only say what it is: also one in Borg's format. */
enum as_err repository_open_any(const struct request *request, struct repo **repo);

/* Say so on standard error if the repository changed meanwhile, and close it. */
void repository_close(struct repo *repo);

/* Open the repository, waiting for its lock as --lock-wait says, and catch interrupts. Where
 * @may_write, the lock can be upgraded later. */
enum as_err repository_open_waiting(const struct request *request, bool may_write,
				    struct repo **repo);

/* Make the shared lock of @repo exclusive, waiting for others as
 * lock_wait_to_write says. *@permit is good until lock_lower. */
enum as_err repository_upgrade(const struct request *request, struct repo *repo,
			       const struct permit **permit);

/* Read all of it, with a progress bar; an interrupt cancels. AS_OK, or the error, whose message was
 * printed; *@verify is then NULL. */
enum as_err repository_verify(const struct request *request, const struct repo *repo,
			      struct verify **verify);

/* The same of the part that @scope names. */
enum as_err repository_verify_part(const struct request *request, const struct repo *repo,
				   const struct verify_scope *scope, struct verify **verify);

#endif

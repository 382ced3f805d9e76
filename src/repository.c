#include "build-config.h"

#include "src/repository.h"

#include "src/break_lock.h"
#include "src/interrupt.h"
#include "src/lock_wait.h"
#include "src/message.h"
#include "src/progress.h"

enum as_err repository_open_any(const struct request *request, struct repo **repo)
{
	const struct repo_options options = { .no_lock = request->options.no_lock };
	struct as_error error = { .code = AS_OK };
	const enum as_err err = repo_open(request->args[0], &options, repo, &error);
	if (err == AS_OK) {
		interrupt_catch();
		return AS_OK;
	}
	message_failure(err, &error);
	if (err == AS_ERR_LOCK_FAILED)
		message("--no-lock reads without the lock; "
			"data that is being written may then look damaged");
	return err;
}

enum as_err repository_open(const struct request *request, struct repo **repo)
{
	const enum as_err err = repository_open_any(request, repo);
	if (err != AS_OK || (*repo)->dialect->is_read)
		return err;
	message("%s: %s: this program reads those of Attic and Borg 1.x only", (*repo)->path,
		(*repo)->dialect->title);
	repo_close(*repo);
	*repo = NULL;
	return AS_ERR_INVALID_REPOSITORY;
}

void repository_close(struct repo *repo)
{
	if (repo_is_changed(repo))
		message("%s was changed while it was read: what was shown may be out of date",
			repo->path);
	repo_close(repo);
}

/* ---- to change it ---- */

enum as_err repository_open_waiting(const struct request *request, bool may_write,
				    struct repo **repo)
{
	const struct repo_options options = { .may_write = may_write };
	struct as_error error = { .code = AS_OK };
	enum as_err err;
	interrupt_catch();
	do
		err = repo_open(request->args[0], &options, repo, &error);
	while (err == AS_ERR_LOCK_FAILED && lock_wait_pause(request));
	if (err == AS_ERR_LOCK_FAILED && interrupt_came())
		err = as_fail(&error, AS_ERR_CANCELLED, 0, "cancelled while waiting");
	return lock_wait_report(request, err, &error);
}

enum as_err repository_upgrade(const struct request *request, struct repo *repo,
			       const struct permit **permit)
{
	const struct lock_wait wait = {
		.ms = lock_wait_to_write(request), .interrupt = lock_wait_is_interrupted,
	};
	struct lock *lock = repo_lock(repo);
	struct as_error error = { .code = AS_OK };
	enum as_err err = AS_OK;
	if (lock_state(lock, NULL) != LOCK_EXCLUSIVE) {
		err = lock_upgrade(lock, &wait, &error);
		break_lock_report_stale(repo);
	} else if (!lock_is_on(lock, repo->fd)) {
		err = as_fail(&error, AS_ERR_LOCK_FAILED, 0,
			      "%s: another process has removed the lock of this one", repo->path);
	}
	*permit = lock_permit(lock);
	lock_wait_report(request, err, &error);
	if (err == AS_ERR_LOCK_FAILED)
		break_lock_offer(repo);
	return err;
}

/* ---- all of it ---- */

enum as_err repository_verify(const struct request *request, const struct repo *repo,
			      const struct verify_scope *scope, struct verify **verify)
{
	struct verify_progress figures = { .cancel = false };
	struct progress *bar = progress_begin("verifying", repo, &figures);
	enum as_err err = verify_new(repo, verify);
	if (err == AS_OK) {
		if (scope)
			(*verify)->scope = *scope;
		err = verify_work(*verify, request->options.threads, &figures);
	}
	progress_end(bar);
	if (err == AS_OK)
		return AS_OK;
	message_failure(err, NULL);
	verify_free(*verify);
	*verify = NULL;
	return err;
}

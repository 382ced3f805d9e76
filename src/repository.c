#include "build-config.h"

#include "src/repository.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/progress.h"

#include <time.h>
#include <unistd.h>

#define PAUSE_MS 50	/* between two attempts to get a lock */

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
		message("with --no-lock it is read all the same; "
			"what is being written may then look damaged");
	return err;
}

enum as_err repository_open(const struct request *request, struct repo **repo)
{
	const enum as_err err = repository_open_any(request, repo);
	if (err != AS_OK || (*repo)->dialect == DIALECT_ATTIC)
		return err;
	message("%s: %s: this program reads Attic repositories only", (*repo)->path,
		dialect_title((*repo)->dialect));
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

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t patience;	/* until when --lock-wait lets wait; 0: nothing was opened yet */

static int64_t time_left(const struct request *request)
{
	if (patience == 0)
		patience = now_ms() + (int64_t)request->options.lock_wait * 1000;
	return patience > now_ms() ? patience - now_ms() : 0;
}

bool repository_wait_turn(const struct request *request)
{
	/* Two that gave way do not come back at the same moment. */
	const long pause = PAUSE_MS + (long)getpid() % PAUSE_MS;
	const struct timespec moment = { .tv_nsec = pause * 1000000L };
	if (time_left(request) == 0)
		return false;
	nanosleep(&moment, NULL);
	return !interrupt_came();
}

static enum as_err open_patiently(const struct request *request, bool may_write,
				  struct repo **repo, struct as_error *error)
{
	const struct repo_options options = { .may_write = may_write };
	const struct timespec moment = { .tv_nsec = PAUSE_MS * 1000000L };
	for (;;) {
		const enum as_err err = repo_open(request->args[0], &options, repo, error);
		if (err != AS_ERR_LOCK_FAILED || time_left(request) == 0)
			return err;
		nanosleep(&moment, NULL);
		if (interrupt_came())
			return as_fail(error, AS_ERR_CANCELLED, 0, "cancelled while waiting");
	}
}

static enum as_err tell(const struct request *request, enum as_err err,
			const struct as_error *error)
{
	if (err == AS_OK)
		return AS_OK;
	message_failure(err, error);
	if (err == AS_ERR_LOCK_FAILED && request->options.lock_wait == 0)
		message("with --lock-wait=SECONDS it is waited for");
	return err;
}

enum as_err repository_open_waiting(const struct request *request, bool may_write,
				    struct repo **repo)
{
	struct as_error error = { .code = AS_OK };
	interrupt_catch();
	return tell(request, open_patiently(request, may_write, repo, &error), &error);
}

static int wants_to_stop(void *context)
{
	(void)context;
	return interrupt_came();
}

enum as_err repository_upgrade(const struct request *request, struct repo *repo,
			       const struct permit **permit)
{
	const int64_t left = time_left(request);
	const struct lock_wait wait = {
		.ms = left > LOCK_GRACE_MS ? (unsigned)left : LOCK_GRACE_MS,
		.interrupt = wants_to_stop,
	};
	struct as_error error = { .code = AS_OK };
	const enum as_err err = lock_upgrade(repo_lock(repo), &wait, &error);
	*permit = lock_permit(repo_lock(repo));
	return tell(request, err, &error);
}

/* ---- all of it ---- */

enum as_err repository_verify(const struct request *request, const struct repo *repo,
			      struct verify **verify)
{
	const struct verify_scope everything = { .has_range = false };
	return repository_verify_part(request, repo, &everything, verify);
}

enum as_err repository_verify_part(const struct request *request, const struct repo *repo,
				   const struct verify_scope *scope, struct verify **verify)
{
	struct verify_progress figures = { .cancel = false };
	struct progress *bar = progress_begin("verifying", repo, &figures);
	interrupt_watch(&figures.cancel);
	enum as_err err = verify_new(repo, verify);
	if (err == AS_OK) {
		(*verify)->scope = *scope;
		err = verify_work(*verify, request->options.threads, &figures);
	}
	interrupt_watch(NULL);
	progress_end(bar);
	if (err == AS_OK)
		return AS_OK;
	message_failure(err, NULL);
	verify_free(*verify);
	*verify = NULL;
	return err;
}

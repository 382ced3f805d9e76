#include "build-config.h"

#include "src/mend.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/out_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS 50	/* between two attempts to get a lock */

bool mend_asks(const struct request *request)
{
	return !request->options.yes && !request->options.dry_run;
}

bool mend_can_ask(const struct request *request, const char *name)
{
	if (!mend_asks(request))
		return true;
	if (!request->out.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return true;
	message("%s changes the repository and asks first, which it can do on a terminal only%s",
		name, request->out.json ? " and without --json" : "");
	message("add --dry-run to see what it would do, or --yes to do it unasked");
	return false;
}

/* ---- the lock ---- */

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

bool mend_waits_for_turn(const struct request *request)
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

enum as_err mend_open(const struct request *request, bool may_write, struct repo **repo)
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

enum as_err mend_upgrade(const struct request *request, struct repo *repo, struct permit **permit)
{
	const int64_t left = time_left(request);
	const struct lock_wait wait = {
		.ms = left > LOCK_GRACE_MS ? (unsigned)left : LOCK_GRACE_MS,
		.interrupt = wants_to_stop,
	};
	struct as_error error = { .code = AS_OK };
	const enum as_err err = lock_upgrade(repo->io, repo->fd, repo->path, &repo->lock, &wait,
					     permit, &error);
	return tell(request, err, &error);
}

/* ---- the question ---- */

bool mend_is_confirmed(struct request *request, const char *word)
{
	char answer[64];
	text_blank_line(&request->out);
	fprintf(request->out.stream, "Type %s to do it; anything else cancels: ", word);
	fflush(request->out.stream);
	const bool answered = !interrupt_came() && fgets(answer, sizeof(answer), stdin);
	if (!answered)
		text_blank_line(&request->out);
	else
		answer[strcspn(answer, "\n")] = '\0';
	if (answered && strcmp(answer, word) == 0)
		return true;
	message("cancelled: nothing was changed");
	return false;
}

#include "build-config.h"

#include "src/break_lock.h"

#include "src/confirm.h"
#include "src/message.h"

#include "engine/repo/repo.h"

static enum as_err break_seen(struct request *request, struct repo *repo,
			      const struct lock_seen *seen)
{
	struct as_error error = { .code = AS_OK };
	char who[LOCK_HOLDER_TEXT];
	lock_holder_text(&seen->holder, who);
	if (seen->standing == STANDING_DAMAGED)
		message("%s/%s: nobody can tell whether the repository is in use", repo->path,
			seen->damage);
	else
		message("%s: %s lock is held by %s", repo->path,
			seen->holder.exclusive ? "the exclusive" : "a shared", who);
	message("a backup that still runs there would be destroyed: break the lock only if you "
		"know that nothing uses the repository");
	if (!confirm_is_possible(request, "--break-lock"))
		return AS_ERR_USAGE;
	if (confirm_is_wanted(request) && !confirm_ask(request, "break"))
		return AS_ERR_CANCELLED;
	const enum as_err err = lock_break(repo_lock(repo), &error);
	if (err == AS_OK)
		message("%s: the lock was removed", repo->path);
	else
		message_failure(err, &error);
	return err;
}

/* Does somebody hold it who may be gone? Only a lock that is a folder outlives its process. */
static bool can_be_broken(struct repo *repo, struct lock_seen *seen)
{
	return !dialect_is_only_read(repo->dialect) && lock_see(repo_lock(repo), seen) == AS_OK &&
	       lock_state(repo_lock(repo), NULL) == LOCK_DEFERRED &&
	       ((seen->standing == STANDING_DAMAGED && !seen->is_denied) ||
		seen->standing == STANDING_UNKNOWN ||
		(seen->standing == STANDING_HELD && seen->holder.is_reused));
}

void break_lock_offer(struct repo *repo)
{
	struct lock_seen seen;
	if (can_be_broken(repo, &seen))
		message("if nothing uses the repository, --break-lock removes the lock, after "
			"asking");
}

enum as_err break_lock(struct request *request)
{
	const struct repo_options options = { .may_write = true };
	struct lock_seen seen;
	struct repo *repo;
	enum as_err err = AS_OK;
	if (!request->options.break_lock || request->options.dry_run ||
	    repo_open(request->args[0], &options, &repo, NULL) != AS_OK)
		return AS_OK;	/* what the command itself does next says why */
	if (can_be_broken(repo, &seen))
		err = break_seen(request, repo, &seen);
	repo_close(repo);
	return err;
}

void break_lock_report_stale(struct repo *repo)
{
	struct lock_holder one;
	char who[LOCK_HOLDER_TEXT];
	const size_t count = lock_count_stale(repo_lock(repo), &one);
	if (count == 0)
		return;
	lock_holder_text(&one, who);
	message("%s: removed the lock of %s", repo->path, who);
	if (count > 1)
		message("%s: and those of %zu other process%s that are gone", repo->path, count - 1,
			count == 2 ? "" : "es");
}

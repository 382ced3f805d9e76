#include "build-config.h"

#include "tests/look.h"

bool look_at(struct look *look, const char *repo)
{
	struct verify_progress progress = { .cancel = false };
	fault_init(&look->fault);	/* the syncs take too long, and prove nothing here */
	const struct view_options options = { .may_write = true, .io = &look->fault.io };
	if (view_open(repo, &options, &look->view, NULL) != AS_OK)
		return false;
	if (verify_run(look->view, 1, &progress, &look->verify) != AS_OK) {
		look_away(look);
		return false;
	}
	diagnose(look->view, look->verify, &look->diagnosis);
	return true;
}

void look_away(struct look *look)
{
	verify_free(look->verify);
	view_close(look->view);
}

struct permit *look_upgrade(struct look *look)
{
	const struct lock_wait wait = { .ms = 0 };
	struct permit *permit;
	struct view *view = look->view;
	return lock_upgrade(view->io, view->fd, view->path, &view->lock, &wait, &permit, NULL) ==
		       AS_OK ? permit : NULL;
}

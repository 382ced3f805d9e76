#include "build-config.h"

#include "app/watch.h"

#include "app/app.h"
#include "session/thread.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INTERVAL_MS 2000

struct watch {
	struct job job;
	int stop;			/* eventfd: ends the pause between two checks */
};

static bool are_same_holders(const struct session *session, const struct lock_holder *rows,
			     size_t count)
{
	if (count != session->holder_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct lock_holder *a = &rows[i], *b = &session->holders[i];
		if (a->known != b->known || a->pid != b->pid || a->exclusive != b->exclusive ||
		    strcmp(a->program, b->program) != 0 || !lock_id_is_same(&a->id, &b->id))
			return false;
	}
	return true;
}

static void run_watch(struct job *head)
{
	struct watch *watch = (struct watch *)head;
	struct session *session = head->session;
	struct pollfd stop = { .fd = watch->stop, .events = POLLIN };
	while (!atomic_load(&head->progress.cancel)) {
		struct lock_holder rows[SESSION_HOLDERS] = { 0 };
		size_t count = lock_holders(session->lock, rows, SESSION_HOLDERS);
		if (count > SESSION_HOLDERS)
			count = SESSION_HOLDERS;
		pthread_mutex_lock(&session->mutex);
		bool news = !are_same_holders(session, rows, count);
		memcpy(session->holders, rows, sizeof(rows));
		session->holder_count = count;
		pthread_mutex_unlock(&session->mutex);
		if (!atomic_load(&session->changed) && repo_is_changed(session->repo)) {
			atomic_store(&session->changed, true);
			news = true;
		}
		if (news)
			wake_up(head->wake);
		poll(&stop, 1, INTERVAL_MS);
	}
}

static void interrupt_watch(struct job *head)
{
	wake_up(((struct watch *)head)->stop);
}

static void drop_watch(struct job *head)
{
	close(((struct watch *)head)->stop);
}

void watch_start(struct app *app)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	const int stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!watch || stop < 0) {
		free(watch);
		if (stop >= 0)
			close(stop);
		return;		/* only the notice of a change is missing then */
	}
	*watch = (struct watch){
		.job = { .kind = JOB_WATCH, .run = run_watch, .drop = drop_watch,
			 .interrupt = interrupt_watch, .session = ref_hold(app->session) },
		.stop = stop,
	};
	app_start(app, &watch->job);
}

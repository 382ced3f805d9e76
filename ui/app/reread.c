#include "build-config.h"

#include "app/reread.h"

#include "app/app.h"
#include "app/refresh.h"
#include "app/verify.h"
#include "app/watch.h"

#include <stdio.h>
#include <stdlib.h>

struct open_job {
	struct job job;
	const char *path;	/* lives as long as the program */
	bool no_lock;
	struct lock *lock;	/* held: the exclusive lock; NULL: the repo takes one */
	enum after_reading after;
	struct repo *repo;
	struct as_error error;
};

static void run_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	const struct repo_options options = { .no_lock = job->no_lock, .lock = job->lock };
	if (repo_open(job->path, &options, &job->repo, &job->error) == AS_ERR_CHANGED)
		snprintf(job->error.message, sizeof(job->error.message),
			 "another folder or config has replaced it; l releases the lock");
}

static void open_done(struct app *app, struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	struct session *session = job->repo ? session_new(job->repo) : NULL;
	app->hooks->after_read(app, session != NULL);
	if (!session) {
		app_refresh(app);
		app_say(app, STYLE_BAD, "cannot be read again: %s",
			job->repo ? "out of memory" : job->error.message);
		return;
	}
	job->repo = NULL;
	jobs_abandon(&app->jobs, NULL);
	fetcher_forget(app->fetcher);
	ref_release(app->session);
	app->session = session;
	app->choices.count = 0;
	watch_start(app);
	for (size_t i = 0; i < APP_SCREENS; i++) {
		struct screen *screen = app_screen(app, i);
		if (screen && screen->ops->reload)
			screen->ops->reload(app, screen);
	}
	app_refresh(app);
	app_show_top(app);
	if (job->after == AFTER_READING_NOTHING)
		app_say(app, STYLE_NORMAL, "the repository was read again");
	else
		app_start_verify(app, job->after == AFTER_READING_VERIFY_ALL);
	app->hooks->after_session(app);
}

static void drop_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	repo_close(job->repo);
	lock_release(job->lock);
}

void app_read_again(struct app *app, enum after_reading after)
{
	struct open_job *job = calloc(1, sizeof(*job));
	app->hooks->before_read(app);
	if (!job)
		return;
	*job = (struct open_job){
		.job = { .kind = JOB_OPEN, .verb = "reading the repository again",
			 .run = run_open, .done = open_done, .drop = drop_open },
		.path = app->path, .no_lock = app->no_lock,
		.lock = app->mode == MODE_REPAIR ? lock_hold(app->session->lock) : NULL,
		.after = after,
	};
	app_start(app, &job->job);
}

void app_verify(struct app *app, bool whole)
{
	const int state = atomic_load(&app->session->check);
	if (state == CHECK_RUNNING) {
		app_say(app, STYLE_NORMAL, "verifying already (x cancels)");
	} else if (state == CHECK_NONE && !atomic_load(&app->session->changed)) {
		app_start_verify(app, whole);
	} else {	/* what was read before may be out of date */
		app_read_again(app, whole ? AFTER_READING_VERIFY_ALL : AFTER_READING_VERIFY);
	}
}

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
	bool verifies;		/* verify after reading */
	bool is_whole;		/* and read everything then */
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

static void reload_screen(struct app *app, struct screen *screen)
{
	if (screen->ops->reload)
		screen->ops->reload(app, screen);
}

static void replace_session(struct app *app, struct session *session)
{
	jobs_abandon(&app->jobs, NULL);
	fetcher_forget(app->fetcher);
	session_release(app->session);
	app->session = session;
	app->choices.count = 0;
	watch_start(app);
	app_each_screen(app, reload_screen);
	app_refresh(app);
	app_show_top(app);
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
	replace_session(app, session);
	if (job->verifies)
		app_start_verify(app, job->is_whole);
	else
		app_say(app, STYLE_NORMAL, "the repository was read again");
	app->hooks->after_session(app);
}

static void drop_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	repo_close(job->repo);
	lock_release(job->lock);
}

static void start_reading(struct app *app, bool verifies, bool whole)
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
		.verifies = verifies, .is_whole = whole,
	};
	app_start(app, &job->job);
}

void app_read_again(struct app *app, const struct call *call)
{
	(void)call;
	start_reading(app, false, false);
}

void app_read_and_verify(struct app *app, bool whole)
{
	start_reading(app, true, whole);
}

void app_verify(struct app *app, bool whole)
{
	const int state = atomic_load(&app->session->check);
	if (state == CHECK_RUNNING) {
		app_say(app, STYLE_NORMAL, "verifying already (x cancels)");
	} else if (state == CHECK_NONE && !atomic_load(&app->session->changed)) {
		app_start_verify(app, whole);
	} else {	/* what was read before may be out of date */
		app_read_and_verify(app, whole);
	}
}

#include "build-config.h"

#include "app/reread.h"

#include "app/app.h"
#include "app/refresh.h"
#include "app/verify.h"
#include "app/watch.h"

#include <stdio.h>
#include <stdlib.h>

struct open_job {
	struct job job;		/* in repair mode holds the session, whose lock is kept */
	const char *path;	/* lives as long as the program */
	bool no_lock;
	enum after_reading after;
	struct as_error error;
};

/* held[0] becomes the new session, or stays NULL. */
static void run_open(struct job *head)
{
	struct open_job *job = (struct open_job *)head;
	const struct repo_options options = { .no_lock = job->no_lock,
					      .lock = head->session ? head->session->lock : NULL };
	struct repo *repo;
	const enum as_err err = repo_open(job->path, &options, &repo, &job->error);
	if (err == AS_ERR_CHANGED)
		snprintf(job->error.message, sizeof(job->error.message),
			 "another folder or config has replaced it; l releases the lock");
	if (err != AS_OK)
		return;
	head->held[0] = session_new(repo);
	if (head->held[0])
		return;
	snprintf(job->error.message, sizeof(job->error.message), "out of memory");
	repo_close(repo);
}

static void open_done(struct app *app, struct job *head)
{
	const struct open_job *job = (const struct open_job *)head;
	struct session *session = head->held[0];
	app->hooks->after_read(app, session != NULL);
	if (!session) {
		app_refresh(app);
		app_say(app, STYLE_BAD, "cannot be read again: %s", job->error.message);
		return;
	}
	jobs_abandon(&app->jobs, NULL);
	fetcher_forget(app->fetcher);
	ref_release(app->session);
	app->session = ref_hold(session);
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

void app_read_again(struct app *app, enum after_reading after)
{
	struct open_job *job = calloc(1, sizeof(*job));
	app->hooks->before_read(app);
	if (!job)
		return;
	*job = (struct open_job){
		.job = { .kind = JOB_OPEN, .verb = "reading the repository again",
			 .run = run_open, .done = open_done,
			 .session = app->mode == MODE_REPAIR ? ref_hold(app->session) : NULL },
		.path = app->path, .no_lock = app->no_lock, .after = after,
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

#include "build-config.h"

#include "app/verify.h"

#include "app/action_log.h"
#include "app/app.h"
#include "app/choices.h"
#include "app/refresh.h"

#include "engine/cache/cache.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define BACKGROUND_NICE 10	/* about a tenth of the time on a busy processor */

struct verify_job {
	struct job job;
	unsigned threads;
	bool is_whole;			/* read everything, whatever earlier runs found */
	enum as_err err;
	char cache_trouble[256];	/* empty: none */
};

/* Skip what earlier runs found intact, unless everything is to be read. Save the results for the
 * next run in either case. */
static void run_verify(struct job *head)
{
	struct verify_job *job = (struct verify_job *)head;
	const struct repo *repo = head->session->repo;
	struct verify *verify = atomic_load(&head->session->verify);
	struct verify_records known = { .rows = NULL }, kept = { .rows = NULL };
	/* On Linux this changes this thread only, and those that it starts from now on: the threads
	 * that draw and fetch come first. A failure does no harm. */
	(void)!nice(BACKGROUND_NICE);
	if (!job->is_whole)
		cache_load(repo, &known, job->cache_trouble, sizeof(job->cache_trouble));
	verify->scope = (struct verify_scope){
		.known = &known, .not_before = INT64_MIN, .keep = &kept,
	};
	job->err = verify_work(verify, job->threads, &head->progress);
	verify->scope = (struct verify_scope){ .has_range = false };
	if (job->err == AS_ERR_CANCELLED)
		verify_records_merge(&kept, &known);
	verify_records_sort(&kept);
	if (repo->config.has_id)
		cache_save(repo, &kept, job->cache_trouble, sizeof(job->cache_trouble));
	verify_records_free(&known);
	verify_records_free(&kept);
}

/* The check is marked as done here, where the diagnosis is updated, so that no frame shows one
 * without the other. */
static void verify_done(struct app *app, struct job *head)
{
	const struct verify_job *job = (const struct verify_job *)head;
	atomic_store(&head->session->check, job->err == AS_OK ? CHECK_DONE : CHECK_STOPPED);
	const struct verify *verify = session_verify(app->session);
	app->hooks->after_verify(app);
	app_refresh(app);
	if (verify)
		action_log_add(app, STYLE_NORMAL, "verified", "%s", app->diagnosis.verdict);
	if (job->cache_trouble[0])
		action_log_add(app, STYLE_WARNING, "verified",
			       "the results are not kept for the next run: %s", job->cache_trouble);
	choices_find(app);
	if (app->hooks->after_diagnosis(app))
		return;
	if (verify && !app->diagnosis.clean)
		app_say(app, STYLE_WARNING, "verified: %" PRIu64 " problem%s (6 shows them)",
			app->problem_count, app->problem_count == 1 ? "" : "s");
	else if (verify && verify->remembered == 0)
		app_say(app, STYLE_GOOD, "verified: no problems");
	else if (verify)
		app_say(app, STYLE_GOOD,
			"verified: no problems; %zu of %zu segments were known "
			"from before (V reads all)",
			verify->remembered, verify->repo->listing.count);
	else if (atomic_load(&head->progress.cancel))
		app_say(app, STYLE_WARNING, "verification was cancelled; v starts it again");
	else
		app_say(app, STYLE_BAD, "verification stopped: out of memory");
}

void app_start_verify(struct app *app, bool whole)
{
	struct session *session = app->session;
	struct verify *verify;
	if (!session->repo->dialect->is_read) {
		app_say(app, STYLE_WARNING, "not verified: %s",
			session->repo->dialect->title);
		return;
	}
	struct verify_job *job = calloc(1, sizeof(*job));
	if (!job || verify_new(session->repo, &verify) != AS_OK) {
		free(job);
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	*job = (struct verify_job){
		.job = { .kind = JOB_VERIFY, .verb = "verifying", .unit = "segments",
			 .run = run_verify, .done = verify_done,
			 .session = ref_hold(session) },
		.threads = app->threads,
		.is_whole = whole || app->mode == MODE_REPAIR,
	};
	atomic_store(&job->job.total, session->repo->listing.count);
	atomic_store(&session->verify, verify);
	atomic_store(&session->check, CHECK_RUNNING);
	if (!app_start(app, &job->job))
		atomic_store(&session->check, CHECK_STOPPED);
	app_refresh(app);
}

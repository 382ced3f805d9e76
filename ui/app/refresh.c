#include "build-config.h"

#include "app/refresh.h"

#include "app/app.h"
#include "app/problem_list.h"

/* Copy the findings so far, sorted, unless verification is running and has found nothing new. */
static void update_problems(struct app *app)
{
	const struct job *verifying = jobs_find(&app->jobs, JOB_VERIFY);
	struct verify *verify = atomic_load(&app->session->verify);
	const uint32_t seen = verifying ? atomic_load(&verifying->progress.problems) : UINT32_MAX;
	struct findings copy;
	enum as_err err;
	if (verifying && seen == app->problems_seen)
		return;
	findings_init(&copy);
	if (verify) {
		err = verify_copy_findings(verify, &copy);
	} else {
		err = findings_merge(&copy, &app->session->repo->findings);
		findings_sort(&copy);
	}
	if (err != AS_OK) {
		findings_free(&copy);
		return;
	}
	uint64_t count = 0;
	for (size_t i = 0; i < copy.count; i++)
		count += copy.rows[i].severity > SEVERITY_INFO;
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		if (problem_table[problem].severity > SEVERITY_INFO)
			count += copy.total[problem] - copy.kept[problem];
	struct model *model = problems_model(app->session, &copy);
	if (!model)
		return;
	ref_release(app->problems);
	app->problems = model;
	app->problem_count = count;
	app->problems_seen = seen;
}

void app_refresh(struct app *app)
{
	update_problems(app);
	diagnose(app->session->repo, session_verify(app->session), &app->diagnosis);
	for (size_t i = 0; i < APP_SCREENS; i++) {
		struct screen *screen = app_screen(app, i);
		if (screen && screen->ops->refresh)
			screen->ops->refresh(app, screen);
		else if (screen && screen->table)
			table_reload(screen->table);
	}
	app->dirty = true;
}

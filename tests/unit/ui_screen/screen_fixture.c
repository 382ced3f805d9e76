#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* Something that the other screens are opened above. */
static void draw_nothing(struct app *app, struct screen *screen, struct area area)
{
	(void)app;
	(void)screen;
	(void)area;
}

static const struct screen_ops bottom = { .size = sizeof(struct screen), .draw = draw_nothing };
static const struct screen_ops *screens[SCREEN_KINDS];

int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	small_repo_setup((void **)&world->small);
	world->app.screens = screens;
	world->app.threads = 1;
	world->app.jobs.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world->app.fetcher = fetcher_new(world->app.jobs.wake);
	assert_non_null(world->app.fetcher);
	*state = world;
	return 0;
}

int teardown(void **state)
{
	struct world *world = *state;
	assert_true(jobs_end(&world->app.jobs, 10000));
	app_close_screens(&world->app);
	assert_true(fetcher_free(world->app.fetcher, 10000));
	ref_release(world->app.session);
	small_repo_teardown((void **)&world->small);
	close(world->app.jobs.wake);
	free(world);
	return 0;
}

void open_session(struct world *world)
{
	ref_release(world->app.session);
	assert_int_equal(small_repo_open(world->small, NULL), AS_OK);
	world->app.session = session_new(world->small->repo);
	assert_non_null(world->app.session);
	world->small->repo = NULL;	/* the session closes it */
}

void verify(struct world *world)
{
	struct session *session = world->app.session;
	struct verify_progress progress = { .cancel = false };
	struct verify *verify;
	assert_int_equal(verify_run(session->repo, 1, &progress, &verify), AS_OK);
	atomic_store(&session->verify, verify);
	atomic_store(&session->check, CHECK_DONE);
}

void wait_for_jobs(struct world *world)
{
	while (world->app.jobs.first) {
		job_wait(world->app.jobs.first, -1);
		jobs_collect(&world->app.jobs, &world->app);
	}
}

struct screen *open_screen(struct world *world, const struct screen_ops *ops,
			   const struct place *place)
{
	if (!world->app.session)
		open_session(world);
	if (world->app.depth == 0) {
		screens[SCREEN_OVERVIEW] = &bottom;
		assert_true(app_open(&world->app, SCREEN_OVERVIEW, NULL));
	}
	screens[SCREEN_ENTRIES] = ops;
	assert_true(app_open(&world->app, SCREEN_ENTRIES, place));
	wait_for_jobs(world);
	return app_top(&world->app);
}

uint64_t count_rows(struct world *world)
{
	return model_count(app_top(&world->app)->table->model);
}

struct row row_at(struct world *world, uint64_t i)
{
	struct row row = { .used = 0 };
	assert_true(i < count_rows(world));
	model_fetch(app_top(&world->app)->table->model, i, 1, &row);
	return row;
}

void expect_cell(struct world *world, uint64_t i, size_t column, const char *expected)
{
	const struct row row = row_at(world, i);
	assert_string_equal(row_cell(&row, column), expected);
}

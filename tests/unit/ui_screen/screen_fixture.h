/* tests/unit/ui_screen/screen_fixture.h - the program without a terminal, with a small repository
 * open, so that the rows of a screen can be read. */
#ifndef ATTICSCOPE_SCREEN_FIXTURE_H
#define ATTICSCOPE_SCREEN_FIXTURE_H

#include "tests/support/small_repo.h"
#include "ui/app/app.h"

struct world {
	struct small_repo *small;
	struct app app;
};

/* cmocka's setup and teardown: *@state is a struct world. The repository is that of
 * small_repo_setup, and not open yet. */
int setup(void **state);
int teardown(void **state);

/* Open what is on the disk now: world->app.session. */
void open_session(struct world *world);

/* Read everything, so that the session has a finished verification. */
void verify(struct world *world);

/* Open a session where there is none, and the screen @ops for @place (NULL: by default), and wait
 * for its jobs. */
struct screen *open_screen(struct world *world, const struct screen_ops *ops,
			   const struct place *place);

/* Wait for all jobs, and let the screens have their results. */
void wait_for_jobs(struct world *world);

/* The rows of the top screen's table. */
uint64_t count_rows(struct world *world);
struct row row_at(struct world *world, uint64_t i);

/* Its row number @i has the text @expected in @column. */
void expect_cell(struct world *world, uint64_t i, size_t column, const char *expected);

#endif

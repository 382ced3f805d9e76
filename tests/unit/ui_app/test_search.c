/* The search behind "/": which rows it looks at, in which order, and what it says. */
#include "build-config.h"

#include "ui/app/app.h"
#include "ui/app/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define NOWHERE UINT64_MAX

/* Rows of a model: those that match, and those that were looked at. */
struct test_model {
	struct model base;
	uint64_t matches[4];
	size_t match_count;
	unsigned looked_at[1000];
	uint64_t largest;		/* batch */
};

static bool find(struct model *base, const struct query *query, uint64_t first, uint64_t count,
		 bool backward, uint64_t *row)
{
	struct test_model *model = (struct test_model *)base;
	(void)query;
	assert_true(first + count <= model->base.count);
	if (count > model->largest)
		model->largest = count;
	for (uint64_t i = 0; i < count; i++) {
		*row = backward ? first + count - 1 - i : first + i;
		model->looked_at[*row]++;
		for (size_t j = 0; j < model->match_count; j++)
			if (model->matches[j] == *row)
				return true;
	}
	return false;
}

static uint64_t shown;
static void show(struct screen *screen, uint64_t found)
{
	(void)screen;
	shown = found;
}

static bool jumps;
static bool jump(struct app *app, struct screen *screen, const struct query *query, bool backward)
{
	(void)app;
	(void)screen;
	(void)query;
	shown = backward ? 1 : 2;
	return jumps;
}

static const struct model_ops model_ops = { .find = find };
static const struct screen_ops ops = { .jump = jump };
static struct session session;

static void free_nothing(void *object)
{
	(void)object;
}

struct world {
	struct app app;
	struct screen screen;
	struct table table;
	struct test_model *model;
	struct session *session;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->session = ref_new(sizeof(session), free_nothing);
	assert_non_null(world->session);
	world->model = model_new(&model_ops, sizeof(*world->model), world->session);
	assert_non_null(world->model);
	world->model->base.count = 1000;
	world->screen.ops = &ops;
	world->app.stack[0] = &world->screen;
	world->app.depth = 1;
	world->app.jobs.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(query_parse("needle", &world->app.query));
	jumps = false;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	assert_true(jobs_end(&world->app.jobs, 10000));
	ref_release(world->model);
	ref_release(world->session);
	close(world->app.jobs.wake);
	free(world);
	return 0;
}

/* Search from row @start in batches of 100, and wait for the result: the row, or NOWHERE. */
static uint64_t search(struct world *world, uint64_t start, bool backward)
{
	const struct search_target target = {
		.model = &world->model->base, .unit = "rows", .unit_size = 1, .batch = 100,
		.show = show,
	};
	memset(world->model->looked_at, 0, sizeof(world->model->looked_at));
	world->app.message[0] = '\0';
	shown = NOWHERE;
	search_start(&world->app, &world->screen, &target, start, backward);
	assert_non_null(world->app.jobs.first);
	job_wait(world->app.jobs.first, -1);
	assert_true(jobs_collect(&world->app.jobs, &world->app));
	return shown;
}

static void match(struct world *world, uint64_t row)
{
	world->model->matches[world->model->match_count++] = row;
}

static void it_finds_the_next_row_and_goes_on_at_the_other_end(void **state)
{
	struct world *world = *state;
	match(world, 40);
	match(world, 555);
	assert_int_equal(search(world, 40, false), 555);
	assert_string_equal(world->app.message, "");
	assert_int_equal(search(world, 39, false), 40);
	assert_int_equal(search(world, 555, false), 40);
	assert_string_equal(world->app.message, "went on from the beginning");
	assert_int_equal(search(world, 555, true), 40);
	assert_string_equal(world->app.message, "");
	assert_int_equal(search(world, 40, true), 555);
	assert_string_equal(world->app.message, "went on from the end");
	assert_int_equal(world->model->largest, 100);
}

/* The row under the cursor comes last. */
static void every_row_is_looked_at_once(void **state)
{
	static const uint64_t starts[] = { 0, 1, 99, 100, 500, 999, 5000 };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		for (unsigned backward = 0; backward < 2; backward++) {
			if (backward && starts[i] >= 1000)
				continue;
			assert_int_equal(search(world, starts[i], backward), NOWHERE);
			assert_string_equal(world->app.message, "not found: needle");
			for (size_t row = 0; row < 1000; row++)
				if (world->model->looked_at[row] != 1)
					fail_msg("from %u: row %zu", (unsigned)starts[i], row);
		}
	match(world, 500);
	assert_int_equal(search(world, 500, false), 500);
	assert_int_equal(search(world, 500, true), 500);
}

static void an_empty_model_holds_nothing(void **state)
{
	struct world *world = *state;
	world->model->base.count = 0;
	assert_int_equal(search(world, 0, false), NOWHERE);
	assert_int_equal(search(world, 0, true), NOWHERE);
}

static void the_cursor_of_a_table_goes_there(void **state)
{
	struct world *world = *state;
	match(world, 300);
	world->screen.table = &world->table;
	world->table.model = &world->model->base;
	world->table.position = (struct position){ .count = 1000, .cursor = 20, .page = 10 };
	search_run(&world->app, &(struct call){ .value = SEARCH_FORWARD });
	job_wait(world->app.jobs.first, -1);
	jobs_collect(&world->app.jobs, &world->app);
	assert_int_equal(world->table.position.cursor, 300);
	/* The order of the rows was changed meanwhile: their numbers mean nothing. */
	world->model->matches[0] = 700;
	search_run(&world->app, &(struct call){ .value = SEARCH_FORWARD });
	world->table.model = NULL;
	job_wait(world->app.jobs.first, -1);
	jobs_collect(&world->app.jobs, &world->app);
	assert_int_equal(world->table.position.cursor, 300);
}

static void a_screen_may_know_the_place_without_searching(void **state)
{
	struct world *world = *state;
	jumps = true;
	search_run(&world->app, &(struct call){ .value = SEARCH_BACKWARD });
	assert_int_equal(shown, 1);
	search_run(&world->app, &(struct call){ .value = SEARCH_FORWARD });
	assert_int_equal(shown, 2);
	assert_null(world->app.jobs.first);
	jumps = false;
	search_run(&world->app, &(struct call){ .value = SEARCH_FORWARD });
	assert_string_equal(world->app.message, "not on this screen: needle");
	world->app.query.text[0] = '\0';
	search_run(&world->app, &(struct call){ .value = SEARCH_FORWARD });
	assert_string_equal(world->app.message, "nothing to repeat: / starts a search");
}

static void a_cancelled_search_says_so(void **state)
{
	struct world *world = *state;
	const struct search_target target = {
		.model = &world->model->base, .unit = "rows", .unit_size = 1, .batch = 1,
		.show = show,
	};
	shown = NOWHERE;
	search_start(&world->app, &world->screen, &target, 0, false);
	job_cancel(world->app.jobs.first);
	job_wait(world->app.jobs.first, -1);
	jobs_collect(&world->app.jobs, &world->app);
	assert_string_equal(world->app.message, "search cancelled");
	assert_int_equal(shown, NOWHERE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_finds_the_next_row_and_goes_on_at_the_other_end),
		TEST(every_row_is_looked_at_once),
		TEST(an_empty_model_holds_nothing),
		TEST(the_cursor_of_a_table_goes_there),
		TEST(a_screen_may_know_the_place_without_searching),
		TEST(a_cancelled_search_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

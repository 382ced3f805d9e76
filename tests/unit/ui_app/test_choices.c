/* The repairs to choose from. That both are planned to show what they keep is tested by
 * tests/script/tui_repair.py. */
#include "build-config.h"

#include "ui/app/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct app app;
	struct dialect dialect;
	struct repo repo;
	struct verify verify;
	struct session session;
};

/* Verified. Nothing can be planned: the dialect is only read. */
static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->dialect = dialect_attic;
	world->dialect.refusal = "only read";
	world->repo = (struct repo){ .dialect = &world->dialect, .transaction = 46 };
	world->session.repo = &world->repo;
	atomic_store(&world->session.verify, &world->verify);
	atomic_store(&world->session.check, CHECK_DONE);
	world->app.session = &world->session;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static const struct choices *find(struct world *world, enum repair recommended,
				  enum repair alternative)
{
	world->app.diagnosis.recommended = recommended;
	world->app.diagnosis.alternative = alternative;
	choices_find(&world->app);
	return &world->app.choices;
}

static void each_repair_has_its_key(void **state)
{
	static const struct { enum repair action; char key; } cases[] = {
		{ REPAIR_RECOVER, 'R' }, { REPAIR_ROLLBACK, 'B' }, { REPAIR_COMPACT, 'C' },
		{ REPAIR_SALVAGE, 'S' },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct choices *choices = find(*state, cases[i].action, REPAIR_NONE);
		assert_int_equal(choices->count, 1);
		assert_int_equal(choices->rows[0].action, cases[i].action);
		assert_int_equal(choices->rows[0].key, cases[i].key);
		assert_string_equal(choices->rows[0].meaning, "");
	}
}

static void two_that_differ_are_explained(void **state)
{
	const struct choices *choices = find(*state, REPAIR_SALVAGE, REPAIR_ROLLBACK);
	assert_int_equal(choices->count, 2);
	assert_int_equal(choices->rows[0].key, 'S');
	assert_int_equal(choices->rows[1].key, 'B');
	assert_non_null(strstr(choices->rows[0].meaning, "Keeps what is intact"));
	assert_non_null(strstr(choices->rows[1].meaning, "back to transaction 46;"));
	assert_string_equal(choices->rows[1].figures, "");
}

static void without_advice_there_is_none(void **state)
{
	struct world *world = *state;
	assert_int_equal(find(world, REPAIR_SALVAGE, REPAIR_NONE)->count, 1);
	assert_int_equal(find(world, REPAIR_NONE, REPAIR_NONE)->count, 0);
	atomic_store(&world->session.check, CHECK_RUNNING);	/* not before all was read */
	assert_int_equal(find(world, REPAIR_SALVAGE, REPAIR_ROLLBACK)->count, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_repair_has_its_key),
		TEST(two_that_differ_are_explained),
		TEST(without_advice_there_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The state of a segment, and of a group of them, as the map and the lists show it. */
#include "build-config.h"

#include "ui/app/segment_style.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEGMENTS 4

/* Four segments, 0 to 3; the last is behind the end of the log. */
struct world {
	struct dialect dialect;
	struct listing_segment segments[SEGMENTS];
	struct segment_facts facts[SEGMENTS];
	struct repo repo;
	struct verify verify;
	struct session session;
};

/* All were read, and are whole and live. */
static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->dialect.is_read = true;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		world->segments[i].number = i;
		world->facts[i].number = i;
		world->facts[i].state = SEGMENT_VERIFIED;
		world->facts[i].is_committed = i < 3;
		world->facts[i].puts = world->facts[i].live = 5;
	}
	world->repo = (struct repo){
		.dialect = &world->dialect,
		.listing = { .segments = world->segments, .count = SEGMENTS },
	};
	world->verify = (struct verify){ .repo = &world->repo, .facts = world->facts };
	world->session.repo = &world->repo;
	world->session.log_end = 3;
	atomic_store(&world->session.verify, &world->verify);
	atomic_store(&world->session.check, CHECK_DONE);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void before_the_check_only_the_end_of_the_log_is_known(void **state)
{
	struct world *world = *state;
	atomic_store(&world->session.verify, NULL);
	atomic_store(&world->session.check, CHECK_NONE);
	assert_int_equal(segment_style_of(&world->session, 2), SEGMENT_STYLE_UNKNOWN);
	assert_int_equal(segment_style_of(&world->session, 3), SEGMENT_STYLE_UNCOMMITTED);
}

static void while_the_check_runs_what_was_read_is_shown(void **state)
{
	struct world *world = *state;
	atomic_store(&world->session.check, CHECK_RUNNING);
	world->facts[1].state = SEGMENT_READING;
	world->facts[2].damaged = 1;
	world->facts[0].role = ROLE_FOREIGN;	/* roles are known at the end alone */
	assert_int_equal(segment_style_of(&world->session, 0), SEGMENT_STYLE_LIVE);
	assert_int_equal(segment_style_of(&world->session, 1), SEGMENT_STYLE_UNKNOWN);
	assert_int_equal(segment_style_of(&world->session, 2), SEGMENT_STYLE_DAMAGED);
}

static void each_state_has_its_style(void **state)
{
	static const struct {
		struct segment_facts facts;
		enum segment_style style;
	} cases[] = {
		{ { .puts = 5, .live = 5 }, SEGMENT_STYLE_LIVE },
		{ { .puts = 5, .live = 4 }, SEGMENT_STYLE_PARTLY },
		{ { .puts = 5, .live = 0 }, SEGMENT_STYLE_DEAD },
		{ { .puts = 0, .live = 0 }, SEGMENT_STYLE_DEAD },
		{ { .puts = 5, .live = 5, .damaged = 1 }, SEGMENT_STYLE_DAMAGED },
		{ { .puts = 5, .live = 5, .is_unreadable = true }, SEGMENT_STYLE_DAMAGED },
		{ { .puts = 5, .live = 5, .damaged = 1, .role = ROLE_FOREIGN },
		  SEGMENT_STYLE_FOREIGN },
		{ { .puts = 5, .live = 0, .role = ROLE_RETURNED }, SEGMENT_STYLE_RETURNED },
		{ { .puts = 5, .live = 5, .number = 7 }, SEGMENT_STYLE_MISNAMED },
	};
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct segment_facts *facts = &world->facts[1];
		*facts = cases[i].facts;
		facts->state = SEGMENT_VERIFIED;
		facts->is_committed = true;
		facts->number = facts->number ? facts->number : 1;
		if (segment_style_of(&world->session, 1) != cases[i].style)
			fail_msg("case %zu: %s", i,
				 segment_styles[segment_style_of(&world->session, 1)].name);
	}
	assert_int_equal(segment_style_of(&world->session, 3), SEGMENT_STYLE_UNCOMMITTED);
	world->dialect.is_read = false;
	assert_int_equal(segment_style_of(&world->session, 0), SEGMENT_STYLE_UNKNOWN);
}

/* Damaged, and a copy beside it has it; unless an object of it is gone all the same. */
static void damage_that_a_copy_makes_good_is_a_warning(void **state)
{
	struct world *world = *state;
	struct verify_fill fill = { .segment = 1 };
	struct verify_gone gone = { .segment = 2 };
	world->facts[1].damaged = 1;
	world->verify.fills = &fill;
	world->verify.fill_count = 1;
	world->verify.gone = &gone;
	world->verify.gone_count = 1;
	assert_int_equal(segment_style_of(&world->session, 1), SEGMENT_STYLE_COPY);
	gone.segment = 1;
	assert_int_equal(segment_style_of(&world->session, 1), SEGMENT_STYLE_DAMAGED);
	gone.segment = 2;
	fill.segment = 2;
	assert_int_equal(segment_style_of(&world->session, 1), SEGMENT_STYLE_DAMAGED);
}

static void a_group_has_the_style_of_the_worst_in_it(void **state)
{
	struct world *world = *state;
	assert_int_equal(segment_style_of_group(&world->session, 0, 3), SEGMENT_STYLE_LIVE);
	assert_int_equal(segment_style_of_group(&world->session, 0, 4),
			 SEGMENT_STYLE_UNCOMMITTED);
	world->facts[1].live = 0;
	assert_int_equal(segment_style_of_group(&world->session, 1, 2), SEGMENT_STYLE_DEAD);
	/* Some live and some not: as a whole it is partly live. */
	assert_int_equal(segment_style_of_group(&world->session, 0, 3), SEGMENT_STYLE_PARTLY);
	world->facts[2].damaged = 1;
	assert_int_equal(segment_style_of_group(&world->session, 0, 4), SEGMENT_STYLE_DAMAGED);
}

static void unused_is_what_no_object_needs(void **state)
{
	struct world *world = *state;
	uint64_t part, whole;
	world->facts[1].size = 1000;
	world->facts[1].live_bytes = 700;
	assert_true(segment_unused(&world->session, 1, &part, &whole));
	assert_int_equal(part, 300);
	assert_int_equal(whole, 1000);
	world->facts[1].live_bytes = 1100;	/* of a file that was cut since */
	assert_true(segment_unused(&world->session, 1, &part, &whole));
	assert_int_equal(part, 0);
	assert_false(segment_unused(&world->session, 3, &part, &whole));
	world->facts[1].state = SEGMENT_READING;
	assert_false(segment_unused(&world->session, 1, &part, &whole));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(before_the_check_only_the_end_of_the_log_is_known),
		TEST(while_the_check_runs_what_was_read_is_shown),
		TEST(each_state_has_its_style),
		TEST(damage_that_a_copy_makes_good_is_a_warning),
		TEST(a_group_has_the_style_of_the_worst_in_it),
		TEST(unused_is_what_no_object_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

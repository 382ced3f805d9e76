/* What the new hints will count in each segment that stays. */
#include "build-config.h"

#include "engine/base/io.h"
#include "engine/repair/planner_internal.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Plan the hints of one segment, number 3, which has 5 PUTs, 4 of them live. */
static struct hints_segment usage_of(const struct scratch *scratch, size_t dropped_count,
				     size_t older_count)
{
	struct listing_segment segment = { .number = 3 };
	struct segment_facts facts = { .role = ROLE_LOG, .is_committed = true, .puts = 5,
				       .live = 4 };
	struct lost_key keys[2] = { { .segment = 3 }, { .segment = 3 } };
	struct verify verify = { .facts = &facts };
	struct repo repo = { .io = &io_system, .fd = scratch->fd,
			     .listing = { .segments = &segment, .count = 1 } };
	const char *goes = NULL;
	struct plan_work work = { .repo = &repo, .verify = &verify, .goes = &goes,
				  .writes_index = true };
	struct plan plan = { .work = &work, .dropped = keys, .dropped_count = dropped_count,
			     .older = keys, .older_count = older_count };
	assert_int_equal(plan_list_files(&plan), AS_OK);
	const struct hints_segment *row = hints_find(&work.hints, 3);
	assert_non_null(row);
	const struct hints_segment usage = *row;
	hints_free(&work.hints);
	return usage;
}

static void objects_that_are_given_up_are_superseded(void **state)
{
	const struct hints_segment usage = usage_of(*state, 2, 0);
	assert_int_equal(usage.live, 2);
	assert_true(usage.is_compact);
}

static void older_versions_that_are_kept_become_live(void **state)
{
	const struct hints_segment usage = usage_of(*state, 0, 1);
	assert_int_equal(usage.live, 5);
	assert_false(usage.is_compact);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(objects_that_are_given_up_are_superseded),
		TEST(older_versions_that_are_kept_become_live),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

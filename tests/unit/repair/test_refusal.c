/* Why a plan is refused, and what lets it through all the same. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void the_first_reason_to_refuse_is_the_one_that_is_shown(void **state)
{
	struct plan plan = { .action = REPAIR_SALVAGE, .dropped_count = 1 };
	(void)state;
	assert_true(plan_refuse(&plan, "%s", "first"));
	assert_false(plan_refuse(&plan, "%s", "second"));
	plan_check_dropped(&plan);
	assert_string_equal(plan.refusal, "first");
	assert_int_equal(plan.override, OVERRIDE_NONE);
}

static void a_plan_that_gives_up_readable_objects_says_how_to_have_it_all_the_same(void **state)
{
	struct plan plan = { .action = REPAIR_RECOVER, .dropped_count = 2 };
	(void)state;
	plan_check_dropped(&plan);
	assert_string_equal(plan.refusal, "2 objects that can be read now would be gone: salvage "
			    "keeps them; --drop-readable gives them up");
	assert_int_equal(plan.override, OVERRIDE_DROP_READABLE);
	assert_string_equal(plan.refusal + plan.reason_len, "; --drop-readable gives them up");
	plan = (struct plan){ .dropped_count = 2, .options = { .drop_readable = true } };
	plan_check_dropped(&plan);
	assert_false(plan.is_refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reason_to_refuse_is_the_one_that_is_shown),
		cmocka_unit_test(
			a_plan_that_gives_up_readable_objects_says_how_to_have_it_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

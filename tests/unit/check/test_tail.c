#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_commit_lost_behind_an_uncommitted_tail_keeps_its_transaction_only(void **state)
{
	struct world world;
	world_new(&world);
	add_tail(&world);
	commit_flip(&world);
	world_judge(&world, 1);
	assert_int_equal(world.verify->tail, TAIL_WAS_COMMITTED);
	assert_int_equal(world.verify->end, builder_head(world.builder));
	assert_int_equal(world.verify->objects, 25);
	assert_int_equal(found(&world, PROBLEM_TAIL_UNCOMMITTED), 1);
	const struct finding *row = finding_row(&world, PROBLEM_TAIL_UNCOMMITTED);
	assert_non_null(row);
	assert_int_equal(row->segment, builder_head(world.builder) + 1);
	world_free(&world);
	(void)state;
}

static void damage_in_an_uncommitted_tail_calls_for_no_more_than_a_rollback(void **state)
{
	struct world world;
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	builder_key(700, key);
	builder_put_some(world.builder, key, 100);
	builder_key(701, key);
	builder_put_some(world.builder, key, 100);
	builder_segment_path(world.builder, builder_segment(world.builder), path);
	builder_close_segment(world.builder);
	builder_flip(path, 60, 1);
	world_judge(&world, 1);
	assert_int_equal(found(&world, PROBLEM_ENTRY_CRC), 1);
	assert_int_equal(world.diagnosis.recommended, REPAIR_ROLLBACK);
	assert_int_equal(world.diagnosis.errors, 0);
	world_free(&world);
	(void)state;
}

static void an_unreadable_end_is_no_tail(void **state)
{
	struct world world;
	world_new(&world);
	fault_init(&world.fault);
	last_segment_unreadable(&world);
	world_judge(&world, 1);
	for (int problem = PROBLEM_TAIL_UNCOMMITTED; problem <= PROBLEM_NO_COMMIT; problem++)
		assert_int_equal(found(&world, (enum problem)problem), 0);
	assert_int_equal(world.verify->end, builder_head(world.builder));
	assert_true(found(&world, PROBLEM_OBJECT_UNREADABLE) > 0);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_commit_lost_behind_an_uncommitted_tail_keeps_its_transaction_only),
		cmocka_unit_test(damage_in_an_uncommitted_tail_calls_for_no_more_than_a_rollback),
		cmocka_unit_test(an_unreadable_end_is_no_tail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A plan as data: freed, counted, and compared with another. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct lost_key key_named(uint8_t start)
{
	const struct lost_key lost = { .key = { start } };
	return lost;
}

static void files_and_folders_are_counted_by_what_becomes_of_them(void **state)
{
	struct plan_file files[] = {
		{ .change = PLAN_MAKE, .path = "data/7", .size = 4096 },
		{ .change = PLAN_MAKE, .path = "data/7/70", .size = 100 },
		{ .change = PLAN_MOVE, .path = "data/0/3", .size = 1000 },
		{ .change = PLAN_MOVE, .path = "hints.12.tmp", .size = 24 },
		{ .change = PLAN_REPLACE, .path = "index.70", .size = UINT32_MAX },
		{ .change = PLAN_REPLACE, .path = "data", .size = 3 },
	};
	const struct plan plan = { .files = files, .file_count = ARRAY_SIZE(files) };
	struct plan_sum sum = plan_sum(&plan, PLAN_MAKE);
	assert_true(sum.files == 1 && sum.folders == 1 && sum.bytes == 100);
	sum = plan_sum(&plan, PLAN_MOVE);
	assert_true(sum.files == 2 && sum.folders == 0 && sum.bytes == 1024);
	sum = plan_sum(&plan, PLAN_REPLACE);
	assert_true(sum.files == 2 && sum.folders == 0 && sum.bytes == UINT32_MAX + 3ull);
	(void)state;
}

static void only_folders_right_below_data_are_folders(void **state)
{
	static const struct { const char *path; bool is_folder; } cases[] = {
		{ "data/7", true }, { "data/12345", true }, { "data/7/70", false },
		{ "data", false }, { "index.7", false }, { "undo/data/7", false },
		{ "datas/7", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (plan_is_folder(cases[i].path) != cases[i].is_folder)
			fail_msg("%s", cases[i].path);
	(void)state;
}

/* This plan loses 1 and 3. The other one, which looked at more, also loses 2, 4 and 6; 4 is an
 * object after this plan, so that only 2 and 6 are more. */
static void what_only_the_other_plan_knows_is_lost_here_too(void **state)
{
	struct lost_key here[] = { key_named(1), key_named(3) };
	struct lost_key there[] = { key_named(1), key_named(2), key_named(3), key_named(4),
				    key_named(6) };
	struct plan_work work = { .table = index_table_new(&dialect_attic, 0) };
	struct plan plan = { .lost = here, .lost_count = 2, .work = &work };
	struct plan other = { .lost = there, .lost_count = 5 };
	assert_non_null(work.table);
	assert_int_equal(index_table_put(work.table, there[3].key, 5, 8), AS_OK);
	assert_int_equal(plan_loses(&plan, NULL), 2);
	assert_int_equal(plan_loses(&plan, &other), 4);
	other.is_refused = true;
	assert_int_equal(plan_loses(&plan, &other), 2);
	other.is_refused = false;
	index_table_free(work.table);
	work.table = NULL;			/* nothing is known of the objects */
	assert_int_equal(plan_loses(&plan, &other), 2);
	plan.work = NULL;
	assert_int_equal(plan_loses(&plan, &other), 2);
	(void)state;
}

static void each_loss_has_its_words(void **state)
{
	static const char *const texts[] = {
		[LOSS_DAMAGED] = "no whole entry is left",
		[LOSS_MISSING] = "the segment is missing",
		[LOSS_UNREADABLE] = "the disk cannot read the place",
		[LOSS_ROLLED_BACK] = "written only by the transaction that is given up",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(loss_text((enum loss)i), texts[i]);
	(void)state;
}

static void a_failure_names_the_repository(void **state)
{
	char path[] = "/srv/laptop", wanted[200];
	const struct repo repo = { .path = path };
	struct as_error error;
	assert_int_equal(repair_fail(&repo, AS_ERR_CHANGED, &error), AS_ERR_CHANGED);
	snprintf(wanted, sizeof(wanted), "/srv/laptop: %s", as_err_text(AS_ERR_CHANGED));
	assert_string_equal(error.message, wanted);
	assert_int_equal(error.sys, 0);
	assert_int_equal(repair_fail(&repo, AS_ERR_MEMORY, NULL), AS_ERR_MEMORY);
	(void)state;
}

/* With LeakSanitizer this fails where something is left. */
static void a_plan_is_freed_with_all_it_has(void **state)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	assert_non_null(plan);
	plan->work = calloc(1, sizeof(*plan->work));
	assert_non_null(plan->work);
	plan->work->table = index_table_new(&dialect_attic, 0);
	assert_non_null(hints_add(&plan->work->hints, 7));
	plan->work->goes = calloc(1, sizeof(*plan->work->goes));
	plan->work->copies = calloc(1, sizeof(*plan->work->copies));
	plan->work->deletes = calloc(1, sizeof(*plan->work->deletes));
	plan->files = calloc(1, sizeof(*plan->files));
	plan->lost = calloc(1, sizeof(*plan->lost));
	plan->older = calloc(1, sizeof(*plan->older));
	plan->left_out = calloc(1, sizeof(*plan->left_out));
	plan->dropped = calloc(1, sizeof(*plan->dropped));
	plan->suspects = calloc(1, sizeof(*plan->suspects));
	plan_free(plan);
	plan = calloc(1, sizeof(*plan));	/* one that was refused before it was filled */
	plan_free(plan);
	plan_free(NULL);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_and_folders_are_counted_by_what_becomes_of_them),
		cmocka_unit_test(only_folders_right_below_data_are_folders),
		cmocka_unit_test(what_only_the_other_plan_knows_is_lost_here_too),
		cmocka_unit_test(each_loss_has_its_words),
		cmocka_unit_test(a_failure_names_the_repository),
		cmocka_unit_test(a_plan_is_freed_with_all_it_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

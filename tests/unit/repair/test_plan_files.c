/* What the new hints will count in each segment that stays, and the order of files. */
#include "build-config.h"

#include "engine/base/io.h"
#include "engine/repair/planner_internal.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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
	struct repo repo = { .io = &io_system, .fd = scratch->fd, .dialect = &dialect_attic,
			     .listing = { .segments = &segment, .count = 1 } };
	const char *goes = NULL;
	struct plan_work work = { .repo = &repo, .dialect = &dialect_attic, .verify = &verify,
				  .goes = &goes, .writes_index = true };
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

/* ---- index and hints that are there ---- */

/* Plan a rollback to transaction 10 of a repository with nothing but index and hints, as a file
 * system lists them forwards or backwards, and join the paths of the plan. */
static void plan_old_files(const struct scratch *scratch, bool is_backwards, char out[256],
			   char refusal[256])
{
	struct fault fault;
	fault_init(&fault);
	fault.reverses_listings = is_backwards;
	struct repo repo = {
		.io = &fault.io, .fd = scratch->fd, .dialect = &dialect_attic,
	};
	struct verify verify = { .facts = NULL };
	struct plan_work work = { .repo = &repo, .dialect = &dialect_attic, .verify = &verify,
				  .writes_index = true };
	struct plan plan = { .work = &work, .has_after = true, .after = 10 };
	size_t len = 0;
	assert_int_equal(plan_list_files(&plan), AS_OK);
	for (size_t i = 0; i < plan.file_count; i++)
		len += (size_t)snprintf(out + len, 256 - len, "%s ", plan.files[i].path);
	snprintf(refusal, 256, "%s", plan.refusal);
	free(plan.files);
	hints_free(&work.hints);
}

static void index_and_hints_are_listed_by_name(void **state)
{
	static const char *const names[] = {
		"index.9", "hints.9", "index.10", "hints.8", "index.tmp", "hints.10.tmp",
	};
	const struct scratch *scratch = *state;
	char paths[256], refusal[256];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		scratch_file(scratch, names[i], "", 0);
	for (unsigned is_backwards = 0; is_backwards < 2; is_backwards++) {
		plan_old_files(scratch, is_backwards, paths, refusal);
		assert_string_equal(paths, "hints.10.tmp hints.8 hints.9 index.10 index.9 "
					   "index.tmp hints.10 ");
		assert_string_equal(refusal, "");
	}
}

static void the_first_folder_in_their_place_is_named(void **state)
{
	const struct scratch *scratch = *state;
	char paths[256], refusal[256];
	scratch_folder(scratch, "index.9");
	scratch_folder(scratch, "hints.9");
	for (unsigned is_backwards = 0; is_backwards < 2; is_backwards++) {
		plan_old_files(scratch, is_backwards, paths, refusal);
		assert_string_equal(refusal,
				    "hints.9 is a folder where only a file may be: move it away");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(objects_that_are_given_up_are_superseded),
		TEST(older_versions_that_are_kept_become_live),
		TEST(index_and_hints_are_listed_by_name),
		TEST(the_first_folder_in_their_place_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The hints that a repair writes for Borg name every older PUT that stays in the log. */
#include "build-config.h"

#include "engine/format/hints.h"
#include "engine/repair/repair.h"
#include "engine/repo/create.h"
#include "tests/support/expected_store.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Segment 0 has older PUTs of objects 1, 2 and 3 beside much that is live, segment 2 one of object
 * 2. Object 3 is deleted. */
static void make_repo(const struct scratch *scratch, char repo[BUILDER_PATH])
{
	const struct as_settings settings = { .dialect = AS_DIALECT_BORG };
	struct expected_store expected = { .objects[0].is_there = false };
	struct as_store *store;
	snprintf(repo, BUILDER_PATH, "%.400s/repo", scratch->path);
	assert_int_equal(as_create(repo, &settings, NULL), AS_OK);
	assert_int_equal(as_open(repo, NULL, &store, NULL), AS_OK);
	expected_put(&expected, store, 0, 5000, 1);
	for (unsigned i = 1; i < 4; i++)
		expected_put(&expected, store, i, 10, 1);
	expected_commit(store);
	expected_put(&expected, store, 1, 10, 2);
	expected_put(&expected, store, 2, 10, 2);
	expected_commit(store);
	expected_put(&expected, store, 2, 10, 3);
	expected_delete(&expected, store, 3);
	expected_commit(store);
	as_close(store);
}

static void repair(const char *repo, enum repair action)
{
	const struct lock_wait wait = { .ms = 0 };
	const struct repair_options options = { .threads = 1 };
	struct verify_progress planning = { .cancel = false };
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct opened_repo opened;
	struct plan *plan;
	assert_true(opened_repo_open(&opened, repo));
	assert_int_equal(plan_make(opened.repo, opened.verify, action, &options, &planning, &plan,
				   NULL), AS_OK);
	assert_int_equal(lock_upgrade(repo_lock(opened.repo), &wait, NULL), AS_OK);
	assert_int_equal(repair_run(plan, lock_permit(repo_lock(opened.repo)), &progress, &report,
				    NULL), AS_OK);
	lock_lower(repo_lock(opened.repo));
	plan_free(plan);
	opened_repo_close(&opened);
}

/* The segments that the newest hints name for object @number, or "none". */
static void expect_older(const char *repo, unsigned number, const char *segments)
{
	uint8_t key[BUILDER_KEY];
	struct opened_repo opened;
	char text[64] = "";
	builder_key(number, key);
	assert_true(opened_repo_open(&opened, repo));
	assert_true(opened.diagnosis.clean);
	const struct hints *hints = &opened.repo->hints;
	const struct hints_shadow *row = hints_find_shadow(hints, key);
	for (uint32_t i = 0; row && i < row->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ",
			 hints->shadow_segments[row->first + i]);
	assert_string_equal(row ? text : "none", segments);
	opened_repo_close(&opened);
}

static void recover_finds_them_in_the_log(void **state)
{
	char repo[BUILDER_PATH];
	make_repo(*state, repo);
	scratch_run("rm '%s'/hints.* '%s'/index.*", repo, repo);
	repair(repo, REPAIR_RECOVER);
	expect_older(repo, 0, "none");
	expect_older(repo, 1, "0 ");
	expect_older(repo, 2, "0 2 ");
	expect_older(repo, 3, "0 ");
}

/* Segment 2 goes, segment 0 frees too little. */
static void compact_leaves_out_what_it_removed(void **state)
{
	char repo[BUILDER_PATH];
	make_repo(*state, repo);
	repair(repo, REPAIR_COMPACT);
	expect_older(repo, 0, "none");
	expect_older(repo, 1, "0 ");
	expect_older(repo, 2, "0 ");
	expect_older(repo, 3, "0 ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(recover_finds_them_in_the_log),
		TEST(compact_leaves_out_what_it_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a repair would do to a repository with one thing wrong: which files go and why, which are
 * made, and what refuses the plan. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static void damage_nothing(const struct damaged_repo *damaged)
{
	(void)damaged;
}

static void damage_entry(const struct damaged_repo *damaged)
{
	builder_flip(damaged->files[2].path, 700, 4);
}

static void lose_index(const struct damaged_repo *damaged)
{
	scratch_run("rm '%s'/index.*", damaged->repo);
}

static void leave_temporary(const struct damaged_repo *damaged)
{
	scratch_run("rm '%s'/index.*; touch '%s/index.tmp'", damaged->repo, damaged->repo);
}

static void move_to_wrong_folder(const struct damaged_repo *damaged)
{
	scratch_run("mkdir '%s/data/900' && mv '%s' '%s/data/900'", damaged->repo,
		    damaged->files[2].path, damaged->repo);
}

/* A segment that a writer left, without a COMMIT. */
static void leave_tail(const struct damaged_repo *damaged)
{
	uint8_t bytes[8 + 41 + 9] = "ATTICSEG", key[BUILDER_KEY];
	char path[BUILDER_PATH + 64];
	builder_key(500, key);
	const size_t len = builder_encode(BUILDER_PUT, key, "left here", 9, bytes + 8);
	const unsigned number = (unsigned)damaged->segments;
	snprintf(path, sizeof(path), "%s/data/%u", damaged->repo, number / 5);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/%u/%u", damaged->repo, number / 5, number);
	builder_write_file(path, bytes, 8 + len);
}

static struct plan *plan_of(const struct opened_repo *opened, enum repair action,
			    const struct repair_options *options)
{
	struct verify_progress progress = { .cancel = false };
	struct plan *plan;
	assert_int_equal(plan_make(opened->repo, opened->verify, action, options, &progress, &plan,
				   NULL), AS_OK);
	return plan;
}

/* Is there a file with @change and @reason, whose path begins with @path? */
static bool has_file(const struct plan *plan, enum plan_change change, const char *path,
		     const char *reason)
{
	for (size_t i = 0; i < plan->file_count; i++) {
		const struct plan_file *file = &plan->files[i];
		if (file->change == change && strncmp(file->path, path, strlen(path)) == 0 &&
		    strcmp(file->reason, reason) == 0)
			return true;
	}
	return false;
}

static void each_repair_deals_with_its_own_damage(void **state)
{
	static const struct {
		void (*damage)(const struct damaged_repo *damaged);
		enum repair action;
		enum plan_change change;
		const char *path, *reason;	/* NULL: the plan is empty */
	} rows[] = {
		{ damage_nothing, REPAIR_RECOVER, PLAN_MAKE, NULL, NULL },
		{ damage_nothing, REPAIR_ROLLBACK, PLAN_MAKE, NULL, NULL },
		{ damage_nothing, REPAIR_SALVAGE, PLAN_MAKE, NULL, NULL },
		{ damage_nothing, REPAIR_COMPACT, PLAN_MOVE, "data/", "superseded entries" },
		{ lose_index, REPAIR_RECOVER, PLAN_MAKE, "index.", "new index" },
		{ lose_index, REPAIR_RECOVER, PLAN_REPLACE, "hints.", "rewritten" },
		{ leave_temporary, REPAIR_RECOVER, PLAN_MOVE, "index.tmp",
		  "left by an interrupted write" },
		{ leave_tail, REPAIR_ROLLBACK, PLAN_MOVE, "data/", "not committed" },
		{ damage_entry, REPAIR_SALVAGE, PLAN_MOVE, "data/0/2", "damaged" },
		{ damage_entry, REPAIR_SALVAGE, PLAN_MAKE, "data/", "new segment" },
		{ damage_entry, REPAIR_SALVAGE, PLAN_MOVE, "hints.", "of another transaction" },
		{ move_to_wrong_folder, REPAIR_SALVAGE, PLAN_MOVE, "data/900/2",
		  "in the wrong folder" },
	};
	const struct repair_options options = { .threads = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct opened_repo opened;
		void *own;
		assert_int_equal(damaged_repo_setup(&own), 0);
		rows[i].damage(own);
		assert_true(opened_repo_open(&opened, ((struct damaged_repo *)own)->repo));
		struct plan *plan = plan_of(&opened, rows[i].action, &options);
		if (plan->is_refused || plan->is_empty != !rows[i].reason)
			fail_msg("row %zu: %s", i, plan->refusal);
		if (rows[i].reason && !has_file(plan, rows[i].change, rows[i].path, rows[i].reason))
			fail_msg("row %zu: %s is missing", i, rows[i].reason);
		plan_free(plan);
		opened_repo_close(&opened);
		damaged_repo_teardown(&own);
	}
	(void)state;
}

static void recover_is_refused_where_the_log_is_damaged(void **state)
{
	const struct damaged_repo *damaged = *state;
	const struct repair_options options = { .threads = 1 };
	struct opened_repo opened;
	damage_entry(damaged);
	assert_true(opened_repo_open(&opened, damaged->repo));
	struct plan *plan = plan_of(&opened, REPAIR_RECOVER, &options);
	assert_true(plan->is_refused);
	assert_string_equal(plan->refusal, "the log itself is damaged: salvage it");
	plan_free(plan);
	opened_repo_close(&opened);
}

/* The tail is given up, or committed, as the person wants it. */
static void a_salvage_ends_the_log_where_it_is_told_to(void **state)
{
	const struct damaged_repo *damaged = *state;
	const struct repair_options keep = { .threads = 1, .keep_tail = true };
	const struct repair_options drop = { .threads = 1, .drop_tail = true };
	struct opened_repo opened;
	leave_tail(damaged);
	assert_true(opened_repo_open(&opened, damaged->repo));
	struct plan *kept = plan_of(&opened, REPAIR_SALVAGE, &keep);
	struct plan *dropped = plan_of(&opened, REPAIR_SALVAGE, &drop);
	assert_false(kept->is_refused || dropped->is_refused);
	assert_int_equal(kept->objects_after, dropped->objects_after + 1);
	assert_false(has_file(kept, PLAN_MOVE, "data/", "not committed"));
	assert_true(has_file(dropped, PLAN_MOVE, "data/", "not committed"));
	assert_int_equal(dropped->lost_count, 0);
	plan_free(kept);
	plan_free(dropped);
	opened_repo_close(&opened);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_repair_deals_with_its_own_damage),
		TEST(recover_is_refused_where_the_log_is_damaged),
		TEST(a_salvage_ends_the_log_where_it_is_told_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

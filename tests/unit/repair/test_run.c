/* A repair that is run does what its plan says, leaves a way back, and stops without a trace where
 * it is cancelled before its COMMIT. */
#include "build-config.h"

#include "engine/repair/undo.h"
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

static void open_repo(struct opened_repo *opened, const struct damaged_repo *damaged)
{
	assert_true(opened_repo_open(opened, damaged->repo));
}

static struct plan *plan_of(const struct opened_repo *opened, enum repair action)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct plan *plan;
	assert_int_equal(plan_make(opened->repo, opened->verify, action, &options, &progress, &plan,
				   NULL), AS_OK);
	return plan;
}

static enum as_err run(struct opened_repo *opened, struct plan *plan,
		       struct repair_progress *progress, struct repair_report *report)
{
	const struct permit *permit = opened_repo_upgrade(opened);
	assert_non_null(permit);
	const enum as_err err = repair_run(plan, permit, progress, report, NULL);
	lock_lower(repo_lock(opened->repo));
	return err;
}

static bool is_there(const struct damaged_repo *damaged, const char *path)
{
	char whole[2 * BUILDER_PATH];
	struct stat st;
	snprintf(whole, sizeof(whole), "%s/%s", damaged->repo, path);
	return lstat(whole, &st) == 0;
}

/* Names and bytes of all files, into or against the file "before". */
static void list_files(const struct damaged_repo *damaged, const char *then)
{
	scratch_run("cd '%s' && find . -type f ! -path './undo/*' | sort | xargs cksum | %s "
		    "'%.400s/before'", damaged->repo, then, damaged->folder);
}

static void a_salvage_does_what_its_plan_says_and_is_taken_back_to_the_byte(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_progress progress = { .cancel = false }, back = { .cancel = false };
	struct repair_report report;
	struct opened_repo opened;
	char path[256];
	builder_flip(damaged->files[2].path, 700, 4);
	list_files(damaged, "cat >");
	open_repo(&opened, damaged);
	struct plan *plan = plan_of(&opened, REPAIR_SALVAGE);
	assert_false(plan->is_refused || plan->is_empty);
	assert_int_equal(run(&opened, plan, &progress, &report), AS_OK);
	assert_true(report.is_done && report.has_changed && report.has_after);
	assert_int_equal(report.after, plan->after);
	assert_int_equal(report.entries_copied, plan->entries_copied);
	assert_int_equal(report.bytes_copied, plan->bytes_copied);
	assert_int_equal(progress.step, STEP_DONE);
	assert_int_equal(progress.bytes_done, progress.bytes_total);
	for (size_t i = 0; i < plan->file_count; i++) {
		const struct plan_file *file = &plan->files[i];
		assert_int_equal(is_there(damaged, file->path), file->change != PLAN_MOVE);
		snprintf(path, sizeof(path), "%.80s/%.64s", report.undo, file->path);
		assert_int_equal(is_there(damaged, path), file->change != PLAN_MAKE);
	}
	static const char *const names[] = { "manifest", "done", "plan.txt", "report.txt" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%.80s/%s", report.undo, names[i]);
		assert_true(is_there(damaged, path));
	}
	struct opened_repo after;
	opened_repo_close(&opened);
	open_repo(&after, damaged);
	struct undo_plan *undo;
	assert_int_equal(undo_plan_make(after.repo, &undo, NULL), AS_OK);
	assert_false(undo->is_refused || undo->is_empty);
	assert_int_equal(undo->before, plan->after);
	assert_int_equal(undo->after, plan->before);
	assert_int_equal(undo->step_count, plan->file_count);
	plan_free(plan);
	const struct permit *permit = opened_repo_upgrade(&after);
	assert_non_null(permit);
	assert_int_equal(undo_run(undo, permit, &back, NULL), AS_OK);
	lock_lower(repo_lock(after.repo));
	assert_int_equal(back.bytes_done, back.bytes_total);
	undo_plan_free(undo);
	opened_repo_close(&after);
	list_files(damaged, "cmp -");
	assert_false(is_there(damaged, "undo"));
}

static void a_finished_repair_holds_what_was_promised(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct opened_repo before, after;
	builder_flip(damaged->files[2].path, 700, 4);
	open_repo(&before, damaged);
	struct plan *plan = plan_of(&before, REPAIR_SALVAGE);
	assert_int_equal(run(&before, plan, &progress, &report), AS_OK);
	open_repo(&after, damaged);
	assert_int_equal(repair_check(plan, after.verify, NULL), AS_OK);
	opened_repo_close(&after);
	builder_flip(damaged->files[3].path, 700, 4);
	open_repo(&after, damaged);
	assert_int_equal(repair_check(plan, after.verify, NULL), AS_ERR_INTEGRITY);
	opened_repo_close(&after);
	plan_free(plan);
	opened_repo_close(&before);
}

static void what_is_cancelled_before_its_commit_leaves_no_trace(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_progress progress = { .cancel = true };
	struct repair_report report;
	struct opened_repo opened;
	list_files(damaged, "cat >");
	open_repo(&opened, damaged);
	struct plan *plan = plan_of(&opened, REPAIR_COMPACT);
	assert_true(plan->entries_copied > 0);
	assert_int_equal(run(&opened, plan, &progress, &report), AS_ERR_CANCELLED);
	assert_false(report.has_changed || report.is_done);
	assert_string_equal(report.undo, "");
	plan_free(plan);
	opened_repo_close(&opened);
	list_files(damaged, "cmp -");
	assert_false(is_there(damaged, "undo"));
}

static void a_plan_is_not_run_where_the_repository_has_changed_since(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct opened_repo opened;
	open_repo(&opened, damaged);
	struct plan *plan = plan_of(&opened, REPAIR_COMPACT);
	scratch_run("rm '%s'/hints.*", damaged->repo);
	list_files(damaged, "cat >");
	assert_int_equal(run(&opened, plan, &progress, &report), AS_ERR_CHANGED);
	assert_false(report.has_changed);
	plan_free(plan);
	opened_repo_close(&opened);
	list_files(damaged, "cmp -");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_salvage_does_what_its_plan_says_and_is_taken_back_to_the_byte),
		TEST(a_finished_repair_holds_what_was_promised),
		TEST(what_is_cancelled_before_its_commit_leaves_no_trace),
		TEST(a_plan_is_not_run_where_the_repository_has_changed_since),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

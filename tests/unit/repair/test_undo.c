/* The undo folder: which one is taken back, where none can be made, and the folders that a repair
 * touches. */
#include "build-config.h"

#include "engine/base/crc.h"
#include "engine/repair/undo_internal.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#define NAME "20261122T221005Z-salvage"

/* An undo folder as a repair makes it, without its marks. */
static void make_folder(const struct damaged_repo *damaged, const char *name)
{
	static const char lines[] = "atticscope-undo 1\naction salvage\nbefore 4\nafter 9\n";
	char text[128], path[BUILDER_PATH + 128];
	snprintf(text, sizeof(text), "%send %08x\n", lines,
		 crc32_update(0, lines, strlen(lines)));
	scratch_run("mkdir -p '%s/undo/%s'", damaged->repo, name);
	snprintf(path, sizeof(path), "%s/undo/%s/manifest", damaged->repo, name);
	builder_write_file(path, (const uint8_t *)text, strlen(text));
}

static void mark(const struct damaged_repo *damaged, const char *name, const char *what)
{
	scratch_run("touch '%s/undo/%s/%s'", damaged->repo, name, what);
}

static void damage(struct damaged_repo *damaged)
{
	builder_flip(damaged->files[2].path, 700, 4);
	damaged->files[2].is_touched = true;
}

static void see(struct opened_repo *opened, const struct damaged_repo *damaged)
{
	assert_true(opened_repo_open(opened, damaged->repo));
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
}

static struct plan *plan_of(const struct opened_repo *opened, enum repair action, bool no_undo)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1, .no_undo = no_undo };
	struct plan *plan;
	assert_int_equal(plan_make(opened->repo, opened->verify, action, &options, &progress, &plan,
				   NULL), AS_OK);
	return plan;
}

/* Salvage what is damaged; the name of the folder that undo would take back then. */
static void salvage(const struct damaged_repo *damaged, char name[UNDO_NAME_MAX])
{
	struct opened_repo opened;
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	see(&opened, damaged);
	struct plan *plan = plan_of(&opened, REPAIR_SALVAGE, false);
	const struct permit *permit = opened_repo_upgrade(&opened);
	assert_non_null(permit);
	assert_int_equal(repair_run(plan, permit, &progress, &report, NULL), AS_OK);
	lock_lower(repo_lock(opened.repo));
	plan_free(plan);
	opened_repo_close(&opened);
	see(&opened, damaged);
	struct undo_plan *undo;
	assert_int_equal(undo_plan_make(opened.repo, &undo, NULL), AS_OK);
	assert_string_equal(report.undo + strlen("undo/"), undo->name);
	memcpy(name, undo->name, sizeof(undo->name));
	undo_plan_free(undo);
	opened_repo_close(&opened);
}

static void what_a_repair_makes_is_the_first_to_be_taken_back_whatever_else_is_there(void **state)
{
	static const char *const others[] = {
		"99991231T235959Z.999-x", "20991231T235959Z.999-salvage", "20991231T235959Z.1000-x",
	};
	struct damaged_repo *damaged = *state;
	char first[UNDO_NAME_MAX], second[UNDO_NAME_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		make_folder(damaged, others[i]);
		mark(damaged, others[i], "done");
	}
	damage(damaged);
	salvage(damaged, first);
	builder_flip(damaged->files[1].path, 700, 4);
	salvage(damaged, second);
	assert_string_not_equal(first, second);
}

/* The plan to do @action is refused, and says @why; or, where that is "", it can be done. */
static void assert_refused(const struct opened_repo *opened, enum repair action, bool no_undo,
			   const char *why)
{
	struct plan *plan = plan_of(opened, action, no_undo);
	const bool offers = strstr(plan->refusal, "--no-undo") != NULL;
	assert_int_equal(plan->override, offers ? OVERRIDE_NO_UNDO : OVERRIDE_NONE);
	assert_int_equal(plan->is_refused, why[0] != '\0');
	assert_says(plan->refusal, why);
	assert_int_equal(offers, action == REPAIR_ROLLBACK && plan->is_refused);
	plan_free(plan);
}

/* A segment that a writer left, without a COMMIT. */
static void leave_tail(const struct damaged_repo *damaged)
{
	uint8_t bytes[8 + 41 + 9] = "ATTICSEG", key[BUILDER_KEY];
	char path[BUILDER_PATH + 64];
	builder_key(500, key);
	builder_encode(BUILDER_PUT, key, "left here", 9, bytes + 8);
	const long number = (long)damaged->files[damaged->segments - 1].segment + 1;
	snprintf(path, sizeof(path), "%s/data/%ld", damaged->repo, number / 5);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/%ld/%ld", damaged->repo, number / 5, number);
	builder_write_file(path, bytes, sizeof(bytes));
}

static void no_repair_is_planned_where_its_way_back_cannot_be_kept(void **state)
{
	static const struct { const char *make, *why; } rows[] = {
		{ "touch '%s/undo'", "undo: a plain file has the name" },
		{ "ln -s data '%s/undo'", "undo: a link has the name" },
		{ "ln -s nowhere '%s/undo'", "undo: a link has the name" },
		{ "mkfifo '%s/undo'", "undo: a fifo has the name" },
		{ "mkdir -p '%s/undo/99981231T235959Z.999-salvage'",
		  "undo/99981231T235959Z.999-salvage: no name can follow" },
		{ "mkdir '%s/undo'", "" },
		{ "true '%s'", "" },
	};
	const struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	leave_tail(damaged);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char command[BUILDER_PATH];
		snprintf(command, sizeof(command), rows[i].make, damaged->repo);
		scratch_run("%s", command);
		see(&opened, damaged);
		assert_refused(&opened, REPAIR_ROLLBACK, false, rows[i].why);
		assert_refused(&opened, REPAIR_ROLLBACK, true, "");
		assert_refused(&opened, REPAIR_SALVAGE, false, rows[i].why);
		opened_repo_close(&opened);
		scratch_run("rm -rf '%s/undo'", damaged->repo);
	}
}

static void nor_where_the_folder_of_the_ways_back_cannot_be_listed(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	leave_tail(damaged);
	scratch_run("mkdir '%s/undo'", damaged->repo);
	see(&opened, damaged);
	opened.fault.open_error = EACCES;
	opened.fault.open_path = "undo";
	assert_refused(&opened, REPAIR_ROLLBACK, false, "undo: cannot be listed");
	opened_repo_close(&opened);
}

static void where_nothing_is_to_be_done_no_way_back_is_needed(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	scratch_run("touch '%s/undo'", damaged->repo);
	see(&opened, damaged);
	assert_refused(&opened, REPAIR_RECOVER, false, "");
	opened_repo_close(&opened);
}

/* CPU seconds for @count files in as many folders, each touched twice. */
static double touch_many(unsigned count)
{
	struct undo undo = { .permit = NULL };
	char path[64];
	const clock_t begin = clock();
	for (unsigned i = 0; i < 2 * count; i++) {
		snprintf(path, sizeof(path), "undo/" NAME "/data/%u/%u", i / 2, i);
		assert_int_equal(undo_touch_folder(&undo, path), AS_OK);
	}
	const clock_t end = clock();
	assert_int_equal(undo.unsynced_count, count);
	for (unsigned i = 0; i < count; i++) {	/* in the order in which they came */
		snprintf(path, sizeof(path), "undo/" NAME "/data/%u", i);
		assert_string_equal(undo.unsynced[i], path);
	}
	free(undo.unsynced);
	return (double)(end - begin) / CLOCKS_PER_SEC;
}

static void many_folders_are_remembered_in_a_time_that_grows_no_faster_than_they(void **state)
{
	const double few = touch_many(3000), many = touch_many(12000);
	print_message("# 3000 folders: %.4f s, 12000: %.4f s\n", few, many);
	(void)state;
	assert_true(many < 8 * (few < 0.01 ? 0.01 : few));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_a_repair_makes_is_the_first_to_be_taken_back_whatever_else_is_there),
		cmocka_unit_test(
			many_folders_are_remembered_in_a_time_that_grows_no_faster_than_they),
		TEST(no_repair_is_planned_where_its_way_back_cannot_be_kept),
		TEST(nor_where_the_folder_of_the_ways_back_cannot_be_listed),
		TEST(where_nothing_is_to_be_done_no_way_back_is_needed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What the next start says of a repair, or of taking one back, that was cut short; and of an undo
 * folder that is of no use. */
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
#include <unistd.h>

#include <cmocka.h>

#define NAME "20261122T221005Z-salvage"
#define WHEN "2026-11-22 22:10 UTC"

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

static uint64_t found(const struct opened_repo *opened, enum problem problem)
{
	return opened->verify->findings.total[problem];
}

static const char *detail_of(const struct opened_repo *opened, enum problem problem)
{
	for (size_t i = 0; i < opened->verify->findings.count; i++)
		if (opened->verify->findings.rows[i].problem == problem)
			return opened->verify->findings.rows[i].detail;
	fail_msg("%s was not found", problem_table[problem].id);
	return "";
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' does not say '%s'", text, part);
}

static void a_repair_that_was_cut_short_is_told_with_what_finishes_it(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	damage(damaged);
	make_folder(damaged, NAME);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 1);
	assert_says(detail_of(&opened, PROBLEM_REPAIR_INTERRUPTED), "undo/" NAME);
	assert_says(opened.diagnosis.advice, "The salvage of " WHEN " was cut short");
	assert_says(opened.diagnosis.advice, "running it again finishes it");
	assert_says(opened.diagnosis.advice, "undo takes back");
	assert_says(opened.diagnosis.advice, "make no new backup into it");
	assert_int_equal(opened.diagnosis.recommended, REPAIR_SALVAGE);
	assert_false(opened.diagnosis.undo_comes_first);
	opened_repo_close(&opened);
}

static void opening_alone_tells_it_too(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	struct diagnosis diagnosis;
	make_folder(damaged, NAME);
	see(&opened, damaged);
	diagnose(opened.repo, NULL, &diagnosis);
	assert_int_equal(opened.repo->findings.total[PROBLEM_REPAIR_INTERRUPTED], 1);
	assert_says(diagnosis.advice, WHEN " was cut short: verifying tells what is left to do");
	opened_repo_close(&opened);
}

static void another_repair_may_lead_on_from_there(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	unlink(damaged->files[damaged->segments].path);
	make_folder(damaged, NAME);
	see(&opened, damaged);
	assert_int_equal(opened.diagnosis.recommended, REPAIR_RECOVER);
	assert_says(opened.diagnosis.advice, WHEN " was cut short: recover continues from there");
	opened_repo_close(&opened);
}

static void where_nothing_else_is_wrong_the_repository_is_clean(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 1);
	assert_true(opened.diagnosis.clean);
	assert_says(opened.diagnosis.advice, "nothing is wrong");
	assert_says(opened.diagnosis.advice, "undo --purge " NAME);
	opened_repo_close(&opened);
}

static void once_a_later_repair_is_done_it_is_only_a_note(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	damage(damaged);
	make_folder(damaged, NAME);
	make_folder(damaged, "20261122T221005Z.001-salvage");
	mark(damaged, "20261122T221005Z.001-salvage", "done");
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 1);
	assert_says(detail_of(&opened, PROBLEM_REPAIR_INTERRUPTED), "a later repair");
	assert_null(strstr(opened.diagnosis.advice, "cut short"));
	opened_repo_close(&opened);
}

static void a_repair_that_came_to_its_end_is_not_told(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	mark(damaged, NAME, "done");
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 0);
	assert_int_equal(found(&opened, PROBLEM_UNDO_INTERRUPTED), 0);
	assert_int_equal(found(&opened, PROBLEM_UNDO_UNREADABLE), 0);
	opened_repo_close(&opened);
}

static void taking_back_that_was_cut_short_comes_first(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	damage(damaged);
	make_folder(damaged, NAME);
	mark(damaged, NAME, "done");
	mark(damaged, NAME, "undoing");
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_UNDO_INTERRUPTED), 1);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 0);
	assert_true(opened.diagnosis.undo_comes_first);
	assert_says(opened.diagnosis.advice, "Taking back the salvage of " WHEN " was cut short");
	assert_says(opened.diagnosis.advice, "undo, once more");
	assert_says(opened.diagnosis.advice, "salvage");
	opened_repo_close(&opened);
}

static void what_hinders_every_repair_is_said_all_the_same(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	scratch_run("sed -i s/^version.*/version=7/ '%s/config'", damaged->repo);
	make_folder(damaged, NAME);
	mark(damaged, NAME, "undoing");
	see(&opened, damaged);
	assert_false(opened.diagnosis.undo_comes_first);
	assert_says(opened.diagnosis.advice, "config");
	opened_repo_close(&opened);
}

static void a_manifest_that_is_damaged_is_told_and_undo_not_advised(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	mark(damaged, NAME, "undoing");
	scratch_run("printf x | dd of='%s/undo/" NAME "/manifest' bs=1 seek=20 conv=notrunc "
		    "status=none", damaged->repo);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_UNDO_UNREADABLE), 1);
	assert_says(detail_of(&opened, PROBLEM_UNDO_UNREADABLE), "undo/" NAME);
	assert_false(opened.diagnosis.undo_comes_first);
	opened_repo_close(&opened);
}

static void a_folder_without_a_manifest_is_told_and_hides_no_other(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	scratch_run("mkdir -p '%s/undo/20271122T221005Z-compact/data/0'", damaged->repo);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_UNDO_UNREADABLE), 1);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 1);
	assert_says(opened.diagnosis.advice, WHEN);
	assert_true(opened.diagnosis.clean);
	opened_repo_close(&opened);
}

static void no_link_is_followed(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	scratch_run("mv '%s/undo' '%s/elsewhere' && ln -s ../elsewhere '%s/undo'", damaged->repo,
		    damaged->folder, damaged->repo);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 0);
	assert_int_equal(found(&opened, PROBLEM_UNDO_UNREADABLE), 1);
	assert_true(opened.diagnosis.clean);
	opened_repo_close(&opened);
	scratch_run("rm '%s/undo' && mkdir '%s/undo' && ln -s '%s/elsewhere/" NAME "' '%s/undo/'",
		    damaged->repo, damaged->repo, damaged->folder, damaged->repo);
	see(&opened, damaged);
	assert_int_equal(found(&opened, PROBLEM_REPAIR_INTERRUPTED), 0);
	opened_repo_close(&opened);
}

static void a_folder_that_cannot_be_listed_is_told(void **state)
{
	struct damaged_repo *damaged = *state;
	struct fault fault;
	struct repo *opened;
	make_folder(damaged, NAME);
	fault_init(&fault);
	fault.open_error = EACCES;
	fault.open_path = "undo";
	const struct repo_options options = { .io = &fault.io };
	assert_int_equal(repo_open(damaged->repo, &options, &opened, NULL), AS_OK);
	assert_int_equal(opened->findings.total[PROBLEM_UNDO_UNREADABLE], 1);
	repo_close(opened);
}

static void a_name_that_is_no_time_is_told_without_one(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, "by-hand");
	see(&opened, damaged);
	assert_says(opened.diagnosis.advice, "The repair was cut short");
	opened_repo_close(&opened);
}

static void looking_at_it_changes_nothing(void **state)
{
	struct damaged_repo *damaged = *state;
	struct opened_repo opened;
	make_folder(damaged, NAME);
	see(&opened, damaged);
	assert_false(repo_is_changed(opened.repo));
	assert_int_equal(opened.fault.changes, 0);
	opened_repo_close(&opened);
}

static void names_are_read_as_they_are_written(void **state)
{
	static const struct { const char *name, *when, *action; } rows[] = {
		{ "20261122T215501Z-salvage", "2026-11-22T21:55:01Z", "salvage" },
		{ "20261122T215501Z.001-compact", "2026-11-22T21:55:01Z", "compact" },
		{ "20261122T215501Z", "2026-11-22T21:55:01Z", "" },
		{ "20261122T215501Z-", "2026-11-22T21:55:01Z", "" },
		{ "20261122T21550Z-salvage", "", "" },
		{ "20261122T215501Z\xff-salvage", "2026-11-22T21:55:01Z", "" },
		{ "2026-salvage", "", "" },
		{ "", "", "" },
	};
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		undo_name_read(rows[i].name, when, action);
		assert_string_equal(when, rows[i].when);
		assert_string_equal(action, rows[i].action);
	}
	(void)state;
}

static void a_name_counts_as_a_repairs_only_in_the_form_that_a_repair_gives(void **state)
{
	static const struct { const char *name; bool counts; } rows[] = {
		{ "20261122T215501Z-salvage", true },
		{ "20261122T215501Z.001-compact", true },
		{ "20260228T235959Z-", true },
		{ "20261122T215501Z", false },
		{ "20261122T215501Z.01-salvage", false },
		{ "20261122T215501Z.1000-salvage", false },
		{ "20261122T215501Z.-salvage", false },
		{ "20261122T215501Zsalvage", false },
		{ "20260230T215501Z-salvage", false },
		{ "20261122T215560Z-salvage", false },
		{ "99991231T235959Z.999-x", false },
		{ "99990101T000000Z-salvage", false },
		{ "by-hand", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (undo_name_is_repairs(rows[i].name) != rows[i].counts)
			fail_msg("'%s'", rows[i].name);
	(void)state;
}

static void the_stamp_of_a_repair_comes_after_all_that_are_there(void **state)
{
	static const struct { const char *newest, *stamp; } rows[] = {
		{ "", "20261122T215501Z" },
		{ "20261122T215500Z.999-salvage", "20261122T215501Z" },
		{ "20261122T215501Z-salvage", "20261122T215501Z.001" },
		{ "20261122T215501Z.009-salvage", "20261122T215501Z.010" },
		{ "20261122T215501Z.999-salvage", "20261122T215502Z" },
		{ "20281231T235959Z.999-salvage", "20290101T000000Z" },
		{ "99991231T235959Z.999-x", "20261122T215501Z" },
		{ "99981231T235959Z.998-salvage", "99981231T235959Z.999" },
		{ "99981231T235959Z.999-salvage", NULL },
	};
	const time_t now = 1795384501;	/* 2026-11-22 21:55:01 UTC */
	char stamp[UNDO_STAMP_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const bool can = undo_stamp_after(rows[i].newest, now, stamp);
		assert_int_equal(can, rows[i].stamp != NULL);
		if (can)
			assert_string_equal(stamp, rows[i].stamp);
	}
	(void)state;
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
		{ "touch '%s/undo'", "undo: a plain file stands" },
		{ "ln -s data '%s/undo'", "undo: a link stands" },
		{ "ln -s nowhere '%s/undo'", "undo: a link stands" },
		{ "mkfifo '%s/undo'", "undo: a fifo stands" },
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
		TEST(a_repair_that_was_cut_short_is_told_with_what_finishes_it),
		TEST(opening_alone_tells_it_too),
		TEST(another_repair_may_lead_on_from_there),
		TEST(where_nothing_else_is_wrong_the_repository_is_clean),
		TEST(once_a_later_repair_is_done_it_is_only_a_note),
		TEST(a_repair_that_came_to_its_end_is_not_told),
		TEST(taking_back_that_was_cut_short_comes_first),
		TEST(what_hinders_every_repair_is_said_all_the_same),
		TEST(a_manifest_that_is_damaged_is_told_and_undo_not_advised),
		TEST(a_folder_without_a_manifest_is_told_and_hides_no_other),
		TEST(no_link_is_followed),
		TEST(a_folder_that_cannot_be_listed_is_told),
		TEST(a_name_that_is_no_time_is_told_without_one),
		TEST(looking_at_it_changes_nothing),
		TEST(what_a_repair_makes_is_the_first_to_be_taken_back_whatever_else_is_there),
		cmocka_unit_test(
			many_folders_are_remembered_in_a_time_that_grows_no_faster_than_they),
		TEST(no_repair_is_planned_where_its_way_back_cannot_be_kept),
		TEST(nor_where_the_folder_of_the_ways_back_cannot_be_listed),
		TEST(where_nothing_is_to_be_done_no_way_back_is_needed),
		cmocka_unit_test(names_are_read_as_they_are_written),
		cmocka_unit_test(a_name_counts_as_a_repairs_only_in_the_form_that_a_repair_gives),
		cmocka_unit_test(the_stamp_of_a_repair_comes_after_all_that_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What diagnose says of a repair, or of an undo, that was interrupted; and of an undo folder that
 * is of no use. */
#include "build-config.h"

#include "engine/base/crc.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
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

static void an_interrupted_repair_is_reported_with_what_finishes_it(void **state)
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

static void opening_alone_reports_it_too(void **state)
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

static void another_repair_may_continue_from_there(void **state)
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

static void a_finished_repair_is_not_reported(void **state)
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

static void an_interrupted_undo_comes_first(void **state)
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

static void a_damaged_manifest_is_reported_and_undo_not_advised(void **state)
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

static void a_folder_without_a_manifest_is_reported_and_hides_no_other(void **state)
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

static void a_folder_that_cannot_be_listed_is_reported(void **state)
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

static void a_name_that_is_no_time_is_reported_without_one(void **state)
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_interrupted_repair_is_reported_with_what_finishes_it),
		TEST(opening_alone_reports_it_too),
		TEST(another_repair_may_continue_from_there),
		TEST(where_nothing_else_is_wrong_the_repository_is_clean),
		TEST(once_a_later_repair_is_done_it_is_only_a_note),
		TEST(a_finished_repair_is_not_reported),
		TEST(an_interrupted_undo_comes_first),
		TEST(what_hinders_every_repair_is_said_all_the_same),
		TEST(a_damaged_manifest_is_reported_and_undo_not_advised),
		TEST(a_folder_without_a_manifest_is_reported_and_hides_no_other),
		TEST(no_link_is_followed),
		TEST(a_folder_that_cannot_be_listed_is_reported),
		TEST(a_name_that_is_no_time_is_reported_without_one),
		TEST(looking_at_it_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

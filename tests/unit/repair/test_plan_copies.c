/* A repair reads what it copies twice, when it is planned and when it is run, and stops where one
 * reading differs from the other. And when no plan is made, or none is run. */
#include "build-config.h"

#include "engine/check/check.h"
#include "engine/repair/plan_text.h"
#include "engine/repair/repair.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

/* Bytes of an entry: checksum, size, tag, key. */
static const unsigned places[] = { 0, 4, 8, 9, 40 };

struct opened_repo {
	struct fault fault;
	struct repo *repo;
	struct verify *verify;
};

static void opened_repo_open(struct opened_repo *opened, const char *repo)
{
	struct verify_progress progress = { .cancel = false };
	fault_init(&opened->fault);
	const struct repo_options options = { .may_write = true, .io = &opened->fault.io };
	assert_int_equal(repo_open(repo, &options, &opened->repo, NULL), AS_OK);
	assert_int_equal(verify_run(opened->repo, 1, &progress, &opened->verify), AS_OK);
}

static void opened_repo_close(struct opened_repo *opened)
{
	verify_free(opened->verify);
	repo_close(opened->repo);
}

static enum as_err make_plan(const struct opened_repo *opened, struct plan **plan,
			     struct as_error *error)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	return plan_make(opened->repo, opened->verify, REPAIR_COMPACT, &options, &progress, plan,
			 error);
}

static enum as_err run_plan(const struct opened_repo *opened, struct plan *plan,
			    struct repair_report *report, struct as_error *error)
{
	const struct lock_wait wait = { .ms = 0 };
	struct repair_progress progress = { .cancel = false };
	struct repo *repo = opened->repo;
	assert_int_equal(lock_upgrade(repo_lock(repo), &wait, NULL), AS_OK);
	const enum as_err err =
		repair_run(plan, lock_permit(repo_lock(repo)), &progress, report, error);
	lock_lower(repo_lock(repo));
	return err;
}

/* A live object of a segment that goes. */
static const struct damaged_object *find_copied(const struct damaged_repo *damaged,
						const struct plan *plan)
{
	char end[32];
	for (size_t i = 0; i < DAMAGED_OBJECTS; i++) {
		snprintf(end, sizeof(end), "/%u", damaged->objects[i].segment);
		for (size_t j = 0; damaged->objects[i].is_live && j < plan->file_count; j++) {
			const char *name = strrchr(plan->files[j].path, '/');
			if (plan->files[j].change == PLAN_MOVE && name && strcmp(name, end) == 0)
				return &damaged->objects[i];
		}
	}
	fail_msg("nothing is copied");
	return NULL;
}

static void expect_doubt(const char *message, const struct damaged_object *object)
{
	char place[64];
	snprintf(place, sizeof(place), "segment %u, offset %u: read again", object->segment,
		 object->offset);
	if (!strstr(message, place))
		fail_msg("%s", message);
}

static void what_differs_from_its_first_reading_refuses_the_plan(void **state)
{
	struct damaged_repo *damaged = *state;
	struct as_error error;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
	const struct damaged_object *object = find_copied(damaged, plan);
	plan_free(plan);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = damaged->files[object->segment].path;
		builder_flip(path, object->offset + places[i], 1);
		assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
		assert_true(plan->is_refused && plan->hardware_doubt);
		expect_doubt(plan->refusal, object);
		plan_free(plan);
		builder_flip(path, object->offset + places[i], 1);
	}
	opened_repo_close(&opened);
}

static void what_differs_from_the_plan_is_not_copied_and_nothing_is_left(void **state)
{
	struct damaged_repo *damaged = *state;
	struct as_error error;
	struct repair_report report;
	struct plan *plan;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct opened_repo opened;
		opened_repo_open(&opened, damaged->repo);
		assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
		const struct damaged_object *object = find_copied(damaged, plan);
		const char *path = damaged->files[object->segment].path;
		scratch_run("cd '%s' && find . | sort > '%.400s/before'", damaged->repo,
			    damaged->folder);
		builder_flip(path, object->offset + places[i], 1);
		assert_int_equal(run_plan(&opened, plan, &report, &error), AS_ERR_INTEGRITY);
		expect_doubt(error.message, object);
		assert_false(report.has_changed);
		builder_flip(path, object->offset + places[i], 1);
		scratch_run("cd '%s' && find . | sort | cmp - '%.400s/before'", damaged->repo,
			    damaged->folder);
		plan_free(plan);
		opened_repo_close(&opened);
	}
}

/* Whole, and of the same key, but shorter: another PUT was written over it. */
static void another_size_is_another_entry(void **state)
{
	struct damaged_repo *damaged = *state;
	struct as_error error;
	struct repair_report report;
	struct opened_repo opened;
	struct plan *plan;
	char other[BUILDER_PATH], path[BUILDER_PATH];
	opened_repo_open(&opened, damaged->repo);
	assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
	const struct damaged_object *object = find_copied(damaged, plan);
	snprintf(other, sizeof(other), "%.400s/other", damaged->folder);
	struct builder *builder = builder_new(other, 5, 4000);
	builder_put_some(builder, object->key, 5);
	builder_segment_path(builder, 0, path);
	builder_free(builder);
	scratch_run("tail -c 46 '%s' | dd of='%s' bs=1 seek=%u conv=notrunc status=none", path,
		    damaged->files[object->segment].path, object->offset);
	assert_int_equal(run_plan(&opened, plan, &report, &error), AS_ERR_INTEGRITY);
	expect_doubt(error.message, object);
	plan_free(plan);
	opened_repo_close(&opened);
}

static void copying_opens_each_segment_once(void **state)
{
	struct damaged_repo *damaged = *state;
	struct as_error error;
	struct repair_report report;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	const unsigned seen = opened.fault.opens;
	assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
	const unsigned planned = opened.fault.opens;
	assert_true(plan->entries_copied > 3 * opened.repo->listing.count);
	assert_in_range(planned - seen, 1, 2 * opened.repo->listing.count);
	assert_int_equal(run_plan(&opened, plan, &report, &error), AS_OK);
	/* With those that are written, kept and moved. */
	assert_true(opened.fault.opens - planned < plan->entries_copied);
	assert_int_equal(report.entries_copied, plan->entries_copied);
	plan_free(plan);
	opened_repo_close(&opened);
}

static int no_statvfs(const struct io *io, int fd, struct statvfs *st)
{
	(void)io;
	(void)fd;
	(void)st;
	errno = ENOSYS;
	return -1;
}

/* Some file systems do not tell their free space: that forbids no repair. */
static void free_space_that_is_not_told_is_said_to_be_unknown(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_report report;
	struct as_error error;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	opened.fault.io.fstatvfs = no_statvfs;
	assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
	assert_false(plan->is_refused);
	char *text = plan_text_string(plan, NULL);
	assert_non_null(strstr(text, "how much is free is not known"));
	free(text);
	assert_int_equal(run_plan(&opened, plan, &report, &error), AS_OK);
	plan_free(plan);
	opened_repo_close(&opened);
}

/* What is planned must have been seen, all of it, a moment ago. */
static void what_was_read_in_part_is_no_ground_for_a_plan(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct as_error error;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	opened.verify->skipped = 1;
	assert_int_equal(make_plan(&opened, &plan, &error), AS_ERR_USAGE);
	assert_null(plan);
	opened.verify->skipped = 0;
	opened.verify->remembered = 1;
	assert_int_equal(make_plan(&opened, &plan, &error), AS_ERR_USAGE);
	opened.verify->remembered = 0;
	opened_repo_close(&opened);
}

static void a_plan_that_is_refused_changes_nothing_when_run(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct repair_report report;
	struct as_error error;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	opened.fault.has_free_blocks = true;	/* none */
	assert_int_equal(make_plan(&opened, &plan, &error), AS_OK);
	assert_true(plan->is_refused);
	assert_int_equal(run_plan(&opened, plan, &report, &error), AS_ERR_USAGE);
	assert_int_equal(opened.fault.changes, 0);
	char *text = plan_text_string(plan, NULL);
	assert_non_null(strstr(text, plan->refusal));
	free(text);
	plan_free(plan);
	opened_repo_close(&opened);
}

static void planning_can_be_cancelled(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct verify_progress progress = { .cancel = true };
	const struct repair_options options = { .threads = 1 };
	struct as_error error;
	struct opened_repo opened;
	struct plan *plan;
	opened_repo_open(&opened, damaged->repo);
	assert_int_equal(plan_make(opened.repo, opened.verify, REPAIR_COMPACT, &options, &progress,
				   &plan, &error), AS_ERR_CANCELLED);
	assert_null(plan);
	opened_repo_close(&opened);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_differs_from_its_first_reading_refuses_the_plan),
		TEST(what_differs_from_the_plan_is_not_copied_and_nothing_is_left),
		TEST(another_size_is_another_entry),
		TEST(copying_opens_each_segment_once),
		TEST(free_space_that_is_not_told_is_said_to_be_unknown),
		TEST(what_was_read_in_part_is_no_ground_for_a_plan),
		TEST(a_plan_that_is_refused_changes_nothing_when_run),
		TEST(planning_can_be_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

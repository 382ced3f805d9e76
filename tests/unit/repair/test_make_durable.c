/* What must be on the disk before a repair: which files and folders are synced, and in which
 * order. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"
#include "tests/support/disk_model.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"
#include "tests/support/small_repo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHANGES_MAX 64u

/* What was done, a line for each change. */
struct record {
	char lines[CHANGES_MAX][128];
	size_t count;
};

static struct record make_durable(struct small_repo *world)
{
	struct disk_model *model = disk_model_new(world->path);
	struct record record = { .count = 0 };
	assert_int_equal(small_repo_open(world, disk_model_io(model)), AS_OK);
	struct permit *permit = io_grant_permit(disk_model_io(model), world->repo->fd, 0600);
	assert_non_null(permit);
	assert_int_equal(repair_make_durable(world->repo, permit, NULL), AS_OK);
	for (size_t i = 0; i < disk_model_changes(model) && i < CHANGES_MAX; i++) {
		char text[DISK_TEXT];
		disk_model_describe(model, i, text);
		snprintf(record.lines[record.count++], sizeof(record.lines[0]), "%.127s", text);
	}
	io_revoke_permit(permit);
	repo_close(world->repo);
	world->repo = NULL;
	disk_model_free(model);
	return record;
}

/* The changes of @record are those of @lines, which ends in NULL; then come the folders 0 and 1 of
 * data/, in any order, and nothing else. */
static void expect(const struct record *record, const char *const *lines)
{
	size_t count = 0;
	for (; lines[count]; count++)
		assert_string_equal(record->lines[count], lines[count]);
	assert_int_equal(record->count, count + 2);
	assert_string_not_equal(record->lines[count], record->lines[count + 1]);
	for (; count < record->count; count++)
		assert_true(strcmp(record->lines[count], "sync 0") == 0 ||
			    strcmp(record->lines[count], "sync 1") == 0);
}

/* An uncommitted segment behind the newest transaction, which is 4. */
static void add_tail(struct small_repo *world)
{
	uint8_t key[BUILDER_KEY];
	assert_int_equal(builder_head(world->builder), 4);
	builder_key(50, key);
	builder_put_some(world->builder, key, 100);
	builder_close_segment(world->builder);
}

/* Older segments are on the disk long since. */
static void the_end_of_the_log_is_synced_before_the_folders(void **state)
{
	static const char *const whole[] = { "sync 4", "sync .", "sync data", "sync data", NULL };
	static const char *const with_tail[] = {
		"sync 4", "sync 5", "sync .", "sync data", "sync data", NULL,
	};
	struct small_repo *world = *state;
	struct record record = make_durable(world);
	expect(&record, whole);
	add_tail(world);
	record = make_durable(world);
	expect(&record, with_tail);
}

/* The ways to all folders come before what was moved between them; what was moved must have arrived
 * where it goes before it is gone from where it was. */
static void folders_are_synced_from_above(void **state)
{
	static const char *const lines[] = {
		"sync 4", "sync .", "sync data", "sync undo", "sync 20261122T221005Z-salvage",
		"sync data", "sync 0", "sync data", NULL,
	};
	struct small_repo *world = *state;
	scratch_run("cd '%s' && mkdir -p undo/20261122T221005Z-salvage/data/0/deeper data/0/deeper",
		    world->path);
	const struct record record = make_durable(world);
	expect(&record, lines);
}

/* The disk refuses a sync: what was seen may be gone after a power loss. */
static void each_sync_that_fails_is_an_error(void **state)
{
	struct small_repo *world = *state;
	struct as_error error;
	struct fault fault;
	unsigned at = 0;
	enum as_err err;
	add_tail(world);
	fault_init(&fault);
	fault.fail_kind = FAULT_SYNC;
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	struct permit *permit = io_grant_permit(&fault.io, world->repo->fd, 0600);
	assert_non_null(permit);
	do {
		fault.changes = 0;
		fault.fail_at = ++at;
		err = repair_make_durable(world->repo, permit, &error);
		assert_true(err == AS_OK || err == AS_ERR_IO);
		if (err != AS_OK) {
			assert_int_equal(error.sys, EIO);
			assert_non_null(strstr(error.message, ": cannot make durable what is "
					       "there"));
		}
	} while (err != AS_OK);
	assert_int_equal(at, fault.changes + 1);	/* of as many as there are */
	assert_true(at > 5);
	io_revoke_permit(permit);
	repo_close(world->repo);
	world->repo = NULL;
}

/* A repair finds out by itself what cannot be opened. */
static void a_segment_that_cannot_be_opened_is_passed_over(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	char name[64];
	const uint32_t head = builder_head(world->builder);
	snprintf(name, sizeof(name), "data/%u/%u", head / 3, head);
	fault_init(&fault);
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	struct permit *permit = io_grant_permit(&fault.io, world->repo->fd, 0600);
	assert_non_null(permit);
	fault.open_path = name;
	fault.open_error = EIO;
	assert_int_equal(repair_make_durable(world->repo, permit, NULL), AS_OK);
	fault.open_path = "undo";		/* nor a folder that nobody could look into */
	fault.open_error = EACCES;
	assert_int_equal(repair_make_durable(world->repo, permit, NULL), AS_OK);
	fault.open_path = NULL;
	fault.open_error = 0;
	io_revoke_permit(permit);
	repo_close(world->repo);
	world->repo = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_of_the_log_is_synced_before_the_folders),
		TEST(folders_are_synced_from_above),
		TEST(each_sync_that_fails_is_an_error),
		TEST(a_segment_that_cannot_be_opened_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

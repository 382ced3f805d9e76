/* Index, hints and digests, written together. */
#include "build-config.h"

#include "engine/format/index_files.h"
#include "engine/format/index.h"
#include "engine/format/integrity.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct scratch *scratch;
static struct fault fault;
static struct permit *permit;
static struct index_files files;
static struct hints hints;
static char steps[512];		/* what was renamed and synced, in order */

static void write_down(void *context, enum fault_change kind, const char *path)
{
	const size_t len = strlen(steps);
	(void)context;
	if (kind == FAULT_RENAME)
		snprintf(steps + len, sizeof(steps) - len, "%s ", path);
	else if (kind == FAULT_SYNC && !strstr(path, ".tmp"))
		snprintf(steps + len, sizeof(steps) - len, "sync ");
}

static int setup(void **state)
{
	static const uint8_t key[KEY_SIZE] = { 1, 2, 3 };
	scratch_setup((void **)&scratch);
	fault_init(&fault);
	permit = io_grant_permit(&fault.io, scratch->fd, 0600);
	assert_non_null(permit);
	hints = (struct hints){ .has_quota_use = true, .quota_use = 77 };
	struct hints_segment *row = hints_add(&hints, 4);
	assert_non_null(row);
	row->live = 1;
	row->is_compact = true;
	row->freeable = 300;
	files = (struct index_files){ .dialect = &dialect_borg, .hints = &hints, .transaction = 5 };
	*state = NULL;
	struct index_table *table = index_table_new(&dialect_borg, 0);
	assert_non_null(table);
	assert_int_equal(index_table_put(table, key, 4, 8), AS_OK);
	files.table = table;
	steps[0] = '\0';
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_table_free((struct index_table *)files.table);
	hints_free(&hints);
	io_revoke_permit(permit);
	assert_int_equal(fault.opens, fault.closes);
	scratch_teardown((void **)&scratch);
	return 0;
}

static bool exists(const char *name)
{
	return faccessat(scratch->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void expect_no_rest(void)
{
	static const char *const names[] = {
		"index.tmp", "index.5.tmp", "hints.5.tmp", "integrity.5.tmp",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (exists(names[i]))
			fail_msg("%s is left", names[i]);
}

/* All of it can be read, and the digests fit. */
static void expect_written(void)
{
	struct findings findings;
	struct index_file index;
	struct hints read;
	struct integrity integrity;
	bool fits;
	findings_init(&findings);
	assert_int_equal(hints_read(&io_system, scratch->fd, files.dialect, 5, &read, &findings),
			 AS_OK);
	assert_true(read.usable);
	assert_int_equal(read.version, files.dialect->hints_version);
	assert_int_equal(index_open(&io_system, scratch->fd, files.dialect, 5, &index, &findings),
			 AS_OK);
	assert_int_equal(findings.count, 0);
	assert_int_equal(index.used, 1);
	index_close(&index);
	assert_int_equal(read.shadow_count, 0);
	assert_int_equal(read.rows[0].freeable, files.dialect->has_integrity ? 300 : 0);
	assert_int_equal(read.quota_use, files.dialect->has_integrity ? 77 : 0);
	hints_free(&read);
	findings_free(&findings);
	assert_int_equal(exists("integrity.5"), files.dialect->has_integrity);
	if (!files.dialect->has_integrity)
		return;
	assert_int_equal(integrity_read(&io_system, scratch->fd, 5, &integrity), AS_OK);
	assert_int_equal(integrity.state, INTEGRITY_READ);
	assert_int_equal(integrity_compare(&io_system, scratch->fd, "hints.5", 0,
					   &integrity.hints, NULL, &fits), AS_OK);
	assert_true(fits);
	assert_int_equal(integrity_compare(&io_system, scratch->fd, "index.5", INDEX_HEADER,
					   &integrity.index, NULL, &fits), AS_OK);
	assert_true(fits);
}

/* Each is for good before the next. */
static void they_take_their_places_in_the_order_of_borg(void **state)
{
	char name[INDEX_FILES_NAME];
	scratch_file(scratch, "index.tmp", "left by a crash", 15);
	scratch_file(scratch, "hints.5.tmp", "left by a crash", 15);
	scratch_file(scratch, "integrity.5.tmp", "left by a crash", 15);
	fault.watch = write_down;
	assert_int_equal(index_files_write(&files, permit, name), AS_OK);
	assert_string_equal(steps, "integrity.5 sync hints.5 sync index.5 sync ");
	expect_written();
	expect_no_rest();
	(void)state;
}

static void a_dialect_without_digests_gets_none(void **state)
{
	static const struct dialect *const dialects[] = { &dialect_borg_1_0, &dialect_attic };
	char name[INDEX_FILES_NAME];
	for (size_t i = 0; i < ARRAY_SIZE(dialects); i++) {
		files.dialect = dialects[i];
		/* The table's own dialect says how its header begins. */
		struct index_table *table = index_table_new(dialects[i], 0);
		static const uint8_t key[KEY_SIZE] = { 1, 2, 3 };
		assert_non_null(table);
		assert_int_equal(index_table_put(table, key, 4, 8), AS_OK);
		index_table_free((struct index_table *)files.table);
		files.table = table;
		assert_int_equal(index_files_write(&files, permit, name), AS_OK);
		expect_written();
		expect_no_rest();
	}
	(void)state;
}

/* Until everything is written nothing takes its place. */
static void after_a_failure_the_old_files_or_the_new_are_there(void **state)
{
	static const char *const names[] = { "integrity.5", "hints.5", "index.5" };
	char name[INDEX_FILES_NAME];
	unsigned failures = 0;
	for (unsigned at = 1;; at++) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			scratch_file(scratch, names[i], "old", 3);
		steps[0] = '\0';
		fault.watch = write_down;
		fault.changes = 0;
		fault.fail_at = at;
		fault.fail_error = ENOSPC;
		const enum as_err err = index_files_write(&files, permit, name);
		fault.fail_at = 0;
		expect_no_rest();
		if (err == AS_OK)
			break;
		failures++;
		assert_int_equal(err, AS_ERR_NO_SPACE);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct stat st;
			assert_int_equal(fstatat(scratch->fd, names[i], &st, 0), 0);
			assert_int_equal(st.st_size != 3, strstr(steps, names[i]) != NULL);
		}
		const bool is_named = strcmp(name, ".") == 0 || strcmp(name, names[0]) == 0 ||
				      strcmp(name, names[1]) == 0 || strcmp(name, names[2]) == 0;
		assert_true(is_named);
	}
	assert_true(failures > 12);
	expect_written();
	(void)state;
}

static int refuse_renames_over(const struct io *io, int dirfd, const char *from, const char *to)
{
	if (faccessat(dirfd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	(void)io;
	return renameat(dirfd, from, dirfd, to);
}

static void what_cannot_be_renamed_over_is_removed_first(void **state)
{
	char name[INDEX_FILES_NAME];
	scratch_file(scratch, "integrity.5", "old", 3);
	scratch_file(scratch, "hints.5", "old", 3);
	scratch_file(scratch, "index.5", "old", 3);
	fault.io.renameat = refuse_renames_over;
	assert_int_equal(index_files_write(&files, permit, name), AS_OK);
	expect_written();
	expect_no_rest();
	(void)state;
}

/* New hints alone would not fit the digests. */
static void hints_alone_are_written_only_where_no_digest_covers_them(void **state)
{
	char name[INDEX_FILES_NAME];
	assert_int_equal(index_files_write(&files, permit, name), AS_OK);
	hints.rows[0].freeable = 41;
	assert_int_equal(index_files_write_hints(&files, permit), AS_OK);
	hints.rows[0].freeable = 300;
	expect_written();
	files.dialect = &dialect_borg_1_0;
	assert_int_equal(index_files_write_hints(&files, permit), AS_OK);
	files.dialect = &dialect_borg;
	struct findings findings;
	struct hints read;
	findings_init(&findings);
	assert_int_equal(hints_read(&io_system, scratch->fd, files.dialect, 5, &read, &findings),
			 AS_OK);
	assert_int_equal(read.version, 1);
	hints_free(&read);
	findings_free(&findings);
	expect_no_rest();
	(void)state;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(they_take_their_places_in_the_order_of_borg),
		TEST(a_dialect_without_digests_gets_none),
		TEST(after_a_failure_the_old_files_or_the_new_are_there),
		TEST(what_cannot_be_renamed_over_is_removed_first),
		TEST(hints_alone_are_written_only_where_no_digest_covers_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

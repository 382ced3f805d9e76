/* Removing an undo folder, and finding in it what is nowhere else. */
#include "build-config.h"

#include "engine/repair/undo_internal.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "20261122T221005Z-salvage"
#define FOLDER "undo/" NAME

static bool is_there(const struct scratch *scratch, const char *path)
{
	struct stat st;
	return fstatat(scratch->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum as_err purge(const struct scratch *scratch, const char *name, uint64_t *freed)
{
	struct fault fault;
	fault_init(&fault);
	struct permit *permit = io_grant_permit(&fault.io, scratch->fd, 0600);
	assert_non_null(permit);
	const enum as_err err = undo_purge(permit, name, freed, NULL);
	io_revoke_permit(permit);
	return err;
}

static bool holds_files(const struct scratch *scratch)
{
	struct fault fault;
	bool is_found;
	fault_init(&fault);
	assert_int_equal(undo_find_kept(&fault.io, scratch->fd, FOLDER, &is_found), AS_OK);
	return is_found;
}

static void a_folder_goes_with_all_in_it_and_the_last_one_with_undo(void **state)
{
	const struct scratch *scratch = *state;
	uint64_t freed;
	scratch_file(scratch, "data/0/3", "kept", 4);
	scratch_file(scratch, FOLDER "/data/0/3", "0123456789", 10);
	scratch_file(scratch, FOLDER "/index.9", "01234", 5);
	scratch_file(scratch, FOLDER "/manifest", "0", 1);
	scratch_folder(scratch, "undo/another");
	assert_int_equal(purge(scratch, NAME, &freed), AS_OK);
	assert_int_equal(freed, 15);
	assert_false(is_there(scratch, FOLDER));
	assert_true(is_there(scratch, "undo/another"));
	assert_int_equal(purge(scratch, "another", &freed), AS_OK);
	assert_false(is_there(scratch, "undo"));
	assert_true(is_there(scratch, "data/0/3"));
}

static void a_file_that_has_another_name_is_not_freed(void **state)
{
	const struct scratch *scratch = *state;
	uint64_t freed;
	scratch_file(scratch, "index.9", "01234", 5);
	scratch_folder(scratch, FOLDER);
	assert_int_equal(linkat(scratch->fd, "index.9", scratch->fd, FOLDER "/index.9", 0), 0);
	assert_false(holds_files(scratch));
	assert_int_equal(purge(scratch, NAME, &freed), AS_OK);
	assert_int_equal(freed, 0);
	assert_true(is_there(scratch, "index.9"));
}

static void no_link_is_followed(void **state)
{
	const struct scratch *scratch = *state;
	uint64_t freed;
	scratch_file(scratch, "data/0/3", "kept", 4);
	scratch_folder(scratch, FOLDER);
	scratch_link(scratch, FOLDER "/data", "../../data");
	assert_true(holds_files(scratch));
	assert_int_equal(purge(scratch, NAME, &freed), AS_OK);
	assert_true(is_there(scratch, "data/0/3"));
}

static void folders_that_lie_too_deep_stay(void **state)
{
	const struct scratch *scratch = *state;
	uint64_t freed;
	scratch_folder(scratch, FOLDER "/1/2/3/4/5/6");
	assert_true(holds_files(scratch));
	assert_int_equal(purge(scratch, NAME, &freed), AS_ERR_LIMIT);
	assert_true(is_there(scratch, FOLDER "/1/2/3/4/5/6"));
}

/* What a repair writes there as its own is not worth keeping, in that place alone. */
static void only_what_was_set_aside_is_kept(void **state)
{
	static const char *const own[] = {
		"done", "undoing", "plan.txt", "report.txt", "tmp", "try-1", "try-2", "try-3",
	};
	const struct scratch *scratch = *state;
	char path[128];
	scratch_folder(scratch, FOLDER "/data/0");
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		snprintf(path, sizeof(path), FOLDER "/%s", own[i]);
		scratch_file(scratch, path, "", 0);
	}
	assert_false(holds_files(scratch));
	scratch_file(scratch, FOLDER "/data/0/tmp", "", 0);
	assert_true(holds_files(scratch));
}

/* The name comes from a person or from a listing of the disk: it must not lead elsewhere. */
static void only_a_folder_of_undo_itself_can_be_purged(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "../data", NAME "/..", "./" NAME, ".hidden", "/tmp",
		"a-name-that-is-longer-than-any-that-a-repair-gives-to-the-folder-where-it-keeps-"
		"what-it-sets-aside",
	};
	const struct scratch *scratch = *state;
	scratch_file(scratch, "data/0/3", "kept", 4);
	scratch_file(scratch, FOLDER "/index.9", "01234", 5);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint64_t freed = 1;
		assert_int_equal(purge(scratch, names[i], &freed), AS_ERR_DOES_NOT_EXIST);
		assert_int_equal(freed, 0);
	}
	assert_true(is_there(scratch, "data/0/3") && is_there(scratch, FOLDER "/index.9"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_folder_goes_with_all_in_it_and_the_last_one_with_undo),
		TEST(a_file_that_has_another_name_is_not_freed),
		TEST(no_link_is_followed),
		TEST(folders_that_lie_too_deep_stay),
		TEST(only_what_was_set_aside_is_kept),
		TEST(only_a_folder_of_undo_itself_can_be_purged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/repo/create.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- creating and opening ---- */

static void a_new_repository_is_as_attic_makes_it(void **state)
{
	struct world *world = *state;
	char text[512] = "", path[BUILDER_PATH];
	struct stat st;
	path_of(world, "config", path);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_non_null(strstr(text, "[repository]\nversion = 1\nsegments_per_dir = 4\n"
			       "max_segment_size = 1000\nid = "));
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(lstat(world->repo, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	path_of(world, "README", path);
	file = fopen(path, "re");
	assert_non_null(file);
	memset(text, 0, sizeof(text));
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	assert_string_equal(text, "This is an Attic repository\n");
	assert_true(is_there(world, "data"));
	check_repo(world);
}

static void two_new_repositories_have_different_ids(void **state)
{
	struct world *world = *state;
	struct as_store *other;
	struct as_state a = state_of(world), b;
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/other", world->scratch->path);
	assert_int_equal(as_create(path, NULL, NULL), AS_OK);
	assert_int_equal(as_open(path, NULL, &other, NULL), AS_OK);
	as_get_state(other, &b);
	assert_memory_not_equal(a.id, b.id, sizeof(a.id));
	assert_int_equal(b.segments_per_dir, 10000);
	assert_int_equal(b.max_segment_size, 5 * 1024 * 1024);
	as_close(other);
}

static void creating_refuses_what_holds_anything(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct as_error error;
	assert_int_equal(as_create(world->repo, NULL, &error), AS_ERR_ALREADY_EXISTS);
	scratch_file(world->scratch, "file", "x", 1);
	snprintf(path, sizeof(path), "%.400s/file", world->scratch->path);
	assert_int_equal(as_create(path, NULL, &error), AS_ERR_ALREADY_EXISTS);
	scratch_file(world->scratch, "folder/.hidden", "x", 1);
	snprintf(path, sizeof(path), "%.400s/folder", world->scratch->path);
	assert_int_equal(as_create(path, NULL, &error), AS_ERR_ALREADY_EXISTS);
	assert_non_null(strstr(error.message, path));
	snprintf(path, sizeof(path), "%.400s/no/where", world->scratch->path);
	assert_int_equal(as_create(path, NULL, &error), AS_ERR_DOES_NOT_EXIST);
	scratch_folder(world->scratch, "empty");
	snprintf(path, sizeof(path), "%.400s/empty", world->scratch->path);
	assert_int_equal(as_create(path, NULL, &error), AS_OK);
	const struct as_settings absurd = { .segments_per_dir = 0x80000000u };
	snprintf(path, sizeof(path), "%.400s/absurd", world->scratch->path);
	assert_int_equal(as_create(path, &absurd, &error), AS_ERR_USAGE);
}

static void a_creation_that_fails_leaves_nothing(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct stat st;
	struct fault fault;
	unsigned at = 1;
	snprintf(path, sizeof(path), "%.400s/other", world->scratch->path);
	for (;; at++) {
		fault_init(&fault);
		fault.fail_at = at;
		fault.fail_error = ENOSPC;
		const enum as_err err = store_create(path, NULL, &fault.io, &world->error);
		if (err == AS_OK)
			break;
		assert_int_equal(err, AS_ERR_NO_SPACE);
		assert_int_equal(lstat(path, &st), -1);
	}
	assert_true(at > 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_repository_is_as_attic_makes_it),
		TEST(two_new_repositories_have_different_ids),
		TEST(creating_refuses_what_holds_anything),
		TEST(a_creation_that_fails_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

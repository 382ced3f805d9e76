#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/repo/create.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* As "borg init" of 1.2 leaves it, but for the key of an encrypted one. */
static void a_repository_of_borg_is_as_borg_makes_it(void **state)
{
	static const char readme[] = "This is a Borg Backup repository.\n"
				     "See https://borgbackup.readthedocs.io/\n";
	static const char config[] = "[repository]\nversion = 1\nsegments_per_dir = 1000\n"
				     "max_segment_size = 524288000\nappend_only = 0\n"
				     "storage_quota = 0\nadditional_free_space = 0\nid = ";
	const struct as_settings settings = { .dialect = AS_DIALECT_BORG };
	struct world *world = *state;
	char path[BUILDER_PATH], name[BUILDER_PATH + 16];
	size_t len;
	snprintf(path, sizeof(path), "%.400s/borg", world->scratch->path);
	assert_int_equal(store_create(path, &settings, &world->fault.io, NULL), AS_OK);
	snprintf(name, sizeof(name), "%s/README", path);
	uint8_t *bytes = builder_read_file(name, &len);
	assert_int_equal(len, sizeof(readme) - 1);
	assert_memory_equal(bytes, readme, len);
	free(bytes);
	snprintf(name, sizeof(name), "%s/config", path);
	bytes = builder_read_file(name, &len);
	assert_int_equal(len, sizeof(config) - 1 + 64 + 2);
	assert_memory_equal(bytes, config, sizeof(config) - 1);
	assert_memory_equal(bytes + len - 2, "\n\n", 2);
	free(bytes);
}

static void limits_are_those_that_the_clients_can_read(void **state)
{
	static const struct { struct as_settings settings; enum as_err err; } cases[] = {
		{ { .segments_per_dir = INT32_MAX, .max_segment_size = INT32_MAX }, AS_OK },
		{ { .segments_per_dir = 1, .max_segment_size = 1 }, AS_OK },
		{ { .max_segment_size = 0x80000000u }, AS_ERR_USAGE },
		{ { .segments_per_dir = 0x80000000u }, AS_ERR_USAGE },
		{ { .dialect = 7 }, AS_ERR_USAGE },
	};
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct stat st;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "%.400s/%zu", world->scratch->path, i);
		assert_int_equal(store_create(path, &cases[i].settings, &world->fault.io,
					      &world->error), cases[i].err);
		assert_int_equal(lstat(path, &st) == 0, cases[i].err == AS_OK);
	}
}

/* Nothing takes the folder for a repository before all of it is there. */
static void the_config_comes_last(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH], name[BUILDER_PATH + 16];
	struct stat st;
	struct fault fault;
	enum as_err err;
	unsigned at = 1, with_config = 0;
	do {
		snprintf(path, sizeof(path), "%.400s/%u", world->scratch->path, at);
		fault_init(&fault);
		fault.fail_at = at++;
		fault.fail_for_good = true;	/* the process dies: nothing is taken back */
		err = store_create(path, NULL, &fault.io, NULL);
		snprintf(name, sizeof(name), "%s/config", path);
		if (lstat(name, &st) != 0)
			continue;
		with_config++;
		assert_true(st.st_size > 100);
		snprintf(name, sizeof(name), "%s/README", path);
		assert_int_equal(lstat(name, &st), 0);
		snprintf(name, sizeof(name), "%s/data", path);
		assert_int_equal(lstat(name, &st), 0);
	} while (err != AS_OK);
	assert_true(at > 8 && with_config > 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_repository_is_as_attic_makes_it),
		TEST(two_new_repositories_have_different_ids),
		TEST(creating_refuses_what_holds_anything),
		TEST(a_creation_that_fails_leaves_nothing),
		TEST(a_repository_of_borg_is_as_borg_makes_it),
		TEST(limits_are_those_that_the_clients_can_read),
		TEST(the_config_comes_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

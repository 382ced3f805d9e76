/* The cache file: where it lies, what is taken from it, and that it never lies in the repository.
 */
#include "build-config.h"

#include "engine/cache/cache.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "0102030000000000000000000000000000000000000000000000000000000000.json"

struct world {
	struct scratch *scratch;
	struct repo repo;		/* its folder is "repo" of the scratch folder */
	char why[400];
};

static void use(const struct world *world, const char *variable, const char *folder)
{
	char path[BUILDER_PATH + 64];
	snprintf(path, sizeof(path), "%s/%s", world->scratch->path, folder);
	assert_int_equal(setenv(variable, path, 1), 0);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	scratch_folder(world->scratch, "repo/data");
	world->repo.config = (struct config){ .has_id = true, .id = { 1, 2, 3 } };
	assert_int_equal(io_open_folder(&io_system, world->scratch->fd, "repo", &world->repo.fd),
			 AS_OK);
	use(world, "HOME", "home");
	use(world, "XDG_CACHE_HOME", "cache");
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	close(world->repo.fd);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

static bool is_there(const struct world *world, const char *path)
{
	struct stat st;
	return fstatat(world->scratch->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(const struct world *world, const char *path)
{
	struct stat st;
	assert_int_equal(fstatat(world->scratch->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* Save one record, of @segment. */
static bool save(struct world *world, uint32_t segment)
{
	struct verify_record row = { .segment = segment, .size = 8000 };
	const struct verify_records records = { .rows = &row, .count = 1 };
	world->why[0] = '\0';
	return cache_save(&world->repo, &records, world->why, sizeof(world->why));
}

/* The segment of the one record that is loaded; -1: none is. */
static int64_t load(struct world *world)
{
	struct verify_records records = { .count = 7 };
	world->why[0] = '\0';
	const bool is_loaded =
		cache_load(&world->repo, &records, world->why, sizeof(world->why));
	const int64_t segment = records.count > 0 ? (int64_t)records.rows[0].segment : -1;
	assert_int_equal(is_loaded, world->why[0] == '\0');
	assert_in_range(records.count, 0, is_loaded);
	verify_records_free(&records);
	return segment;
}

static void what_is_saved_is_loaded(void **state)
{
	struct world *world = *state;
	struct verify_record rows[2] = {
		{ .segment = 9, .size = 8000, .is_complete = true },
		{ .segment = 4, .size = 41, .puts = 3 },
	};
	const struct verify_records saved = { .rows = rows, .count = 2 };
	struct verify_records records;
	assert_true(cache_load(&world->repo, &records, world->why, sizeof(world->why)));
	assert_int_equal(records.count, 0);
	assert_true(cache_save(&world->repo, &saved, world->why, sizeof(world->why)));
	assert_true(cache_load(&world->repo, &records, world->why, sizeof(world->why)));
	assert_int_equal(records.count, 2);
	assert_non_null(verify_records_find(&records, 4));	/* they are sorted */
	assert_int_equal(verify_records_find(&records, 4)->puts, 3);
	assert_int_equal(verify_records_find(&records, 9)->size, 8000);
	verify_records_free(&records);
	/* What somebody has backed up, and what of it was checked, is nobody else's business. */
	assert_int_equal(mode_of(world, "cache/atticscope/" NAME), 0600);
	assert_int_equal(mode_of(world, "cache/atticscope"), 0700);
	assert_int_equal(mode_of(world, "cache"), 0700);
	assert_false(is_there(world, "cache/atticscope/" NAME ".tmp"));
}

static void what_is_saved_replaces_what_was_there(void **state)
{
	struct world *world = *state;
	assert_true(save(world, 3));
	assert_true(save(world, 5));
	assert_int_equal(load(world), 5);
	/* A crash left half of a file, or somebody made a link in its place. */
	scratch_file(world->scratch, "cache/atticscope/" NAME ".tmp", "{", 1);
	assert_true(save(world, 6));
	assert_int_equal(load(world), 6);
	scratch_file(world->scratch, "precious", "x", 1);
	scratch_link(world->scratch, "cache/atticscope/" NAME ".tmp", "../../precious");
	assert_true(save(world, 7));
	assert_int_equal(load(world), 7);
	scratch_run("test \"$(cat %s/precious)\" = x", world->scratch->path);
}

static void it_lies_where_the_environment_says(void **state)
{
	struct world *world = *state;
	static const struct {
		const char *cache, *home, *path;	/* NULL: not set; nowhere */
	} cases[] = {
		{ "/cache", "/home", "cache/atticscope/" NAME },
		{ NULL, "/home", "home/.cache/atticscope/" NAME },
		{ "cache", "/home", "home/.cache/atticscope/" NAME },
		{ "", "/home", "home/.cache/atticscope/" NAME },
		{ "/cache", NULL, "cache/atticscope/" NAME },
		{ NULL, NULL, NULL }, { "cache", "home", NULL }, { NULL, "", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const values[] = { cases[i].cache, cases[i].home };
		static const char *const names[] = { "XDG_CACHE_HOME", "HOME" };
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			if (!values[j])
				unsetenv(names[j]);
			else if (values[j][0] == '/')
				use(world, names[j], values[j] + 1);
			else
				setenv(names[j], values[j], 1);
		}
		assert_int_equal(save(world, (uint32_t)i), cases[i].path != NULL);
		assert_int_equal(load(world), cases[i].path ? (int64_t)i : -1);
		assert_string_equal(world->why, "");
		if (cases[i].path)
			assert_true(is_there(world, cases[i].path));
		scratch_run("rm -rf %s/cache %s/home", world->scratch->path, world->scratch->path);
	}
}

static void a_repository_without_an_id_has_no_cache(void **state)
{
	struct world *world = *state;
	assert_true(save(world, 3));
	world->repo.config.has_id = false;
	assert_int_equal(load(world), -1);
	assert_string_equal(world->why, "");
	assert_false(save(world, 4));
	assert_string_equal(world->why, "there is no home folder, or the repository has no id");
}

static void one_that_cannot_be_used_is_named(void **state)
{
	struct world *world = *state;
	static const struct { const char *make, *why; } cases[] = {
		{ "echo '{' >", "it is not JSON" },
		{ "mkdir", "it is not JSON" },
		{ "mkfifo", "it is not JSON" },		/* and nobody waits for a writer */
		{ "ln -s nowhere", "Too many levels of symbolic links" },
		{ "echo '{}' >", "it is not the report of a partial check" },
	};
	char wanted[400];
	assert_true(save(world, 3));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scratch_run("cd %s/cache/atticscope && rm -rf " NAME " && %s " NAME,
			    world->scratch->path, cases[i].make);
		assert_int_equal(load(world), -1);
		snprintf(wanted, sizeof(wanted), "%.200s/cache/atticscope/" NAME ": %s",
			 world->scratch->path, cases[i].why);
		assert_string_equal(world->why, wanted);
	}
}

static void the_records_of_another_repository_are_not_taken(void **state)
{
	struct world *world = *state;
	assert_true(save(world, 3));
	world->repo.config.id[31] = 1;
	assert_int_equal(load(world), -1);		/* it has a file of its own */
	assert_string_equal(world->why, "");
	scratch_run("cd %s/cache/atticscope && mv " NAME " %.62s01.json", world->scratch->path,
		    NAME);
	assert_int_equal(load(world), -1);
	assert_non_null(strstr(world->why, ": it is the report of another repository"));
}

/* Nothing but a repair may write there, wherever the environment leads. */
static void it_is_never_written_into_the_repository(void **state)
{
	struct world *world = *state;
	static const char *const folders[] = {
		"repo", "repo/data", "repo/new", "repo/data/new/more", "link", "link/new",
		"repo/../repo/data",
	};
	scratch_link(world->scratch, "link", "repo/data");
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		use(world, "XDG_CACHE_HOME", folders[i]);
		assert_false(save(world, 3));
		if (!strstr(world->why, ": it lies in the repository"))
			fail_msg("%s: %s", folders[i], world->why);
		scratch_run("test \"$(find %s/repo)\" = \"%s/repo\n%s/repo/data\"",
			    world->scratch->path, world->scratch->path, world->scratch->path);
	}
	use(world, "XDG_CACHE_HOME", "repository");	/* beside it, with a similar name */
	assert_true(save(world, 3));
	use(world, "XDG_CACHE_HOME", "repo/..");
	assert_true(save(world, 3));
}

static void a_cache_that_cannot_be_written_is_named(void **state)
{
	struct world *world = *state;
	scratch_file(world->scratch, "file", "x", 1);
	use(world, "XDG_CACHE_HOME", "file");
	assert_false(save(world, 3));
	assert_non_null(strstr(world->why, "/file/atticscope: Not a directory"));
	assert_int_equal(load(world), -1);
	assert_string_equal(world->why, "");
	/* A folder has the name that the new file should get. */
	use(world, "XDG_CACHE_HOME", "cache");
	scratch_folder(world->scratch, "cache/atticscope/" NAME);
	assert_false(save(world, 3));
	assert_non_null(strstr(world->why, "/cache/atticscope/" NAME ": Is a directory"));
	assert_false(is_there(world, "cache/atticscope/" NAME ".tmp"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_is_loaded),
		TEST(what_is_saved_replaces_what_was_there),
		TEST(it_lies_where_the_environment_says),
		TEST(a_repository_without_an_id_has_no_cache),
		TEST(one_that_cannot_be_used_is_named),
		TEST(the_records_of_another_repository_are_not_taken),
		TEST(it_is_never_written_into_the_repository),
		TEST(a_cache_that_cannot_be_written_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

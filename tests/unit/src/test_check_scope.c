/* What a check reads, and which earlier results it trusts, by its options. */
#include "build-config.h"

#include "src/check_scope.h"
#include "tests/support/scratch.h"
#include "tests/unit/src/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ID "0102030000000000000000000000000000000000000000000000000000000000"
#define RECORDS(row) \
	"{\"repository_id\": \"" ID "\", \"records\": {\"version\": 1, \"columns\": [" \
	"\"segment\",\"bytes\",\"inode\",\"modified\",\"changed\",\"verified\",\"complete\"," \
	"\"puts\",\"deletes\",\"commits\",\"live\",\"live_bytes\",\"mark\",\"others\"]," \
	"\"rows\": [[" row ", 8000, 12, 13, 14, 15, true, 3, 2, 1, 2, 700, " \
	"\"00000000000000ff\", []]]}}"

/* A repository with an id, and a cache folder of its own. */
struct world {
	struct scratch *scratch;
	struct repo repo;
	struct check_scope scope;
	char said[600];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char path[BUILDER_PATH + 8];
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	scratch_folder(world->scratch, "repo");
	snprintf(path, sizeof(path), "%s/cache", world->scratch->path);
	setenv("XDG_CACHE_HOME", path, 1);
	world->repo.path = strdup("the repository");
	world->repo.config = (struct config){ .has_id = true, .id = { 1, 2, 3 } };
	assert_int_equal(io_open_folder(&io_system, world->scratch->fd, "repo", &world->repo.fd),
			 AS_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	verify_records_free(&world->scope.known);
	verify_records_free(&world->scope.kept);
	io_close(&io_system, world->repo.fd);
	free(world->repo.path);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

/* Begin as @options ask, with @arg_count - 1 reports behind the repository. */
static int begin(struct world *world, struct options options, char **args, int arg_count)
{
	const struct request request = {
		.options = options, .args = args, .arg_count = arg_count,
	};
	verify_records_free(&world->scope.known);
	messages_begin();
	const int status = check_scope_begin(&request, &world->repo, &world->scope);
	snprintf(world->said, sizeof(world->said), "%s", messages_end());
	return status;
}

static int begin_plain(struct world *world, struct options options)
{
	char *args[] = { world->repo.path, NULL };
	return begin(world, options, args, 1);
}

static void options_that_do_not_go_together_are_refused(void **state)
{
	static const struct { struct options options; int args; const char *word; } cases[] = {
		{ { .merge = true, .has_segments = true }, 2, "no other option for a part" },
		{ { .merge = true, .shards = 2, .shard = 1 }, 2, "no other option for a part" },
		{ { .merge = true, .incremental = true }, 2, "no other option for a part" },
		{ { .merge = true, .has_older_than = true }, 2, "no other option for a part" },
		{ { .merge = true, .max_duration = 5 }, 2, "no other option for a part" },
		{ { .merge = true }, 1, "--merge needs the reports" },
		{ { .incremental = true }, 2, "only be given with --merge" },
		{ { .has_segments = true, .shards = 2, .shard = 1 }, 1, "two ways to name a part" },
	};
	struct world *world = *state;
	char *args[] = { world->repo.path, world->repo.path, NULL };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(begin(world, cases[i].options, args, cases[i].args), EXIT_USAGE);
		if (strncmp(world->said, "atticscope: check: ", 19) != 0 ||
		    !strstr(world->said, cases[i].word))
			fail_msg("case %zu: %s", i, world->said);
	}
}

static void without_options_everything_is_read_and_nothing_kept(void **state)
{
	struct world *world = *state;
	const struct verify_scope everything = { .has_range = false };
	assert_int_equal(begin_plain(world, (struct options){ .all = true }), EXIT_DONE);
	assert_memory_equal(&world->scope.verify, &everything, sizeof(everything));
	assert_false(world->scope.is_part || world->scope.has_cache);
	check_scope_end(&world->scope, &world->repo, false);
	scratch_run("test ! -e %s/cache", world->scratch->path);
}

static void a_part_is_read_and_its_results_are_kept_for_the_report(void **state)
{
	struct world *world = *state;
	const struct verify_scope *verify = &world->scope.verify;
	assert_int_equal(begin_plain(world, (struct options){ .has_segments = true, .first = 3,
							      .last = 9 }), EXIT_DONE);
	assert_true(verify->has_range && world->scope.is_part);
	assert_int_equal(verify->first, 3);
	assert_int_equal(verify->last, 9);
	assert_ptr_equal(verify->keep, &world->scope.kept);
	assert_null(verify->known);
	assert_false(world->scope.has_cache);
	assert_int_equal(begin_plain(world, (struct options){ .shard = 2, .shards = 7 }),
			 EXIT_DONE);
	assert_true(world->scope.is_part && !verify->has_range);
	assert_int_equal(verify->shard, 2);
	assert_int_equal(verify->shards, 7);
}

static void earlier_results_are_trusted_as_long_as_the_options_say(void **state)
{
	struct world *world = *state;
	const struct verify_scope *verify = &world->scope.verify;
	const int64_t now = (int64_t)time(NULL);
	assert_int_equal(begin_plain(world, (struct options){ .incremental = true }), EXIT_DONE);
	assert_true(world->scope.has_cache && !world->scope.is_part);
	assert_ptr_equal(verify->known, &world->scope.known);
	assert_ptr_equal(verify->keep, &world->scope.kept);
	assert_true(verify->not_before == INT64_MIN);
	assert_int_equal(begin_plain(world, (struct options){ .has_older_than = true,
							      .older_than = 30 }), EXIT_DONE);
	assert_true(world->scope.has_cache);
	assert_in_range(now - verify->not_before, 30 * 86400 - 60, 30 * 86400 + 1);
	assert_int_equal(begin_plain(world, (struct options){ .max_duration = 600 }), EXIT_DONE);
	assert_true(world->scope.has_cache);
	assert_int_equal(verify->seconds, 600);
	assert_true(verify->not_before == INT64_MAX);
	assert_int_equal(begin_plain(world, (struct options){ .max_duration = 600,
							      .has_older_than = true,
							      .older_than = 1 }), EXIT_DONE);
	assert_in_range(now - verify->not_before, 86400 - 60, 86400 + 1);
}

static void add(struct verify_records *records, uint32_t segment)
{
	const struct verify_record record = { .segment = segment };
	assert_true(verify_records_add(records, &record));
}

static void results_are_saved_for_the_next_check(void **state)
{
	struct world *world = *state;
	begin_plain(world, (struct options){ .incremental = true });
	add(&world->scope.kept, 9);
	add(&world->scope.kept, 4);
	check_scope_end(&world->scope, &world->repo, false);
	begin_plain(world, (struct options){ .incremental = true });
	assert_string_equal(world->said, "");
	assert_int_equal(world->scope.known.count, 2);
	/* The check read one, and did not come to the other. */
	add(&world->scope.kept, 4);
	check_scope_end(&world->scope, &world->repo, true);
	begin_plain(world, (struct options){ .incremental = true });
	assert_int_equal(world->scope.known.count, 2);
	/* One that ended has forgotten what it did not find whole. */
	add(&world->scope.kept, 4);
	check_scope_end(&world->scope, &world->repo, false);
	begin_plain(world, (struct options){ .incremental = true });
	assert_int_equal(world->scope.known.count, 1);
	check_scope_end(&world->scope, &world->repo, false);
}

static void a_cache_that_cannot_be_used_is_no_obstacle(void **state)
{
	struct world *world = *state;
	scratch_file(world->scratch, "cache/atticscope/" ID ".json", "{", 1);
	assert_int_equal(begin_plain(world, (struct options){ .incremental = true }), EXIT_DONE);
	assert_non_null(strstr(world->said, "the results of earlier checks cannot be used: "));
	assert_int_equal(world->scope.known.count, 0);
	scratch_run("rm -r %s/cache", world->scratch->path);
	scratch_file(world->scratch, "cache", "", 0);
	messages_begin();
	check_scope_end(&world->scope, &world->repo, false);
	assert_non_null(strstr(messages_end(), "the results were not saved for the next check: "));
}

static void reports_are_joined(void **state)
{
	static const char first[] = RECORDS("9"), second[] = RECORDS("4");
	struct world *world = *state;
	char paths[2][BUILDER_PATH + 8];
	char *args[] = { world->repo.path, paths[0], paths[1], NULL };
	snprintf(paths[0], sizeof(paths[0]), "%s/a", world->scratch->path);
	snprintf(paths[1], sizeof(paths[1]), "%s/b", world->scratch->path);
	scratch_file(world->scratch, "a", first, strlen(first));
	scratch_file(world->scratch, "b", second, strlen(second));
	assert_int_equal(begin(world, (struct options){ .merge = true }, args, 3), EXIT_DONE);
	assert_int_equal(world->scope.known.count, 2);
	assert_int_equal(world->scope.known.rows[0].segment, 4);	/* they are sorted */
	assert_ptr_equal(world->scope.verify.known, &world->scope.known);
	assert_true(world->scope.verify.not_before == INT64_MIN);
	assert_false(world->scope.has_cache);
	scratch_file(world->scratch, "b", "[]", 2);
	assert_int_equal(begin(world, (struct options){ .merge = true }, args, 3), EXIT_FAILED);
	assert_non_null(strstr(world->said, "/b: it is not the report of a partial check"));
	world->repo.config.has_id = false;
	assert_int_equal(begin(world, (struct options){ .merge = true }, args, 2), EXIT_FAILED);
	assert_string_equal(world->said, "atticscope: the repository: it has no id, so no report "
			    "can be matched with it\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(options_that_do_not_go_together_are_refused),
		TEST(without_options_everything_is_read_and_nothing_kept),
		TEST(a_part_is_read_and_its_results_are_kept_for_the_report),
		TEST(earlier_results_are_trusted_as_long_as_the_options_say),
		TEST(results_are_saved_for_the_next_check),
		TEST(a_cache_that_cannot_be_used_is_no_obstacle),
		TEST(reports_are_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

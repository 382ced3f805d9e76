#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- disorder ---- */

static void a_missing_index_is_told_and_recovered_when_asked(void **state)
{
	struct world *world = *state;
	static const char *const lost[] = { "index", "hints" };
	fill_two_transactions(world);
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		char name[32];
		snprintf(name, sizeof(name), "%s.%u", lost[i], state_of(world).transaction);
		close_store(world);
		lose(world, name);
		reopen(world);
		assert_true(state_of(world).needs_recover);
		assert_true(state_of(world).why[0] != '\0');
		expect_refusals(world, AS_ERR_INDEX, AS_ERR_INDEX);
		assert_false(is_there(world, name));
		assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).needs_recover);
		check(world);
		check_repo(world);
	}
}

/* Replay everything behind an index of the first transaction. */
static void a_stale_index_is_built_upon(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	keep_index(world);
	put(world, 3, 50, 30);
	delete(world, 4);
	put(world, 40, 50, 40);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	close_store(world);
	bring_back_index(world);
	reopen(world);
	assert_true(state_of(world).needs_recover);
	/* The first segment is not needed for it: that shows where replaying began. */
	damage_segment(world, "data/0/0", 60);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	damage_segment(world, "data/0/0", 60);
	check(world);
	check_repo(world);
}

/* Several old indexes lie there, as after writers that were killed: the newest of them is the one
 * with the least to replay behind it. */
static void the_newest_of_several_old_indexes_is_built_upon(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 3; i++) {
		put(world, i, 100, i);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		keep_index(world);
	}
	put(world, 9, 100, 9);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	close_store(world);
	bring_back_index(world);
	reopen(world);
	assert_true(state_of(world).needs_recover);
	/* None of the segments before the last is needed: that shows where replaying began. */
	damage_segment(world, "data/0/1", 60);
	damage_segment(world, "data/0/2", 60);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	damage_segment(world, "data/0/1", 60);
	damage_segment(world, "data/0/2", 60);
	check(world);
	check_repo(world);
}

static void an_old_index_whose_segments_were_compacted_away_is_not_built_upon(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);
	put(world, 7, 10, 7);
	commit(world);
	keep_index(world);
	delete(world, 1);	/* its PUT and its DELETE are both gone after this */
	commit(world);
	close_store(world);
	bring_back_index(world);
	reopen(world);
	assert_true(state_of(world).needs_recover);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check(world);
	check_repo(world);
}

static void a_damaged_index_is_found_before_it_is_built_upon(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	char name[32], path[BUILDER_PATH];
	snprintf(name, sizeof(name), "index.%u", state_of(world).transaction);
	close_store(world);
	path_of(world, name, path);
	/* Make one used bucket an empty one. */
	FILE *file = fopen(path, "r+e");
	assert_non_null(file);
	for (long bucket = 0; bucket < 1024; bucket++) {
		uint8_t bytes[40];
		fseek(file, 18 + 40 * bucket, SEEK_SET);
		assert_int_equal(fread(bytes, 1, 40, file), 40);
		if (bytes[35] == 0xff)
			continue;
		memset(bytes + 32, 0xff, 4);
		fseek(file, 18 + 40 * bucket, SEEK_SET);
		fwrite(bytes, 1, 40, file);
		break;
	}
	fclose(file);
	reopen(world);
	uint8_t key[BUILDER_KEY];
	builder_key(1, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_INDEX);
	assert_true(state_of(world).needs_recover);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	check(world);
	check_repo(world);
}

static void recovering_refuses_a_damaged_log_and_writes_nothing(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	char name[32];
	snprintf(name, sizeof(name), "index.%u", state_of(world).transaction);
	close_store(world);
	lose(world, name);
	damage_segment(world, "data/0/0", 60);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(world->error.segment, 0);
	assert_int_equal(world->error.offset, 8);
	assert_false(is_there(world, name));
	assert_true(state_of(world).needs_recover);
	damage_segment(world, "data/0/0", 60);
	damage_segment(world, "data/0/0", 3);	/* of its magic */
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(world->error.segment, 0);
	assert_int_equal(world->error.damage, AS_DAMAGE_SEGMENT_HEADER);
	assert_false(is_there(world, name));
}

/* Stop a writer in the middle: everything it wrote, and no COMMIT. */
static void leave_a_tail(struct world *world)
{
	const struct expected_store committed = world->expected;
	for (unsigned i = 50; i < 60; i++)
		put(world, i, 300, i);
	world->expected = committed;
	world->fault.fail_kind = FAULT_REMOVE;
	world->fault.fail_at = 1;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	close_store(world);
	fault_init(&world->fault);
}

static void an_uncommitted_tail_is_told_and_removed_when_asked(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	const unsigned segments = count_segments(world);
	leave_a_tail(world);
	assert_true(count_segments(world) > segments);
	reopen(world);
	assert_true(state_of(world).needs_rollback);
	assert_int_equal(state_of(world).tail_segments, count_segments(world) - segments);
	check(world);	/* reading goes on */
	expect_refusals(world, AS_ERR_UNCOMMITTED, AS_OK);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_ERR_UNCOMMITTED);
	assert_true(count_segments(world) > segments);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	assert_int_equal(count_segments(world), segments);
	check(world);
	put(world, 70, 10, 1);
	commit(world);
	check_repo(world);
}

static void a_rollback_that_finds_no_index_recovers_one(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	char name[32];
	snprintf(name, sizeof(name), "index.%u", state_of(world).transaction);
	leave_a_tail(world);
	lose(world, name);
	reopen(world);
	assert_true(state_of(world).needs_rollback && state_of(world).needs_recover);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	assert_false(state_of(world).needs_rollback || state_of(world).needs_recover);
	check(world);
	check_repo(world);
}

static void a_tail_that_looks_committed_is_removed_only_by_force(void **state)
{
	struct world *world = *state;
	char name[32], path[BUILDER_PATH];
	struct stat st;
	for (unsigned i = 0; i < 4; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	const struct expected_store first = world->expected;
	put(world, 9, 100, 9);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	snprintf(name, sizeof(name), "data/%u/%u", last / 4, last);
	path_of(world, name, path);
	assert_int_equal(lstat(path, &st), 0);
	builder_flip(path, (uint64_t)st.st_size - 1, 4);	/* in the COMMIT */
	reopen(world);
	assert_true(state_of(world).needs_rollback);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_ERR_INTEGRITY);
	assert_true(is_there(world, name));
	/* Also where only the damaged COMMIT itself tells. */
	close_store(world);
	snprintf(name, sizeof(name), "index.%u", last);
	lose(world, name);
	snprintf(name, sizeof(name), "hints.%u", last);
	lose(world, name);
	reopen(world);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(as_rollback(world->store, AS_FORCE, &world->error), AS_OK);
	world->expected = first;
	check(world);
	check_repo(world);
}

static void a_forced_rollback_of_everything_leaves_an_empty_store(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct stat st;
	put(world, 1, 10, 1);
	commit(world);
	close_store(world);
	path_of(world, "data/0/0", path);
	assert_int_equal(lstat(path, &st), 0);
	builder_flip(path, (uint64_t)st.st_size - 1, 4);
	reopen(world);
	assert_int_equal(as_rollback(world->store, AS_FORCE, &world->error), AS_OK);
	assert_false(is_there(world, "index.0"));
	memset(&world->expected, 0, sizeof(world->expected));
	check(world);
	put(world, 2, 10, 2);
	commit(world);
	check_repo(world);
}

static void a_link_in_the_place_of_a_segment_stops_a_replay_and_no_writing(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	close_store(world);
	scratch_run("cd '%s' && mv data/0/0 aside && ln -s ../../aside data/0/0", world->repo);
	reopen(world);
	put(world, 60, 10, 60);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_INTEGRITY);
	assert_non_null(strstr(world->error.message, "/data: some of it is missing"));
	scratch_run("cd '%s' && mv aside data/0/0", world->repo);
	assert_int_equal(as_recover(world->store, AS_FULL, NULL), AS_OK);
	check_repo(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_index_is_told_and_recovered_when_asked),
		TEST(a_stale_index_is_built_upon),
		TEST(the_newest_of_several_old_indexes_is_built_upon),
		TEST(an_old_index_whose_segments_were_compacted_away_is_not_built_upon),
		TEST(a_damaged_index_is_found_before_it_is_built_upon),
		TEST(recovering_refuses_a_damaged_log_and_writes_nothing),
		TEST(an_uncommitted_tail_is_told_and_removed_when_asked),
		TEST(a_rollback_that_finds_no_index_recovers_one),
		TEST(a_tail_that_looks_committed_is_removed_only_by_force),
		TEST(a_forced_rollback_of_everything_leaves_an_empty_store),
		TEST(a_link_in_the_place_of_a_segment_stops_a_replay_and_no_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

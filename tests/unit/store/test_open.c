#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/check/check.h"
#include "engine/repo/probe.h"
#include "tests/support/write_hints.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- creating and opening ---- */

static void what_cannot_be_opened_is_told_apart(void **state)
{
	struct world *world = *state;
	struct as_store *store;
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/nothing", world->scratch->path);
	assert_int_equal(as_open(path, NULL, &store, &world->error), AS_ERR_DOES_NOT_EXIST);
	assert_null(store);
	scratch_folder(world->scratch, "empty");
	snprintf(path, sizeof(path), "%.400s/empty", world->scratch->path);
	assert_int_equal(as_open(path, NULL, &store, &world->error), AS_ERR_INVALID_REPOSITORY);
	scratch_file(world->scratch, "wrong/config", "[repository]\nversion = 2\n", 25);
	scratch_folder(world->scratch, "wrong/data");
	snprintf(path, sizeof(path), "%.400s/wrong", world->scratch->path);
	assert_int_equal(as_open(path, NULL, &store, &world->error), AS_ERR_INVALID_REPOSITORY);
	assert_non_null(strstr(world->error.message, "config"));
}

/* ---- disorder ---- */

static void an_index_that_is_too_new_is_not_believed(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	scratch_run("cd '%s' && mv index.%u index.%u && mv hints.%u hints.%u",
		 world->repo, last, last + 9, last, last + 9);
	reopen(world);
	assert_true(state_of(world).needs_recover);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	check(world);
	char name[32];
	snprintf(name, sizeof(name), "index.%u", last + 9);
	assert_false(is_there(world, name));
	check_repo(world);
}

/* A later transaction would get its number, and would be taken for what it describes. */
static void an_index_above_the_log_is_disorder_until_it_is_gone(void **state)
{
	struct world *world = *state;
	put(world, 1, 10, 1);
	commit(world);
	keep_index(world);
	const struct expected_store first = world->expected;
	put(world, 2, 10, 2);
	commit(world);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	scratch_run("rm '%s'/data/*/%u && cp '%s'/index.* '%s'/hints.* '%s'", world->repo, last,
		    world->scratch->path, world->scratch->path, world->repo);
	world->expected = first;
	reopen(world);
	assert_true(state_of(world).needs_recover);
	check(world);	/* the right one is there to be read */
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	char name[32];
	snprintf(name, sizeof(name), "index.%u", last);
	assert_false(is_there(world, name));
	put(world, 3, 10, 3);
	commit(world);
	check_repo(world);
}

/* At once, and not with the first change; reading goes on meanwhile. */
static void hints_that_count_or_list_what_is_not_there_are_known_when_opening(void **state)
{
	struct world *world = *state;
	static const struct {
		uint32_t live;
		bool compact;
		const char *why;
	} cases[] = {
		{ 5, false, "counts 5 in segment 300, which is not there" },
		{ 5, true, "counts 5 in segment 300, which is not there" },
		{ 0, true, "lists segment 300 for compaction, and that segment is not there" },
	};
	uint8_t key[BUILDER_KEY];
	builder_key(70, key);
	fill_two_transactions(world);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		add_ghost(world, cases[i].live, cases[i].compact);
		const struct as_state found = state_of(world);
		assert_true(found.needs_recover);
		assert_false(found.needs_rollback);
		assert_non_null(strstr(found.why, cases[i].why));
		check(world);
		assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_INDEX);
		assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).needs_recover);
		expect_no_ghost(world);
	}
	check_repo(world);
}

/* A segment that is gone, and that index and hints agree about, is damage of the log: a recovery
 * would only forget what it held. */
static void a_segment_that_is_gone_is_no_fault_of_the_hints(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	close_store(world);
	scratch_run("rm '%s/data/0/0'", world->repo);
	reopen(world);
	assert_false(state_of(world).needs_recover);
}

/* Borg's replay leaves such rows of segments that an interrupted compaction removed. */
static void borg_passes_over_a_segment_that_is_gone(void **state)
{
	struct world *world = *state;
	put(world, 1, 100, 1);
	struct hints_segment *ghost = hints_add(&world->store->hints, 300);
	assert_non_null(ghost);
	ghost->is_compact = true;
	ghost->freeable = 41;
	commit(world);
	reopen(world);
	assert_false(state_of(world).needs_recover);
	put(world, 2, 100, 2);
	assert_null(hints_find(&world->store->hints, 300));
	commit(world);
	check_repo(world);
}

/* Neither a write nor a removal gets past it, and its name is told. */
static void a_folder_in_the_place_of_index_or_hints_is_named(void **state)
{
	struct world *world = *state;
	static const struct { const char *kind; unsigned later; } cases[] = {
		{ "index", 0 }, { "hints", 0 }, { "index", 1 }, { "hints", 7 },
	};
	char name[32];
	fill_two_transactions(world);
	const unsigned last = state_of(world).transaction;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(name, sizeof(name), "%s.%u", cases[i].kind, last + cases[i].later);
		close_store(world);
		scratch_run("cd '%s' && rm -f %s && mkdir %s", world->repo, name, name);
		reopen(world);
		const struct as_state found = state_of(world);
		assert_true(found.needs_recover);
		assert_non_null(strstr(found.why, name));
		assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_NOT_REGULAR);
		assert_non_null(strstr(world->error.message, name));
		assert_non_null(strstr(world->error.message, "is a folder"));
		assert_int_equal(world->error.sys, 0);
		scratch_run("rmdir '%s/%s'", world->repo, name);
		assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
		check_repo(world);
	}
}

/* A compaction that does not know of a superseded PUT could drop the DELETE that killed it. */
static void hints_that_hide_a_sparse_segment_are_found(void **state)
{
	struct world *world = *state;
	struct hints usage = { .count = 0 };
	struct repo *opened;
	struct verify *verify;
	struct verify_progress progress = { .cancel = false };
	fill_two_transactions(world);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_int_equal(hints_copy(&usage, &opened->hints), AS_OK);
	for (size_t i = 0; i < usage.count; i++)
		usage.rows[i].is_compact = false;
	struct permit *permit = io_grant_permit(&world->fault.io, opened->fd, 0600);
	assert_int_equal(write_hints(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	repo_close(opened);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	/* A segment without live objects that the hints do not list takes no part in the log. */
	assert_true(verify->findings.total[PROBLEM_HINTS_COUNT] +
			    verify->findings.total[PROBLEM_SEGMENT_EMPTIED] +
			    verify->findings.total[PROBLEM_SEGMENT_RETURNED] > 0);
	verify_free(verify);
	repo_close(opened);
	reopen(world);
	assert_int_equal(as_recover(world->store, AS_FULL, NULL), AS_OK);
	check_repo(world);
}

static void a_lost_data_folder_is_not_taken_for_an_empty_store(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	close_store(world);
	scratch_run("rm -r '%s/data' && mkdir '%s/data'", world->repo,
		 world->repo);
	reopen(world);
	expect_refusals(world, AS_ERR_INDEX, AS_ERR_INDEX);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_INTEGRITY);
}

/* ---- failures ---- */

/* What the child of a fork does to the store that it inherits. */
static int in_child(struct world *world)
{
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	builder_key(1, key);
	const bool is_refused =
		as_put(world->store, key, 32, "x", 1, NULL) == AS_ERR_USAGE &&
		as_delete(world->store, key, 32, NULL) == AS_ERR_USAGE &&
		as_commit(world->store, 0, NULL, NULL) == AS_ERR_USAGE &&
		as_compact(world->store, NULL, NULL) != AS_OK &&
		as_recover(world->store, 0, NULL) == AS_ERR_USAGE &&
		as_rollback(world->store, 0, NULL) == AS_ERR_USAGE;
	const bool is_read = as_get(world->store, key, 32, &value, &size, NULL) == AS_OK;
	as_close(world->store);
	return is_refused && is_read ? 0 : 1;
}

static void the_child_of_a_fork_leaves_the_store_alone(void **state)
{
	struct world *world = *state;
	int status;
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 300, i + 100);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(in_child(world));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	struct as_store *other;
	assert_int_equal(as_open(world->repo, NULL, &other, NULL), AS_ERR_LOCK_FAILED);
	check(world);
	commit(world);
	check_repo(world);
}

static void unknown_flags_are_refused(void **state)
{
	struct world *world = *state;
	put(world, 1, 300, 1);
	assert_int_equal(as_commit(world->store, 0xff, NULL, NULL), AS_ERR_USAGE);
	assert_int_equal(as_rollback(world->store, 64, NULL), AS_ERR_USAGE);
	assert_int_equal(as_recover(world->store, 64, NULL), AS_ERR_USAGE);
	check(world);
	commit(world);
	check_repo(world);
}

/* ---- reading files ---- */

static void a_folder_that_cannot_be_listed_is_not_a_lack_of_memory(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	put(world, 70, 10, 70);
	world->fault.bad_listing = world->fault.listings + 1;
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_ERR_IO);
	assert_int_equal(world->error.sys, EIO);
	world->fault.bad_listing = 0;
	world->expected.objects[70].is_there = false;
	check(world);
}

static void opening_and_the_first_put_read_the_hints_once(void **state)
{
	struct world *world = *state;
	struct repo *opened;
	const struct repo_options options = { .may_write = true, .io = &world->fault.io };
	fill_two_transactions(world);
	close_store(world);
	unsigned before = world->fault.preads;
	assert_int_equal(repo_open(world->repo, &options, &opened, NULL), AS_OK);
	assert_true(probe_repo(opened));
	const unsigned once = world->fault.preads - before;
	repo_close(opened);
	before = world->fault.preads;
	reopen(world);
	assert_int_equal(world->fault.preads - before, once + 1);	/* the index's header */
	before = world->fault.preads;
	put(world, 70, 10, 70);
	assert_int_equal(world->fault.preads - before, 1);		/* its buckets */
	commit(world);
	check_repo(world);
}

/* Not those that opening read, when they bear the same number. */
static void hints_that_were_written_anew_are_read_anew(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	fill_two_transactions(world);
	add_ghost(world, 5, false);
	builder_key(70, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_INDEX);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	put(world, 70, 10, 70);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	put(world, 70, 10, 70);
	commit(world);
	check_repo(world);
}

static void a_store_opened_for_reading_refuses_to_write(void **state)
{
	struct world *world = *state;
	const struct as_options choices[] = { { .read_only = true }, { .no_lock = true } };
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	put(world, 0, 10, 0);
	commit(world);
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		as_close(world->store);
		assert_int_equal(as_open(world->repo, &choices[i], &world->store, NULL), AS_OK);
		check(world);
		assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_READ_ONLY);
		assert_int_equal(as_delete(world->store, key, 32, NULL), AS_ERR_READ_ONLY);
		assert_int_equal(as_compact(world->store, NULL, NULL), AS_ERR_READ_ONLY);
		assert_int_equal(as_recover(world->store, 0, NULL), AS_ERR_READ_ONLY);
	}
}

/* ---- the lock ---- */

static void a_reader_keeps_the_writer_waiting_and_the_writer_other_readers_out(void **state)
{
	struct world *world = *state;
	struct as_store *reader, *late;
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	assert_int_equal(as_open(world->repo, NULL, &reader, NULL), AS_OK);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_LOCK_FAILED);
	assert_false(state_of(world).can_write);
	as_close(reader);
	put(world, 0, 10, 0);
	assert_true(state_of(world).can_write);
	assert_int_equal(as_open(world->repo, NULL, &late, &world->error), AS_ERR_LOCK_FAILED);
	assert_null(late);
	commit(world);
	close_store(world);
	assert_int_equal(as_open(world->repo, NULL, &late, NULL), AS_OK);
	as_close(late);
	reopen(world);
}

static void an_upgrade_that_waits_can_be_stopped(void **state)
{
	struct world *world = *state;
	unsigned left = 3;
	const struct as_options options = {
		.lock_wait = 60000, .interrupt = say_stop, .context = &left,
	};
	struct as_store *writer;
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	assert_int_equal(as_open(world->repo, &options, &writer, NULL), AS_OK);
	assert_int_equal(as_put(writer, key, 32, "x", 1, NULL), AS_ERR_CANCELLED);
	assert_int_equal(left, 0);
	as_close(writer);
	put(world, 0, 10, 0);	/* nothing of it is left in the way */
	commit(world);
	check_repo(world);
}

static void a_change_behind_the_locks_back_is_noticed(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	builder_key(0, key);
	put(world, 1, 10, 0);
	commit(world);
	reopen(world);
	path_of(world, "data/0/17", path);
	builder_write_file(path, "ATTICSEG", 8);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_CHANGED);
}

/* ---- index and hints that agree with each other and not with the log ---- */

static void expect_other_index(struct world *world)
{
	reopen(world);
	assert_true(state_of(world).needs_recover);
	assert_true(state_of(world).why[0] != '\0');
	expect_refusals(world, AS_ERR_INDEX, AS_ERR_INDEX);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	assert_false(state_of(world).needs_recover);
	check(world);
	check_repo(world);
}

static void index_and_hints_of_another_repository_are_found_when_opening(void **state)
{
	struct world *world = *state;
	char other[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	builder_make_folder(other);
	struct builder *builder = builder_new(other, 1000, 1u << 20);
	for (unsigned i = 200; i < 240; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 50);
		if (i == 210)
			builder_commit(builder);
	}
	builder_commit(builder);
	fill_two_transactions(world);
	const uint32_t last = state_of(world).transaction;
	builder_write_index(builder, last, 0);
	builder_write_hints(builder, last);
	builder_free(builder);
	close_store(world);
	scratch_run("cp '%s'/index.* '%s'/hints.* '%s'", other, other, world->repo);
	builder_remove_folder(other);
	expect_other_index(world);
}

static void older_index_and_hints_under_the_newest_number_are_found(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	keep_index(world);
	put(world, 20, 100, 20);
	commit(world);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	bring_back_index(world);
	number_index(world, last);
	expect_other_index(world);
}

/* They count the same number of objects. */
static void an_older_index_beside_the_newest_hints_is_found(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	scratch_run("cp '%s'/index.* '%s'/index", world->repo, world->scratch->path);
	put(world, 20, 100, 20);
	delete(world, 3);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	scratch_run("mv '%s'/index '%s'/index.%u", world->scratch->path, world->repo, last);
	expect_other_index(world);
}

static void an_empty_index_with_empty_hints_is_found(void **state)
{
	struct world *world = *state;
	char other[BUILDER_PATH];
	builder_make_folder(other);
	struct builder *builder = builder_new(other, 1000, 1u << 20);
	fill_two_transactions(world);
	builder_write_index(builder, state_of(world).transaction, 0);
	builder_write_hints(builder, state_of(world).transaction);
	builder_free(builder);
	close_store(world);
	scratch_run("cp '%s'/index.* '%s'/hints.* '%s'", other, other, world->repo);
	builder_remove_folder(other);
	expect_other_index(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_cannot_be_opened_is_told_apart),
		TEST(an_index_that_is_too_new_is_not_believed),
		TEST(an_index_above_the_log_is_disorder_until_it_is_gone),
		TEST(index_and_hints_of_another_repository_are_found_when_opening),
		TEST(older_index_and_hints_under_the_newest_number_are_found),
		TEST(an_older_index_beside_the_newest_hints_is_found),
		TEST(an_empty_index_with_empty_hints_is_found),
		TEST(hints_that_count_or_list_what_is_not_there_are_known_when_opening),
		TEST(a_segment_that_is_gone_is_no_fault_of_the_hints),
		cmocka_unit_test_setup_teardown(borg_passes_over_a_segment_that_is_gone,
						setup_borg, teardown),
		TEST(a_folder_in_the_place_of_index_or_hints_is_named),
		TEST(hints_that_hide_a_sparse_segment_are_found),
		TEST(a_lost_data_folder_is_not_taken_for_an_empty_store),
		TEST(the_child_of_a_fork_leaves_the_store_alone),
		TEST(unknown_flags_are_refused),
		TEST(a_folder_that_cannot_be_listed_is_not_a_lack_of_memory),
		TEST(opening_and_the_first_put_read_the_hints_once),
		TEST(hints_that_were_written_anew_are_read_anew),
		TEST(a_store_opened_for_reading_refuses_to_write),
		TEST(a_reader_keeps_the_writer_waiting_and_the_writer_other_readers_out),
		TEST(an_upgrade_that_waits_can_be_stopped),
		TEST(a_change_behind_the_locks_back_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

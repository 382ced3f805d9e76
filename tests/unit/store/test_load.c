/* The store made ready to be written to: the lock, index and hints in memory, and the log. */
#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/repo/create.h"
#include "engine/repo/lock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the lock ---- */

static void the_lock_is_made_exclusive_once(void **state)
{
	struct world *world = *state;
	struct as_store *store = world->store;
	assert_null(store->permit);
	assert_int_equal(store_acquire(store, &world->error), AS_OK);
	const struct permit *permit = store->permit;
	assert_non_null(permit);
	assert_int_equal(store_acquire(store, &world->error), AS_OK);
	assert_ptr_equal(store->permit, permit);
	assert_false(is_there(world, "index.tmp"));	/* the trial was removed again */
}

/* Somebody who heeds no lock wrote since it was opened. */
static void a_repository_that_changed_meanwhile_is_refused(void **state)
{
	struct world *world = *state;
	scratch_run("sleep 0.02; touch '%s/stray' '%s/config'", world->repo, world->repo);
	assert_int_equal(store_acquire(world->store, &world->error), AS_ERR_CHANGED);
	assert_null(world->store->permit);
	assert_null(lock_permit(repo_lock(world->store->repo)));	/* it is shared again */
	assert_non_null(strstr(world->error.message, "it was changed since it was opened"));
	reopen(world);
	assert_int_equal(store_acquire(world->store, &world->error), AS_OK);
}

/* That index and hints can be written is known before anything is committed. */
static void a_folder_that_cannot_be_written_is_refused(void **state)
{
	static const enum fault_change kinds[] = { FAULT_CREATE, FAULT_REMOVE };
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		world->fault.fail_kind = kinds[i];
		world->fault.fail_error = EROFS;
		world->fault.fail_at = world->fault.changes + 1;
		assert_int_not_equal(store_acquire(world->store, &world->error), AS_OK);
		assert_non_null(strstr(world->error.message, ": cannot write in the folder"));
		assert_null(world->store->permit);
		world->fault.fail_at = 0;
		scratch_run("rm -f '%s/index.tmp'", world->repo);
		reopen(world);
	}
	put(world, 1, 10, 1);
	commit(world);
	check_repo(world);
}

static void what_a_crash_left_of_the_trial_is_removed(void **state)
{
	struct world *world = *state;
	scratch_file(world->scratch, "repo/index.tmp", "half of an index", 16);
	reopen(world);
	assert_int_equal(store_acquire(world->store, &world->error), AS_OK);
	assert_false(is_there(world, "index.tmp"));
}

/* ---- its order ---- */

static void disorder_is_refused_with_its_reason(void **state)
{
	struct world *world = *state;
	struct as_store *store = world->store;
	assert_int_equal(store_check_order(store, &world->error), AS_OK);
	snprintf(store->why, sizeof(store->why), "the index is gone");
	store->needs_recover = true;
	assert_int_equal(store_check_order(store, &world->error), AS_ERR_INDEX);
	assert_non_null(strstr(world->error.message, "the index is gone"));
	store->needs_rollback = true;		/* that has to come before a recovery */
	assert_int_equal(store_check_order(store, &world->error), AS_ERR_UNCOMMITTED);
	store->dead = true;
	assert_int_equal(store_check_order(store, &world->error), AS_ERR_DEAD);
	store->dead = store->needs_rollback = store->needs_recover = false;
	store->repo->findings.total[PROBLEM_FOLDER_UNREADABLE] = 1;
	assert_int_equal(store_check_order(store, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(store_begin(store, &world->error), AS_ERR_INTEGRITY);
	assert_null(store->permit);		/* nothing was asked of the lock */
	store->repo->findings.total[PROBLEM_FOLDER_UNREADABLE] = 0;
	store->pid++;				/* opened by another process */
	assert_int_equal(store_check_order(store, &world->error), AS_ERR_USAGE);
	store->pid--;
}

/* ---- what is loaded ---- */

static void an_empty_repository_begins_at_segment_0(void **state)
{
	struct world *world = *state;
	struct as_store *store = world->store;
	assert_int_equal(store_begin(store, &world->error), AS_OK);
	assert_int_equal(index_table_count(store->table), 0);
	assert_int_equal(store->log.segment, 0);
	assert_int_equal(store->written_from, 0);
	assert_int_equal(store->hints.count, 0);
}

static void a_transaction_begins_behind_the_last(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	const uint32_t last = state_of(world).transaction;
	reopen(world);
	struct as_store *store = world->store;
	assert_null(store->table);
	assert_int_equal(store_begin(store, &world->error), AS_OK);
	assert_int_equal(index_table_count(store->table), expected_count(&world->expected));
	assert_int_equal(store->log.segment, last + 1);
	assert_int_equal(store->log.limit, 1000);
	assert_int_equal(store->log.per_dir, 4);
	assert_int_equal(store->written_from, last + 1);
	uint64_t live;
	assert_true(hints_sum(&store->hints, &live));
	assert_int_equal(live, expected_count(&world->expected));
	const struct index_table *table = store->table;
	assert_int_equal(store_begin(store, &world->error), AS_OK);
	assert_ptr_equal(store->table, table);	/* it is there already */
}

static bool is_of(void *context, const struct hints_segment *row)
{
	const uint32_t *segment = context;
	return row->segment == *segment;
}

/* One that the hints do not know is the rest of an interrupted compaction; a row without a segment
 * is the rest of one that went on. */
static void every_segment_has_a_row_and_nothing_else_has(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	add_ghost(world, 0, false);
	reopen(world);
	struct as_store *store = world->store;
	const struct listing *listing = &store->repo->listing;
	assert_non_null(hints_find(&store->repo->hints, 300));
	uint32_t unknown = listing->segments[0].number;
	const int64_t hinted = hints_find(&store->repo->hints, unknown)->live;
	hints_remove(&store->repo->hints, is_of, &unknown);
	store->repo->hints.rows[0].live += hinted;	/* the sum stays right */
	assert_int_equal(store_begin(store, &world->error), AS_OK);
	for (size_t i = 0; i < listing->count; i++)
		assert_non_null(hints_find(&store->hints, listing->segments[i].number));
	assert_int_equal(hints_find(&store->hints, unknown)->live, 0);
	assert_null(hints_find(&store->hints, 300));
}

static void a_ghost_that_counts_objects_stays(void **state)
{
	struct world *world = *state;
	struct listing_segment segment = { .number = 7 };
	const struct listing listing = { .segments = &segment, .count = 1 };
	struct as_store *store = world->store;
	for (uint32_t number = 6; number < 9; number++)
		assert_non_null(hints_add(&store->hints, number));
	hints_find(&store->hints, 8)->live = 2;
	store_drop_ghosts(store, &listing);
	assert_null(hints_find(&store->hints, 6));
	assert_non_null(hints_find(&store->hints, 7));
	assert_int_equal(hints_find(&store->hints, 8)->live, 2);
	hints_free(&store->hints);
	store->hints = (struct hints){ .count = 0 };
}

/* What opening did not see, and loading does. */
static void index_and_hints_must_be_readable_and_agree(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	reopen(world);
	world->store->repo->hints.rows[0].live++;
	assert_int_equal(store_begin(world->store, &world->error), AS_ERR_INDEX);
	assert_non_null(strstr(world->error.message,
			       "index and hints count different numbers of objects"));
	assert_true(world->store->needs_recover);
	assert_null(world->store->table);
	assert_int_equal(world->store->index.fd, -1);
	assert_int_equal(store_begin(world->store, &world->error), AS_ERR_INDEX);
	reopen(world);
	world->store->repo->hints.usable = false;
	assert_int_equal(store_begin(world->store, &world->error), AS_ERR_INDEX);
	assert_non_null(strstr(world->error.message, "index or hints are damaged"));
	reopen(world);
	assert_int_equal(store_begin(world->store, &world->error), AS_OK);
}

/* That the disk does not read it now is no reason to write a new one. */
static void an_index_that_cannot_be_read_is_another_error(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	reopen(world);
	world->fault.bad_offset = 0;
	world->fault.bad_length = 1 << 20;
	assert_int_equal(store_begin(world->store, &world->error), AS_ERR_IO);
	assert_int_equal(world->error.sys, EIO);
	assert_non_null(strstr(world->error.message, ": cannot load the index"));
	assert_false(world->store->needs_recover);
	assert_null(world->store->table);
	world->fault.bad_length = 0;
	assert_int_equal(store_begin(world->store, &world->error), AS_OK);
}

static void segments_are_listed_again_where_some_came_or_went(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	reopen(world);
	struct as_store *store = world->store;
	const size_t count = store->repo->listing.count;
	scratch_run("mkdir -p '%s/data/75' && cp '%s/data/0/0' '%s/data/75/300'", world->repo,
		    world->repo, world->repo);
	assert_int_equal(store_list_segments(store, &world->error), AS_OK);
	assert_int_equal(store->repo->listing.count, count);
	store->listing_is_old = true;
	assert_int_equal(store_list_segments(store, &world->error), AS_OK);
	assert_int_equal(store->repo->listing.count, count + 1);
	assert_int_equal(store->repo->tail, count);	/* behind the transaction */
	assert_false(store->listing_is_old);
	scratch_run("rm -r '%s/data/75'", world->repo);
}

static void what_fails_later_leaves_nothing_loaded(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	reopen(world);
	world->store->listing_is_old = true;
	world->fault.bad_listing = world->fault.listings + 1;
	assert_int_not_equal(store_begin(world->store, &world->error), AS_OK);
	assert_null(world->store->table);
	assert_int_equal(world->store->hints.count, 0);
	world->fault.bad_listing = 0;
	assert_int_equal(store_begin(world->store, &world->error), AS_OK);
	assert_non_null(world->store->table);
}

static void segment_numbers_end(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	reopen(world);
	const uint32_t transaction = world->store->transaction;
	world->store->transaction = INT32_MAX;
	assert_int_equal(store_begin(world->store, &world->error), AS_ERR_FULL);
	assert_non_null(strstr(world->error.message, "segment numbers end at 2147483647"));
	assert_null(world->store->table);
	world->store->transaction = transaction;
	assert_int_equal(store_begin(world->store, &world->error), AS_OK);
}

/* Borg writes the digests of index and hints down. What does not have them is not built upon. */
static void the_digests_of_borg_are_compared(void **state)
{
	static const char *const kinds[] = { "index", "hints" };
	const struct as_settings settings = { .dialect = AS_DIALECT_BORG };
	struct world *world = *state;
	struct as_store *store;
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH], name[BUILDER_PATH + 16];
	snprintf(path, sizeof(path), "%.400s/borg", world->scratch->path);
	assert_int_equal(store_create(path, &settings, &world->fault.io, NULL), AS_OK);
	builder_key(1, key);
	assert_int_equal(store_open(path, NULL, &world->fault.io, &store, NULL), AS_OK);
	assert_int_equal(as_put(store, key, sizeof(key), "x", 1, NULL), AS_OK);
	assert_int_equal(as_commit(store, 0, NULL, NULL), AS_OK);
	const uint32_t transaction = store->transaction;
	as_close(store);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len;
		snprintf(name, sizeof(name), "%s/%s.%u", path, kinds[i], transaction);
		free(builder_read_file(name, &len));
		/* The offset in an empty bucket, or a bit of a figure: nothing else tells. */
		const uint64_t at = i == 0 ? len - 1 : len - 15;
		builder_flip(name, at, 1);
		assert_int_equal(store_open(path, NULL, &world->fault.io, &store, NULL), AS_OK);
		assert_int_equal(store_begin(store, &world->error), AS_ERR_INDEX);
		as_close(store);
		builder_flip(name, at, 1);
		assert_int_equal(store_open(path, NULL, &world->fault.io, &store, NULL), AS_OK);
		assert_int_equal(store_begin(store, &world->error), AS_OK);
		as_close(store);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_lock_is_made_exclusive_once),
		TEST(a_repository_that_changed_meanwhile_is_refused),
		TEST(a_folder_that_cannot_be_written_is_refused),
		TEST(what_a_crash_left_of_the_trial_is_removed),
		TEST(disorder_is_refused_with_its_reason),
		TEST(an_empty_repository_begins_at_segment_0),
		TEST(a_transaction_begins_behind_the_last),
		TEST(every_segment_has_a_row_and_nothing_else_has),
		TEST(a_ghost_that_counts_objects_stays),
		TEST(index_and_hints_must_be_readable_and_agree),
		TEST(an_index_that_cannot_be_read_is_another_error),
		TEST(segments_are_listed_again_where_some_came_or_went),
		TEST(what_fails_later_leaves_nothing_loaded),
		TEST(segment_numbers_end),
		TEST(the_digests_of_borg_are_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "engine/repo/create.h"
#include "engine/store/store_internal.h"
#include "tests/support/campaign.h"
#include "tests/support/expected_store.h"
#include "tests/support/fault.h"
#include "tests/support/follow_advice.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every change that an operation makes fails in turn, and all after it, as when the process is
 * killed there. The store must then open, say what it needs, and hold the state before or the state
 * after, by the index and by the log alone. Each operation runs on a store of Attic and on one of
 * Borg. */

struct operation {
	const char *name;
	/* Make and commit what is there before, with the real io. */
	void (*prepare)(struct expected_store *expected, struct as_store *store);
	/* Run the operation. @expected follows it as if all went well; an error ends it. */
	enum as_err (*run)(struct expected_store *expected, struct as_store *store);
};

static enum as_err try_put(struct expected_store *expected, struct as_store *store, unsigned number,
			   size_t size, unsigned seed)
{
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(size, seed);
	builder_key(number, key);
	const enum as_err err = as_put(store, key, sizeof(key), value, size, NULL);
	free(value);
	expected->objects[number] = (struct expected_object){
		.is_there = true, .size = size, .seed = seed,
	};
	return err;
}

static enum as_err try_delete(struct expected_store *expected, struct as_store *store,
			      unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	expected->objects[number].is_there = false;
	return as_delete(store, key, sizeof(key), NULL);
}

static void prepare_nothing(struct expected_store *expected, struct as_store *store)
{
	(void)expected;
	(void)store;
}

static void prepare_some(struct expected_store *expected, struct as_store *store)
{
	for (unsigned i = 0; i < 12; i++)
		expected_put(expected, store, i, 100, i);
	expected_commit(store);
	expected_put(expected, store, 20, 50, 1);
	expected_delete(expected, store, 3);
	expected_commit(store);
}

/* Superseded entries that await compaction. */
static void prepare_sparse(struct expected_store *expected, struct as_store *store)
{
	for (unsigned i = 0; i < 12; i++)
		expected_put(expected, store, i, 100, i);
	assert_int_equal(as_commit(store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 0; i < 12; i += 3)
		expected_put(expected, store, i, 60, i + 100);
	expected_put(expected, store, 20, 50, 1);
	expected_delete(expected, store, 1);
	expected_delete(expected, store, 11);
	assert_int_equal(as_commit(store, AS_NO_COMPACT, NULL, NULL), AS_OK);
}

static enum as_err run_first(struct expected_store *expected, struct as_store *store)
{
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < 8; i++)
		err = try_put(expected, store, i, 100, i);
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static enum as_err run_changes(struct expected_store *expected, struct as_store *store)
{
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < 6; i += 2)
		err = try_put(expected, store, i, 120, i + 50);
	if (err == AS_OK)
		err = try_delete(expected, store, 5);
	if (err == AS_OK)
		err = try_delete(expected, store, 20);
	if (err == AS_OK)
		err = try_put(expected, store, 30, 400, 7);
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static enum as_err run_deletes(struct expected_store *expected, struct as_store *store)
{
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < 12; i++)
		if (i != 3)
			err = try_delete(expected, store, i);
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static enum as_err run_deletes_of_overwritten(struct expected_store *expected,
					      struct as_store *store)
{
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < 12; i += 3)
		err = try_delete(expected, store, i);
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static enum as_err run_compact(struct expected_store *expected, struct as_store *store)
{
	(void)expected;
	return as_compact(store, NULL, NULL);
}

static enum as_err run_rollback(struct expected_store *expected, struct as_store *store)
{
	struct expected_store unused = *expected;
	enum as_err err = AS_OK;
	for (unsigned i = 40; err == AS_OK && i < 48; i++)
		err = try_put(&unused, store, i, 100, i);
	return err == AS_OK ? as_rollback(store, 0, NULL) : err;
}

static enum as_err run_recover(struct expected_store *expected, struct as_store *store)
{
	(void)expected;
	return as_recover(store, AS_FULL, NULL);
}

/* Every value ends like a COMMIT. Reading some back flushes the buffer; one is larger than the
 * buffer. */
static enum as_err run_like_commits(struct expected_store *expected, struct as_store *store)
{
	static const size_t sizes[] = { 9, 100, 59, 300, 91, 41, 300000, 50, 9, 200 };
	enum as_err err = AS_OK;
	for (unsigned i = 0; err == AS_OK && i < ARRAY_SIZE(sizes); i++) {
		uint8_t key[BUILDER_KEY];
		void *value;
		size_t size;
		err = try_put(expected, store, i, sizes[i], i | EXPECTED_LIKE_COMMIT);
		builder_key(i, key);
		if (err == AS_OK && i % 3 == 1) {
			err = as_get(store, key, sizeof(key), &value, &size, NULL);
			free(value);
		}
		if (err == AS_OK && i == 4)
			err = try_delete(expected, store, 5);
	}
	return err == AS_OK ? as_commit(store, 0, NULL, NULL) : err;
}

static void prepare_like_commits(struct expected_store *expected, struct as_store *store)
{
	for (unsigned i = 0; i < 12; i++)
		expected_put(expected, store, i, 100, i | EXPECTED_LIKE_COMMIT);
	assert_int_equal(as_commit(store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 0; i < 12; i += 3)
		expected_put(expected, store, i, 60, (i + 100) | EXPECTED_LIKE_COMMIT);
	expected_delete(expected, store, 1);
	assert_int_equal(as_commit(store, AS_NO_COMPACT, NULL, NULL), AS_OK);
}

static const struct operation operations[] = {
	{ "the first transaction", prepare_nothing, run_first },
	{ "overwriting and deleting", prepare_some, run_changes },
	{ "deleting everything old", prepare_some, run_deletes },
	{ "overwriting in sparse segments", prepare_sparse, run_changes },
	{ "compaction", prepare_sparse, run_compact },
	{ "a rollback", prepare_some, run_rollback },
	{ "a full recover", prepare_some, run_recover },
	{ "deleting what was overwritten", prepare_sparse, run_deletes_of_overwritten },
	{ "values that end like a COMMIT", prepare_some, run_like_commits },
	{ "compaction of values that end like a COMMIT", prepare_like_commits, run_compact },
};

static void make_repo(const struct operation *operation, enum as_dialect dialect, const char *repo,
		      struct expected_store *expected)
{
	const struct as_settings settings = {
		.segments_per_dir = 3, .max_segment_size = 300, .dialect = dialect,
	};
	struct as_error error = { .code = AS_OK };
	struct fault fault;
	struct as_store *store;
	fault_init(&fault);
	memset(expected, 0, sizeof(*expected));
	assert_int_equal(store_create(repo, &settings, &fault.io, &error), AS_OK);
	assert_int_equal(store_open(repo, NULL, &fault.io, &store, &error), AS_OK);
	operation->prepare(expected, store);
	as_close(store);
}

/* Do what the store asks for. True: it now holds @after, else @before. */
static bool repair(const char *repo, const struct expected_store *before,
		   const struct expected_store *after, const char *name, unsigned at)
{
	struct fault fault;
	struct as_store *store;
	struct as_state state;
	struct as_error error = { .code = AS_OK };
	fault_init(&fault);
	if (store_open(repo, NULL, &fault.io, &store, &error) != AS_OK)
		fail_msg("%s, change %u: %s", name, at, error.message);
	as_get_state(store, &state);
	if (state.needs_rollback && as_rollback(store, 0, &error) != AS_OK)
		fail_msg("%s, change %u: rollback: %s", name, at, error.message);
	as_get_state(store, &state);
	if (state.needs_recover && as_recover(store, 0, &error) != AS_OK)
		fail_msg("%s, change %u: recover: %s", name, at, error.message);
	const bool is_after = expected_matches(after, store);
	if (!is_after && !expected_matches(before, store))
		fail_msg("%s, change %u: neither before nor after", name, at);
	as_close(store);
	return is_after;
}

/* Attic and the first versions of Borg look only at the last nine bytes of a segment: they must not
 * look like a COMMIT unless they are one. */
static void compare_last_bytes(const char *repo, const char *name, unsigned at)
{
	const struct repo_options options = { .no_lock = true };
	struct repo *opened;
	assert_int_equal(repo_open(repo, &options, &opened, NULL), AS_OK);
	for (size_t i = 0; i < opened->listing.count; i++) {
		char path[LISTING_PATH_MAX];
		bool is_like, is_complete;
		listing_path(&opened->listing, i, path);
		assert_int_equal(segment_ends_like_commit(opened->io, opened->fd, path, &is_like),
				 AS_OK);
		assert_int_equal(segment_is_complete(opened->io, opened->fd, path, &is_complete),
				 AS_OK);
		if (is_like != is_complete)
			fail_msg("%s, change %u: %s ends like a COMMIT", name, at, path);
	}
	repo_close(opened);
}

/* Fail change number @at. False: the operation ended before it. */
static bool crash_at(const struct scratch *scratch, const struct operation *operation,
		     enum as_dialect dialect, unsigned at)
{
	char repo[BUILDER_PATH];
	struct expected_store before, after;
	struct fault fault;
	struct as_store *store;
	snprintf(repo, sizeof(repo), "%.400s/repo-%u", scratch->path, at);
	make_repo(operation, dialect, repo, &before);
	after = before;
	fault_init(&fault);
	fault.fail_at = at;
	fault.fail_for_good = true;
	fault.small_write_max = 50;	/* short writes, so that some are torn */
	fault.write_max = 16384;
	assert_int_equal(store_open(repo, NULL, &fault.io, &store, NULL), AS_OK);
	const bool went_well = operation->run(&after, store) == AS_OK;
	as_close(store);
	const bool is_reached = fault.changes >= at;
	if (!went_well && !is_reached)
		fail_msg("%s failed without a fault", operation->name);
	advice_wait(repo);
	compare_last_bytes(repo, operation->name, at);
	const bool is_after = repair(repo, &before, &after, operation->name, at);
	if (went_well && !is_after)
		fail_msg("%s, change %u: reported success, and lost", operation->name, at);
	expected_check_repo(is_after ? &after : &before, repo);

	/* The store can be written to again. */
	struct expected_store *expected = is_after ? &after : &before;
	fault_init(&fault);
	store = expected_open(repo, &fault.io);
	expected_put(expected, store, 100, 70, 5);
	if (expected->objects[0].is_there)
		expected_delete(expected, store, 0);
	expected_commit(store);
	as_close(store);
	expected_check_repo(expected, repo);
	builder_remove_folder(repo);
	return is_reached;
}

static void run_all(void **state, size_t number, enum as_dialect dialect)
{
	unsigned at = 1;
	while (crash_at(*state, &operations[number], dialect, at))
		at++;
	assert_true(at > 3);
	campaign_figure_of("changes at which a store stopped", operations[number].name, at - 1);
}

#define CRASH_TEST(name, number) \
	static void name(void **state) { run_all(state, number, AS_DIALECT_ATTIC); } \
	static void borg_##name(void **state) { run_all(state, number, AS_DIALECT_BORG); }
CRASH_TEST(the_first_transaction_is_whole_or_not_there, 0)
CRASH_TEST(overwriting_and_deleting_is_whole_or_not_done, 1)
CRASH_TEST(deleting_everything_old_brings_nothing_back, 2)
CRASH_TEST(a_commit_that_compacts_older_segments_is_whole_or_not_done, 3)
CRASH_TEST(a_compaction_loses_nothing_and_brings_nothing_back, 4)
CRASH_TEST(a_rollback_leaves_the_last_commit, 5)
CRASH_TEST(a_recover_that_stops_can_be_done_again, 6)
CRASH_TEST(a_delete_outlives_every_entry_that_it_killed, 7)
CRASH_TEST(values_that_end_like_a_commit_are_there_all_or_none, 8)
CRASH_TEST(a_compaction_of_values_that_end_like_a_commit_loses_nothing, 9)

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
#define BOTH(name) ONE(name), ONE(borg_##name)
	const struct CMUnitTest tests[] = {
		BOTH(the_first_transaction_is_whole_or_not_there),
		BOTH(overwriting_and_deleting_is_whole_or_not_done),
		BOTH(deleting_everything_old_brings_nothing_back),
		BOTH(a_commit_that_compacts_older_segments_is_whole_or_not_done),
		BOTH(a_compaction_loses_nothing_and_brings_nothing_back),
		BOTH(a_rollback_leaves_the_last_commit),
		BOTH(a_recover_that_stops_can_be_done_again),
		BOTH(a_delete_outlives_every_entry_that_it_killed),
		BOTH(values_that_end_like_a_commit_are_there_all_or_none),
		BOTH(a_compaction_of_values_that_end_like_a_commit_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

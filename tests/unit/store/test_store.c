#include "build-config.h"

#include "engine/check/check.h"
#include "engine/repo/create.h"
#include "engine/repo/probe.h"
#include "engine/store/store_internal.h"
#include "tests/builder.h"
#include "tests/expected_store.h"
#include "tests/fault.h"
#include "tests/opened_repo.h"
#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct scratch *scratch;
	char repo[BUILDER_PATH];
	struct expected_store expected;
	struct fault fault;
	struct as_store *store;
	struct as_error error;
};

/* An empty repository with small limits; the store is open on it by way of fault. */
static int setup(void **state)
{
	const struct as_settings settings = { .segments_per_dir = 4, .max_segment_size = 1000 };
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	snprintf(world->repo, sizeof(world->repo), "%.400s/repo", world->scratch->path);
	fault_init(&world->fault);
	assert_int_equal(store_create(world->repo, &settings, &world->fault.io, NULL), AS_OK);
	assert_int_equal(store_open(world->repo, NULL, &world->fault.io, &world->store, NULL),
			 AS_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	as_close(world->store);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

static void close_store(struct world *world)
{
	as_close(world->store);
	world->store = NULL;
}

static void reopen(struct world *world)
{
	as_close(world->store);
	const enum as_err err = store_open(world->repo, NULL, &world->fault.io, &world->store,
					   &world->error);
	if (err != AS_OK)
		fail_msg("%s", world->error.message);
}

static void put(struct world *world, unsigned number, size_t size, unsigned seed)
{
	expected_put(&world->expected, world->store, number, size, seed);
}

static void delete(struct world *world, unsigned number)
{
	expected_delete(&world->expected, world->store, number);
}

static void commit(struct world *world)
{
	expected_commit(world->store);
}

static void check(struct world *world)
{
	expected_check(&world->expected, world->store);
}

/* What is on the disk, with nothing open. */
static void check_repo(struct world *world)
{
	close_store(world);
	expected_check_repo(&world->expected, world->repo);
	reopen(world);
}

static struct as_state state_of(const struct world *world)
{
	struct as_state state;
	as_get_state(world->store, &state);
	return state;
}

static void path_of(const struct world *world, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/%.100s", world->repo, name);
}

static bool is_there(const struct world *world, const char *name)
{
	char path[BUILDER_PATH];
	struct stat st;
	path_of(world, name, path);
	return lstat(path, &st) == 0;
}

/* The segment files below data/, counted. */
static unsigned count_segments(const struct world *world)
{
	unsigned count = 0;
	char name[64];
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "data/%u/%u", i / 4, i);
		count += is_there(world, name);
	}
	return count;
}

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

/* ---- the seed's own tests, and what they leave out ---- */

static void a_hundred_puts_a_delete_and_a_reopen(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 10 + i, i);
	delete(world, 50);
	check(world);
	commit(world);
	check(world);
	reopen(world);
	check(world);
	check_repo(world);
}

static void several_transactions_add_up(void **state)
{
	struct world *world = *state;
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 10; i++)
			put(world, round * 7 + i, 90, round * 100 + i);
		delete(world, round * 7 + 1);
		commit(world);
		check(world);
		check_repo(world);
	}
}

static void get_is_right_after_overwrite_commit_rollback_and_delete(void **state)
{
	struct world *world = *state;
	put(world, 0, 3, 1);
	check(world);
	put(world, 0, 4, 2);
	check(world);
	put(world, 0, 3, 3);
	check(world);
	commit(world);
	check(world);
	const struct expected_store committed = world->expected;
	delete(world, 0);
	check(world);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected = committed;
	check(world);
	delete(world, 0);
	commit(world);
	check(world);
	check_repo(world);
}

static void overwriting_within_one_transaction_leaves_the_last(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 20; i++)
		put(world, 7, 200, i);
	delete(world, 7);
	put(world, 7, 9, 99);
	put(world, 8, 9, 98);
	delete(world, 8);
	check(world);
	commit(world);
	check_repo(world);
	assert_int_equal(count_segments(world), 1);
}

static void transactions_of_one_kind_only(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 50, i);
	commit(world);
	check_repo(world);
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 50, i + 1000);
	commit(world);
	check_repo(world);
	for (unsigned i = 0; i < 30; i++)
		delete(world, i);
	commit(world);
	check_repo(world);
	assert_int_equal(count_segments(world), 1);	/* one COMMIT must be left */
}

static void a_commit_without_changes_writes_nothing(void **state)
{
	struct world *world = *state;
	put(world, 1, 10, 1);
	commit(world);
	world->fault.changes = 0;
	struct as_report report;
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	assert_false(report.committed);
	assert_int_equal(report.transaction, state_of(world).transaction);
	assert_int_equal(world->fault.changes, 0);
}

static void closing_without_a_commit_leaves_the_last_one(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	const unsigned segments = count_segments(world);
	for (unsigned i = 5; i < 15; i++)
		put(world, i, 300, i + 7);
	delete(world, 0);
	close_store(world);
	world->expected = committed;
	assert_int_equal(count_segments(world), segments);
	expected_check_repo(&world->expected, world->repo);
}

static void a_rollback_forgets_the_transaction_and_the_next_one_works(void **state)
{
	struct world *world = *state;
	for (unsigned round = 0; round < 4; round++) {
		put(world, round, 400, round);
		commit(world);
		const struct expected_store committed = world->expected;
		for (unsigned i = 0; i < 8; i++)
			put(world, i, 500, 50 + i);
		assert_true(state_of(world).in_transaction);
		check(world);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).in_transaction);
		world->expected = committed;
		check(world);
	}
	check_repo(world);
}

static void list_goes_on_behind_the_marker_up_to_the_limit(void **state)
{
	struct world *world = *state;
	static uint8_t keys[101][AS_KEY_SIZE];
	bool seen[100] = { false };
	size_t count, total = 0;
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 5, i);
	for (int pass = 0; pass < 2; pass++) {	/* from memory, then from the disk */
		const void *marker = NULL;
		memset(seen, 0, sizeof(seen));
		for (total = 0;; total += count, marker = keys[total - 1]) {
			assert_int_equal(as_list(world->store, marker, 7, keys[total], &count,
						 NULL), AS_OK);
			if (count == 0)
				break;
			assert_true(count <= 7);
		}
		assert_int_equal(total, 100);
		for (unsigned i = 0; i < 100; i++)
			for (unsigned number = 0; number < 100; number++) {
				uint8_t key[BUILDER_KEY];
				builder_key(number, key);
				if (memcmp(key, keys[i], sizeof(key)) == 0)
					seen[number] = true;
			}
		for (unsigned i = 0; i < 100; i++)
			assert_true(seen[i]);
		commit(world);
		reopen(world);
	}
	uint8_t stranger[BUILDER_KEY];
	builder_key(1000, stranger);
	assert_int_equal(as_list(world->store, stranger, 7, keys, &count, NULL),
			 AS_ERR_OBJECT_NOT_FOUND);
	assert_int_equal(as_list(world->store, NULL, 0, keys, &count, NULL), AS_OK);
	assert_int_equal(count, 0);
}

struct many {
	const struct expected_store *expected;
	size_t count, stop_at;
};

static int take_one(void *context, size_t number, const void *value, size_t size)
{
	struct many *many = context;
	const struct expected_object *object = &many->expected->objects[number];
	uint8_t *wanted = expected_value(object->size, object->seed);
	assert_int_equal(number, many->count);
	assert_int_equal(size, object->size);
	assert_memory_equal(value, wanted, size);
	free(wanted);
	return ++many->count == many->stop_at;
}

static void get_many_gives_them_in_order_until_told_to_stop(void **state)
{
	struct world *world = *state;
	static uint8_t keys[41][AS_KEY_SIZE];
	struct many many = { .expected = &world->expected };
	for (unsigned i = 0; i < 40; i++) {
		put(world, i, 100 + i, i);
		builder_key(i, keys[i]);
	}
	builder_key(77, keys[40]);
	assert_int_equal(as_get_many(world->store, keys, 40, take_one, &many, NULL), AS_OK);
	assert_int_equal(many.count, 40);
	many = (struct many){ .expected = &world->expected, .stop_at = 3 };
	assert_int_equal(as_get_many(world->store, keys, 40, take_one, &many, NULL),
			 AS_ERR_CANCELLED);
	assert_int_equal(many.count, 3);
	many = (struct many){ .expected = &world->expected };
	assert_int_equal(as_get_many(world->store, keys, 41, take_one, &many, NULL),
			 AS_ERR_OBJECT_NOT_FOUND);
	assert_int_equal(many.count, 40);
}

static void keys_of_zeros_and_ones_and_empty_values(void **state)
{
	struct world *world = *state;
	uint8_t zeros[32] = { 0 }, ones[32];
	void *value;
	size_t size;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(as_put(world->store, zeros, 32, NULL, 0, NULL), AS_OK);
	assert_int_equal(as_put(world->store, ones, 32, "x", 1, NULL), AS_OK);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
	reopen(world);
	assert_int_equal(as_get(world->store, zeros, 32, &value, &size, NULL), AS_OK);
	assert_non_null(value);
	assert_int_equal(size, 0);
	free(value);
	assert_int_equal(as_get(world->store, ones, 32, &value, &size, NULL), AS_OK);
	assert_int_equal(size, 1);
	free(value);
	assert_int_equal(as_delete(world->store, zeros, 32, NULL), AS_OK);
	assert_int_equal(as_delete(world->store, ones, 32, NULL), AS_OK);
	commit(world);
	check_repo(world);
}

static void the_largest_object_is_stored_and_one_byte_more_refused(void **state)
{
	struct world *world = *state;
	put(world, 1, AS_VALUE_MAX, 1);
	put(world, 2, 10, 2);
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(AS_VALUE_MAX + 1, 3);
	builder_key(3, key);
	assert_int_equal(as_put(world->store, key, 32, value, AS_VALUE_MAX + 1, &world->error),
			 AS_ERR_TOO_LARGE);
	free(value);
	commit(world);
	check(world);
	put(world, 2, 11, 3);	/* has the large one's segment compacted */
	commit(world);
	check_repo(world);
}

static void a_key_that_is_not_32_bytes_is_refused(void **state)
{
	struct world *world = *state;
	const uint8_t key[33] = { 1 };
	void *value;
	size_t size;
	bool found;
	assert_int_equal(as_put(world->store, key, 31, "", 0, NULL), AS_ERR_KEY_SIZE);
	assert_int_equal(as_put(world->store, key, 33, "", 0, NULL), AS_ERR_KEY_SIZE);
	assert_int_equal(as_get(world->store, key, 0, &value, &size, NULL), AS_ERR_KEY_SIZE);
	assert_int_equal(as_delete(world->store, key, 31, NULL), AS_ERR_KEY_SIZE);
	assert_int_equal(as_contains(world->store, key, 31, &found, NULL), AS_ERR_KEY_SIZE);
	assert_false(state_of(world).in_transaction);
}

static void deleting_what_is_not_there_is_an_error_and_changes_nothing(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	builder_key(9, key);
	assert_int_equal(as_delete(world->store, key, 32, &world->error), AS_ERR_OBJECT_NOT_FOUND);
	put(world, 1, 10, 1);
	assert_int_equal(as_delete(world->store, key, 32, NULL), AS_ERR_OBJECT_NOT_FOUND);
	commit(world);
	check_repo(world);
}

/* ---- segments and folders ---- */

static void a_segment_is_closed_before_the_first_entry_beyond_its_limit(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct stat st;
	for (unsigned i = 0; i < 9; i++)
		put(world, i, 459, i);	/* 500 bytes each: 8, 508, 1008 */
	commit(world);
	for (unsigned i = 0; i < 3; i++) {
		char name[32];
		snprintf(name, sizeof(name), "data/0/%u", i);
		path_of(world, name, path);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_size, i < 2 ? 1008 + 500 * 0 : 1008 + 500 - 500);
	}
	check_repo(world);
}

static void folders_are_made_where_the_numbers_cross(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 60; i++)
		put(world, i, 700, i);
	commit(world);
	assert_true(is_there(world, "data/0/3"));
	assert_true(is_there(world, "data/1/4"));
	assert_false(is_there(world, "data/0/4"));
	assert_true(is_there(world, "data/7/28"));
	check_repo(world);
	/* A folder in the middle of a transaction may be there already, or be gone. */
	for (unsigned i = 0; i < 60; i++)
		delete(world, i);
	commit(world);
	check_repo(world);
}

static void a_file_in_the_place_of_the_next_segment_is_not_overwritten(void **state)
{
	struct world *world = *state;
	struct as_error error;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	char path[BUILDER_PATH];
	path_of(world, "data/0/1", path);
	builder_write_file(path, "mine", 4);
	builder_key(2, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &error), AS_ERR_CHANGED);
	assert_false(state_of(world).dead);
	unlink(path);
	put(world, 2, 1, 1);
	commit(world);
	check_repo(world);
}

/* As if the only segment had the number @number. */
static void renumber(struct world *world, uint32_t number)
{
	char path[BUILDER_PATH], folder[BUILDER_PATH], old[BUILDER_PATH], name[32];
	snprintf(name, sizeof(name), "data/%u", number / 4);
	path_of(world, name, folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%.470s/%u", folder, number);
	path_of(world, "data/0/0", old);
	assert_int_equal(rename(old, path), 0);
	path_of(world, "index.0", old);
	unlink(old);
	path_of(world, "hints.0", old);
	unlink(old);
}

static void numbers_that_no_longer_fit_are_refused(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	close_store(world);
	renumber(world, 4294967293);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check(world);
	builder_key(2, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_FULL);
	check(world);
}

/* Attic reads segment numbers as signed. */
static void the_highest_number_is_the_last_that_attic_reads(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	close_store(world);
	renumber(world, 2147483646);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	put(world, 2, 10, 2);
	commit(world);
	assert_int_equal(state_of(world).transaction, 2147483647);
	check_repo(world);
	builder_key(3, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_FULL);
	assert_non_null(strstr(world->error.message, "segment numbers end at 2147483647"));
	assert_false(state_of(world).dead);
	check_repo(world);
}

/* ---- compaction ---- */

static void compaction_keeps_what_lives_and_frees_the_rest(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 40; i++)
		put(world, i, 200, i);
	commit(world);
	for (unsigned i = 0; i < 40; i += 2)
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, &report, NULL), AS_OK);
	assert_int_equal(report.segments_compacted, 0);
	check(world);
	const unsigned before = count_segments(world);
	assert_int_equal(as_compact(world->store, &report, NULL), AS_OK);
	assert_int_equal(report.entries_copied, 20);
	assert_int_equal(report.bytes_copied, 20 * 241);
	assert_true(report.segments_compacted > 0);
	assert_true(count_segments(world) < before);
	check_repo(world);
	/* Again there is nothing to do. */
	world->fault.changes = 0;
	assert_int_equal(as_compact(world->store, &report, NULL), AS_OK);
	assert_int_equal(report.segments_compacted, 0);
	check_repo(world);
}

static void a_compaction_that_reaches_the_segment_limit_goes_on_in_the_next(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 100; i += 4)
		put(world, i, 310, i + 500);
	commit(world);
	check(world);
	check_repo(world);
	for (unsigned i = 0; i < 100; i++)
		if (i % 5)
			delete(world, i);
	commit(world);
	check_repo(world);
}

static void what_lies_only_in_the_hands_of_hints_is_compacted_at_last(void **state)
{
	struct world *world = *state;
	/* COMMIT after COMMIT that ends a compaction: no trail of segments may be left of them. */
	for (unsigned i = 0; i < 30; i++) {
		put(world, 1, 20, i);
		commit(world);
	}
	assert_true(count_segments(world) <= 3);
	check_repo(world);
}

/* As if the process had died at each change of a compaction. */
static void what_a_killed_compaction_leaves_is_named(void **state)
{
	struct world *world = *state;
	unsigned emptied, seen = 0, at = 0;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 5; i < 12; i++)
		put(world, i, 100, i + 70);
	delete(world, 0);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	const uint32_t since = state_of(world).transaction;
	close_store(world);
	scratch_run("cp -r '%s' '%s-before'", world->repo, world->repo);
	do {
		struct opened_repo opened;
		scratch_run("rm -r '%s' && cp -r '%s-before' '%s'", world->repo, world->repo,
			    world->repo);
		reopen(world);
		world->fault.changes = 0;
		world->fault.fail_at = ++at;
		world->fault.fail_for_good = true;
		as_compact(world->store, NULL, NULL);
		close_store(world);
		world->fault.fail_at = 0;
		assert_true(opened_repo_open(&opened, world->repo));
		const char *wrong = opened_repo_check_hints(&opened, since, &emptied);
		if (wrong)
			fail_msg("change %u: %s", at, wrong);
		seen += emptied;
		opened_repo_close(&opened);
	} while (world->fault.changes >= at);
	assert_true(at > 10);
	assert_true(seen > 0);
	reopen(world);
	check_repo(world);
}

/* Flip a bit in the first segment, in the value of an object. */
static void damage_segment(struct world *world, const char *name, uint64_t offset)
{
	char path[BUILDER_PATH];
	path_of(world, name, path);
	builder_flip(path, offset, 1);
}

static void a_damaged_segment_is_skipped_and_its_deletes_outlive_it(void **state)
{
	struct world *world = *state;
	struct as_report report;
	struct as_state before;
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);			/* segment 0: objects 0, 1, 2 */
	before = state_of(world);
	assert_int_equal(before.transaction, 0);
	damage_segment(world, "data/0/0", 100);
	delete(world, 2);		/* whole, in the damaged segment */
	put(world, 5, 20, 5);
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	assert_int_equal(report.segments_skipped, 1);
	assert_int_equal(report.skipped.code, AS_ERR_INTEGRITY);
	assert_int_equal(report.skipped.segment, 0);
	assert_int_equal(report.skipped.damage, AS_DAMAGE_CHECKSUM);
	assert_true(is_there(world, "data/0/0"));
	/* Many commits later the DELETE of 2 is still in the log: without the index 2 is not back.
	 */
	for (unsigned i = 0; i < 5; i++) {
		put(world, 6, 30, i);
		commit(world);
	}
	assert_true(count_segments(world) < 6);
	close_store(world);
	struct repo *opened;
	struct verify *verify;
	struct verify_progress progress = { .cancel = false };
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	struct replay_event event;
	struct as_state now;
	reopen(world);
	now = state_of(world);
	snprintf(path, sizeof(path), "%.400s/index.%u", world->repo, now.transaction);
	close_store(world);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	builder_key(2, key);
	assert_false(verify_lookup(verify, key, &event));
	builder_key(1, key);
	assert_true(verify_lookup(verify, key, &event));
	verify_free(verify);
	repo_close(opened);
}

static void damage_is_named_with_its_place(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	char path[BUILDER_PATH];
	put(world, 0, 100, 0);
	put(world, 1, 100, 1);
	put(world, 2, 100, 2);
	commit(world);
	static const struct {
		uint64_t offset;
		enum as_damage damage;
	} flips[] = {
		{ 8 + 141 + 60, AS_DAMAGE_CHECKSUM },	/* the value */
		{ 8 + 141 + 6, AS_DAMAGE_SIZE },	/* the size: beyond 20 MiB or the end */
		{ 8 + 141 + 8, AS_DAMAGE_SIZE },	/* the tag: a DELETE of that size */
		{ 8 + 141 + 20, AS_DAMAGE_CHECKSUM },	/* the key */
	};
	builder_key(1, key);
	path_of(world, "data/0/0", path);
	for (size_t i = 0; i < ARRAY_SIZE(flips); i++) {
		builder_flip(path, flips[i].offset, 1);
		assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error),
				 AS_ERR_INTEGRITY);
		assert_null(value);
		assert_true(world->error.has_place);
		assert_int_equal(world->error.segment, 0);
		assert_int_equal(world->error.offset, 149);
		assert_int_equal(world->error.damage, flips[i].damage);
		assert_non_null(strstr(world->error.message, "data/0/0: segment 0, offset 149"));
		builder_flip(path, flips[i].offset, 1);
	}
	builder_flip(path, 8 + 141 + 8, 8);	/* an unknown tag */
	assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error),
			 AS_ERR_INTEGRITY);
	assert_int_equal(world->error.damage, AS_DAMAGE_ENTRY_HEADER);
	builder_flip(path, 8 + 141 + 8, 8);
	check(world);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error),
			 AS_ERR_INTEGRITY);
	assert_int_equal(world->error.damage, AS_DAMAGE_MISSING);
}

/* Give @key the place of the object @other in the index, with nothing open. */
static void misdirect(struct world *world, unsigned number, unsigned other)
{
	char name[32], path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY], bytes[BUILDER_KEY];
	snprintf(name, sizeof(name), "index.%u", state_of(world).transaction);
	path_of(world, name, path);
	close_store(world);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	long at = 18, from = -1, to = -1;	/* behind the header: key, segment, offset */
	for (; fseek(file, at, SEEK_SET) == 0 && fread(bytes, 32, 1, file) == 1; at += 40) {
		builder_key(number, key);
		to = memcmp(bytes, key, 32) == 0 ? at + 32 : to;
		builder_key(other, key);
		from = memcmp(bytes, key, 32) == 0 ? at + 32 : from;
	}
	assert_true(from >= 0 && to >= 0);
	fseek(file, from, SEEK_SET);
	assert_int_equal(fread(bytes, 8, 1, file), 1);
	fseek(file, to, SEEK_SET);
	assert_int_equal(fwrite(bytes, 8, 1, file), 1);
	fclose(file);
	reopen(world);
}

static void the_object_of_another_key_is_never_given_out(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	put(world, 0, 100, 0);
	put(world, 1, 100, 1);
	commit(world);
	misdirect(world, 1, 0);
	builder_key(1, key);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error),
			 AS_ERR_INTEGRITY);
	assert_null(value);
	builder_key(0, key);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, NULL), AS_OK);
	free(value);
}

static int take_none(void *context, const uint8_t key[AS_KEY_SIZE])
{
	unsigned *seen = context;
	(void)key;
	++*seen;
	return 0;
}

/* A key that cannot be looked up is neither there nor missing. */
static void an_index_that_cannot_be_read_is_an_error_and_not_an_absence(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY], keys[4 * BUILDER_KEY];
	void *value;
	size_t size, count = 7;
	bool found = true;
	unsigned seen = 0;
	put(world, 0, 100, 0);
	commit(world);
	reopen(world);
	builder_key(0, key);
	world->fault.bad_offset = 18;
	world->fault.bad_length = 1 << 20;
	assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error), AS_ERR_IO);
	assert_non_null(strstr(world->error.message, "/index.0: cannot read"));
	assert_int_equal(world->error.sys, EIO);
	assert_int_equal(as_contains(world->store, key, 32, &found, &world->error), AS_ERR_IO);
	assert_false(found);
	assert_int_equal(as_contains(world->store, key, 32, &found, NULL), AS_ERR_IO);
	assert_int_equal(as_list(world->store, NULL, 4, keys, &count, NULL), AS_ERR_IO);
	assert_int_equal(count, 0);
	assert_int_equal(as_each_key(world->store, take_none, &seen, NULL), AS_ERR_IO);
	assert_int_equal(seen, 0);
	world->fault.bad_length = 0;
	check(world);
}

/* A segment that may not be opened just now is not damaged. */
static void a_segment_that_cannot_be_opened_is_not_called_damaged(void **state)
{
	struct world *world = *state;
	static const struct { int sys; enum as_err err; } refusals[] = {
		{ EIO, AS_ERR_IO }, { EACCES, AS_ERR_DENIED },
	};
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	put(world, 0, 100, 0);
	commit(world);
	builder_key(0, key);
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		reopen(world);
		world->fault.open_path = "data/0/0";
		world->fault.open_error = refusals[i].sys;
		assert_int_equal(as_get(world->store, key, 32, &value, &size, &world->error),
				 refusals[i].err);
		assert_int_equal(world->error.sys, refusals[i].sys);
		assert_int_equal(world->error.damage, AS_DAMAGE_NONE);
		assert_non_null(strstr(world->error.message, "data/0/0: cannot read segment 0"));
		world->fault.open_error = 0;
	}
	check(world);
}

static int take_one_key(void *context, const uint8_t key[AS_KEY_SIZE])
{
	take_none(context, key);
	return 1;
}

static void going_through_the_keys_can_be_stopped(void **state)
{
	struct world *world = *state;
	unsigned seen = 0;
	for (unsigned i = 0; i < 5; i++)
		put(world, i, 10, i);
	assert_int_equal(as_each_key(world->store, take_one_key, &seen, &world->error),
			 AS_ERR_CANCELLED);
	assert_int_equal(seen, 1);
	commit(world);
	check_repo(world);
}

/* ---- disorder ---- */

static void lose(struct world *world, const char *name)
{
	char path[BUILDER_PATH];
	path_of(world, name, path);
	assert_int_equal(unlink(path), 0);
}

static void fill_two_transactions(struct world *world)
{
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 5; i < 12; i++)
		put(world, i, 100, i + 70);
	delete(world, 0);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
}

static void expect_refusals(struct world *world, enum as_err refusal, enum as_err reading)
{
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	builder_key(1, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), refusal);
	assert_int_equal(as_delete(world->store, key, 32, NULL), refusal);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), refusal);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, NULL), reading);
	free(value);
}

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

/* Keep index and hints of now; bring them back in the place of those of then. */
static void keep_index(const struct world *world)
{
	scratch_run("cp '%s'/index.* '%s'/hints.* '%s'", world->repo, world->repo,
		    world->scratch->path);
}

static void bring_back_index(const struct world *world)
{
	scratch_run("rm -f '%s'/index.* '%s'/hints.* && mv '%s'/index.* '%s'/hints.* '%s'",
		    world->repo, world->repo, world->scratch->path, world->scratch->path,
		    world->repo);
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

/* A later transaction would come to bear its number, and be taken for what it tells of. */
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

static void hints_of_segments_that_are_gone_mean_nothing(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 20; i++)
		delete(world, i);
	commit(world);
	scratch_run("rmdir '%s'/data/* 2>/dev/null || true", world->repo);
	put(world, 90, 10, 1);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[90].is_there = false;
	for (unsigned i = 40; i < 44; i++) {
		put(world, i, 10, i);
		assert_int_equal(as_commit(world->store, i % 2 ? AS_NO_COMPACT : 0, NULL,
					   &world->error), AS_OK);
	}
	check_repo(world);
}

/* Let the hints of the last transaction tell of @live objects in segment 300 too, and list it to be
 * compacted where @compact. */
static void add_ghost(struct world *world, uint32_t live, bool compact)
{
	struct hints usage = { .count = 0 };
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	const int fd = open(world->repo, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(hints_load(&usage, &world->fault.io, fd, last), AS_OK);
	struct hints_segment *row = hints_add(&usage, 300);
	assert_non_null(row);
	row->live = live;
	row->is_compact = compact;
	struct permit *permit = io_grant_permit(&world->fault.io, fd, 0600);
	assert_int_equal(hints_write(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
	reopen(world);
}

static void expect_no_ghost(struct world *world)
{
	struct repo *opened;
	close_store(world);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_true(opened->hints.usable);
	assert_null(hints_find(&opened->hints, 300));
	assert_false(hints_is_compact(&opened->hints, 300));
	repo_close(opened);
	reopen(world);
}

static void what_hints_tell_of_a_segment_that_never_was_is_dropped(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	add_ghost(world, 0, false);
	assert_false(state_of(world).needs_recover);
	put(world, 50, 10, 50);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	expect_no_ghost(world);
	add_ghost(world, 0, false);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	expect_no_ghost(world);
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
	assert_int_equal(hints_write(&usage, permit, last), AS_OK);
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

static void a_folder_that_is_a_link_is_not_written_through(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	for (unsigned i = 0; i < 4; i++) {
		put(world, i, 10, i);
		commit(world);
	}
	close_store(world);
	scratch_folder(world->scratch, "outside");
	scratch_run("ln -s '%s/outside' '%s/data/1'", world->scratch->path, world->repo);
	builder_key(9, key);
	reopen(world);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_INTEGRITY);
	path_of(world, "data/1", path);
	assert_int_equal(unlink(path), 0);
	reopen(world);
	put(world, 5, 10, 5);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[5].is_there = false;
	/* Also when it comes while the store is open. */
	scratch_run("rmdir '%s/data/1' && ln -s '%s/outside' '%s/data/1'", world->repo,
		    world->scratch->path, world->repo);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_NOT_REGULAR);
	scratch_run("test -z \"$(ls '%s/outside')\"", world->scratch->path);
	check(world);
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

/* Behind a commit and a rollback the segments are listed anew. */
static void a_folder_that_was_lost_meanwhile_refuses_to_be_written_to(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	fill_two_transactions(world);
	put(world, 60, 10, 60);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[60].is_there = false;
	scratch_run("mv '%s/data/0' '%s/aside' && ln -s ../aside '%s/data/0'", world->repo,
		    world->repo, world->repo);
	builder_key(60, key);
	errno = EINTR;	/* which has nothing to do with it */
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(world->error.sys, 0);
	assert_non_null(strstr(world->error.message, "/data: some of it is missing"));
	scratch_run("rm '%s/data/0' && mv '%s/aside' '%s/data/0'", world->repo, world->repo,
		    world->repo);
	put(world, 61, 10, 61);
	commit(world);
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

/* ---- the order of writing ---- */

struct steps {
	char text[4096];
	size_t len;
};

/* "W5" for a write to segment 5, "C" made, "S" synced, "R" removed; "Ndata" for a name. Pieces of
 * one write count once. */
static void note_step(void *context, enum fault_change kind, const char *path)
{
	static const char letters[] = {
		[FAULT_CREATE] = 'C', [FAULT_WRITE] = 'W', [FAULT_TRUNCATE] = 'T',
		[FAULT_SYNC] = 'S', [FAULT_FOLDER] = 'F', [FAULT_RENAME] = 'N',
		[FAULT_LINK] = 'L', [FAULT_REMOVE] = 'R',
	};
	struct steps *steps = context;
	char step[300];
	const char *in_data = strstr(path, "data/");
	const char *name = in_data ? in_data : strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(step, sizeof(step), "%c:%.200s ", letters[kind], name);
	const size_t size = strlen(step);
	if (steps->len >= size && memcmp(steps->text + steps->len - size, step, size) == 0)
		return;
	assert_true(steps->len + size < sizeof(steps->text));
	memcpy(steps->text + steps->len, step, size + 1);
	steps->len += size;
}

static void the_order_of_writing_is_as_documented(void **state)
{
	struct world *world = *state;
	struct steps steps = { .len = 0 };
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 459, i);	/* two to a segment: 0, 1, 2 */
	commit(world);
	world->fault.watch = note_step;
	world->fault.watch_context = &steps;
	put(world, 0, 400, 9);
	delete(world, 1);
	delete(world, 2);
	put(world, 7, 800, 7);
	put(world, 8, 10, 8);		/* the next segment, in the next folder */
	commit(world);
	assert_string_equal(steps.text,
			    /* entries, the names of their files, and their COMMIT by itself */
			    "C:data/0/3 W:data/0/3 F:data/1 C:data/1/4 W:data/1/4 "
			    "S:data/0/3 S:data/1/4 S:data S:data/0 S:data/1 "
			    "W:data/1/4 S:data/1/4 "
			    /* what compaction copies, likewise */
			    "C:data/1/5 W:data/1/5 S:data/1/5 S:data/1 W:data/1/5 S:data/1/5 "
			    /* hints, then index, each durable under its name */
			    "C:hints.5.tmp W:hints.5.tmp S:hints.5.tmp N:hints.5 S:repo "
			    "C:index.tmp W:index.tmp S:index.tmp N:index.5 S:repo "
			    /* emptied segments, those with a DELETE last */
			    "R:data/0/0 R:data/0/1 S:data/0 R:data/0/3 S:data/0 "
			    /* the folder, were it empty; the hints without what is gone; older files */
			    "R:data/0 C:hints.5.tmp W:hints.5.tmp S:hints.5.tmp N:hints.5 "
			    "R:hints.2 R:index.2 ");
	check_repo(world);
}

/* ---- failures ---- */

static void a_full_disk_refuses_a_put_and_the_transaction_goes_on(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(600000, 1);
	for (unsigned i = 0; i < 5; i++)
		put(world, i, 100, i);
	builder_key(9, key);
	world->fault.fail_error = ENOSPC;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	assert_int_equal(as_put(world->store, key, 32, value, 600000, &world->error),
			 AS_ERR_NO_SPACE);
	builder_key(3, key);	/* one that is there: its DELETE must not stay either */
	assert_int_equal(as_put(world->store, key, 32, value, 600000, &world->error),
			 AS_ERR_NO_SPACE);
	assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_ERR_NO_SPACE);
	assert_false(state_of(world).dead);
	world->fault.fail_at = 0;
	check(world);
	put(world, 9, 600000, 1);
	commit(world);
	free(value);
	check_repo(world);
}

/* Each change of a put fails once: it is refused, nothing of it stays, and the next one works. */
static void a_put_that_fails_anywhere_is_taken_back(void **state)
{
	struct world *world = *state;
	static const int errors[] = { ENOSPC, EIO, EDQUOT };
	static const enum fault_change kinds[] = { FAULT_CREATE, FAULT_WRITE, FAULT_FOLDER };
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	for (unsigned at = 1; at <= 4; at++)
		for (unsigned i = 0; i < 36; i++) {
			world->fault.fail_kind = kinds[i % ARRAY_SIZE(kinds)];
			uint8_t key[BUILDER_KEY];
			const size_t size = i % 2 ? 300000 : 900;
			uint8_t *value = expected_value(size, at);
			builder_key(i, key);
			world->fault.changes = 0;
			world->fault.fail_at = at;
			world->fault.fail_error = errors[at % ARRAY_SIZE(errors)];
			const enum as_err err = as_put(world->store, key, 32, value, size, NULL);
			world->fault.fail_at = 0;
			free(value);
			assert_false(state_of(world).dead);
			if (err == AS_OK)
				world->expected.objects[i] = (struct expected_object){
					.is_there = true, .size = size, .seed = at,
				};
			check(world);
		}
	commit(world);
	check_repo(world);
}

/* From one change on everything fails, the taking back as well: the store says that nothing can be
 * said, and a rollback gives what was committed. */
static void a_put_that_cannot_be_taken_back_ends_the_transaction(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(300000, 1);
	unsigned dead = 0;
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	builder_key(1, key);
	for (unsigned at = 1; at <= 8; at++) {
		for (unsigned i = 3; i < 9; i++)	/* the open segment is full */
			put(world, i, 300, at);
		world->fault.fail_error = EIO;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_put(world->store, key, 32, value, 300000, NULL);
		world->fault.fail_at = 0;
		assert_true(err == AS_OK || err == AS_ERR_IO);
		if (state_of(world).dead) {
			dead++;
			assert_int_equal(err, AS_ERR_IO);
			assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_DEAD);
			assert_int_equal(as_delete(world->store, key, 32, NULL), AS_ERR_DEAD);
			assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DEAD);
		}
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
	}
	free(value);
	assert_true(dead > 0);
	check_repo(world);
}

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

static void nothing_is_committed_that_another_process_removed(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	for (unsigned segment = 1; segment <= 2; segment++) {
		for (unsigned i = 0; i < 5; i++)
			put(world, i, 300, i + 100);
		assert_int_equal(log_flush(&world->store->log, NULL), AS_OK);
		snprintf(path, sizeof(path), "%.400s/data/0/%u", world->repo, segment);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_ERR_CHANGED);
		assert_non_null(strstr(world->error.message, path));
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
	}
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

static void a_sync_that_fails_kills_the_transaction_and_a_rollback_helps(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	const struct expected_store committed = world->expected;
	put(world, 1, 10, 77);
	world->fault.fail_kind = FAULT_SYNC;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	struct as_report report;
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_IO);
	assert_false(report.committed);
	assert_true(state_of(world).dead);
	builder_key(1, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_DEAD);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DEAD);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	assert_false(state_of(world).dead);
	world->expected = committed;
	check(world);
	put(world, 1, 20, 78);
	commit(world);
	check_repo(world);
}

/* The transaction is durable; what fails behind it is told, and done by the next commit. */
static void a_commit_that_cannot_write_the_index_says_that_it_is_durable(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	world->fault.fail_kind = FAULT_RENAME;
	world->fault.fail_error = ENOSPC;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	put(world, 20, 10, 1);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_NO_SPACE);
	assert_true(report.committed);
	assert_false(state_of(world).dead);
	check(world);
	put(world, 21, 10, 1);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_NO_SPACE);
	world->fault.fail_at = 0;
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	check(world);
	check_repo(world);
}

static void an_index_that_was_not_written_is_known_after_a_rollback(void **state)
{
	struct world *world = *state;
	struct as_report report;
	put(world, 1, 10, 1);
	commit(world);
	for (unsigned at = 1; at < 12; at++) {
		put(world, 20, at, at);
		world->fault.fail_kind = FAULT_SYNC;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_commit(world->store, 0, &report, NULL);
		world->fault.fail_at = 0;
		const struct expected_store committed = world->expected;
		if (err != AS_OK && !report.committed) {
			assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
			reopen(world);
			put(world, 20, at, at);
			commit(world);
			continue;
		}
		if (!state_of(world).needs_recover) {
			put(world, 21, 5, 5);
			assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
			world->expected = committed;
		}
		if (state_of(world).needs_recover)
			assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
		assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
		check(world);
		check_repo(world);
	}
}

static void a_rollback_that_cannot_remove_is_finished_by_the_next(void **state)
{
	struct world *world = *state;
	for (unsigned at = 1; at < 4; at++) {
		put(world, at, 10, at);
		commit(world);
		const struct expected_store committed = world->expected;
		for (unsigned i = 30; i < 36; i++)
			put(world, i, 700, i);
		world->fault.fail_kind = FAULT_REMOVE;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_ERR_IO);
		world->fault.fail_at = 0;
		assert_true(state_of(world).dead);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
		check_repo(world);
	}
}

/* A segment that could not be removed is not forgotten: the DELETE of what it holds must stay. */
static void an_emptied_segment_that_stays_keeps_its_deletes(void **state)
{
	struct world *world = *state;
	put(world, 0, 10, 0);
	commit(world);
	put(world, 1, 10, 1);
	put(world, 2, 10, 2);
	commit(world);
	delete(world, 1);
	world->fault.fail_kind = FAULT_REMOVE;
	world->fault.fail_error = EACCES;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DENIED);
	world->fault.fail_at = 0;
	put(world, 9, 10, 9);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[9].is_there = false;
	for (unsigned i = 3; i < 6; i++) {
		put(world, i, 10, i);
		commit(world);
	}
	check_repo(world);
}

static void one_damaged_segment_does_not_make_the_log_grow(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 200; i < 203; i++)
		put(world, i, 300, i);
	commit(world);
	delete(world, 202);
	damage_segment(world, "data/0/0", 100);
	for (unsigned i = 0; i < 60; i++) {
		put(world, i % 7, 10, i);
		if (i > 3)
			delete(world, (i - 3) % 7);
		assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
		assert_true(report.bytes_copied < 2000);
	}
	assert_true(count_segments(world) < 8);
}

/* A value whose last nine bytes are a COMMIT, at the end of a segment that has none. */
static void a_value_that_ends_like_a_commit_ends_no_segment(void **state)
{
	struct world *world = *state;
	uint8_t value[1200] = { 0 }, key[BUILDER_KEY];
	memcpy(value + sizeof(value) - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER);
	put(world, 1, 10, 1);
	commit(world);
	for (unsigned i = 10; i < 13; i++) {
		builder_key(i, key);
		assert_int_equal(as_put(world->store, key, 32, value, sizeof(value), NULL), AS_OK);
		put(world, i + 10, 2000, i);
	}
	for (unsigned i = 10; i < 13; i++)
		world->expected.objects[i + 10].is_there = false;
	world->fault.fail_kind = FAULT_REMOVE;
	world->fault.fail_at = 1;
	world->fault.fail_for_good = true;
	close_store(world);
	fault_init(&world->fault);
	reopen(world);
	assert_int_equal(state_of(world).transaction, 0);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	check(world);
	check_repo(world);
}

/* Disk full while compaction copies: what was copied is committed, which is what makes room; the
 * rest stays for the next time. */
static void a_full_disk_in_a_compaction_keeps_everything(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned at = 1; at < 40; at++) {
		for (unsigned i = 0; i < 24; i++)
			put(world, i, 300, at + i);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		for (unsigned i = 0; i < 24; i += 3)
			delete(world, i);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		world->fault.fail_kind = FAULT_CREATE;
		world->fault.fail_error = ENOSPC;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_compact(world->store, &report, &world->error);
		assert_true(err == AS_OK || err == AS_ERR_NO_SPACE);
		fault_init(&world->fault);
		check(world);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		check(world);
		check_repo(world);
		if (err == AS_OK)
			return;
	}
	fail_msg("never compacted");
}

/* Of a segment that turns out damaged some was copied, into a new segment already, and that cannot
 * be removed: the compaction ends, and loses nothing. */
static void a_compaction_that_cannot_take_back_a_copy_ends_and_keeps_everything(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 24; i++)
		put(world, i, 300, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 2; i < 24; i += 3)	/* the third and last entry of each segment */
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	unsigned ended = 0;
	for (unsigned segment = 0; segment < 4; segment++) {
		char name[32];
		snprintf(name, sizeof(name), "data/0/%u", segment);
		damage_segment(world, name, 8 + 2 * 341 + 100);
		world->fault.fail_kind = FAULT_REMOVE;
		world->fault.fail_error = EACCES;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = 1;
		const enum as_err err = as_compact(world->store, &report, &world->error);
		if (err == AS_ERR_IO) {
			ended++;
			assert_true(state_of(world).dead);
			assert_int_equal(as_compact(world->store, NULL, NULL), AS_ERR_DEAD);
		}
		fault_init(&world->fault);
		damage_segment(world, name, 8 + 2 * 341 + 100);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).dead);
		check(world);
	}
	assert_true(ended > 0);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
	check_repo(world);
}

static int say_stop(void *context)
{
	unsigned *left = context;
	return *left == 0 || --*left == 0;
}

static void a_compaction_can_be_stopped_and_goes_on_later(void **state)
{
	struct world *world = *state;
	unsigned left = 3;
	const struct as_options options = { .interrupt = say_stop, .context = &left };
	for (unsigned i = 0; i < 60; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 60; i += 3)
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	as_close(world->store);
	assert_int_equal(as_open(world->repo, &options, &world->store, NULL), AS_OK);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_ERR_CANCELLED);
	check(world);
	check_repo(world);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	check_repo(world);
}

static void an_interrupted_system_call_is_tried_again(void **state)
{
	struct world *world = *state;
	for (unsigned at = 1; at < 30; at++) {
		world->fault.fail_error = EINTR;
		world->fault.changes = 0;
		world->fault.fail_kind = at % 2 ? FAULT_WRITE : FAULT_SYNC;
		world->fault.fail_at = at / 2 + 1;
		world->fault.write_max = 13;
		put(world, at, 200, at);
		commit(world);
	}
	check_repo(world);
}

/* ---- reading files ---- */

static void few_descriptors_are_enough_and_none_is_stale(void **state)
{
	struct world *world = *state;
	const struct as_options options = { .descriptors = 1 };
	as_close(world->store);
	assert_int_equal(store_open(world->repo, &options, &world->fault.io, &world->store, NULL),
			 AS_OK);
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 400, i);
	commit(world);
	check(world);
	assert_true(world->fault.opens - world->fault.closes < 12);
	/* Another file under the same name: the one that was open is not asked any more. */
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	builder_key(0, key);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, NULL), AS_OK);
	free(value);
	path_of(world, "data/0/0", path);
	scratch_run("cp '%s' '%s.new' && mv '%s.new' '%s'", path, path, path,
		 path);
	builder_flip(path, 60, 1);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, NULL), AS_ERR_INTEGRITY);
}

/* Segments that wait for their fsync are open: when that is too many they are synced at once. */
static void without_a_descriptor_for_the_next_segment_the_last_are_closed(void **state)
{
	struct world *world = *state;
	world->fault.fail_kind = FAULT_CREATE;
	world->fault.fail_error = EMFILE;
	world->fault.changes = 0;
	world->fault.fail_at = 3;
	for (unsigned i = 0; i < 12; i++)
		put(world, i, 400, i);
	assert_true(world->fault.changes > 3);
	assert_string_equal(world->fault.failed, "create data/0/1");
	world->fault.fail_at = 0;
	commit(world);
	check_repo(world);
}

static int sync_no_folder(const struct io *io, int fd)
{
	struct stat st;
	(void)io;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static void a_file_system_that_syncs_no_folders_is_written_to_all_the_same(void **state)
{
	struct world *world = *state;
	world->fault.io.fsync = sync_no_folder;
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	check_repo(world);
}

static ssize_t write_nothing(const struct io *io, int fd, const void *data, size_t len,
			     off_t offset)
{
	(void)io;
	(void)fd;
	(void)data;
	(void)len;
	(void)offset;
	return 0;
}

static void a_write_that_takes_no_byte_ends_as_a_full_disk(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 0, 100, 0);
	commit(world);
	const struct io io = world->fault.io;
	world->fault.io.pwrite = write_nothing;
	builder_key(1, key);
	enum as_err err = as_put(world->store, key, 32, "x", 1, &world->error);
	if (err == AS_OK)	/* it may lie in memory until now */
		err = as_commit(world->store, 0, NULL, &world->error);
	assert_int_equal(err, AS_ERR_NO_SPACE);
	world->fault.io = io;
	check_repo(world);
}

static void what_a_crash_left_of_writing_an_index_is_removed(void **state)
{
	struct world *world = *state;
	static const char *const left[] = { "index.tmp", "index.0.tmp", "hints.0.tmp" };
	static const char *const kept[] = { "index.old", "hints", "README.tmp" };
	char path[BUILDER_PATH];
	put(world, 0, 100, 0);
	commit(world);
	close_store(world);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		path_of(world, left[i], path);
		builder_write_file(path, "x", 1);
		path_of(world, kept[i], path);
		builder_write_file(path, "x", 1);
	}
	reopen(world);
	put(world, 1, 100, 1);
	commit(world);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		assert_false(is_there(world, left[i]));
		assert_true(is_there(world, kept[i]));
	}
}

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

/* Let the files index.* and hints.* of the one transaction bear the number @last. */
static void number_index(const struct world *world, uint32_t last)
{
	scratch_run("cd '%s' && mv index.* index.%u && mv hints.* hints.%u", world->repo, last,
		    last);
}

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

/* ---- what can be read stays ---- */

/* Attic's compaction moves a DELETE so: index and hints know the PUT before it as live. */
static void move_a_delete(struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY], bytes[64] = "ATTICSEG";
	char name[LISTING_PATH_MAX], path[BUILDER_PATH];
	const uint32_t next = state_of(world).transaction + 1;
	log_segment_path(state_of(world).segments_per_dir, next, name);
	close_store(world);
	builder_key(number, key);
	const size_t size = builder_encode(BUILDER_DELETE, key, NULL, 0, bytes + 8);
	builder_encode(BUILDER_COMMIT, NULL, NULL, 0, bytes + 8 + size);
	path_of(world, name, path);
	builder_write_file(path, bytes, 8 + size + 9);
	number_index(world, next);
	reopen(world);
}

static void a_moved_delete_is_no_reason_to_refuse(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	move_a_delete(world, 3);
	assert_false(state_of(world).needs_recover);
	check(world);
	put(world, 20, 100, 20);
	commit(world);
	check(world);
	/* The segment of the DELETE went, since nothing in it is live: the log alone is right. */
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_OK);
	check_repo(world);
}

static void recovering_refuses_to_lose_what_a_moved_delete_hides(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	move_a_delete(world, 3);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_INTEGRITY);
	assert_non_null(strstr(world->error.message, "atticscope check"));
	assert_false(state_of(world).needs_recover);
	check(world);
	reopen(world);
	check(world);
}

/* The only whole version of an object is an older one, whose segment a compaction would empty. */
static void compacting_keeps_the_older_version_of_what_is_damaged(void **state)
{
	struct world *world = *state;
	struct as_report report;
	char newest[LISTING_PATH_MAX];
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	put(world, 3, 100, 33);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	log_segment_path(4, state_of(world).transaction, newest);
	put(world, 20, 100, 20);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	close_store(world);
	lose(world, newest);
	reopen(world);
	assert_false(state_of(world).needs_recover);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_int_equal(report.segments_skipped, 2);
	assert_non_null(strstr(report.skipped.message, "older version"));
	assert_true(is_there(world, "data/0/0"));
}

static ssize_t write_otherwise(const struct io *io, int fd, const void *data, size_t len,
			       off_t offset)
{
	uint8_t *bytes = malloc(len);
	assert_non_null(bytes);
	memcpy(bytes, data, len);
	bytes[len / 2] ^= 4;
	const ssize_t done = io_system.pwrite(io, fd, bytes, len, offset);
	free(bytes);
	return done;
}

static void a_compaction_that_does_not_copy_what_it_should_removes_nothing(void **state)
{
	struct world *world = *state;
	struct as_report report;
	fill_two_transactions(world);
	const struct io io = world->fault.io;
	put(world, 30, 100, 30);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	world->fault.io.pwrite = write_otherwise;
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_ERR_INTEGRITY);
	world->fault.io = io;
	assert_false(report.committed);
	assert_int_equal(report.segments_compacted, 0);
	assert_true(is_there(world, "data/0/0") && is_there(world, "data/0/1"));
	check(world);
	check_repo(world);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_true(report.segments_compacted > 0);
	check_repo(world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_repository_is_as_attic_makes_it),
		TEST(two_new_repositories_have_different_ids),
		TEST(creating_refuses_what_holds_anything),
		TEST(a_creation_that_fails_leaves_nothing),
		TEST(what_cannot_be_opened_is_told_apart),
		TEST(a_hundred_puts_a_delete_and_a_reopen),
		TEST(several_transactions_add_up),
		TEST(get_is_right_after_overwrite_commit_rollback_and_delete),
		TEST(overwriting_within_one_transaction_leaves_the_last),
		TEST(transactions_of_one_kind_only),
		TEST(a_commit_without_changes_writes_nothing),
		TEST(closing_without_a_commit_leaves_the_last_one),
		TEST(a_rollback_forgets_the_transaction_and_the_next_one_works),
		TEST(list_goes_on_behind_the_marker_up_to_the_limit),
		TEST(get_many_gives_them_in_order_until_told_to_stop),
		TEST(keys_of_zeros_and_ones_and_empty_values),
		TEST(the_largest_object_is_stored_and_one_byte_more_refused),
		TEST(a_key_that_is_not_32_bytes_is_refused),
		TEST(deleting_what_is_not_there_is_an_error_and_changes_nothing),
		TEST(a_segment_is_closed_before_the_first_entry_beyond_its_limit),
		TEST(folders_are_made_where_the_numbers_cross),
		TEST(a_file_in_the_place_of_the_next_segment_is_not_overwritten),
		TEST(numbers_that_no_longer_fit_are_refused),
		TEST(the_highest_number_is_the_last_that_attic_reads),
		TEST(compaction_keeps_what_lives_and_frees_the_rest),
		TEST(a_compaction_that_reaches_the_segment_limit_goes_on_in_the_next),
		TEST(what_lies_only_in_the_hands_of_hints_is_compacted_at_last),
		TEST(what_a_killed_compaction_leaves_is_named),
		TEST(a_damaged_segment_is_skipped_and_its_deletes_outlive_it),
		TEST(damage_is_named_with_its_place),
		TEST(the_object_of_another_key_is_never_given_out),
		TEST(an_index_that_cannot_be_read_is_an_error_and_not_an_absence),
		TEST(a_segment_that_cannot_be_opened_is_not_called_damaged),
		TEST(going_through_the_keys_can_be_stopped),
		TEST(a_missing_index_is_told_and_recovered_when_asked),
		TEST(a_stale_index_is_built_upon),
		TEST(the_newest_of_several_old_indexes_is_built_upon),
		TEST(an_old_index_whose_segments_were_compacted_away_is_not_built_upon),
		TEST(an_index_that_is_too_new_is_not_believed),
		TEST(a_damaged_index_is_found_before_it_is_built_upon),
		TEST(recovering_refuses_a_damaged_log_and_writes_nothing),
		TEST(an_uncommitted_tail_is_told_and_removed_when_asked),
		TEST(a_rollback_that_finds_no_index_recovers_one),
		TEST(a_tail_that_looks_committed_is_removed_only_by_force),
		TEST(an_index_above_the_log_is_disorder_until_it_is_gone),
		TEST(a_forced_rollback_of_everything_leaves_an_empty_store),
		TEST(index_and_hints_of_another_repository_are_found_when_opening),
		TEST(older_index_and_hints_under_the_newest_number_are_found),
		TEST(an_older_index_beside_the_newest_hints_is_found),
		TEST(an_empty_index_with_empty_hints_is_found),
		TEST(a_moved_delete_is_no_reason_to_refuse),
		TEST(recovering_refuses_to_lose_what_a_moved_delete_hides),
		TEST(compacting_keeps_the_older_version_of_what_is_damaged),
		TEST(a_compaction_that_does_not_copy_what_it_should_removes_nothing),
		TEST(hints_of_segments_that_are_gone_mean_nothing),
		TEST(what_hints_tell_of_a_segment_that_never_was_is_dropped),
		TEST(hints_that_count_or_list_what_is_not_there_are_known_when_opening),
		TEST(a_segment_that_is_gone_is_no_fault_of_the_hints),
		TEST(a_folder_in_the_place_of_index_or_hints_is_named),
		TEST(hints_that_hide_a_sparse_segment_are_found),
		TEST(a_folder_that_is_a_link_is_not_written_through),
		TEST(a_link_in_the_place_of_a_segment_stops_a_replay_and_no_writing),
		TEST(a_folder_that_was_lost_meanwhile_refuses_to_be_written_to),
		TEST(a_lost_data_folder_is_not_taken_for_an_empty_store),
		TEST(the_order_of_writing_is_as_documented),
		TEST(a_full_disk_refuses_a_put_and_the_transaction_goes_on),
		TEST(a_put_that_fails_anywhere_is_taken_back),
		TEST(the_child_of_a_fork_leaves_the_store_alone),
		TEST(nothing_is_committed_that_another_process_removed),
		TEST(unknown_flags_are_refused),
		TEST(a_put_that_cannot_be_taken_back_ends_the_transaction),
		TEST(a_sync_that_fails_kills_the_transaction_and_a_rollback_helps),
		TEST(a_commit_that_cannot_write_the_index_says_that_it_is_durable),
		TEST(an_index_that_was_not_written_is_known_after_a_rollback),
		TEST(a_rollback_that_cannot_remove_is_finished_by_the_next),
		TEST(an_emptied_segment_that_stays_keeps_its_deletes),
		TEST(one_damaged_segment_does_not_make_the_log_grow),
		TEST(a_value_that_ends_like_a_commit_ends_no_segment),
		TEST(a_full_disk_in_a_compaction_keeps_everything),
		TEST(a_compaction_that_cannot_take_back_a_copy_ends_and_keeps_everything),
		TEST(a_compaction_can_be_stopped_and_goes_on_later),
		TEST(an_interrupted_system_call_is_tried_again),
		TEST(few_descriptors_are_enough_and_none_is_stale),
		TEST(without_a_descriptor_for_the_next_segment_the_last_are_closed),
		TEST(a_file_system_that_syncs_no_folders_is_written_to_all_the_same),
		TEST(a_write_that_takes_no_byte_ends_as_a_full_disk),
		TEST(what_a_crash_left_of_writing_an_index_is_removed),
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

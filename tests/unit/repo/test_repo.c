#include "build-config.h"

#include "engine/repo/repo.h"
#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static bool repo_found(const struct small_repo *world, enum problem problem)
{
	return world->repo->findings.total[problem] > 0;
}

/* ---- opening ---- */

static void opening_finds_the_transaction_and_what_belongs_to_it(void **state)
{
	struct small_repo *world = *state;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	const struct repo *opened = world->repo;
	assert_true(opened->has_transaction && opened->has_index && opened->has_hints);
	assert_int_equal(opened->transaction, builder_head(world->builder));
	assert_int_equal(opened->index_transaction, opened->transaction);
	assert_int_equal(opened->hints_transaction, opened->transaction);
	assert_int_equal(opened->listing.count, builder_head(world->builder) + 1);
	assert_int_equal(opened->tail, opened->listing.count);
	assert_true(repo_index_fits(opened));
	assert_true(opened->config.usable && opened->hints.usable);
	assert_true(repo_is_committed(opened, 0));
	assert_true(repo_is_committed(opened, opened->transaction));
	assert_false(repo_is_committed(opened, opened->transaction + 1));
	struct diagnosis diagnosis;
	diagnose(opened, NULL, &diagnosis);
	assert_true(diagnosis.clean);
	assert_false(diagnosis.verified);
}

static void opening_does_not_read_the_data(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	fault_init(&fault);
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	/* config, hints, header of the index, nine bytes of the last segment and the headers of its
	 * entries, eight bytes of the first and of the last; each read to its end. */
	assert_in_range(fault.preads, 1, 18);
	/* Each folder once and once more to list it; config, index, hints, the first segment, the
	 * last one twice. */
	assert_in_range(fault.opens, 1, 2 * (world->repo->listing.folder_count + 2) + 7);
	repo_close(world->repo);	/* before the io that it reads through */
	world->repo = NULL;
}

static void what_is_no_repository_is_told_apart(void **state)
{
	struct small_repo *world = *state;
	struct repo *opened;
	struct as_error error;
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/nothing", world->folder);
	assert_int_equal(repo_open(path, NULL, &opened, &error), AS_ERR_DOES_NOT_EXIST);
	assert_non_null(strstr(error.message, path));
	assert_null(opened);
	assert_int_equal(repo_open(world->folder, NULL, &opened, &error),
			 AS_ERR_INVALID_REPOSITORY);
	builder_path(world->builder, "config", path);
	assert_int_equal(repo_open(path, NULL, &opened, &error), AS_ERR_INVALID_REPOSITORY);
}

static void a_repository_without_config_is_still_opened(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	builder_path(world->builder, "config", path);
	unlink(path);
	struct as_error error;
	repo_close(world->repo);
	assert_int_equal(repo_open(world->path, NULL, &world->repo, &error), AS_OK);
	assert_true(repo_found(world, PROBLEM_CONFIG_MISSING));
	assert_false(repo_found(world, PROBLEM_SEGMENT_MISPLACED));
	assert_int_equal(lock_state(repo_lock(world->repo), NULL), LOCK_IMPOSSIBLE);
	assert_true(world->repo->has_transaction);
}

static void an_empty_repository_needs_neither_index_nor_hints(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	struct repo *opened;
	struct as_error error;
	snprintf(path, sizeof(path), "%.400s/empty", world->folder);
	builder_free(builder_new(path, 10, 1000));
	assert_int_equal(repo_open(path, NULL, &opened, &error), AS_OK);
	assert_false(opened->has_transaction);
	assert_int_equal(opened->findings.count, 0);
	assert_int_equal(lock_state(repo_lock(opened), NULL), LOCK_SHARED);
	repo_close(opened);
}

static void a_repository_can_be_opened_again_under_the_same_lock(void **state)
{
	struct small_repo *world = *state;
	const struct lock_wait wait = { .ms = 0 };
	struct repo *first, *second;
	struct as_error error;
	char path[BUILDER_PATH];
	assert_int_equal(repo_open(world->path, NULL, &first, &error), AS_OK);
	struct lock *lock = repo_lock(first);
	const struct repo_options options = { .lock = lock };
	assert_int_equal(lock_upgrade(lock, &wait, &error), AS_OK);
	assert_int_equal(repo_open(world->path, &options, &second, &error), AS_OK);
	assert_ptr_equal(repo_lock(second), lock);
	assert_int_equal(second->findings.total[PROBLEM_WRITER], 0);
	repo_close(first);
	assert_non_null(lock_permit(lock));

	builder_path(world->builder, "config", path);
	unlink(path);
	assert_int_equal(repo_open(world->path, &options, &first, &error), AS_ERR_CHANGED);
	assert_null(first);
	repo_close(second);
}

static void an_uncommitted_tail_is_seen_without_reading_it(void **state)
{
	struct small_repo *world = *state;
	uint8_t key[BUILDER_KEY];
	builder_key(50, key);
	builder_put_some(world->builder, key, 10);
	builder_close_segment(world->builder);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_true(repo_found(world, PROBLEM_TAIL_UNCOMMITTED));
	assert_int_equal(world->repo->tail, world->repo->listing.count - 1);
	struct diagnosis diagnosis;
	diagnose(world->repo, NULL, &diagnosis);
	assert_int_equal(diagnosis.recommended, REPAIR_ROLLBACK);
}

/* Segments of a transaction without its COMMIT; the last one ends with a value that ends like a
 * COMMIT. The commit before stays the newest. */
static void a_value_that_ends_like_a_commit_commits_nothing(void **state)
{
	struct small_repo *world = *state;
	uint8_t key[BUILDER_KEY], value[700] = { 0 };
	const uint32_t head = builder_head(world->builder);
	memcpy(value + sizeof(value) - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER);
	for (unsigned i = 50; i < 53; i++) {
		builder_key(i, key);
		builder_put(world->builder, key, value, sizeof(value));
		builder_close_segment(world->builder);
	}
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(world->repo->transaction, head);
	assert_int_equal(world->repo->tail, world->repo->listing.count - 3);
	assert_true(repo_found(world, PROBLEM_TAIL_UNCOMMITTED));
	assert_false(repo_found(world, PROBLEM_INDEX_STALE));
}

/* Damage in the newest segment leaves its COMMIT one. */
static void a_damaged_segment_that_ends_with_a_commit_is_committed(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	const uint32_t head = builder_head(world->builder);
	builder_segment_path(world->builder, head, path);
	for (unsigned at = 0; at < 8 + 41 + 47; at++) {
		builder_flip(path, at, 0x40);
		assert_int_equal(small_repo_open(world, NULL), AS_OK);
		assert_int_equal(world->repo->transaction, head);
		builder_flip(path, at, 0x40);
	}
}

/* Move the newest segment, which holds a COMMIT alone, to the number @number, and index and hints
 * with it. */
static void move_head(struct small_repo *world, uint32_t number, bool with_index)
{
	char from[BUILDER_PATH], to[BUILDER_PATH], name[64];
	snprintf(name, sizeof(name), "data/%u", number / 3);
	builder_path(world->builder, name, to);
	mkdir(to, 0700);
	snprintf(name, sizeof(name), "data/%u/%u", number / 3, number);
	builder_path(world->builder, name, to);
	builder_segment_path(world->builder, builder_head(world->builder), from);
	assert_int_equal(rename(from, to), 0);
	for (unsigned i = 0; with_index && i < 2; i++) {
		const char *prefix = i ? "hints" : "index";
		snprintf(name, sizeof(name), "%s.%u", prefix, builder_head(world->builder));
		builder_path(world->builder, name, from);
		snprintf(name, sizeof(name), "%s.%u", prefix, number);
		builder_path(world->builder, name, to);
		assert_int_equal(rename(from, to), 0);
	}
}

static void a_number_that_attic_cannot_read_is_named_where_it_is_committed(void **state)
{
	struct small_repo *world = *state;
	static const uint32_t numbers[] = { 2147483647u, 2147483648u, 4294967295u };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		builder_transaction(world->builder);
		move_head(world, numbers[i], true);
		assert_int_equal(small_repo_open(world, NULL), AS_OK);
		assert_int_equal(world->repo->transaction, numbers[i]);
		assert_int_equal(repo_found(world, PROBLEM_SEGMENT_NUMBER), i > 0);
	}
	char path[BUILDER_PATH];
	builder_path(world->builder, "data/1431655765/4294967295", path);
	builder_truncate(path, 8);
	builder_path(world->builder, "index.4294967295", path);
	unlink(path);
	builder_path(world->builder, "hints.4294967295", path);
	unlink(path);
	builder_path(world->builder, "data/715827882/2147483648", path);
	unlink(path);
	builder_path(world->builder, "index.2147483648", path);
	unlink(path);
	builder_path(world->builder, "hints.2147483648", path);
	unlink(path);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(world->repo->transaction, 2147483647);
	assert_true(repo_found(world, PROBLEM_TAIL_UNCOMMITTED));
	assert_false(repo_found(world, PROBLEM_SEGMENT_NUMBER));
}

static void numbers_in_names_must_be_canonical(void **state)
{
	struct small_repo *world = *state;
	static const char *const names[] = { "index.007", "index.", "index.4294967296", "hints.1x",
					     "index.-1", "index.tmp" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[BUILDER_PATH];
		builder_path(world->builder, names[i], path);
		builder_write_file(path, "x", 1);
	}
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(world->repo->index_transaction, builder_head(world->builder));
	assert_int_equal(world->repo->findings.total[PROBLEM_STRAY_FILE], 4);
	/* Attic reads these as numbers all the same. */
	assert_int_equal(world->repo->findings.total[PROBLEM_INDEX_NAME], 2);
}

static void a_change_on_the_disk_is_noticed(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_false(repo_is_changed(world->repo));
	builder_segment_path(world->builder, builder_head(world->builder), path);
	FILE *file = fopen(path, "ab");
	assert_non_null(file);
	fputc(0, file);
	fclose(file);
	assert_true(repo_is_changed(world->repo));
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_false(repo_is_changed(world->repo));
	uint8_t key[BUILDER_KEY];
	builder_key(60, key);
	builder_put_some(world->builder, key, 10);
	builder_transaction(world->builder);
	assert_true(repo_is_changed(world->repo));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opening_finds_the_transaction_and_what_belongs_to_it),
		CASE(opening_does_not_read_the_data),
		CASE(what_is_no_repository_is_told_apart),
		CASE(a_repository_without_config_is_still_opened),
		CASE(an_empty_repository_needs_neither_index_nor_hints),
		CASE(a_repository_can_be_opened_again_under_the_same_lock),
		CASE(an_uncommitted_tail_is_seen_without_reading_it),
		CASE(a_value_that_ends_like_a_commit_commits_nothing),
		CASE(a_number_that_attic_cannot_read_is_named_where_it_is_committed),
		CASE(a_damaged_segment_that_ends_with_a_commit_is_committed),
		CASE(numbers_in_names_must_be_canonical),
		CASE(a_change_on_the_disk_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

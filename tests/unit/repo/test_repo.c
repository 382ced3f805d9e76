#include "build-config.h"

#include "engine/check/history.h"
#include "engine/repo/object.h"
#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <errno.h>
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

/* ---- objects ---- */

static enum index_target target_of(const struct repo *opened, const struct index_bucket *bucket)
{
	enum index_target target;
	assert_int_equal(object_target(opened, bucket, &target), AS_OK);
	return target;
}

static void an_object_is_found_by_key_or_prefix_and_read(void **state)
{
	struct small_repo *world = *state;
	struct index_bucket bucket;
	uint8_t *data;
	size_t len;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	for (unsigned nibbles = 12; nibbles <= 64; nibbles += 52) {
		const struct key_prefix prefix = small_repo_prefix(6, nibbles);
		assert_int_equal(object_find(world->repo, &prefix, &bucket, &world->error),
				 AS_OK);
		const struct object_place place = {
			.segment = bucket.segment, .offset = bucket.offset,
		};
		assert_int_equal(object_read(world->repo, bucket.key, &place, &data, &len,
					     &world->error), AS_OK);
		assert_int_equal(len, 6);
		assert_memory_equal(data, "second", 6);
		free(data);
		assert_int_equal(target_of(world->repo, &bucket), TARGET_OK);
	}
	const struct key_prefix gone = small_repo_prefix(5, 64);
	assert_int_equal(object_find(world->repo, &gone, &bucket, &world->error),
			 AS_ERR_OBJECT_NOT_FOUND);
	/* Twenty keys and sixteen first digits: some digit has two. */
	unsigned ambiguous = 0;
	for (unsigned i = 0; i < 20; i++) {
		const struct key_prefix digit = small_repo_prefix(i, 1);
		ambiguous += object_find(world->repo, &digit, &bucket, &world->error) ==
			     AS_ERR_AMBIGUOUS;
	}
	assert_true(ambiguous > 0);
}

static void a_damaged_object_is_not_returned_and_its_place_is_named(void **state)
{
	struct small_repo *world = *state;
	struct object_place at = { .path = NULL };
	uint8_t key[BUILDER_KEY], *data;
	size_t len;
	char path[BUILDER_PATH], place[64];
	builder_key(7, key);
	assert_true(builder_find(world->builder, key, &at.segment, &at.offset));
	builder_segment_path(world->builder, at.segment, path);
	builder_flip(path, at.offset + 100, 1);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(object_read(world->repo, key, &at, &data, &len, &world->error),
			 AS_ERR_INTEGRITY);
	assert_null(data);
	assert_true(world->error.has_place);
	assert_int_equal(world->error.damage, AS_DAMAGE_CHECKSUM);
	snprintf(place, sizeof(place), "segment %u, offset %u", at.segment, at.offset);
	assert_non_null(strstr(world->error.message, place));
	assert_non_null(strstr(world->error.message, "/data/"));
	/* Nor is another object's payload. */
	builder_key(8, key);
	assert_true(builder_find(world->builder, key, &at.segment, &at.offset));
	builder_key(9, key);
	assert_int_equal(object_read(world->repo, key, &at, &data, &len, &world->error),
			 AS_ERR_INTEGRITY);
	at.segment = 4711;
	assert_int_equal(object_read(world->repo, key, &at, &data, &len, &world->error),
			 AS_ERR_INTEGRITY);
	assert_int_equal(world->error.damage, AS_DAMAGE_MISSING);
	assert_null(data);
}

/* `get` tells the two apart: bytes of a verified entry that the disk no longer gives are damage. */
static void an_unreadable_object_has_a_place_and_an_unopened_file_none(void **state)
{
	struct small_repo *world = *state;
	struct object_place at = { .path = NULL };
	struct fault fault;
	uint8_t key[BUILDER_KEY], *data;
	size_t len;
	fault_init(&fault);
	const struct repo_options options = { .io = &fault.io };
	builder_key(7, key);
	assert_true(builder_find(world->builder, key, &at.segment, &at.offset));
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	fault.bad_offset = at.offset + 41;
	fault.bad_length = 1;
	assert_int_equal(object_read(world->repo, key, &at, &data, &len, &world->error), AS_ERR_IO);
	assert_null(data);
	assert_true(world->error.has_place);
	assert_int_equal(world->error.segment, at.segment);
	assert_int_equal(world->error.offset, at.offset);
	assert_int_equal(world->error.damage, AS_DAMAGE_NONE);
	fault.open_error = EIO;
	assert_int_equal(object_read(world->repo, key, &at, &data, &len, &world->error), AS_ERR_IO);
	assert_null(data);
	assert_false(world->error.has_place);
	repo_close(world->repo);
	world->repo = NULL;
}

static void a_mapping_is_judged_by_what_stands_there(void **state)
{
	struct small_repo *world = *state;
	uint32_t segment, offset;
	char path[BUILDER_PATH];
	struct stat st;
	struct index_bucket bucket = { .segment = 4711 };
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	builder_key(8, bucket.key);
	assert_true(builder_find(world->builder, bucket.key, &segment, &offset));
	assert_int_equal(target_of(world->repo, &bucket), TARGET_NO_SEGMENT);
	bucket.segment = segment;
	bucket.offset = 0;
	assert_int_equal(target_of(world->repo, &bucket), TARGET_OUT_OF_RANGE);
	bucket.offset = UINT32_MAX;
	assert_int_equal(target_of(world->repo, &bucket), TARGET_OUT_OF_RANGE);
	bucket.offset = offset + 1;
	assert_int_equal(target_of(world->repo, &bucket), TARGET_DAMAGED);
	bucket.offset = offset;
	assert_int_equal(target_of(world->repo, &bucket), TARGET_OK);
	bucket.key[0] ^= 1;
	assert_int_equal(target_of(world->repo, &bucket), TARGET_OTHER_KEY);
	/* The DELETE of object 5 is the first entry of the second transaction. */
	builder_segment_path(world->builder, builder_head(world->builder), path);
	assert_int_equal(stat(path, &st), 0);
	bucket.segment = builder_head(world->builder);
	bucket.offset = 8;
	builder_key(5, bucket.key);
	assert_int_equal(target_of(world->repo, &bucket), TARGET_NOT_A_PUT);
	for (int target = TARGET_OK; target <= TARGET_UNREADABLE; target++)
		assert_non_null(index_target_name((enum index_target)target));
}

static void witnesses_are_the_indexs_places_in_order(void **state)
{
	struct small_repo *world = *state;
	struct segment_witness *rows;
	size_t count, all = 0;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	for (uint32_t segment = 0; segment <= builder_head(world->builder); segment++) {
		assert_int_equal(repo_witnesses(world->repo, segment, &rows, &count), AS_OK);
		for (size_t i = 1; i < count; i++)
			assert_true(rows[i - 1].offset < rows[i].offset);
		all += count;
		free(rows);
	}
	assert_int_equal(all, 19);
}

/* ---- history ---- */

static struct history *history_of(struct small_repo *world, const struct key_prefix *prefix,
				  enum as_err want)
{
	struct verify_progress progress = { 0 };
	struct history *history = NULL;
	assert_int_equal(history_run(world->repo, prefix, 2, &progress, &history, &world->error),
			 want);
	return history;
}

static void the_life_of_a_key_is_told_in_order(void **state)
{
	struct small_repo *world = *state;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct key_prefix prefix = small_repo_prefix(6, 16);
	struct history *history = history_of(world, &prefix, AS_OK);
	assert_int_equal(history->count, 3);
	assert_int_equal(history->rows[0].status, STATUS_SUPERSEDED);
	assert_int_equal(history->rows[1].status, STATUS_TOMBSTONE);
	assert_int_equal(history->rows[2].status, STATUS_LIVE);
	assert_false(history->rows[0].index_points_here);
	assert_true(history->rows[2].index_points_here);
	history_free(history);
	prefix = small_repo_prefix(5, 64);
	history = history_of(world, &prefix, AS_OK);
	assert_int_equal(history->count, 2);
	assert_int_equal(history->rows[0].status, STATUS_DELETED);
	assert_int_equal(history->rows[1].status, STATUS_TOMBSTONE);
	assert_false(history->has_index_place);
	history_free(history);
}

static void an_unknown_or_ambiguous_key_has_no_history(void **state)
{
	struct small_repo *world = *state;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct key_prefix prefix = small_repo_prefix(999, 64);
	assert_null(history_of(world, &prefix, AS_ERR_OBJECT_NOT_FOUND));
	prefix = small_repo_prefix(0, 1);
	for (unsigned i = 0; i < 20; i++) {
		prefix = small_repo_prefix(i, 1);
		struct verify_progress progress = { 0 };
		struct history *history = NULL;
		const enum as_err err = history_run(world->repo, &prefix, 1, &progress, &history,
						    &world->error);
		assert_true(err == AS_OK || err == AS_ERR_AMBIGUOUS);
		assert_true((history != NULL) == (err == AS_OK));
		history_free(history);
	}
}

static void a_damaged_entry_is_part_of_its_keys_history(void **state)
{
	struct small_repo *world = *state;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char path[BUILDER_PATH];
	builder_key(7, key);
	assert_true(builder_find(world->builder, key, &segment, &offset));
	builder_segment_path(world->builder, segment, path);
	builder_flip(path, offset + 100, 1);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	const struct key_prefix prefix = small_repo_prefix(7, 20);
	struct history *history = history_of(world, &prefix, AS_OK);
	assert_int_equal(history->count, 1);
	assert_int_equal(history->rows[0].status, STATUS_DAMAGED);
	assert_true(history->rows[0].index_points_here);
	history_free(history);
}

/* Enough of them name the key: when no whole entry does. */
static void damaged_entries_that_name_two_keys_have_no_history(void **state)
{
	struct small_repo *world = *state;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char name[32], path[BUILDER_PATH];
	for (unsigned i = 7; i < 9; i++) {
		builder_key(i, key);
		assert_true(builder_find(world->builder, key, &segment, &offset));
		builder_segment_path(world->builder, segment, path);
		builder_flip(path, offset + 100, 1);
	}
	snprintf(name, sizeof(name), "index.%u", builder_head(world->builder));
	builder_path(world->builder, name, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct key_prefix prefix = small_repo_prefix(7, 64);
	struct history *history = history_of(world, &prefix, AS_OK);
	assert_int_equal(history->count, 1);
	assert_int_equal(history->rows[0].status, STATUS_DAMAGED);
	history_free(history);
	prefix.nibbles = 0;	/* every key */
	assert_null(history_of(world, &prefix, AS_ERR_AMBIGUOUS));
}

/* A finding of the verification is no reason to be silent about the rest. */
static void a_segment_that_cannot_be_opened_leaves_the_rest_of_a_history(void **state)
{
	struct small_repo *world = *state;
	static struct fault fault;	/* the repo is closed behind the test */
	const struct key_prefix prefix = small_repo_prefix(6, 64);
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char path[LISTING_PATH_MAX];
	fault_init(&fault);
	builder_key(6, key);
	assert_true(builder_find(world->builder, key, &segment, &offset));
	snprintf(path, sizeof(path), "data/%u/%u", segment / 3, segment);
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	fault.open_path = path;
	fault.open_error = EIO;
	struct history *history = history_of(world, &prefix, AS_OK);
	assert_int_equal(history->count, 1);
	assert_false(history->rows[0].index_points_here);
	assert_true(history->has_index_place);
	assert_int_equal(history->index_place.segment, segment);
	history_free(history);
	fault.open_error = ENOMEM;
	assert_null(history_of(world, &prefix, AS_ERR_MEMORY));
	fault.open_error = 0;
}

/* Puts and deletes of one key in one segment, the last of them in a tail. */
static void events_of_one_segment_are_told_in_their_order(void **state)
{
	struct small_repo *world = *state;
	const struct key_prefix prefix = small_repo_prefix(30, 64);
	uint8_t key[BUILDER_KEY];
	builder_key(30, key);
	for (unsigned i = 0; i < 2; i++) {
		builder_put_some(world->builder, key, 10);
		builder_delete(world->builder, key);
	}
	builder_put_some(world->builder, key, 10);
	builder_transaction(world->builder);
	builder_put_some(world->builder, key, 20);
	builder_close_segment(world->builder);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct history *history = history_of(world, &prefix, AS_OK);
	static const enum entry_status wanted[] = {
		STATUS_SUPERSEDED, STATUS_TOMBSTONE, STATUS_SUPERSEDED, STATUS_TOMBSTONE,
		STATUS_LIVE, STATUS_UNCOMMITTED, STATUS_UNCOMMITTED,
	};
	assert_int_equal(history->count, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_int_equal(history->rows[i].status, wanted[i]);
	for (size_t i = 1; i < history->count; i++)
		assert_true(history->rows[i].segment > history->rows[i - 1].segment ||
			    history->rows[i].entry.offset > history->rows[i - 1].entry.offset);
	history_free(history);
}

/* Through segments larger than what is reported at a time. */
static void a_search_tells_how_far_it_came(void **state)
{
	struct small_repo *world = *state;
	struct verify_progress progress = { .cancel = false };
	const struct key_prefix prefix = small_repo_prefix(41, 64);
	struct history *history;
	uint8_t key[BUILDER_KEY];
	for (unsigned i = 40; i < 43; i++) {
		builder_key(i, key);
		builder_put_some(world->builder, key, 3u << 20);
	}
	builder_transaction(world->builder);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(history_run(world->repo, &prefix, 1, &progress, &history, &world->error),
			 AS_OK);
	assert_int_equal(history->count, 1);
	history_free(history);
	assert_true(progress.bytes_total > 9u << 20);
	assert_int_equal(progress.bytes_done, progress.bytes_total);
	assert_int_equal(progress.segments_done, world->repo->listing.count);
}

static void a_cancelled_search_says_so(void **state)
{
	struct small_repo *world = *state;
	struct verify_progress progress = { .cancel = true };
	struct history *history;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	const struct key_prefix prefix = small_repo_prefix(7, 64);
	assert_int_equal(history_run(world->repo, &prefix, 1, &progress, &history, &world->error),
			 AS_ERR_CANCELLED);
	assert_null(history);
}

/* Neither "not found" nor an empty answer: nobody knows. */
static void an_index_that_breaks_off_or_is_refused_answers_no_search(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	struct index_bucket bucket;
	struct key_prefix prefix = { .nibbles = 5 };
	char name[32], path[BUILDER_PATH];
	fault_init(&fault);
	const struct repo_options options = { .io = &fault.io };
	builder_key(3, prefix.bytes);
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	fault.bad_offset = 18;
	fault.bad_length = 1 << 20;
	assert_int_equal(object_find(world->repo, &prefix, &bucket, &world->error), AS_ERR_IO);
	assert_non_null(strstr(world->error.message, "cannot read"));
	fault.bad_length = 0;
	snprintf(name, sizeof(name), "index.%u", world->repo->index_transaction);
	builder_path(world->builder, name, path);
	builder_truncate(path, 18 + 40);
	assert_int_equal(object_find(world->repo, &prefix, &bucket, &world->error), AS_ERR_IO);
	repo_close(world->repo);
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	assert_int_equal(object_find(world->repo, &prefix, &bucket, &world->error),
			 AS_ERR_INTEGRITY);
	repo_close(world->repo);
	world->repo = NULL;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opening_finds_the_transaction_and_what_belongs_to_it),
		CASE(opening_does_not_read_the_data),
		CASE(an_index_that_breaks_off_or_is_refused_answers_no_search),
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
		CASE(an_object_is_found_by_key_or_prefix_and_read),
		CASE(a_damaged_object_is_not_returned_and_its_place_is_named),
		CASE(an_unreadable_object_has_a_place_and_an_unopened_file_none),
		CASE(a_mapping_is_judged_by_what_stands_there),
		CASE(witnesses_are_the_indexs_places_in_order),
		CASE(the_life_of_a_key_is_told_in_order),
		CASE(an_unknown_or_ambiguous_key_has_no_history),
		CASE(a_damaged_entry_is_part_of_its_keys_history),
		CASE(damaged_entries_that_name_two_keys_have_no_history),
		CASE(a_segment_that_cannot_be_opened_leaves_the_rest_of_a_history),
		CASE(events_of_one_segment_are_told_in_their_order),
		CASE(a_search_tells_how_far_it_came),
		CASE(a_cancelled_search_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "tests/unit/check/sample.h"

#include "engine/check/history.h"
#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The history of the keys that begin with the first @digits digits of the key of object @number. */
static enum as_err run(const struct world *world, unsigned number, size_t digits,
		       struct history **history)
{
	struct verify_progress progress = { 0 };
	struct key_prefix prefix;
	struct as_error error;
	uint8_t key[BUILDER_KEY];
	char hex[KEY_HEX_SIZE];
	builder_key(number, key);
	key_to_hex(key, hex);
	hex[digits] = '\0';
	assert_true(key_prefix_parse(hex, &prefix));
	return history_run(world->repo, &prefix, 2, &progress, history, &error);
}

static void expect(const struct history *history, const enum entry_status *statuses, size_t count)
{
	assert_int_equal(history->count, count);
	for (size_t i = 0; i < count; i++)
		if (history->rows[i].status != statuses[i])
			fail_msg("row %zu is %s", i, entry_status_name(history->rows[i].status));
}

static void each_put_and_delete_has_its_status(void **state)
{
	static const enum entry_status live[] = { STATUS_LIVE };
	static const enum entry_status deleted[] = { STATUS_DELETED, STATUS_TOMBSTONE };
	static const enum entry_status replaced[] = { STATUS_SUPERSEDED, STATUS_TOMBSTONE,
						      STATUS_LIVE };
	static const struct {
		unsigned number;
		const enum entry_status *statuses;
		size_t count;
	} cases[] = { { 5, live, 1 }, { 3, deleted, 2 }, { 4, replaced, 3 } };
	struct world world;
	world_new(&world);
	world_judge(&world, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct history *history;
		assert_int_equal(run(&world, cases[i].number, 64, &history), AS_OK);
		expect(history, cases[i].statuses, cases[i].count);
		assert_int_equal(history->has_index_place, cases[i].number != 3);
		assert_false(history_is_disputed(history));
		history_update(history, world.verify);
		expect(history, cases[i].statuses, cases[i].count);
		history_free(history);
	}
	world_free(&world);
	(void)state;
}

static void a_prefix_must_fit_one_key(void **state)
{
	struct world world;
	struct history *history;
	unsigned ambiguous = 0;
	world_new(&world);
	world_judge(&world, 1);
	assert_int_equal(run(&world, 5, 16, &history), AS_OK);
	assert_int_equal(history->count, 1);
	history_free(history);
	/* 25 keys begin with 16 digits. */
	for (unsigned i = 0; i < OBJECTS; i++) {
		ambiguous += run(&world, i, 1, &history) == AS_ERR_AMBIGUOUS;
		history_free(history);
	}
	assert_true(ambiguous > 0);
	assert_int_equal(run(&world, 500, 64, &history), AS_ERR_OBJECT_NOT_FOUND);
	assert_null(history);
	world_free(&world);
	(void)state;
}

static void a_damaged_entry_is_a_row_and_a_dispute(void **state)
{
	static const enum entry_status damaged[] = { STATUS_DAMAGED };
	struct world world;
	struct history *history;
	char doubt[HISTORY_DOUBT_SIZE];
	world_new(&world);
	crc(&world);	/* object 7 */
	world_judge(&world, 1);
	assert_int_equal(run(&world, 7, 64, &history), AS_OK);
	expect(history, damaged, 1);
	assert_true(history_is_disputed(history));
	history_doubt(world.verify, history->key, doubt);
	assert_memory_equal(doubt, "lost: ", 6);
	history_free(history);
	assert_int_equal(run(&world, 5, 64, &history), AS_OK);
	history_doubt(world.verify, history->key, doubt);
	assert_string_equal(doubt, "");
	history_free(history);
	world_free(&world);
	(void)state;
}

/* ---- a small repository ---- */

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

#define CASE(f) cmocka_unit_test_setup_teardown(f, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_put_and_delete_has_its_status),
		cmocka_unit_test(a_prefix_must_fit_one_key),
		cmocka_unit_test(a_damaged_entry_is_a_row_and_a_dispute),
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

#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- values and transactions ---- */

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

/* ---- compaction ---- */

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
	/* Another file under the same name: the one that was open is no longer asked. */
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_is_right_after_overwrite_commit_rollback_and_delete),
		TEST(list_goes_on_behind_the_marker_up_to_the_limit),
		TEST(get_many_gives_them_in_order_until_told_to_stop),
		TEST(keys_of_zeros_and_ones_and_empty_values),
		TEST(a_key_that_is_not_32_bytes_is_refused),
		TEST(damage_is_named_with_its_place),
		TEST(the_object_of_another_key_is_never_given_out),
		TEST(an_index_that_cannot_be_read_is_an_error_and_not_an_absence),
		TEST(a_segment_that_cannot_be_opened_is_not_called_damaged),
		TEST(going_through_the_keys_can_be_stopped),
		TEST(few_descriptors_are_enough_and_none_is_stale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One object: found, read, and named when it is damaged; and what the index says of a segment. */
#include "build-config.h"

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

#include <cmocka.h>

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
		CASE(an_object_is_found_by_key_or_prefix_and_read),
		CASE(a_damaged_object_is_not_returned_and_its_place_is_named),
		CASE(an_unreadable_object_has_a_place_and_an_unopened_file_none),
		CASE(a_mapping_is_judged_by_what_stands_there),
		CASE(witnesses_are_the_indexs_places_in_order),
		CASE(an_index_that_breaks_off_or_is_refused_answers_no_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

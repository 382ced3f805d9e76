#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Objects 1 and 2; then a transaction that does nothing but delete 1, in segment 1; then object 3.
 * The file of segment 1 is cut to @size bytes. */
static void cut_the_delete(struct world *world, uint64_t size)
{
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	*world = (struct world){ .io = &io_system, .writer_fd = -1 };
	builder_make_folder(world->folder);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->folder);
	world->builder = builder_new(world->path, 4, 1500);
	for (unsigned i = 1; i < 3; i++) {
		builder_key(i, key);
		builder_put_some(world->builder, key, 300);
	}
	builder_transaction(world->builder);
	builder_key(1, key);
	builder_delete(world->builder, key);
	builder_transaction(world->builder);
	builder_key(3, key);
	builder_put_some(world->builder, key, 300);
	builder_transaction(world->builder);
	builder_segment_path(world->builder, 1, path);
	builder_truncate(path, size);
}

static void a_delete_in_a_segment_that_was_cut_is_known_by_the_index(void **state)
{
	/* Empty, nothing but the magic, in the DELETE, and without its COMMIT alone. */
	static const struct {
		uint64_t size;
		uint64_t lost;
	} cuts[] = { { 0, 1 }, { 8, 1 }, { 30, 1 }, { 49, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct world world;
		struct replay_event place;
		uint8_t key[BUILDER_KEY];
		cut_the_delete(&world, cuts[i].size);
		world_judge(&world, 1);
		const uint64_t *total = world.verify->findings.total;
		if (total[PROBLEM_DELETE_LOST] != cuts[i].lost || total[PROBLEM_INDEX_KEY_MISSING])
			fail_msg("cut at %u", (unsigned)cuts[i].size);
		assert_int_equal(world.verify->objects, 2);
		builder_key(1, key);
		assert_false(verify_lookup(world.verify, key, &place));
		world_free(&world);
	}
	(void)state;
}

/* Behind zeros entries are found by searching alone, and an index may speak against them; but not
 * one of another repository, to which none of the keys is known. */
static void an_index_of_another_repository_speaks_against_nothing(void **state)
{
	const uint8_t zeros[200] = { 0 };
	struct world world;
	struct replay_event place;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	world_new(&world);
	const char *path = put_path(&world, 4, &segment, &offset);
	assert_true(offset > 49 && offset < sizeof(zeros));
	builder_patch(path, 0, zeros, offset);
	for (unsigned i = 0; i < OBJECTS + 2; i++)
		if (i != 3)
			builder_flip(index_path(&world), bucket_of(&world, i) + 13, 0x40);
	world_judge(&world, 1);
	builder_key(4, key);
	assert_true(verify_lookup(world.verify, key, &place));
	assert_int_equal(place.segment, segment);
	assert_int_equal(place.offset, offset);
	world_free(&world);
	(void)state;
}

/* Object 7 is damaged, and searching finds in its payload what looks like an entry of object 5,
 * which lies before it. */
static void nest_in_damage(struct world *world, uint8_t tag)
{
	uint8_t key[BUILDER_KEY], inner[60];
	builder_key(5, key);
	const size_t len = builder_encode(tag, key, "inside", 6, inner);
	patch_put(world, 7, 4, "\xff\xff\xff\xff", 4);
	patch_put(world, 7, 100, inner, len);
}

static void a_payload_replaces_and_deletes_nothing_that_the_index_confirms(void **state)
{
	static const uint8_t tags[] = { BUILDER_PUT, BUILDER_DELETE };
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		struct world world;
		struct replay_event place;
		uint8_t key[BUILDER_KEY];
		uint32_t segment, offset;
		world_new(&world);
		put_path(&world, 5, &segment, &offset);
		nest_in_damage(&world, tags[i]);
		world_judge(&world, 1);
		builder_key(5, key);
		assert_true(verify_lookup(world.verify, key, &place));
		assert_int_equal(place.segment, segment);
		assert_int_equal(place.offset, offset);
		assert_int_equal(found(&world, PROBLEM_INDEX_MAPPING), 0);
		assert_int_equal(found(&world, PROBLEM_DELETE_MOVED), 0);
		assert_int_equal(found(&world, PROBLEM_OBJECT_LOST), 1);
		assert_int_equal(world.verify->objects, 24);
		world_free(&world);
	}
	(void)state;
}

static void a_delete_in_a_payload_does_not_hide_a_loss(void **state)
{
	struct world world;
	world_new(&world);
	nest_in_damage(&world, BUILDER_DELETE);
	patch_put(&world, 5, 100, "????", 4);
	world_judge(&world, 1);
	assert_int_equal(found(&world, PROBLEM_INDEX_KEY_DELETED), 0);
	assert_int_equal(found(&world, PROBLEM_OBJECT_LOST), 2);
	assert_int_equal(world.verify->objects, 23);
	world_free(&world);
	(void)state;
}

/* Mark the bucket of object @number as deleted. */
static void lose_bucket(const char *path, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	size_t len;
	uint8_t *bytes = builder_read_file(path, &len);
	builder_key(number, key);
	const uint8_t *bucket = memmem(bytes, len, key, BUILDER_KEY);
	assert_non_null(bucket);
	builder_patch(path, (uint64_t)(bucket - bytes) + BUILDER_KEY, "\xfe\xff\xff\xff", 4);
	free(bytes);
}

/* Workers without a segment look up what the one with the segment reads. Some of it is old,
 * deleted, damaged, or not in the index, and is for the replay. */
static void helpers_find_what_one_worker_finds(void **state)
{
	struct world world = { .io = &io_system, .writer_fd = -1 };
	struct segment_facts facts[2];
	uint64_t key_sum[2];
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	builder_make_folder(world.folder);
	snprintf(world.path, sizeof(world.path), "%.400s/repo", world.folder);
	world.builder = builder_new(world.path, 4, 5000000);
	for (unsigned i = 0; i < 9000; i++) {
		builder_key(i % 6000, key);
		if (i % 7 == 0 && i >= 6000)
			builder_delete(world.builder, key);
		else
			builder_put_some(world.builder, key, 20 + i % 50);
	}
	builder_transaction(world.builder);
	assert_int_equal(builder_head(world.builder), 0);
	builder_segment_path(world.builder, 0, path);
	builder_flip(path, 8 + 41 + 5, 1);	/* of a PUT that is no longer live */
	lose_bucket(index_path(&world), 5000);
	for (unsigned i = 0; i < 2; i++) {
		world_judge(&world, i == 0 ? 1 : 4);
		facts[i] = world.verify->facts[0];
		key_sum[i] = world.verify->key_sum;
		assert_int_equal(world.verify->objects, 6000 - 428);
		assert_int_equal(found(&world, PROBLEM_ENTRY_CRC), 1);
		assert_int_equal(found(&world, PROBLEM_INDEX_KEY_MISSING), 1);
		world_forget(&world);
	}
	assert_int_equal(facts[1].live, 6000 - 428);
	assert_int_equal(facts[1].live, facts[0].live);
	assert_int_equal(facts[1].held, facts[0].held);
	assert_int_equal(facts[1].mapped, facts[0].mapped);
	assert_int_equal(facts[1].puts, facts[0].puts);
	assert_int_equal(facts[1].deletes, facts[0].deletes);
	assert_int_equal(facts[1].live_bytes, facts[0].live_bytes);
	assert_true(key_sum[1] == key_sum[0]);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delete_in_a_segment_that_was_cut_is_known_by_the_index),
		cmocka_unit_test(an_index_of_another_repository_speaks_against_nothing),
		cmocka_unit_test(a_payload_replaces_and_deletes_nothing_that_the_index_confirms),
		cmocka_unit_test(a_delete_in_a_payload_does_not_hide_a_loss),
		cmocka_unit_test(helpers_find_what_one_worker_finds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

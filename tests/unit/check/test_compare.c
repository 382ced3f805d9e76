#include "build-config.h"

#include "tests/support/borg_repo.h"
#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The hints say how many objects the segment held. One of them is damaged there, and so it is no
 * reason to believe that another one, to which the index leads wrongly, was cut off. */
static void a_wrong_mapping_beside_a_damaged_entry_loses_nothing(void **state)
{
	struct world world;
	struct replay_event place;
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset, other;
	world_new(&world);
	crc(&world);
	put_path(&world, 7, &other, &offset);
	put_path(&world, 5, &segment, &offset);
	assert_int_equal(segment, other);
	builder_flip(index_path(&world), bucket_of(&world, 5) + 37, 0x80);
	world_judge(&world, 1);
	assert_int_equal(world.verify->findings.total[PROBLEM_OBJECT_LOST], 1);
	assert_int_equal(world.verify->findings.total[PROBLEM_INDEX_MAPPING], 1);
	builder_key(5, key);
	assert_true(verify_lookup(world.verify, key, &place));
	assert_int_equal(place.segment, segment);
	assert_int_equal(place.offset, offset);
	world_free(&world);
	(void)state;
}

/* Offset in the index of transaction 0 of the bucket of object @number. */
static uint64_t find_bucket(const struct world *world, unsigned number, uint32_t buckets)
{
	uint8_t key[BUILDER_KEY];
	const size_t size = (size_t)buckets * 40;
	uint8_t *all = malloc(size);
	uint64_t at = 0;
	assert_non_null(all);
	read_bytes(path_of(world, "index.%u", builder_head(world->builder)), 18, all, size);
	builder_key(number, key);
	while (at < size && memcmp(all + at, key, BUILDER_KEY) != 0)
		at += 40;
	free(all);
	assert_true(at < size);
	return 18 + at;
}

#define MUCH 10000u	/* every other one of them damaged */

/* Object 0 is damaged, and only its damaged PUT still shows its key: the index leads to object 1
 * instead, and does not know that by its own key. */
static void a_lost_key_is_found_in_much_damage(void **state)
{
	static const uint8_t empty[40] = { [32] = 0xff, [33] = 0xff, [34] = 0xff, [35] = 0xff };
	struct world world = { .io = &io_system, .writer_fd = -1 };
	uint8_t key[BUILDER_KEY], place[8];
	uint32_t segment, offset;
	builder_make_folder(world.folder);
	snprintf(world.path, sizeof(world.path), "%.400s/repo", world.folder);
	world.builder = builder_new(world.path, 100, 150000);
	for (unsigned i = 0; i < MUCH; i++) {
		builder_key(i, key);
		builder_put_some(world.builder, key, 10);
	}
	builder_commit(world.builder);
	builder_write_index(world.builder, builder_head(world.builder), 16384);
	builder_write_hints(world.builder, builder_head(world.builder));
	const uint64_t bucket = find_bucket(&world, 1, 16384);
	read_bytes(index_path(&world), bucket + 32, place, sizeof(place));
	builder_patch(index_path(&world), bucket, empty, sizeof(empty));
	builder_patch(index_path(&world), find_bucket(&world, 0, 16384) + 32, place, sizeof(place));
	for (unsigned i = 0; i < MUCH; i++) {
		const char *path = put_path(&world, i, &segment, &offset);
		if (i % 2 == 0)
			builder_flip(path, offset + 45, 1);
	}
	world_judge(&world, 0);
	assert_int_equal(found(&world, PROBLEM_ENTRY_CRC), MUCH / 2);
	assert_int_equal(found(&world, PROBLEM_OBJECT_LOST), MUCH / 2);
	world_free(&world);
	(void)state;
}

/* Borg's compaction empties the list of a key that was put again. As long as the object is there
 * no DELETE of it matters. */
static void an_empty_shadow_list_of_an_object_is_no_problem(void **state)
{
	struct world world;
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	builder_key(1, key);
	builder_put_some(world.builder, key, 30);
	builder_transaction(world.builder);
	borg_repo_make_with(world.builder, 0, key);
	world_judge(&world, 1);
	assert_non_null(hints_find_shadow(&world.repo->hints, key));
	assert_int_equal(found(&world, PROBLEM_HINTS_SHADOW), 0);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_mapping_beside_a_damaged_entry_loses_nothing),
		cmocka_unit_test(a_lost_key_is_found_in_much_damage),
		cmocka_unit_test(an_empty_shadow_list_of_an_object_is_no_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

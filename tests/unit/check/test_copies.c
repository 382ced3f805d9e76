/* Files of other names beside damage: rule 6 of doc/reliability.md. */
#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void what_a_copy_has_whole_is_not_lost(void **state)
{
	struct world world;
	struct verify_source source;
	uint32_t segment, offset;
	world_new(&world);
	segment_copy(&world);			/* object 7 is damaged in segment 1 itself */
	put_path(&world, 7, &segment, &offset);
	world_judge(&world, 1);
	assert_int_equal(segment, 1);
	assert_int_equal(world.verify->lost, 0);
	assert_int_equal(world.verify->objects, 25);
	assert_int_equal(world.verify->fill_count, 1);
	assert_true(verify_has_fill(world.verify, 1, offset));
	assert_true(verify_find_source(world.verify, 1, offset, &source));
	assert_string_equal(source.path, "data/0/1.beforerecover");
	assert_int_equal(source.offset, offset);
	assert_string_equal(finding_row(&world, PROBLEM_SEGMENT_COPY)->detail,
			    "data/0/1.beforerecover has 1 entry of it");
	/* What is whole in the segment is read from there. */
	put_path(&world, 6, &segment, &offset);
	assert_int_equal(segment, 1);
	assert_false(verify_has_fill(world.verify, 1, offset));
	assert_true(verify_find_source(world.verify, 1, offset, &source));
	assert_string_equal(source.path, "data/0/1");
	assert_false(verify_find_source(world.verify, 4000, offset, &source));
	world_free(&world);
	(void)state;
}

static void a_name_with_the_segments_number_is_one_of_a_copy(void **state)
{
	static const struct { const char *folder, *name; bool is_copy; } cases[] = {
		{ NULL, "data/0/1.beforerecover", true }, { NULL, "data/0/1-abc.tmp", true },
		{ NULL, "data/0/1.sync-conflict-20260101", true }, { NULL, "data/0/1~", true },
		{ NULL, "data/0/.1.Xab3", true }, { "data/0/.~tmp~", "data/0/.~tmp~/1", true },
		{ "data/old", "data/old/1", true }, { NULL, "data/1.bak", true },
		{ NULL, "data/0/001.bak", true },
		{ NULL, "data/0/11.bak", false }, { NULL, "data/0/copy of 1", false },
		{ NULL, "data/0/..1", false }, { NULL, "data/0/4294967297.bak", false },
		{ NULL, "1.bak", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		uint32_t segment, offset;
		world_new(&world);
		const char *from = copy_of(path_of(&world, "data/0/1"));
		if (cases[i].folder)
			assert_int_equal(mkdir(path_of(&world, "%s", cases[i].folder), 0700), 0);
		copy_file(from, path_of(&world, "%s", cases[i].name));
		crc(&world);
		put_path(&world, 7, &segment, &offset);
		world_judge(&world, 1);
		if (verify_has_fill(world.verify, segment, offset) != cases[i].is_copy ||
		    world.verify->objects != (cases[i].is_copy ? 25 : 24))
			fail_msg("%s", cases[i].name);
		world_free(&world);
	}
	(void)state;
}

static void where_nothing_is_lacking_no_copy_is_looked_for(void **state)
{
	struct world world;
	world_new(&world);
	const char *from = copy_of(path_of(&world, "data/0/1"));
	copy_file(from, path_of(&world, "data/0/1.bak"));
	world_judge(&world, 1);
	assert_int_equal(world.verify->copy_count, 0);
	assert_int_equal(found(&world, PROBLEM_SEGMENT_COPY), 0);
	world_free(&world);
	/* Nor does damage elsewhere make it one. */
	world_new(&world);
	from = copy_of(path_of(&world, "data/0/0"));
	copy_file(from, path_of(&world, "data/0/0.bak"));
	crc(&world);
	world_judge(&world, 1);
	assert_int_equal(world.verify->fill_count, 0);
	assert_int_equal(world.verify->lost, 1);
	world_free(&world);
	(void)state;
}

static void a_file_without_magic_is_a_copy_of_what_the_index_knows(void **state)
{
	for (int has_index = 0; has_index < 2; has_index++) {
		struct world world;
		world_new(&world);
		segment_copy(&world);
		builder_flip(path_of(&world, "data/0/1.beforerecover"), 0, 1);
		if (!has_index)
			index_missing(&world);
		world_judge(&world, 1);
		assert_int_equal(world.verify->fill_count, has_index);
		assert_int_equal(world.verify->lost, !has_index);
		world_free(&world);
	}
	(void)state;
}

/* The index knows a PUT at that place, and its key: a copy of another time has another object
 * there, or the same one elsewhere. */
static void of_a_copy_of_another_time_only_what_the_index_knows_is_taken(void **state)
{
	struct world world;
	uint32_t segment, offset;
	uint8_t key[BUILDER_KEY], entry[341];
	const uint8_t value[300] = { 1 };
	for (unsigned number = 7; number <= 900; number += 893) {
		world_new(&world);
		segment_copy(&world);
		put_path(&world, 7, &segment, &offset);
		builder_key(number, key);
		assert_int_equal(builder_encode(BUILDER_PUT, key, value, 300, entry), 341);
		builder_patch(path_of(&world, "data/0/1.beforerecover"), offset, entry, 341);
		world_judge(&world, 1);
		assert_int_equal(world.verify->fill_count, number == 7);
		assert_int_equal(world.verify->lost, number != 7);
		assert_int_equal(world.verify->objects, number == 7 ? 25 : 24);
		world_free(&world);
	}
	(void)state;
}

static void two_copies_fill_one_place_once(void **state)
{
	for (unsigned has_witnesses = 0; has_witnesses < 2; has_witnesses++) {
		struct world world;
		uint32_t segment, offset;
		struct verify_source source;
		world_new(&world);
		const char *from = copy_of(path_of(&world, "data/0/1"));
		copy_file(from, path_of(&world, "data/0/1.zzz"));
		segment_copy(&world);
		if (!has_witnesses) {
			unlink(index_path(&world));
			unlink(hints_path(&world));
		}
		put_path(&world, 7, &segment, &offset);
		world_judge(&world, 1);
		assert_int_equal(world.verify->copy_count, 2);
		assert_int_equal(world.verify->fill_count, 1);
		assert_true(verify_find_source(world.verify, 1, offset, &source));
		assert_string_equal(source.path, "data/0/1.beforerecover");
		world_free(&world);
	}
	(void)state;
}

static void a_missing_segment_is_read_from_its_copy(void **state)
{
	for (unsigned has_witnesses = 0; has_witnesses < 2; has_witnesses++) {
		struct world world;
		world_new(&world);
		const char *from = copy_of(path_of(&world, "data/0/1"));
		assert_int_equal(rename(from, path_of(&world, "data/0/1.old")), 0);
		if (!has_witnesses) {
			unlink(index_path(&world));
			unlink(hints_path(&world));
		}
		world_judge(&world, 1);
		assert_int_equal(world.verify->objects, 25);
		assert_int_equal(world.verify->lost, 0);
		assert_true(world.verify->fill_count >= 4);
		world_free(&world);
	}
	(void)state;
}

/* Without an index a DELETE of a copy counts, unless it may be the first half of a replacement
 * whose PUT is damaged in the copy, too. */
static void a_delete_before_damage_of_a_copy_is_not_taken(void **state)
{
	for (unsigned is_half = 0; is_half < 2; is_half++) {
		struct world world;
		struct replay_event place;
		uint8_t key[BUILDER_KEY], other[BUILDER_KEY];
		char path[BUILDER_PATH], copy[BUILDER_PATH];
		world_new(&world);
		builder_key(8, key);
		builder_key(61, other);
		builder_delete(world.builder, key);	/* 41 bytes behind the magic */
		builder_put_some(world.builder, other, 300);
		builder_segment_path(world.builder, builder_segment(world.builder), path);
		builder_transaction(world.builder);
		snprintf(copy, sizeof(copy), "%.500s.bak", path);
		copy_file(path, copy);
		builder_zero(path, 8, 41);
		if (is_half)
			builder_flip(copy, 8 + 41 + 100, 1);
		for (unsigned i = 0; i <= builder_head(world.builder); i++) {
			unlink(path_of(&world, "index.%u", i));
			unlink(path_of(&world, "hints.%u", i));
		}
		world_judge(&world, 1);
		assert_int_equal(world.verify->fill_count, !is_half);
		assert_int_equal(verify_lookup(world.verify, key, &place), is_half);
		world_free(&world);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_copy_has_whole_is_not_lost),
		cmocka_unit_test(a_name_with_the_segments_number_is_one_of_a_copy),
		cmocka_unit_test(where_nothing_is_lacking_no_copy_is_looked_for),
		cmocka_unit_test(a_file_without_magic_is_a_copy_of_what_the_index_knows),
		cmocka_unit_test(of_a_copy_of_another_time_only_what_the_index_knows_is_taken),
		cmocka_unit_test(two_copies_fill_one_place_once),
		cmocka_unit_test(a_missing_segment_is_read_from_its_copy),
		cmocka_unit_test(a_delete_before_damage_of_a_copy_is_not_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

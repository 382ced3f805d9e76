/* The older version of an object whose newest is gone: rule 5 of doc/reliability.md. */
#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Write a file of one PUT of object @number, with @len bytes of value, as a segment. */
static void write_version(const struct world *world, const char *path, unsigned number, size_t len)
{
	uint8_t bytes[8 + 41 + 500] = "ATTICSEG", key[BUILDER_KEY];
	const uint8_t value[500] = { 7 };
	assert_true(len <= sizeof(value));
	builder_key(number, key);
	const size_t size = builder_encode(BUILDER_PUT, key, value, len, bytes + 8);
	builder_write_file(path_of(world, "%s", path), bytes, 8 + size);
}

/* The row of object @number, which must be gone. */
static const struct verify_gone *gone(const struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	const struct verify_gone *row = verify_find_gone(world->verify, key);
	assert_non_null(row);
	return row;
}

static void an_older_version_in_the_log_is_named_and_not_called_lost(void **state)
{
	struct world world;
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	newest_version_damaged(&world);		/* of object 4, which a DELETE came before */
	world_judge(&world, 1);
	const struct verify_gone *row = gone(&world, 4);
	assert_true(row->has_older);
	assert_int_equal(row->older.segment, 0);
	assert_int_equal(row->older_copy, UINT32_MAX);
	assert_false(row->older_is_uncommitted);
	assert_int_equal(world.verify->older, 1);
	assert_int_equal(world.verify->lost, 0);
	assert_int_equal(found(&world, PROBLEM_OBJECT_OLDER), 1);
	builder_key(5, key);
	assert_null(verify_find_gone(world.verify, key));
	world_free(&world);
	(void)state;
}

static void without_an_older_version_the_object_is_lost(void **state)
{
	struct world world;
	uint32_t segment, offset;
	world_new(&world);
	crc(&world);				/* object 7 has one version */
	put_path(&world, 7, &segment, &offset);
	world_judge(&world, 1);
	const struct verify_gone *row = gone(&world, 7);
	assert_false(row->has_older);
	assert_int_equal(row->segment, segment);
	assert_int_equal(row->offset, offset);
	assert_int_equal(world.verify->lost, 1);
	assert_int_equal(world.verify->older, 0);
	world_free(&world);
	(void)state;
}

/* It lies beside a segment that lacks nothing, and counts all the same. */
static void an_older_version_in_a_file_of_another_name_is_found(void **state)
{
	struct world world;
	struct verify_source source;
	world_new(&world);
	crc(&world);
	write_version(&world, "data/0/0.bak", 7, 200);
	world_judge(&world, 3);
	const struct verify_gone *row = gone(&world, 7);
	assert_true(row->has_older);
	assert_true(row->older_copy < world.verify->copy_count);
	assert_string_equal(world.verify->copies[row->older_copy].path, "data/0/0.bak");
	assert_int_equal(row->older_at, 8);
	assert_true(verify_find_source(world.verify, row->older.segment, row->older.offset,
				       &source));
	assert_string_equal(source.path, "data/0/0.bak");
	assert_int_equal(source.offset, 8);
	assert_int_equal(world.verify->older, 1);
	assert_int_equal(world.verify->lost, 0);
	world_free(&world);
	(void)state;
}

/* Every one of them at once: what the log holds, what lies beside it, what was never committed. */
static void the_log_goes_before_other_files_and_those_before_the_tail(void **state)
{
	static const struct { bool in_log, beside, in_tail; } cases[] = {
		{ true, true, true }, { true, false, true }, { false, true, true },
		{ false, false, true }, { true, true, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		const unsigned number = cases[i].in_log ? 4 : 7;
		uint8_t key[BUILDER_KEY];
		world_new(&world);
		patch_put(&world, number, 100, "????", 4);
		if (cases[i].beside)
			write_version(&world, "data/0/2.bak", number, 200);
		builder_key(number, key);
		if (cases[i].in_tail)
			builder_put_some(world.builder, key, 250);
		builder_close_segment(world.builder);
		world_judge(&world, 1);
		const struct verify_gone *row = gone(&world, number);
		assert_true(row->has_older);
		if (row->older_is_uncommitted != (!cases[i].in_log && !cases[i].beside) ||
		    (row->older_copy == UINT32_MAX) != (cases[i].in_log || !cases[i].beside))
			fail_msg("case %zu", i);
		world_free(&world);
	}
	(void)state;
}

static void of_two_versions_beside_the_log_the_later_segment_has_the_newer(void **state)
{
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		struct world world;
		world_new(&world);
		crc(&world);
		write_version(&world, "data/0/2.bak", 7, 200);
		write_version(&world, "data/0/0.bak", 7, 100);
		world_judge(&world, threads);
		const struct verify_gone *row = gone(&world, 7);
		assert_true(row->has_older);
		assert_string_equal(world.verify->copies[row->older_copy].path, "data/0/2.bak");
		assert_int_equal(row->older.size, 241);
		world_free(&world);
	}
	(void)state;
}

static void a_file_without_magic_holds_a_version_of_what_the_index_knows(void **state)
{
	for (int has_index = 0; has_index < 2; has_index++) {
		struct world world;
		world_new(&world);
		crc(&world);
		write_version(&world, "data/0/0.bak", 7, 200);
		builder_flip(path_of(&world, "data/0/0.bak"), 3, 1);
		if (!has_index)
			index_missing(&world);
		world_judge(&world, 1);
		assert_int_equal(gone(&world, 7)->has_older, has_index);
		assert_int_equal(world.verify->lost, !has_index);
		world_free(&world);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_version_in_the_log_is_named_and_not_called_lost),
		cmocka_unit_test(without_an_older_version_the_object_is_lost),
		cmocka_unit_test(an_older_version_in_a_file_of_another_name_is_found),
		cmocka_unit_test(the_log_goes_before_other_files_and_those_before_the_tail),
		cmocka_unit_test(of_two_versions_beside_the_log_the_later_segment_has_the_newer),
		cmocka_unit_test(a_file_without_magic_holds_a_version_of_what_the_index_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

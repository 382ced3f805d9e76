/* One entry: what its bytes say, and what each damage to them is called. */
#include "build-config.h"

#include "engine/format/dialect.h"
#include "tests/unit/format/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sizes_fit_at_the_edges(void **state)
{
	static const struct {
		uint8_t tag;
		uint32_t size;
		bool fits;
	} cases[] = {
		{ 2, 9, true },        { 2, 10, false },       { 2, 8, false },  { 1, 41, true },
		{ 1, 42, false },      { 1, 40, false },       { 0, 40, false }, { 0, 41, true },
		{ 0, 20971520, true }, { 0, 20971521, false }, { 3, 41, false }, { 255, 9, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (segment_size_fits(cases[i].tag, cases[i].size) != cases[i].fits)
			fail_msg("case %zu: tag %u", i, cases[i].tag);
	(void)state;
}

static void commit_bytes_are_attics(void **state)
{
	struct image image = image_new();
	add(&image, 2, 0, NULL, 0);
	assert_memory_equal(image.bytes + 8, segment_commit, 9);
	assert_memory_equal(image.bytes, dialect_attic.segment_magic, 8);
	free(image.bytes);
	(void)state;
}

static void every_prefix_of_an_entry_is_cut_off(void **state)
{
	struct image image = image_new();
	const size_t first = add_put(&image, 1, 20), second = add_put(&image, 2, 60);
	const size_t len = image.len;
	struct walk walk = { 0 };
	for (image.len = second + 1; image.len < len; image.len++) {
		do_walk(&walk, &image);
		assert_int_equal(walk.count, 2);
		expect_row(&walk, 0, first, 61, 0, SEGMENT_WHOLE);
		expect_row(&walk, 1, second, image.len - second, DAMAGED, SEGMENT_TORN);
	}
	free(image.bytes);
	(void)state;
}

static void every_flipped_bit_of_an_entry_is_seen_and_the_others_survive(void **state)
{
	struct image image = image_new();
	const size_t first = add_put(&image, 1, 30), middle = add_put(&image, 2, 50);
	const size_t gone = add(&image, 1, 9, NULL, 0), last = add_put(&image, 3, 30);
	add(&image, 2, 0, NULL, 0);
	struct walk walk = { 0 };
	for (size_t bit = middle * 8; bit < gone * 8; bit++) {
		image.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		do_walk(&walk, &image);
		if (walk.count != 5)
			fail_msg("bit %zu of the entry: %zu rows", bit - middle * 8, walk.count);
		expect_row(&walk, 0, first, 71, 0, SEGMENT_WHOLE);
		assert_int_equal(walk.rows[1].tag, DAMAGED);
		assert_int_equal(walk.rows[1].size, gone - middle);
		expect_row(&walk, 2, gone, 41, 1, SEGMENT_WHOLE);
		expect_row(&walk, 3, last, 71, 0, SEGMENT_WHOLE);
		image.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	free(image.bytes);
	(void)state;
}

static void each_kind_of_damage_has_its_name(void **state)
{
	static const struct {
		uint32_t size;
		int tag;
		enum segment_cause cause;
	} cases[] = {
		{ 0, 0, SEGMENT_SIZE_SMALL },
		{ 8, 0, SEGMENT_SIZE_SMALL },
		{ 40, 0, SEGMENT_SIZE_SMALL },
		{ 40, 1, SEGMENT_SIZE_SMALL },
		{ 8, 2, SEGMENT_SIZE_SMALL },
		{ 20971521, 0, SEGMENT_SIZE_LARGE },
		{ 0xffffffff, 0, SEGMENT_SIZE_LARGE },
		{ 42, 1, SEGMENT_SIZE_LARGE },
		{ 10, 2, SEGMENT_SIZE_LARGE },
		{ 91, 3, SEGMENT_BAD_TAG },
		{ 91, 255, SEGMENT_BAD_TAG },
		/* Reaches beyond the end, but entries follow: then it is the size that is wrong. */
		{ 100000, 0, SEGMENT_SIZE_LARGE },
		{ 90, 0, SEGMENT_CRC_MISMATCH },
		{ 91, 0, SEGMENT_WHOLE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image = image_new();
		struct walk walk = { 0 };
		const size_t at = add_put(&image, 1, 50), next = add_put(&image, 2, 50);
		put_header(&image, at, cases[i].size, cases[i].tag);
		do_walk(&walk, &image);
		assert_int_equal(walk.count, 2);
		if (walk.rows[0].cause != cases[i].cause)
			fail_msg("case %zu: %s", i, segment_cause_text(walk.rows[0].cause));
		expect_row(&walk, 1, next, 91, 0, SEGMENT_WHOLE);
		assert_string_not_equal(segment_cause_text(cases[i].cause), "?");
		free(image.bytes);
	}
	(void)state;
}

static void an_intact_entry_of_an_unknown_kind_is_told_by_its_checksum(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	const size_t at = add(&image, 7, 1, "abc", 3);
	add_put(&image, 2, 50);
	do_walk(&walk, &image);
	expect_row(&walk, 0, at, 44, DAMAGED, SEGMENT_BAD_TAG);
	assert_true(walk.rows[0].has_crc);
	assert_int_equal(walk.rows[0].crc_stored, walk.rows[0].crc_computed);
	free(image.bytes);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_fit_at_the_edges),
		cmocka_unit_test(commit_bytes_are_attics),
		cmocka_unit_test(every_prefix_of_an_entry_is_cut_off),
		cmocka_unit_test(every_flipped_bit_of_an_entry_is_seen_and_the_others_survive),
		cmocka_unit_test(each_kind_of_damage_has_its_name),
		cmocka_unit_test(an_intact_entry_of_an_unknown_kind_is_told_by_its_checksum),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

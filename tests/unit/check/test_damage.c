/* What is damaged, by its place. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Stretches at both edges of a segment's numbers, in no order. */
static struct verify_damage rows[] = {
	{ .segment = 7, .offset = 300, .length = 41, .cause = SEGMENT_ZEROS },
	{ .segment = UINT32_MAX, .offset = UINT32_MAX - 9ull, .length = 100,
	  .cause = SEGMENT_TORN },
	{ .segment = 7, .offset = 0, .length = 8, .cause = SEGMENT_BAD_MAGIC },
	{ .segment = 0, .offset = 8, .length = 1, .cause = SEGMENT_UNREADABLE },
	{ .segment = 7, .offset = 100, .length = 200, .cause = SEGMENT_BAD_TAG },
	{ .segment = 9, .offset = 50, .length = 10, .cause = SEGMENT_SIZE_SMALL },
};

static struct verify verify_of(struct verify_damage *damage, size_t count)
{
	const struct verify verify = { .damage = damage, .damage_count = count };
	return verify;
}

static void it_is_sorted_by_segment_and_offset(void **state)
{
	static const struct { uint32_t segment; uint64_t offset; } sorted[] = {
		{ 0, 8 }, { 7, 0 }, { 7, 100 }, { 7, 300 }, { 9, 50 },
		{ UINT32_MAX, UINT32_MAX - 9ull },
	};
	struct verify verify = verify_of(rows, ARRAY_SIZE(rows));
	verify_sort_damage(&verify);
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
		assert_int_equal(rows[i].segment, sorted[i].segment);
		assert_int_equal(rows[i].offset, sorted[i].offset);
	}
	(void)state;
}

static void the_stretches_of_a_segment_are_found(void **state)
{
	static const struct { uint32_t segment; size_t count; uint64_t first; } cases[] = {
		{ 0, 1, 8 }, { 7, 3, 0 }, { 9, 1, 50 }, { UINT32_MAX, 1, UINT32_MAX - 9ull },
		{ 1, 0, 0 }, { 8, 0, 0 }, { UINT32_MAX - 1, 0, 0 },
	};
	struct verify verify = verify_of(rows, ARRAY_SIZE(rows));
	verify_sort_damage(&verify);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t count = 99;
		const struct verify_damage *first =
			verify_damage_in(&verify, cases[i].segment, &count);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(first != NULL, cases[i].count > 0);
		if (first) {
			assert_int_equal(first->segment, cases[i].segment);
			assert_int_equal(first->offset, cases[i].first);
		}
	}
	assert_null(verify_damage_from(&verify, 7, 101));
	assert_null(verify_damage_from(&verify, 9, 100));
	assert_non_null(verify_damage_from(&verify, 7, 100));
	assert_int_equal(verify_damage_from(&verify, 7, 100)->length, 200);
	(void)state;
}

static void a_place_is_damaged_from_the_first_byte_to_the_last(void **state)
{
	static const struct {
		uint32_t segment, offset;
		bool is_damaged;
		enum segment_cause cause;
	} cases[] = {
		{ 7, 0, true, SEGMENT_BAD_MAGIC }, { 7, 7, true, SEGMENT_BAD_MAGIC },
		{ 7, 8, false, 0 }, { 7, 99, false, 0 },
		{ 7, 100, true, SEGMENT_BAD_TAG }, { 7, 299, true, SEGMENT_BAD_TAG },
		{ 7, 300, true, SEGMENT_ZEROS }, { 7, 340, true, SEGMENT_ZEROS },
		{ 7, 341, false, 0 }, { 7, UINT32_MAX, false, 0 },
		{ 0, 7, false, 0 }, { 0, 8, true, SEGMENT_UNREADABLE }, { 0, 9, false, 0 },
		/* Another segment's stretch begins or ends there. */
		{ 8, 0, false, 0 }, { 8, 320, false, 0 }, { 9, 100, false, 0 },
		{ 9, 49, false, 0 }, { 9, 59, true, SEGMENT_SIZE_SMALL },
		{ UINT32_MAX, UINT32_MAX, true, SEGMENT_TORN }, { UINT32_MAX, 0, false, 0 },
	};
	struct verify verify = verify_of(rows, ARRAY_SIZE(rows));
	verify_sort_damage(&verify);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t cause = 99;
		const bool is_damaged = verify_damage_at(&verify, cases[i].segment,
							 cases[i].offset, &cause);
		if (is_damaged != cases[i].is_damaged || (is_damaged && cause != cases[i].cause))
			fail_msg("case %zu: %d, %u", i, is_damaged, cause);
	}
	(void)state;
}

static void nothing_is_damaged_where_there_is_none(void **state)
{
	const struct verify verify = verify_of(NULL, 0);
	uint8_t cause;
	size_t count = 99;
	assert_false(verify_damage_at(&verify, 0, 0, &cause));
	assert_null(verify_damage_in(&verify, 0, &count));
	assert_int_equal(count, 0);
	assert_null(verify_damage_from(&verify, 0, 0));
	(void)state;
}

/* 4096 stretches of a segment are remembered; with so many, any other place may be damaged too. */
static void what_was_not_remembered_may_be_anywhere_in_the_segment(void **state)
{
	enum { FULL = 4096 };
	struct verify_damage *many = calloc(FULL + 1, sizeof(*many));
	uint8_t cause = 99;
	assert_non_null(many);
	many[0] = (struct verify_damage){ .segment = 4, .offset = 0, .length = 8 };
	for (unsigned i = 0; i < FULL; i++)
		many[i + 1] = (struct verify_damage){
			.segment = 5, .offset = 8 + 10ull * i, .length = 1,
			.cause = SEGMENT_ZEROS,
		};
	struct verify verify = verify_of(many, FULL);		/* one fewer than all */
	assert_false(verify_damage_at(&verify, 5, 9, &cause));
	verify.damage_count = FULL + 1;
	assert_true(verify_damage_at(&verify, 5, 9, &cause));
	assert_int_equal(cause, SEGMENT_CRC_MISMATCH);
	assert_true(verify_damage_at(&verify, 5, 8, &cause));
	assert_int_equal(cause, SEGMENT_ZEROS);
	assert_false(verify_damage_at(&verify, 4, 8, &cause));
	assert_false(verify_damage_at(&verify, 6, 8, &cause));
	free(many);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_sorted_by_segment_and_offset),
		cmocka_unit_test(the_stretches_of_a_segment_are_found),
		cmocka_unit_test(a_place_is_damaged_from_the_first_byte_to_the_last),
		cmocka_unit_test(nothing_is_damaged_where_there_is_none),
		cmocka_unit_test(what_was_not_remembered_may_be_anywhere_in_the_segment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "engine/base/crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <zlib.h>

#define LARGE (1u << 20)

static uint8_t *noise(void)
{
	uint8_t *bytes = malloc(LARGE);
	uint32_t seed = 1;
	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	return bytes;
}

static void the_check_value_of_the_polynomial_is_right(void **state)
{
	assert_int_equal(crc32_update(0, "123456789", 9), 0xcbf43926);
	(void)state;
}

static void nothing_leaves_the_checksum_as_it_is(void **state)
{
	assert_int_equal(crc32_update(0, NULL, 0), 0);
	assert_int_equal(crc32_update(0x12345678, NULL, 0), 0x12345678);
	assert_int_equal(crc32_update(0x12345678, "", 0), 0x12345678);
	(void)state;
}

static void every_small_length_and_alignment_agrees_with_zlib(void **state)
{
	uint8_t *bytes = noise();
	for (size_t start = 0; start < 64; start++)
		for (size_t len = 0; len < 600; len++)
			if (crc32_update(0, bytes + start, len) !=
			    (uint32_t)crc32_z(0, bytes + start, len))
				fail_msg("%zu bytes at alignment %zu", len, start);
	free(bytes);
	(void)state;
}

static void large_lengths_agree_with_zlib(void **state)
{
	uint8_t *bytes = noise();
	for (size_t len = LARGE - 130; len <= LARGE; len++)
		assert_int_equal(crc32_update(7, bytes, len), (uint32_t)crc32_z(7, bytes, len));
	free(bytes);
	(void)state;
}

static void pieces_give_the_checksum_of_the_whole(void **state)
{
	uint8_t *bytes = noise();
	const uint32_t whole = crc32_update(0, bytes, 1000);
	for (size_t cut = 0; cut <= 1000; cut++) {
		const uint32_t first = crc32_update(0, bytes, cut);
		assert_int_equal(crc32_update(first, bytes + cut, 1000 - cut), whole);
	}
	free(bytes);
	(void)state;
}

static void two_prefixes_give_what_lies_between(void **state)
{
	uint8_t *bytes = noise();
	for (size_t a = 0; a < 300; a += 7)
		for (size_t b = a; b < 700; b += 11) {
			const uint32_t crc_a = crc32_update(0, bytes, a);
			const uint32_t crc_b = crc32_update(0, bytes, b);
			assert_int_equal(crc32_between(crc_a, crc_b, b - a),
					 crc32_update(0, bytes + a, b - a));
		}
	const uint32_t crc_a = crc32_update(0, bytes, 3);
	const uint32_t crc_b = crc32_update(0, bytes, LARGE);
	assert_int_equal(crc32_between(crc_a, crc_b, LARGE - 3),
			 crc32_update(0, bytes + 3, LARGE - 3));
	free(bytes);
	(void)state;
}

/* With no bytes to compare with: moving on by 5 GiB in one step and in two is the same. */
static void lengths_beyond_4_gib_are_not_cut(void **state)
{
	const uint64_t far = 5ull << 30;
	const uint32_t moved = crc32_between(0xdeadbeef, 0, far);
	assert_int_equal(crc32_between(crc32_between(0xdeadbeef, 0, far - 12345), 0, 12345), moved);
	assert_int_not_equal(moved, crc32_between(0xdeadbeef, 0, far & 0xffffffff));
	(void)state;
}

static void the_library_has_a_name(void **state)
{
	assert_true(crc32_library()[0] != '\0');
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_check_value_of_the_polynomial_is_right),
		cmocka_unit_test(nothing_leaves_the_checksum_as_it_is),
		cmocka_unit_test(every_small_length_and_alignment_agrees_with_zlib),
		cmocka_unit_test(large_lengths_agree_with_zlib),
		cmocka_unit_test(pieces_give_the_checksum_of_the_whole),
		cmocka_unit_test(two_prefixes_give_what_lies_between),
		cmocka_unit_test(lengths_beyond_4_gib_are_not_cut),
		cmocka_unit_test(the_library_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

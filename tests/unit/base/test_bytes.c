#include "build-config.h"

#include "engine/base/bytes.h"
#include "engine/base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static const char HEX[] = "00ff10a5000000000000000000000000000000000000000000000000deadbeef";

static void little_endian_numbers_are_read_byte_by_byte(void **state)
{
	const uint8_t bytes[] = { 0xff, 0x78, 0x56, 0x34, 0x92 };
	assert_int_equal(get_u32le(bytes + 1), 0x92345678);
	(void)state;
}

static void a_key_becomes_64_lower_case_digits(void **state)
{
	uint8_t key[32] = { 0x00, 0xff, 0x10, 0xa5 };
	key[28] = 0xde, key[29] = 0xad, key[30] = 0xbe, key[31] = 0xef;
	char out[65];
	key_to_hex(key, out);
	assert_string_equal(out, HEX);
	(void)state;
}

static void prefixes_of_1_to_64_digits_are_read(void **state)
{
	for (unsigned nibbles = 1; nibbles <= 64; nibbles++) {
		char text[65] = "";
		memcpy(text, HEX, nibbles);
		struct key_prefix prefix;
		assert_true(key_prefix_parse(text, &prefix));
		assert_int_equal(prefix.nibbles, nibbles);
		char out[65];
		key_to_hex(prefix.bytes, out);
		assert_memory_equal(out, HEX, nibbles);
		for (unsigned i = nibbles; i < 64; i++)
			assert_int_equal(out[i], '0');
	}
	(void)state;
}

static void upper_case_digits_are_the_same(void **state)
{
	struct key_prefix lower, upper;
	assert_true(key_prefix_parse("deadbeef", &lower));
	assert_true(key_prefix_parse("DEADBeeF", &upper));
	assert_memory_equal(lower.bytes, upper.bytes, 32);
	(void)state;
}

static void what_is_no_hex_is_refused(void **state)
{
	static const char *const cases[] = {
		"", "g", "0x12", " 12", "12 ", "-1", "1\n", "/", ":", "@", "`", "\xc3\xa9",
		"00000000000000000000000000000000000000000000000000000000000000000",
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct key_prefix prefix;
		if (key_prefix_parse(cases[i], &prefix))
			fail_msg("'%s' was taken", cases[i]);
	}
	(void)state;
}

static void a_prefix_fits_the_keys_that_begin_with_it(void **state)
{
	static const struct { const char *prefix; bool fits; } cases[] = {
		{ "a", true }, { "ab", true }, { "abc", true }, { "abcd", true }, { "abcd0", true },
		{ "b", false }, { "ac", false }, { "abd", false }, { "abcd1", false },
	};
	const uint8_t key[32] = { 0xab, 0xcd };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct key_prefix prefix;
		assert_true(key_prefix_parse(cases[i].prefix, &prefix));
		if (key_prefix_matches(&prefix, key) != cases[i].fits)
			fail_msg("prefix %s", cases[i].prefix);
	}
	(void)state;
}

static void a_whole_key_as_prefix_fits_only_itself(void **state)
{
	struct key_prefix prefix;
	assert_true(key_prefix_parse(HEX, &prefix));
	uint8_t key[32];
	memcpy(key, prefix.bytes, 32);
	assert_true(key_prefix_matches(&prefix, key));
	for (unsigned bit = 0; bit < 256; bit++) {
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(key_prefix_matches(&prefix, key));
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	(void)state;
}

static void only_32_zero_bytes_are_the_manifest(void **state)
{
	uint8_t key[32] = { 0 };
	assert_true(key_is_manifest(key));
	assert_string_equal(key_note(key), " (the manifest)");
	for (unsigned bit = 0; bit < 256; bit++) {
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(key_is_manifest(key));
		assert_string_equal(key_note(key), "");
		key[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(little_endian_numbers_are_read_byte_by_byte),
		cmocka_unit_test(a_key_becomes_64_lower_case_digits),
		cmocka_unit_test(prefixes_of_1_to_64_digits_are_read),
		cmocka_unit_test(upper_case_digits_are_the_same),
		cmocka_unit_test(what_is_no_hex_is_refused),
		cmocka_unit_test(a_prefix_fits_the_keys_that_begin_with_it),
		cmocka_unit_test(a_whole_key_as_prefix_fits_only_itself),
		cmocka_unit_test(only_32_zero_bytes_are_the_manifest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

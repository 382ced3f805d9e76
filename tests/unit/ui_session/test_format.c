#include "build-config.h"

#include "ui/session/format.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void only_all_is_100_percent_and_only_nothing_is_0(void **state)
{
	static const struct { uint64_t part, whole; const char *text; } cases[] = {
		{ 0, 0, "-" }, { 0, 5, "0 %" }, { 1, 100000, "<1 %" }, { 61, 100, "61 %" },
		{ 99999, 100000, "99 %" }, { 995, 1000, "99 %" }, { 7, 7, "100 %" },
	};
	char text[FORMAT_SIZE];
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(
			format_percent(cases[i].part, cases[i].whole, text, sizeof(text)),
			cases[i].text);
	(void)state;
}

static void durations_read_like_a_clock(void **state)
{
	static const struct { uint64_t seconds; const char *text; } cases[] = {
		{ 0, "0:00" }, { 7, "0:07" }, { 760, "12:40" }, { 10931, "3:02:11" },
		{ 4 * 86400, "4 days" },
	};
	char text[FORMAT_SIZE];
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(format_duration(cases[i].seconds, text, sizeof(text)),
				    cases[i].text);
	assert_string_equal(format_rate(3 << 20, 2.0, text, sizeof(text)), "1.5 MiB/s");
	assert_string_equal(format_rate(1, 0, text, sizeof(text)), "-");
	(void)state;
}

static void keys_are_hex(void **state)
{
	uint8_t key[32] = { 0xa1, 0xb2, 0xc3 };
	char text[80];
	assert_string_equal(format_key(key, 5, "..", text, sizeof(text)), "a1b2c..");
	assert_int_equal(strlen(format_key(key, 64, "..", text, sizeof(text))), 64);
	(void)state;
}

static void what_a_terminal_obeys_is_masked(void **state)
{
	static const struct { const char *bytes; size_t len; const char *text; } cases[] = {
		{ "plain text", 10, "plain text" },
		{ "\033[2J", 4, "\\x1b[2J" },
		{ "a\nb\tc\rd\177", 8, "a\\x0ab\\x09c\\x0dd\\x7f" },
		{ "\0x", 2, "\\x00x" },
		{ "\xc2\x9b" "31m", 5, "\\xc2\\x9b31m" },	/* C1: CSI in one character */
		{ "\xe2\x80\xae" "abc", 6, "\\xe2\\x80\\xae" "abc" }, /* reverses what follows */
		{ "\xe2\x80\x8b", 3, "\\xe2\\x80\\x8b" },	/* zero width */
		{ "\xff\xfe", 2, "\\xff\\xfe" },
		{ "\xc3", 1, "\\xc3" },				/* cut off */
		{ "\xc0\xaf", 2, "\\xc0\\xaf" },		/* overlong */
		{ "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },	/* a surrogate */
	};
	char text[80];
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(format_masked(cases[i].bytes, cases[i].len, text, sizeof(text)),
				    cases[i].text);
	(void)state;
}

static void printable_utf8_passes_where_the_locale_has_it(void **state)
{
	char text[80];
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_string_equal(format_masked_text("m\xc3\xbcsli \xe2\x82\xac", text, sizeof(text)),
			    "m\xc3\xbcsli \xe2\x82\xac");
	what_a_terminal_obeys_is_masked(state);
	setlocale(LC_CTYPE, "C");
	assert_string_equal(format_masked_text("m\xc3\xbc", text, sizeof(text)), "m\\xc3\\xbc");
}

static void masked_text_is_never_cut_inside_a_character(void **state)
{
	char text[8];
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_string_equal(format_masked_text("abcd\xe2\x82\xac", text, 7), "abcd");
	assert_string_equal(format_masked_text("abcd\xe2\x82\xac", text, 8), "abcd\xe2\x82\xac");
	assert_string_equal(format_masked_text("abcd\033", text, 8), "abcd");
	assert_string_equal(format_masked_text("abc", text, 1), "");
	setlocale(LC_CTYPE, "C");
	(void)state;
}

static void every_byte_and_every_short_buffer_is_safe(void **state)
{
	char bytes[256], *text = malloc(1100);
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	assert_non_null(text);
	for (size_t size = 1; size <= 1100; size++) {
		format_masked(bytes, sizeof(bytes), text, size);
		assert_true(strlen(text) < size);
		for (const char *c = text; *c; c++)
			assert_true(*c >= ' ' && *c < 127);
	}
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_all_is_100_percent_and_only_nothing_is_0),
		cmocka_unit_test(durations_read_like_a_clock),
		cmocka_unit_test(keys_are_hex),
		cmocka_unit_test(what_a_terminal_obeys_is_masked),
		cmocka_unit_test(printable_utf8_passes_where_the_locale_has_it),
		cmocka_unit_test(masked_text_is_never_cut_inside_a_character),
		cmocka_unit_test(every_byte_and_every_short_buffer_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

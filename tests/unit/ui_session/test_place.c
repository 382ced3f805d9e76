#include "build-config.h"

#include "ui/session/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void a_segment_with_or_without_an_offset_is_a_place(void **state)
{
	struct place place;
	assert_true(place_parse("17", &place));
	assert_true(place.has_segment && !place.has_offset);
	assert_int_equal(place.segment, 17);
	assert_true(place_parse("17:4096", &place));
	assert_true(place.has_segment && place.has_offset);
	assert_int_equal(place.offset, 4096);
	assert_true(place_parse("4294967295:0xffffffffff", &place));
	assert_int_equal(place.segment, 4294967295u);
	assert_int_equal(place.offset, 0xffffffffff);
	(void)state;
}

static void other_text_is_no_place(void **state)
{
	static const char *const cases[] = {
		"",
		":",
		"17:",
		":5",
		"a",
		"17:x",
		"17 ",
		" 17",
		"-1",
		"+1",
		"4294967296",
		"1:2:3",
		"0x",
		"1:18446744073709551616",
		"18446744073709551616",
	};
	struct place place;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (place_parse(cases[i], &place))
			fail_msg("\"%s\" was taken for a place", cases[i]);
	(void)state;
}

static void the_beginning_of_a_key_is_enough(void **state)
{
	struct place place;
	assert_true(place_parse_key("A1b", &place));
	assert_true(place.has_key);
	assert_int_equal(place.key_digits, 3);
	assert_int_equal(place.key[0], 0xa1);
	assert_int_equal(place.key[1], 0xb0);
	assert_false(place_parse_key("", &place));
	assert_false(place_parse_key("xyz", &place));
	assert_false(
		place_parse_key("0123456789012345678901234567890123456789012345678901234567890123"
				"4",
				&place));
	(void)state;
}

static void a_query_has_every_reading_that_it_allows(void **state)
{
	struct query query;
	assert_true(query_parse("12", &query));
	assert_true(query.is_number && query.is_prefix);
	assert_false(query.is_place || query.is_offset);
	assert_int_equal(query.number, 12);
	assert_int_equal(query.prefix.nibbles, 2);
	assert_true(query_parse("12:34", &query));
	assert_true(query.is_place);
	assert_false(query.is_number || query.is_prefix || query.is_offset);
	assert_true(query_parse(":34", &query));
	assert_true(query.is_offset);
	assert_false(query.is_place);
	assert_int_equal(query.offset, 34);
	assert_true(query_parse("Mismatch", &query));
	assert_false(query.is_number || query.is_prefix || query.is_place || query.is_offset);
	assert_string_equal(query.text, "mismatch");
	(void)state;
}

static void empty_and_overlong_queries_are_refused(void **state)
{
	char text[QUERY_MAX + 1];
	struct query query;
	memset(text, 'a', sizeof(text));
	text[QUERY_MAX] = '\0';
	assert_false(query_parse(text, &query));
	text[QUERY_MAX - 1] = '\0';
	assert_true(query_parse(text, &query));
	assert_false(query_parse("", &query));
	(void)state;
}

static void text_is_found_whatever_its_case(void **state)
{
	struct query query;
	assert_true(query_parse("CRC m", &query));
	assert_true(query_matches_text(&query, "crc mismatch"));
	assert_true(query_matches_text(&query, "a CRC Mismatch"));
	assert_false(query_matches_text(&query, "crc"));
	assert_false(query_matches_text(&query, ""));
	assert_true(query_parse("aab", &query));
	assert_true(query_matches_text(&query, "aaab"));
	(void)state;
}

static void bytes_are_pairs_behind_an_x_or_with_spaces_or_text_in_quotes(void **state)
{
	static const struct { const char *text; size_t count; const char *bytes; } cases[] = {
		{ "x4154", 2, "AT" }, { "X41 54 54", 3, "ATT" }, { "41 54", 2, "AT" },
		{ " 41  5a ", 2, "AZ" }, { "\"At tic\"", 6, "At tic" }, { "\"At", 2, "At" },
		{ "4154", 0, "" }, { "x415", 0, "" }, { "41 5", 0, "" }, { "x4g", 0, "" },
		{ "x", 0, "" }, { "\"", 0, "" }, { "\"a\"b", 0, "" }, { "two words", 0, "" },
	};
	struct query query;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(query_parse(cases[i].text, &query));
		if (query.byte_count != cases[i].count)
			fail_msg("%s: %zu bytes", cases[i].text, query.byte_count);
		assert_memory_equal(query.bytes, cases[i].bytes, cases[i].count);
	}
	(void)state;
}

static void a_command_is_a_word_and_an_argument(void **state)
{
	static const struct { const char *line, *word, *argument; } cases[] = {
		{ "segments", "segments", NULL },
		{ "  entries   17:40  ", "entries", "17:40" },
		{ "history\ta1 b2", "history", "a1 b2" },
		{ "quit   ", "quit", NULL },
	};
	char line[40], *word, *argument;
	for (size_t i = 0; i < COUNT(cases); i++) {
		strcpy(line, cases[i].line);
		assert_true(command_split(line, &word, &argument));
		assert_string_equal(word, cases[i].word);
		if (cases[i].argument)
			assert_string_equal(argument, cases[i].argument);
		else
			assert_null(argument);
	}
	strcpy(line, "   ");
	assert_false(command_split(line, &word, &argument));
	(void)state;
}

static void places_differ_in_any_of_their_parts(void **state)
{
	const struct place a = place_of_entry(1, 2);
	struct place b = a;
	assert_true(place_is_same(&a, &b));
	b.offset = 3;
	assert_false(place_is_same(&a, &b));
	b = place_of_segment(1);
	assert_false(place_is_same(&a, &b));
	b = a;
	place_set_key(&b, (const uint8_t[KEY_SIZE]){ 0 });
	assert_false(place_is_same(&a, &b));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_with_or_without_an_offset_is_a_place),
		cmocka_unit_test(other_text_is_no_place),
		cmocka_unit_test(the_beginning_of_a_key_is_enough),
		cmocka_unit_test(a_query_has_every_reading_that_it_allows),
		cmocka_unit_test(empty_and_overlong_queries_are_refused),
		cmocka_unit_test(text_is_found_whatever_its_case),
		cmocka_unit_test(bytes_are_pairs_behind_an_x_or_with_spaces_or_text_in_quotes),
		cmocka_unit_test(a_command_is_a_word_and_an_argument),
		cmocka_unit_test(places_differ_in_any_of_their_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

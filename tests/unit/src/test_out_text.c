#include "build-config.h"

#include "src/out_text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Output into memory; text_of closes it. */
struct capture {
	struct out out;
	char *text;
	size_t size;
};

static void begin(struct capture *capture, unsigned width, bool color)
{
	*capture = (struct capture){ .out = { .width = width, .color = color } };
	capture->out.stream = open_memstream(&capture->text, &capture->size);
	assert_non_null(capture->out.stream);
}

static void expect(struct capture *capture, const char *text)
{
	fclose(capture->out.stream);
	assert_string_equal(capture->text, text);
	free(capture->text);
}

static const struct column columns[] = {
	{ .name = "number", .title = "number", .width = 7 },
	{ .name = "in JSON only" },
	{ .name = "word", .title = "word", .width = 5, .left = true },
	{ .name = "key", .title = "key", .left = true, .last = true },
};
static const uint8_t key[32] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

static void rows_stand_below_their_titles(void **state)
{
	struct capture capture;
	const struct cell cells[COUNT(columns)] = {
		cell_number(42), cell_number(7), cell_text("ok", TONE_GOOD), cell_key(key),
	};
	begin(&capture, 0, false);
	text_titles(&capture.out, columns, COUNT(columns));
	text_row(&capture.out, columns, cells, COUNT(columns));
	expect(&capture,
	       " number  word   key\n"
	       "     42  ok     0123456789abcdef0000000000000000"
	       "00000000000000000000000000000000\n");
	(void)state;
}

static void a_key_is_cut_to_fit_the_terminal(void **state)
{
	const struct cell cells[COUNT(columns)] = {
		cell_none(), cell_none(), cell_none(), cell_key(key),
	};
	static const struct { unsigned width; const char *line; } cases[] = {
		{ 36, "      -  -      0123456789abcdef0000\n" },
		{ 10, "      -  -      0123456789ab\n" },	/* 12 digits at least */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capture capture;
		begin(&capture, cases[i].width, false);
		text_row(&capture.out, columns, cells, COUNT(columns));
		expect(&capture, cases[i].line);
	}
	(void)state;
}

static void each_kind_of_cell_has_its_form(void **state)
{
	static const uint8_t zeros[32];
	const struct { struct cell cell; const char *line; } cases[] = {
		{ cell_none(), "-\n" },
		{ cell_number(1234567), "1234567\n" },
		{ cell_bytes(1048576), "1.0 MiB\n" },
		{ cell_crc(0xbeef), "0000beef\n" },
		{ cell_text("a\033[2Jb", TONE_PLAIN), "a\\x1b[2Jb\n" },
		{ cell_flag(true), "yes\n" },
		{ cell_flag(false), "no\n" },
		{ cell_key(zeros), "00000000000000000000000000000000"
				   "00000000000000000000000000000000 (the manifest)\n" },
	};
	static const struct column one = { .name = "x", .title = "x", .left = true, .last = true };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capture capture;
		begin(&capture, 0, false);
		text_row(&capture.out, &one, &cases[i].cell, 1);
		expect(&capture, cases[i].line);
	}
	(void)state;
}

static void color_is_ended_on_its_line(void **state)
{
	struct capture capture;
	begin(&capture, 0, true);
	text_line(&capture.out, TONE_BAD, "%s", "bad");
	text_line(&capture.out, TONE_PLAIN, "%s", "plain");
	expect(&capture, "\033[1;31mbad\033[m\nplain\n");
	(void)state;
}

static void paragraphs_are_wrapped(void **state)
{
	static const struct { unsigned width, indent; const char *text, *lines; } cases[] = {
		{ 20, 0, "", "" },
		{ 20, 2, "one two three four five", "  one two three four\n  five\n" },
		{ 10, 0, "a word-that-is-too-long b", "a\nword-that-is-too-long\nb\n" },
		{ 10, 0, "  blanks   between ", "blanks\nbetween\n" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct capture capture;
		begin(&capture, cases[i].width, false);
		text_paragraph(&capture.out, cases[i].indent, cases[i].text);
		expect(&capture, cases[i].lines);
	}
	(void)state;
}

static void what_is_to_be_typed_is_not_wrapped(void **state)
{
	struct capture capture;
	begin(&capture, 20, false);
	text_by_hand(&capture.out, "Write this line into the config:\n"
				   "    segments_per_dir = 10000\n");
	text_by_hand(&capture.out, "");
	expect(&capture, "\nTo be done by hand:\nWrite this line into\nthe config:\n"
			 "    segments_per_dir = 10000\n");
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_stand_below_their_titles),
		cmocka_unit_test(a_key_is_cut_to_fit_the_terminal),
		cmocka_unit_test(each_kind_of_cell_has_its_form),
		cmocka_unit_test(color_is_ended_on_its_line),
		cmocka_unit_test(paragraphs_are_wrapped),
		cmocka_unit_test(what_is_to_be_typed_is_not_wrapped),
	};
	setlocale(LC_ALL, "C");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

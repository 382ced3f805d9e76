#include "build-config.h"

#include "src/out_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WRONG "\xef\xbf\xbd"	/* U+FFFD */

static void what_is_no_utf8_is_replaced_byte_by_byte(void **state)
{
	static const struct { const char *bytes, *text; } cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "B\303\274ro \342\202\254 \360\237\222\276",
		  "B\303\274ro \342\202\254 \360\237\222\276" },
		{ "B\374ro", "B" WRONG "ro" },
		{ "\303", WRONG },				/* cut short */
		{ "\342\202", WRONG WRONG },
		{ "\342\202x", WRONG WRONG "x" },
		{ "\300\200", WRONG WRONG },			/* overlong */
		{ "\355\240\200", WRONG WRONG WRONG },		/* a surrogate */
		{ "\364\220\200\200", WRONG WRONG WRONG WRONG },	/* above U+10FFFF */
		{ "\377\303\274\376", WRONG "\303\274" WRONG },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *string = json_text(cases[i].bytes);
		assert_non_null(string);
		assert_string_equal(json_string_value(string), cases[i].text);
		json_decref(string);
	}
	(void)state;
}

/* RFC 4648, section 10. */
static void base64_is_padded(void **state)
{
	static const char *const texts[] = {
		"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy",
	};
	for (size_t len = 0; len < COUNT(texts); len++) {
		json_t *string = json_base64((const uint8_t *)"foobar", len);
		assert_string_equal(json_string_value(string), texts[len]);
		json_decref(string);
	}
	static const uint8_t high[] = { 0xff, 0xef, 0xbf, 0x00 };
	json_t *string = json_base64(high, sizeof(high));
	assert_string_equal(json_string_value(string), "/++/AA==");
	json_decref(string);
	(void)state;
}

static void a_row_is_one_line_of_ascii(void **state)
{
	static const uint8_t key[32] = { 0xab };
	static const struct column columns[] = {
		{ .name = "none" }, { .name = "number" }, { .name = "bytes" }, { .name = "crc" },
		{ .title = "in text only" }, { .name = "key" }, { .name = "text" },
		{ .name = "null" }, { .name = "flag" },
	};
	const struct cell cells[COUNT(columns)] = {
		cell_none(), cell_number(INT64_MAX), cell_bytes(2048), cell_crc(0xffffffff),
		cell_number(1), cell_key(key), cell_text("\303\274\n\033", TONE_BAD),
		cell_text(NULL, TONE_BAD), cell_flag(true),
	};
	char *text = NULL;
	size_t len;
	struct out out = { .stream = open_memstream(&text, &len), .json = true };
	assert_non_null(out.stream);
	json_row(&out, columns, cells, COUNT(columns));
	fclose(out.stream);
	assert_false(out.out_of_memory);
	assert_string_equal(text,
		"{\"none\":null,\"number\":9223372036854775807,\"bytes\":2048,"
		"\"crc\":4294967295,"
		"\"key\":\"ab00000000000000000000000000000000000000000000000000000000000000\","
		"\"text\":\"\\u00FC\\n\\u001B\",\"null\":null,\"flag\":true}\n");
	free(text);
	(void)state;
}

static void what_cannot_be_made_drops_the_whole(void **state)
{
	json_t *object = json_object(), *array = json_array();
	json_add(&object, "a", json_number(1));
	json_add(&object, "b", NULL);
	assert_null(object);
	json_add(&object, "c", json_number(3));
	assert_null(object);
	json_append(&array, json_text(NULL));
	assert_int_equal(json_array_size(array), 1);
	assert_true(json_is_null(json_array_get(array, 0)));
	json_append(&array, NULL);
	json_append(&array, json_number(3));
	assert_null(array);
	(void)state;
}

static void that_memory_was_short_is_remembered(void **state)
{
	char *text = NULL;
	size_t len;
	struct out out = { .stream = open_memstream(&text, &len), .json = true };
	assert_non_null(out.stream);
	json_object_out(&out, NULL);
	fclose(out.stream);
	assert_true(out.out_of_memory);
	assert_int_equal(len, 0);
	free(text);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_utf8_is_replaced_byte_by_byte),
		cmocka_unit_test(base64_is_padded),
		cmocka_unit_test(a_row_is_one_line_of_ascii),
		cmocka_unit_test(what_cannot_be_made_drops_the_whole),
		cmocka_unit_test(that_memory_was_short_is_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

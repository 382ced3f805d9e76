#include "build-config.h"

#include "engine/format/roster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- names ---- */

static void names_are_read_from_the_right(void **state)
{
	static const struct { const char *name, *host; int64_t pid, thread; } cases[] = {
		{ "corpus-host.4194290-0", "corpus-host", 4194290, 0 },
		{ "elsewhere@207417387.4711-0", "elsewhere@207417387", 4711, 0 },
		{ "nas.example.org@2.1-ff", "nas.example.org@2", 1, 255 },
		{ "a-b.c-d.7-0", "a-b.c-d", 7, 0 },
		{ ".7-0", "", 7, 0 },
		{ "h.007-00A", "h", 7, 10 },
		{ "h.999999999999999999-fffffffffffffff", "h", 999999999999999999,
		  0xfffffffffffffff },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lock_id id;
		if (!lock_id_parse(cases[i].name, &id) || strcmp(id.host, cases[i].host) != 0 ||
		    id.pid != cases[i].pid || id.thread != cases[i].thread)
			fail_msg("case %zu: %s", i, cases[i].name);
	}
	(void)state;
}

static void other_names_name_no_holder(void **state)
{
	static const char *const names[] = {
		"", "-", ".", ".-", "host", "host.7", "host-0", "7-0", "host.-0", "host.7-",
		"host.x-0", "host.7-g", "host.+7-0", "host.-7-0", "host. 7-0", "host.7-0x1",
		"host.7_0-0", "host.1000000000000000000-0", "host.7-1000000000000000",
	};
	struct lock_id id;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (lock_id_parse(names[i], &id))
			fail_msg("%s was read", names[i]);
	(void)state;
}

static void a_holder_is_named_as_borg_does(void **state)
{
	struct lock_id id = { .host = "nas@17", .pid = 4711, .thread = 255 };
	char name[LOCK_NAME_SIZE];
	assert_true(lock_id_name(&id, name));
	assert_string_equal(name, "nas@17.4711-ff");
	strcpy(id.host, "a/b");
	assert_false(lock_id_name(&id, name));
	memset(id.host, 'h', 247);	/* with ".4711-ff" 255 bytes, as long as a name can be */
	id.host[247] = '\0';
	assert_true(lock_id_name(&id, name));
	assert_int_equal(strlen(name), 255);
	id.host[247] = 'h';
	id.host[248] = '\0';
	assert_false(lock_id_name(&id, name));
	(void)state;
}

/* ---- the list ---- */

static enum as_err parse(const char *text, struct roster *roster)
{
	return roster_parse(text, strlen(text), roster);
}

static void a_roster_of_borg_is_read(void **state)
{
	struct roster roster;
	assert_int_equal(parse("{\"shared\": [[\"nas@1\", 7, 0], [\"b\\u00e4r\", 8, 1]], "
			       "\"exclusive\": [[\"nas@1\", 9, 0]]}", &roster), AS_OK);
	assert_int_equal(roster.count, 3);
	assert_true(roster.rows[0].exclusive);
	assert_string_equal(roster.rows[0].id.host, "nas@1");
	assert_int_equal(roster.rows[0].id.pid, 9);
	assert_false(roster.rows[1].exclusive);
	assert_int_equal(roster.rows[1].id.pid, 7);
	assert_string_equal(roster.rows[2].id.host, "b\303\244r");
	assert_int_equal(roster.rows[2].id.thread, 1);
	roster_free(&roster);
	(void)state;
}

static void either_list_may_be_absent(void **state)
{
	static const char *const texts[] = {
		"{}", "{\"shared\": []}", "{\"exclusive\": [], \"other\": 1}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct roster roster;
		assert_int_equal(parse(texts[i], &roster), AS_OK);
		assert_int_equal(roster.count, 0);
		assert_false(roster.is_no_json);
	}
	(void)state;
}

static void what_is_no_json_is_empty_to_borg(void **state)
{
	static const char *const texts[] = {
		"", "garbage", "{\"exclusive\": [[\"a\", 1", "{} {}", "\xff\xfe",
		"{\"a\": \"\xc3\"}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct roster roster;
		assert_int_equal(parse(texts[i], &roster), AS_OK);
		assert_int_equal(roster.count, 0);
		if (!roster.is_no_json)
			fail_msg("case %zu", i);
	}
	(void)state;
}

static void json_of_another_form_is_no_roster(void **state)
{
	static const char *const texts[] = {
		"[]", "7", "\"x\"", "null", "{\"shared\": 7}", "{\"shared\": null}",
		"{\"exclusive\": {}}", "{\"shared\": [7]}", "{\"shared\": [[]]}",
		"{\"shared\": [[\"a\", 1]]}", "{\"shared\": [[\"a\", 1, 0, 0]]}",
		"{\"shared\": [[1, 1, 0]]}", "{\"shared\": [[\"a\", \"1\", 0]]}",
		"{\"shared\": [[\"a\", 1, true]]}", "{\"shared\": [[\"a\", 1.0, 0]]}",
		"{\"shared\": [[\"a\", -1, 0]]}", "{\"shared\": [[\"a\", 1, -1]]}",
		"{\"shared\": [[\"a\", 1, 0], [\"a\"]]}",
		"{\"shared\": [[\"a\", 99999999999999999999, 0]]}",
		"{\"shared\": [[\"\\u0000\", 1, 0]]}",
	};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct roster roster;
		if (parse(texts[i], &roster) != AS_ERR_INTEGRITY || roster.rows || roster.count)
			fail_msg("%s", texts[i]);
	}
	(void)state;
}

static void a_deep_or_a_huge_roster_is_refused(void **state)
{
	struct roster roster;
	char *text = malloc(65537);
	assert_non_null(text);
	memset(text, '[', 65537);
	assert_int_equal(roster_parse(text, 65536, &roster), AS_ERR_INTEGRITY);
	memset(text, ' ', 65537);
	assert_int_equal(roster_parse(text, 65536, &roster), AS_OK);
	assert_int_equal(roster_parse(text, 65537, &roster), AS_ERR_LIMIT);
	free(text);
	(void)state;
}

static void a_host_that_no_file_can_be_called_after_is_refused(void **state)
{
	struct roster roster;
	char text[400];
	snprintf(text, sizeof(text), "{\"shared\": [[\"%0255d\", 1, 0]]}", 7);
	assert_int_equal(parse(text, &roster), AS_OK);
	assert_int_equal(roster.count, 1);
	roster_free(&roster);
	snprintf(text, sizeof(text), "{\"shared\": [[\"%0256d\", 1, 0]]}", 7);
	assert_int_equal(parse(text, &roster), AS_ERR_INTEGRITY);
	(void)state;
}

static void a_part_of_a_roster_is_empty(void **state)
{
	static const char whole[] = "{\"shared\": [[\"nas@1\", 7, 0]]}";
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct roster roster;
		assert_int_equal(roster_parse(whole, len, &roster), AS_OK);
		assert_true(roster.is_no_json);
	}
	(void)state;
}

static void expect_text(const struct roster *roster, const char *expected)
{
	char *text;
	assert_int_equal(roster_print(roster, &text), AS_OK);
	assert_string_equal(text, expected);
	free(text);
}

static void rows_are_added_removed_and_printed(void **state)
{
	const struct lock_id a = { .host = "nas@1", .pid = 7 };
	const struct lock_id b = { .host = "b\303\244r", .pid = 8 };
	struct roster roster = { .rows = NULL };
	expect_text(&roster, "{}");
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(roster_add(&roster, &a, false), AS_OK);
		assert_int_equal(roster_add(&roster, &a, true), AS_OK);
		assert_int_equal(roster_add(&roster, &b, false), AS_OK);
	}
	assert_int_equal(roster.count, 3);
	expect_text(&roster, "{\"exclusive\": [[\"nas@1\", 7, 0]], "
		    "\"shared\": [[\"nas@1\", 7, 0], [\"b\\u00E4r\", 8, 0]]}");
	roster_remove(&roster, &b, true);	/* there is none */
	roster_remove(&roster, &a, false);
	expect_text(&roster, "{\"exclusive\": [[\"nas@1\", 7, 0]], "
		    "\"shared\": [[\"b\\u00E4r\", 8, 0]]}");
	roster_remove(&roster, &a, true);
	roster_remove(&roster, &b, false);
	assert_int_equal(roster.count, 0);
	roster_free(&roster);
	(void)state;
}

static void a_host_that_is_no_text_cannot_be_printed(void **state)
{
	const struct lock_id id = { .host = "\xff", .pid = 7 };
	struct roster roster = { .rows = NULL };
	char *text;
	assert_int_equal(roster_add(&roster, &id, true), AS_OK);
	assert_int_equal(roster_print(&roster, &text), AS_ERR_USAGE);
	assert_null(text);
	roster_free(&roster);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_from_the_right),
		cmocka_unit_test(other_names_name_no_holder),
		cmocka_unit_test(a_holder_is_named_as_borg_does),
		cmocka_unit_test(a_roster_of_borg_is_read),
		cmocka_unit_test(either_list_may_be_absent),
		cmocka_unit_test(what_is_no_json_is_empty_to_borg),
		cmocka_unit_test(json_of_another_form_is_no_roster),
		cmocka_unit_test(a_deep_or_a_huge_roster_is_refused),
		cmocka_unit_test(a_host_that_no_file_can_be_called_after_is_refused),
		cmocka_unit_test(a_part_of_a_roster_is_empty),
		cmocka_unit_test(rows_are_added_removed_and_printed),
		cmocka_unit_test(a_host_that_is_no_text_cannot_be_printed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

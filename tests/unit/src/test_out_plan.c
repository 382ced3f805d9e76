/* The lists of a plan as JSON, and where its text goes. */
#include "build-config.h"

#include "src/out_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY_1 "0100000000000000000000000000000000000000000000000000000000000000"
#define KEY_2 "0200000000000000000000000000000000000000000000000000000000000000"

static void expect(json_t *value, const char *text)
{
	char *dumped = json_dumps(value, JSON_COMPACT);
	assert_non_null(dumped);
	assert_string_equal(dumped, text);
	free(dumped);
	json_decref(value);
}

static void files_are_listed_by_what_becomes_of_them(void **state)
{
	struct plan_file files[] = {
		{ .change = PLAN_MAKE, .path = "data/0/9" }, { .change = PLAN_MOVE, .path = "a" },
		{ .change = PLAN_MAKE, .path = "b\xff" }, { .change = PLAN_REPLACE, .path = "c" },
	};
	const struct plan plan = { .files = files, .file_count = 4 };
	expect(json_plan_files(&plan, PLAN_MAKE), "[\"data/0/9\",\"b\xef\xbf\xbd\"]");
	expect(json_plan_files(&plan, PLAN_MOVE), "[\"a\"]");
	expect(json_plan_files(&plan, PLAN_REPLACE), "[\"c\"]");
	expect(json_plan_files(&(struct plan){ .file_count = 0 }, PLAN_MAKE), "[]");
	(void)state;
}

static void so_are_the_steps_of_an_undo(void **state)
{
	struct undo_step steps[] = {
		{ .change = UNDO_REMOVE, .path = "a" }, { .change = UNDO_PUT_BACK, .path = "b" },
		{ .change = UNDO_REMOVE, .path = "c" },
	};
	const struct undo_plan plan = { .steps = steps, .step_count = 3 };
	expect(json_undo_files(&plan, UNDO_REMOVE), "[\"a\",\"c\"]");
	expect(json_undo_files(&plan, UNDO_PUT_BACK), "[\"b\"]");
	expect(json_undo_files(&plan, UNDO_PUT_BACK_OVER), "[]");
	(void)state;
}

static void a_lost_key_has_its_cause_and_perhaps_a_place(void **state)
{
	struct lost_key lost[] = {
		{ .key = { 1 }, .loss = LOSS_DAMAGED, .has_place = true, .segment = 17,
		  .offset = 7538 },
		{ .key = { 2 }, .loss = LOSS_ROLLED_BACK, .segment = 3, .offset = 4 },
	};
	struct plan plan = { .lost = lost, .lost_count = 2 };
	expect(json_lost_causes(&plan),
	       "[{\"key\":\"" KEY_1 "\",\"cause\":\"damaged\",\"segment\":17,\"offset\":7538},"
	       "{\"key\":\"" KEY_2 "\",\"cause\":\"rolled-back\",\"segment\":null,"
	       "\"offset\":null}]");
	expect(json_named_keys(lost, 2), "[\"" KEY_1 "\",\"" KEY_2 "\"]");
	plan.lost_count = 1;
	lost[0].has_place = false;
	lost[0].loss = LOSS_MISSING;
	expect(json_lost_causes(&plan), "[{\"key\":\"" KEY_1 "\",\"cause\":\"missing\","
	       "\"segment\":null,\"offset\":null}]");
	lost[0].loss = LOSS_UNREADABLE;
	expect(json_lost_causes(&plan), "[{\"key\":\"" KEY_1 "\",\"cause\":\"unreadable\","
	       "\"segment\":null,\"offset\":null}]");
	(void)state;
}

static void a_suspect_says_whether_it_is_taken(void **state)
{
	struct suspect suspects[] = {
		{ .key = { 1 }, .segment = 4, .offset = 100, .size = 341, .is_taken = true },
		{ .key = { 2 }, .segment = 5, .offset = 8, .size = 41 },
	};
	const struct plan plan = { .suspects = suspects, .suspect_count = 2 };
	expect(json_suspects(&plan),
	       "[{\"key\":\"" KEY_1 "\",\"segment\":4,\"offset\":100,\"size\":341,\"taken\":true},"
	       "{\"key\":\"" KEY_2 "\",\"segment\":5,\"offset\":8,\"size\":41,\"taken\":false}]");
	(void)state;
}

static void lines_go_to_the_output_and_are_never_wide(void **state)
{
	char *text = NULL;
	size_t size = 0;
	struct out out = { .stream = open_memstream(&text, &size), .width = 80 };
	struct plan_text to = out_plan_lines(&out, true);
	assert_int_equal(to.width, 80);
	assert_int_equal(to.rows_max, 20);
	assert_false(to.has_keys);
	to.line(to.context, PLAN_TONE_WARNING, "a 100 % loss");
	to.line(to.context, PLAN_TONE_PLAIN, "");
	out.color = true;
	to.line(to.context, PLAN_TONE_PLAIN, "plain");
	to.line(to.context, PLAN_TONE_HEADING, "heading");
	out.width = 250;
	to = out_plan_lines(&out, false);
	assert_int_equal(to.width, 100);
	assert_int_equal(to.rows_max, 0);
	out.width = 0;				/* no terminal: as wide as the engine likes */
	assert_int_equal(out_plan_lines(&out, false).width, 0);
	fclose(out.stream);
	assert_memory_equal(text, "a 100 % loss\n\nplain\n", 20);
	assert_non_null(strstr(text + 20, "heading"));
	assert_int_equal(text[20], '\033');
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_listed_by_what_becomes_of_them),
		cmocka_unit_test(so_are_the_steps_of_an_undo),
		cmocka_unit_test(a_lost_key_has_its_cause_and_perhaps_a_place),
		cmocka_unit_test(a_suspect_says_whether_it_is_taken),
		cmocka_unit_test(lines_go_to_the_output_and_are_never_wide),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "ui/repair/plan_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void words_set_their_options(void **state)
{
	struct repair_options options = { 0 };
	assert_true(plan_options_parse(REPAIR_SALVAGE, "keep-tail with-suspects", &options));
	assert_true(options.keep_tail && options.with_suspects);
	assert_false(options.drop_tail || options.no_older || options.with_older_manifest ||
		     options.drop_readable || options.no_undo);
	options = (struct repair_options){ 0 };
	assert_true(plan_options_parse(REPAIR_SALVAGE, "  --no-older  --with-older-manifest ",
				       &options));
	assert_true(options.no_older && options.with_older_manifest);
	options = (struct repair_options){ 0 };
	assert_true(plan_options_parse(REPAIR_ROLLBACK, "--no-undo", &options));
	assert_true(options.no_undo);
	assert_true(plan_options_parse(REPAIR_COMPACT, "", &options));
	(void)state;
}

static void other_words_are_refused(void **state)
{
	static const struct { enum repair action; const char *text; } cases[] = {
		{ REPAIR_SALVAGE, "no-undo" }, { REPAIR_RECOVER, "keep-tail" },
		{ REPAIR_ROLLBACK, "drop-readable" }, { REPAIR_SALVAGE, "keep" },
		{ REPAIR_SALVAGE, "keep-tails" }, { REPAIR_SALVAGE, "keep-tail nonsense" },
		{ REPAIR_SALVAGE, "keep-tail drop-tail" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct repair_options options = { 0 };
		if (plan_options_parse(cases[i].action, cases[i].text, &options))
			fail_msg("case %zu: %s", i, cases[i].text);
	}
	(void)state;
}

static void the_title_names_what_is_set(void **state)
{
	char text[64], little[8];
	plan_options_text(&(struct repair_options){ .threads = 4 }, text, sizeof(text));
	assert_string_equal(text, "");
	const struct repair_options options = { .keep_tail = true, .no_undo = true };
	plan_options_text(&options, text, sizeof(text));
	assert_string_equal(text, ", tail kept, WITHOUT AN UNDO");
	plan_options_text(&options, little, sizeof(little));
	assert_string_equal(little, ", tail ");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_set_their_options),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(the_title_names_what_is_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

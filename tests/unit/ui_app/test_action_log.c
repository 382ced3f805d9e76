/* The log of what was done: its lines. */
#include "build-config.h"

#include "ui/app/action_log.h"
#include "ui/app/app.h"
#include "ui/widget/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct app));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	struct app *app = *state;
	ref_release(app->actions);
	free(app);
	return 0;
}

/* "2026-11-30 14:33:05  salvage   begun" */
static void a_line_has_its_time_and_its_subject(void **state)
{
	struct app *app = *state;
	action_log_add(app, STYLE_STRONG, "salvage", "begun: %d of %s", 3, "a\033[2J");
	action_log_add(app, STYLE_BAD, "lock", "refused");
	assert_int_equal(app->actions->count, 2);
	const struct line *rows = app->actions->rows;
	assert_int_equal(rows[0].style, STYLE_STRONG);
	assert_int_equal(rows[1].style, STYLE_BAD);
	assert_string_equal(rows[0].text + 19, "  salvage   begun: 3 of a\\x1b[2J");
	assert_string_equal(rows[1].text + 19, "  lock      refused");
	assert_int_equal(rows[0].text[10], ' ');
	assert_memory_equal(rows[0].text, "20", 2);
	assert_int_equal(strspn(rows[0].text, "0123456789-: "), 21);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_line_has_its_time_and_its_subject),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

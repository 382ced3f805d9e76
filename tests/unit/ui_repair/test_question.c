/* Only the word that was asked for starts a repair. */
#include "build-config.h"

#include "ui/app/app.h"
#include "ui/repair/repair_flow.h"
#include "ui/widget/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned started;
static void start(struct app *app)
{
	assert_null(app->modal);	/* the question is closed by then */
	started++;
}

static const struct question salvage = {
	.subject = "salvage", .refusal = "nothing was changed", .word = "salvage", .start = start,
};
static const struct modal modal = { .input = question_input };

static int setup(void **state)
{
	struct app *app = calloc(1, sizeof(*app));
	assert_non_null(app);
	app->flow = calloc(1, sizeof(*app->flow));
	assert_non_null(app->flow);
	started = 0;
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;
	ref_release(app->actions);
	free(app->flow);
	free(app);
	return 0;
}

/* Ask, type @text, and end with @key. */
static void answer(struct app *app, const char *text, int key)
{
	question_ask(app, &salvage, &modal);
	assert_ptr_equal(app->modal, &modal);
	assert_int_equal(app->typed.len, 0);
	for (const char *c = text; *c; c++) {
		const struct input input = { .key = *c, .character = (wchar_t)*c };
		app->modal->input(app, &input);
		assert_non_null(app->modal);
	}
	app->modal->input(app, &(struct input){ .key = key });
	assert_null(app->modal);
}

static void the_word_starts_it(void **state)
{
	struct app *app = *state;
	answer(app, "salvage", '\n');
	assert_int_equal(started, 1);
	answer(app, " salvage ", '\n');
	assert_int_equal(started, 2);
	assert_null(app->actions);
	assert_string_equal(app->message, "");
}

static void anything_else_cancels(void **state)
{
	static const char *const texts[] = { "", "y", "yes", "salvag", "salvages", "Salvage",
					     "salvage it", "rollback" };
	struct app *app = *state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		answer(app, texts[i], '\n');
		assert_int_equal(started, 0);
		assert_string_equal(app->message, "nothing was changed");
		assert_int_equal(app->actions->count, i + 1);
	}
	assert_non_null(strstr(app->actions->rows[0].text, "salvage"));
	assert_non_null(strstr(app->actions->rows[0].text, "cancelled at the question"));
}

static void escape_cancels_behind_the_right_word(void **state)
{
	struct app *app = *state;
	answer(app, "salvage", ESCAPE);
	assert_int_equal(started, 0);
	assert_string_equal(app->message, "nothing was changed");
	answer(app, "salvage", '\n');		/* it begins at nothing the next time */
	assert_int_equal(started, 1);
}

/* The answer would be about something else. */
static void a_question_waits_for_reading_and_planning(void **state)
{
	struct app *app = *state;
	struct job job = { .kind = JOB_VERIFY };
	assert_false(question_must_wait(app));
	app->jobs.first = &job;
	assert_false(question_must_wait(app));
	job.kind = JOB_PLAN;
	assert_true(question_must_wait(app));
	assert_string_equal(app->message, "one moment, reading or planning is not finished");
	job.kind = JOB_OPEN;
	assert_true(question_must_wait(app));
	app->jobs.first = NULL;
	app->flow->wanted.any = true;
	assert_true(question_must_wait(app));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_word_starts_it),
		TEST(anything_else_cancels),
		TEST(escape_cancels_behind_the_right_word),
		TEST(a_question_waits_for_reading_and_planning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

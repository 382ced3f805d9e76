/* The line that is typed behind ":" and "/": what ends it, and what it remembers. */
#include "build-config.h"

#include "ui/app/app.h"
#include "ui/prompt.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char entered[TYPED_MAX];
static unsigned count;

static void enter(struct app *app, char *line)
{
	assert_null(app->modal);	/* the line may open another one */
	strcpy(entered, line);
	strcpy(line, "changed");	/* it is the function's own */
	count++;
}

static void complete(struct typing *typed)
{
	typing_set(typed, "completed");
}

static void describe(struct app *app, const char *typed, char *out, size_t size)
{
	(void)app;
	(void)typed;
	if (size > 0)
		*out = '\0';
}

static const struct prompt_kind command = { .sign = ':', .enter = enter, .complete = complete,
					    .describe = describe };
static const struct prompt_kind plain = { .sign = '/', .enter = enter, .describe = describe };

static int setup(void **state)
{
	struct app *app = calloc(1, sizeof(*app));
	assert_non_null(app);
	app->prompt = calloc(1, sizeof(*app->prompt));
	assert_non_null(app->prompt);
	count = 0;
	entered[0] = '\0';
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;
	free(app->prompt);
	free(app);
	return 0;
}

static void press(struct app *app, int key)
{
	const wchar_t character = key < 256 ? (wchar_t)key : 0;
	assert_non_null(app->modal);
	app->modal->input(app, &(struct input){ .key = key, .character = character });
}

static void type(struct app *app, const char *text)
{
	for (; *text; text++)
		press(app, *text);
}

static void enter_passes_the_line_on(void **state)
{
	struct app *app = *state;
	prompt_open(app, &command);
	type(app, "entries 17");
	press(app, '\n');
	assert_string_equal(entered, "entries 17");
	assert_int_equal(count, 1);
	prompt_open(app, &command);		/* the next one begins empty */
	press(app, '\n');
	assert_string_equal(entered, "");
	assert_int_equal(count, 2);
}

static void escape_gives_it_up(void **state)
{
	struct app *app = *state;
	prompt_open(app, &command);
	type(app, "quit");
	press(app, ESCAPE);
	assert_null(app->modal);
	assert_int_equal(count, 0);
}

static void a_line_that_is_deleted_to_its_beginning_closes(void **state)
{
	static const int keys[] = { KEY_BACKSPACE, RUBOUT, 'h' & 0x1f };
	struct app *app = *state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		prompt_open(app, &command);
		type(app, "a");
		press(app, keys[i]);
		assert_non_null(app->modal);
		assert_string_equal(app->prompt->typed.text, "");
		press(app, keys[i]);
		assert_null(app->modal);
	}
	assert_int_equal(count, 0);
}

/* Commands and searches apart; what was empty, or given up, is not remembered. */
static void up_brings_the_last_line_back(void **state)
{
	struct app *app = *state;
	prompt_open(app, &command);
	type(app, "hints");
	press(app, '\n');
	prompt_open(app, &plain);
	type(app, "needle");
	press(app, '\n');
	prompt_open(app, &command);
	type(app, "never");
	press(app, ESCAPE);
	prompt_open(app, &command);
	press(app, '\n');
	prompt_open(app, &command);
	type(app, "x");
	press(app, KEY_UP);
	press(app, '\n');
	assert_string_equal(entered, "hints");
	prompt_open(app, &plain);
	press(app, KEY_UP);
	type(app, "s");
	press(app, '\n');
	assert_string_equal(entered, "needles");
}

static void tab_completes_what_was_begun(void **state)
{
	struct app *app = *state;
	prompt_open(app, &command);
	press(app, '\t');
	assert_string_equal(app->prompt->typed.text, "");
	type(app, "c");
	press(app, '\t');
	assert_string_equal(app->prompt->typed.text, "completed");
	prompt_open(app, &plain);		/* a search has nothing to complete */
	type(app, "c");
	press(app, '\t');
	assert_string_equal(app->prompt->typed.text, "c");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(enter_passes_the_line_on),
		TEST(escape_gives_it_up),
		TEST(a_line_that_is_deleted_to_its_beginning_closes),
		TEST(up_brings_the_last_line_back),
		TEST(tab_completes_what_was_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

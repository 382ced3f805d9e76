/* The stack of screens: which one a place opens, which are kept, and what leaving does. */
#include "build-config.h"

#include "ui/app/app.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

static unsigned opened, closed, sought, shown;
static bool refuses;

static bool open_screen(struct app *app, struct screen *screen)
{
	(void)app;
	(void)screen;
	opened += !refuses;
	return !refuses;
}

static void close_screen(struct screen *screen)
{
	(void)screen;
	closed++;
}

static void seek(struct app *app, struct screen *screen)
{
	(void)app;
	(void)screen;
	sought++;
}

static void show(struct screen *screen)
{
	(void)screen;
	shown++;
}

#define SCREEN .size = sizeof(struct screen), .open = open_screen, .close = close_screen, \
	       .seek = seek, .shown = show
static const struct screen_ops overview = { SCREEN, .digit = '1', .is_for_any_format = true };
static const struct screen_ops entries = { SCREEN, .digit = '3', .about = ABOUT_SEGMENT };
static const struct screen_ops index_ops = { SCREEN, .digit = '4', .about = ABOUT_BUCKET };
static const struct screen_ops key = { SCREEN, .digit = '7', .about = ABOUT_KEY };
static const struct screen_ops entry = { SCREEN, .about = ABOUT_SEGMENT };
static const struct screen_ops help = { SCREEN, .is_transient = true };
static const struct screen_ops *const screens[SCREEN_KINDS] = {
	[SCREEN_OVERVIEW] = &overview, [SCREEN_ENTRIES] = &entries, [SCREEN_INDEX] = &index_ops,
	[SCREEN_KEY] = &key, [SCREEN_ENTRY] = &entry, [SCREEN_HELP] = &help,
};

static struct repo repo;
static struct session session;

/* The overview is open. */
static int setup(void **state)
{
	struct app *app = calloc(1, sizeof(*app));
	assert_non_null(app);
	repo.dialect = &dialect_attic;
	session.repo = &repo;
	app->screens = screens;
	app->session = &session;
	app->jobs.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	app->fetcher = fetcher_new(app->jobs.wake);
	assert_non_null(app->fetcher);
	refuses = false;
	opened = closed = 0;
	assert_true(app_open(app, SCREEN_OVERVIEW, NULL));
	sought = shown = 0;
	*state = app;
	return 0;
}

static int teardown(void **state)
{
	struct app *app = *state;
	app_close_screens(app);
	const bool is_balanced = opened == closed;
	fetcher_free(app->fetcher, 10000);
	close(app->jobs.wake);
	free(app);
	return is_balanced ? 0 : -1;
}

static void open_at(struct app *app, enum screen_kind kind, struct place place)
{
	assert_true(app_open(app, kind, &place));
	assert_int_equal(app_top(app)->kind, kind);
}

static void screens_are_stacked_and_left_one_by_one(void **state)
{
	struct app *app = *state;
	app_open(app, SCREEN_ENTRIES, NULL);
	app_open(app, SCREEN_KEY, NULL);
	assert_int_equal(app->depth, 3);
	app_leave(app, NULL);
	assert_int_equal(app_top(app)->kind, SCREEN_ENTRIES);
	app_leave(app, NULL);
	assert_int_equal(app_top(app)->kind, SCREEN_OVERVIEW);
	assert_int_equal(shown, 4);
	assert_false(app->ended);
	app_leave(app, NULL);
	assert_true(app->ended);
	assert_int_equal(app->depth, 1);
}

static void the_program_is_left_from_anywhere(void **state)
{
	struct app *app = *state;
	app_open(app, SCREEN_ENTRIES, NULL);
	app_leave(app, &(struct call){ .value = LEAVE_SCREEN });
	assert_false(app->ended);
	app_open(app, SCREEN_ENTRIES, NULL);
	app_leave(app, &(struct call){ .value = LEAVE_PROGRAM });
	assert_true(app->ended);
}

/* The last key would release the exclusive lock. */
static void in_repair_mode_leaving_is_asked_first(void **state)
{
	static const struct { int key; bool ends; } cases[] = {
		{ 'n', false }, { 'q', false }, { '\n', false }, { ESCAPE, false }, { 'y', true },
		{ 'Y', true },
	};
	struct app *app = *state;
	app->mode = MODE_REPAIR;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		app_leave(app, NULL);
		assert_false(app->ended);
		assert_non_null(app->modal);
		app->modal->input(app, &(struct input){ .key = cases[i].key });
		assert_null(app->modal);
		assert_int_equal(app->ended, cases[i].ends);
		app->ended = false;
	}
}

static void a_place_that_is_shown_comes_to_the_top(void **state)
{
	struct app *app = *state;
	open_at(app, SCREEN_ENTRIES, place_of_segment(4));
	const struct screen *four = app_top(app);
	open_at(app, SCREEN_ENTRIES, place_of_segment(5));
	assert_ptr_not_equal(app_top(app), four);
	assert_int_equal(app->depth, 3);
	assert_int_equal(sought, 0);
	open_at(app, SCREEN_ENTRIES, place_of_segment(4));
	assert_ptr_equal(app_top(app), four);
	assert_int_equal(app->depth, 3);
	assert_int_equal(sought, 1);		/* the cursor goes back there */
	open_at(app, SCREEN_ENTRIES, place_of_entry(4, 8));
	assert_ptr_not_equal(app_top(app), four);
	assert_int_equal(app->depth, 4);
	/* Without a place any screen of the kind will do: the newest. */
	const struct screen *newest = app_top(app);
	app_open(app, SCREEN_KEY, NULL);
	app_open(app, SCREEN_ENTRIES, NULL);
	assert_ptr_equal(app_top(app), newest);
	assert_int_equal(sought, 1);
}

static void a_screen_is_about_its_part_of_a_place_alone(void **state)
{
	struct app *app = *state;
	const uint8_t bytes[KEY_SIZE] = { 7 };
	struct place place = place_of_entry(4, 8);
	place_set_key(&place, bytes);
	open_at(app, SCREEN_KEY, place);
	const struct place about = app_top(app)->about;
	assert_true(about.has_key && !about.has_segment && !about.has_offset);
	assert_memory_equal(about.key, bytes, KEY_SIZE);
	assert_int_equal(about.key_digits, 64);
	place.segment = 5;
	open_at(app, SCREEN_KEY, place);		/* the same key */
	assert_int_equal(app->depth, 2);
	open_at(app, SCREEN_ENTRIES, place);
	assert_false(app_top(app)->about.has_key);
	assert_int_equal(app_top(app)->about.offset, 8);
	place.has_bucket = true;
	place.bucket = 12;
	open_at(app, SCREEN_INDEX, place);
	assert_true(app_top(app)->about.has_bucket && !app_top(app)->about.has_segment);
	assert_int_equal(app_top(app)->about.bucket, 12);
	place.has_bucket = false;
	open_at(app, SCREEN_INDEX, place);		/* then its segment */
	assert_true(app_top(app)->about.has_segment);
}

/* A tab keeps its order, filter and cursor. */
static void what_was_opened_for_no_place_is_kept(void **state)
{
	struct app *app = *state;
	app_open(app, SCREEN_ENTRIES, NULL);
	const struct screen *kept = app_top(app);
	app_leave(app, NULL);
	assert_int_equal(closed, 0);
	app_open(app, SCREEN_ENTRIES, NULL);
	assert_ptr_equal(app_top(app), kept);
	app_leave(app, NULL);
	open_at(app, SCREEN_ENTRIES, place_of_segment(4));
	assert_ptr_not_equal(app_top(app), kept);
	app_leave(app, NULL);
	assert_int_equal(closed, 1);			/* the one for the place */
	app_open(app, SCREEN_ENTRY, NULL);		/* no tab */
	app_leave(app, NULL);
	assert_int_equal(closed, 2);
}

static void the_overview_stays_at_the_bottom(void **state)
{
	struct app *app = *state;
	const struct screen *bottom = app_top(app);
	app_open(app, SCREEN_ENTRIES, NULL);
	open_at(app, SCREEN_ENTRIES, place_of_segment(4));
	app_open(app, SCREEN_OVERVIEW, NULL);
	assert_int_equal(app->depth, 1);
	assert_ptr_equal(app_top(app), bottom);
	assert_int_equal(closed, 1);
	assert_non_null(app->kept[SCREEN_ENTRIES]);
}

static void help_closes_when_another_screen_opens(void **state)
{
	struct app *app = *state;
	app_open(app, SCREEN_ENTRIES, NULL);
	app_open(app, SCREEN_HELP, NULL);
	assert_int_equal(app->depth, 3);
	app_open(app, SCREEN_KEY, NULL);
	assert_int_equal(app->depth, 3);
	assert_int_equal(closed, 1);
	app_leave(app, NULL);
	assert_int_equal(app_top(app)->kind, SCREEN_ENTRIES);
}

static void a_screen_that_cannot_be_opened_changes_nothing(void **state)
{
	struct app *app = *state;
	app_open(app, SCREEN_ENTRIES, NULL);
	refuses = true;
	assert_false(app_open(app, SCREEN_KEY, NULL));
	assert_int_equal(app->depth, 2);
	assert_int_equal(app_top(app)->kind, SCREEN_ENTRIES);
}

/* Other screens would show the contents of a foreign format as damaged. */
static void a_foreign_format_has_an_overview_and_no_more(void **state)
{
	struct app *app = *state;
	struct dialect foreign = dialect_attic;
	foreign.is_read = false;
	foreign.title = "a repository of something else";
	repo.dialect = &foreign;
	assert_false(app_open(app, SCREEN_ENTRIES, NULL));
	assert_string_equal(app->message, "not shown: a repository of something else");
	assert_true(app_open(app, SCREEN_OVERVIEW, NULL));
	assert_int_equal(app->depth, 1);
	repo.dialect = &dialect_attic;
}

static void the_oldest_screen_above_the_overview_goes_when_there_are_too_many(void **state)
{
	struct app *app = *state;
	for (uint32_t i = 0; i < STACK_MAX + 3; i++)
		open_at(app, SCREEN_ENTRIES, place_of_segment(i));
	assert_int_equal(app->depth, STACK_MAX);
	assert_int_equal(app->stack[0]->kind, SCREEN_OVERVIEW);
	assert_int_equal(app->stack[1]->about.segment, 4);
	assert_int_equal(app_top(app)->about.segment, STACK_MAX + 2);
	assert_int_equal(closed, 4);
}

static void screens_of_a_kind_are_closed_wherever_they_are(void **state)
{
	struct app *app = *state;
	open_at(app, SCREEN_ENTRIES, place_of_segment(1));
	app_open(app, SCREEN_KEY, NULL);
	open_at(app, SCREEN_ENTRIES, place_of_segment(2));
	shown = 0;
	app_close_kind(app, SCREEN_INDEX);
	assert_int_equal(app->depth, 4);
	assert_int_equal(shown, 0);
	app_close_kind(app, SCREEN_ENTRIES);
	assert_int_equal(app->depth, 2);
	assert_int_equal(app_top(app)->kind, SCREEN_KEY);
	assert_int_equal(shown, 1);
	assert_int_equal(closed, 2);
}

static void a_message_is_masked(void **state)
{
	struct app *app = *state;
	app->dirty = false;
	app_say(app, STYLE_WARNING, "a %s", "\033[2J");
	assert_string_equal(app->message, "a \\x1b[2J");
	assert_int_equal(app->message_style, STYLE_WARNING);
	assert_true(app->dirty);
}

/* Opening cannot be interrupted, only ignored. */
static void the_job_that_is_shown_is_cancelled(void **state)
{
	struct app *app = *state;
	struct job hidden = { .kind = JOB_WATCH };
	struct job visible = { .kind = JOB_SCAN, .verb = "reading", .next = &hidden };
	struct job opening = { .kind = JOB_OPEN, .verb = "opening" };
	app_cancel(app, NULL);
	app->jobs.first = &visible;
	app_cancel(app, NULL);
	assert_true(visible.progress.cancel && !visible.abandoned);
	assert_false(hidden.progress.cancel);
	app->jobs.first = &opening;
	app_cancel(app, NULL);
	assert_true(opening.abandoned);
	app->jobs.first = NULL;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(screens_are_stacked_and_left_one_by_one),
		TEST(the_program_is_left_from_anywhere),
		TEST(in_repair_mode_leaving_is_asked_first),
		TEST(a_place_that_is_shown_comes_to_the_top),
		TEST(a_screen_is_about_its_part_of_a_place_alone),
		TEST(what_was_opened_for_no_place_is_kept),
		TEST(the_overview_stays_at_the_bottom),
		TEST(help_closes_when_another_screen_opens),
		TEST(a_screen_that_cannot_be_opened_changes_nothing),
		TEST(a_foreign_format_has_an_overview_and_no_more),
		TEST(the_oldest_screen_above_the_overview_goes_when_there_are_too_many),
		TEST(screens_of_a_kind_are_closed_wherever_they_are),
		TEST(a_message_is_masked),
		TEST(the_job_that_is_shown_is_cancelled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "app/text_screen.h"

#include "app/app.h"
#include "app/export.h"
#include "widget/box.h"

const struct column text_screen_columns[TEXT_SCREEN_COLUMNS] = {
	{ .title = "", .width = 30, .grows = true }
};

void text_screen_set(struct text_screen *screen, struct lines *lines)
{
	ref_release(screen->lines);
	screen->lines = lines;
	screen->cols = 0;
}

void text_screen_draw(struct app *app, struct text_screen *screen, struct area area,
		      const char *title)
{
	const int cols = area.cols - 1;	/* the last column is for the scroll bar */
	if (screen->lines && screen->cols != cols) {
		table_set_model(&screen->table, lines_model(app->session, screen->lines, cols));
		screen->cols = cols;
	}
	table_draw(&screen->table, app->fetcher, area, title);
}

void text_screen_close(struct screen *base)
{
	ref_release(((struct text_screen *)base)->lines);
}

/* ---- writing it to a file ---- */

static void handle_input(struct app *app, const struct input *input)
{
	if (input->key == ESCAPE) {
		app->modal = NULL;
	} else if (input->key == '\n') {
		app->modal = NULL;
		if (app->typed.len > 0)
			text_screen_write(app, &(struct call){ .argument = app->typed.text });
	} else {
		typing_input(&app->typed, input);
	}
}

static void draw_question(struct app *app, struct area bottom)
{
	struct box box = { .title = "write this to a file", .typed = &app->typed,
			   .keys = "Enter:write  Esc:cancel" };
	box_add(&box, STYLE_NORMAL, "The name of a new file outside the repository. An existing "
		"file is not replaced.");
	box_draw(&box, bottom);
}

static const struct modal question = { .input = handle_input, .draw = draw_question };

void text_screen_write(struct app *app, const struct call *call)
{
	const struct text_screen *screen = (const struct text_screen *)app_top(app);
	if (!call->argument) {
		typing_set(&app->typed, "");
		app->modal = &question;
	} else if (!screen->lines) {
		app_say(app, STYLE_WARNING, "there is nothing to write");
	} else {
		export_start(app, screen->lines, call->argument);
	}
}

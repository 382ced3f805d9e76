#include "build-config.h"

#include "app/action_log.h"

#include "app/app.h"
#include "app/text_screen.h"
#include "session/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

void action_log_add(struct app *app, enum style style, const char *what, const char *format, ...)
{
	char text[MESSAGE_MAX * 3], when[FORMAT_SIZE];
	va_list args;
	if (!app->actions)
		app->actions = lines_new();
	if (!app->actions)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	format_time(time(NULL), when, sizeof(when));
	lines_printf(app->actions, style, "%s  %-9s %s", when, what, text);
}

/* ---- the screen ---- */

struct actions_screen {
	struct text_screen text;
	size_t shown;		/* lines of the log that it shows */
};

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct actions_screen *screen = (struct actions_screen *)base;
	const size_t count = app->actions ? app->actions->count : 0;
	/* A copy, because the log grows and the lines of a screen must not. */
	struct lines *copy = screen->shown < count ? lines_new() : NULL;
	if (copy) {
		lines_add_all(copy, app->actions);
		text_screen_set(&screen->text, copy);
		screen->shown = count;
	}
	base->table->empty =
		"Nothing was done yet: no lock was requested, nothing was planned or repaired.";
	text_screen_draw(app, &screen->text, area, "what was done since the program was started");
}

const struct screen_ops log_screen = {
	.title = "Log", .size = sizeof(struct actions_screen),
	.columns = text_screen_columns, .column_count = TEXT_SCREEN_COLUMNS,
	.is_for_any_format = true, .draw = draw,
	.close = text_screen_close,
};

#include "build-config.h"

#include "ui/prompt.h"

#include "ui/app.h"
#include "ui/keys.h"
#include "ui/search.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <stdio.h>
#include <string.h>

#define CTRL(letter) ((letter) & 31)
#define ESCAPE 27
#define DELETE 127

static void run_command(struct app *app, char *line)
{
	char *word, *argument;
	if (!command_split(line, &word, &argument))
		return;
	const struct key_row *row = keys_find_name(word);
	if (!row)
		app_say(app, STYLE_WARNING, "%s: no such command, or several (? lists them)", word);
	else if (argument && !row->argument)
		app_say(app, STYLE_WARNING, "%s takes no argument", row->name);
	else
		keys_run(app, row, argument);
}

static void finish(struct app *app)
{
	struct prompt *prompt = app->prompt;
	char line[TYPED_MAX];
	app->modal = NULL;
	memcpy(line, prompt->typed.text, sizeof(line));
	if (line[0])
		memcpy(prompt->last[prompt->sign == '/'], line, sizeof(line));
	if (prompt->sign == ':') {
		run_command(app, line);
	} else if (query_parse(line, &app->query)) {
		app->has_query = true;
		search_run(app, false);
	} else if (line[0]) {
		app_say(app, STYLE_WARNING, "too long to search for");
	}
}

static void cancel(struct app *app)
{
	app->modal = NULL;
}

static void complete(struct prompt *prompt)
{
	const struct key_row *row = keys_find_name(prompt->typed.text);
	char text[64];
	if (prompt->sign != ':' || prompt->typed.len == 0 || !row)
		return;
	snprintf(text, sizeof(text), "%s%s", row->name, row->argument ? " " : "");
	typing_set(&prompt->typed, text);
}

static void take_input(struct app *app, const struct input *input)
{
	struct prompt *prompt = app->prompt;
	switch (input->key) {
	case '\n':
		finish(app);
		break;
	case ESCAPE:
		cancel(app);
		break;
	case '\t':
		complete(prompt);
		break;
	case KEY_UP:
		typing_set(&prompt->typed, prompt->last[prompt->sign == '/']);
		break;
	case KEY_BACKSPACE:
	case DELETE:
	case CTRL('h'):
		if (prompt->typed.len == 0)
			cancel(app);
		/* fall through */
	default:
		typing_take(&prompt->typed, input);
	}
}

/* What the typed beginning stands for, or how to search. */
static void describe(const struct prompt *prompt, enum screen_kind kind, char *out, size_t size)
{
	char text[TYPED_MAX], *word, *argument;
	memcpy(text, prompt->typed.text, sizeof(text));
	out[0] = '\0';
	if (prompt->sign == '/' && kind == SCREEN_HEX)
		snprintf(out, size, "bytes as x4154, 41 54 or \"AT\", :offset, segment:offset");
	else if (prompt->sign == '/')
		snprintf(out, size, "text, key, segment, segment:offset, :offset");
	else if (!command_split(text, &word, &argument))
		snprintf(out, size,
			 "segments, entries N, history KEY, check, quit ... (? lists all)");
	else if (keys_find_name(word)) {
		const struct key_row *row = keys_find_name(word);
		snprintf(out, size, "%s%s%s: %s", row->name, row->argument ? " " : "",
			 row->argument ? row->argument : "", row->help);
	}
}

static void draw(struct app *app, struct area bottom)
{
	const struct prompt *prompt = app->prompt;
	char sign[2] = { prompt->sign, '\0' }, about[160];
	describe(prompt, app_top(app)->kind, about, sizeof(about));
	const int used = typing_draw(&prompt->typed, sign, bottom.y, bottom.x, bottom.cols);
	const int left = bottom.cols - used - 3;
	if (left > 20)
		term_put_right(bottom.y, bottom.x + used + 3, left, STYLE_FAINT, about);
}

static const struct modal prompt_modal = { .input = take_input, .draw = draw };

static void open_prompt(struct app *app, char sign)
{
	app->prompt->sign = sign;
	typing_set(&app->prompt->typed, "");
	app->modal = &prompt_modal;
}

void prompt_command(struct app *app, const struct call *call)
{
	(void)call;
	open_prompt(app, ':');
}

void prompt_search(struct app *app, const struct call *call)
{
	(void)call;
	open_prompt(app, '/');
}

#include "build-config.h"

#include "ui/prompt.h"

#include "app/app.h"
#include "app/search.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <stdio.h>
#include <string.h>

static void handle_input(struct app *app, const struct input *input)
{
	struct prompt *prompt = app->prompt;
	char *last = prompt->last[prompt->kind->sign == '/'];
	char line[TYPED_MAX];
	switch (input->key) {
	case '\n':
		app->modal = NULL;
		memcpy(line, prompt->typed.text, sizeof(line));
		if (line[0])
			memcpy(last, line, sizeof(line));
		prompt->kind->enter(app, line);
		break;
	case ESCAPE:
		app->modal = NULL;
		break;
	case '\t':
		if (prompt->kind->complete && prompt->typed.len > 0)
			prompt->kind->complete(&prompt->typed);
		break;
	case KEY_UP:
		typing_set(&prompt->typed, last);
		break;
	case KEY_BACKSPACE:
	case RUBOUT:
	case CONTROL('h'):
		if (prompt->typed.len == 0)
			app->modal = NULL;
		/* fall through */
	default:
		typing_input(&prompt->typed, input);
	}
}

static void draw(struct app *app, struct area bottom)
{
	const struct prompt *prompt = app->prompt;
	char sign[2] = { prompt->kind->sign, '\0' }, about[160];
	prompt->kind->describe(app, prompt->typed.text, about, sizeof(about));
	const int used = typing_draw(&prompt->typed, sign, bottom.y, bottom.x, bottom.cols);
	const int left = bottom.cols - used - 3;
	if (left > 20)
		term_put(bottom.y, bottom.x + used + 3, left, STYLE_FAINT | STYLE_RIGHT, about);
}

static const struct modal prompt_modal = { .input = handle_input, .draw = draw };

void prompt_open(struct app *app, const struct prompt_kind *kind)
{
	app->prompt->kind = kind;
	typing_set(&app->prompt->typed, "");
	app->modal = &prompt_modal;
}

/* ---- searches ---- */

static void enter_search(struct app *app, char *line)
{
	if (query_parse(line, &app->query))
		search_run(app, &(struct call){ .value = SEARCH_FORWARD });
	else if (line[0])
		app_say(app, STYLE_WARNING, "too long to search for");
}

static void describe_search(struct app *app, const char *typed, char *out, size_t size)
{
	(void)typed;
	snprintf(out, size, "%s", app_top(app)->kind == SCREEN_HEX
		 ? "bytes as x4154, 41 54 or \"AT\", :offset, segment:offset"
		 : "text, key, segment, segment:offset, :offset");
}

static const struct prompt_kind search_prompt = { .sign = '/', .enter = enter_search,
						  .describe = describe_search };

void prompt_search(struct app *app, const struct call *call)
{
	(void)call;
	prompt_open(app, &search_prompt);
}

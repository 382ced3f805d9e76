#include "build-config.h"

#include "ui/prompt.h"

#include "ui/app.h"
#include "ui/keys.h"
#include "ui/search.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <wctype.h>

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
	struct prompt *prompt = &app->prompt;
	char line[QUERY_MAX];
	app->modal = NULL;
	memcpy(line, prompt->text, sizeof(line));
	if (line[0])
		memcpy(prompt->last[prompt->sign == '/'], line, sizeof(line));
	if (prompt->sign == ':') {
		run_command(app, line);
	} else if (query_parse(line, &app->query)) {
		app->has_query = true;
		search_run(app, false);
	}
}

static void cancel(struct app *app)
{
	app->modal = NULL;
}

/* Cut the last character off; it may be several bytes long. */
static void erase_character(struct prompt *prompt)
{
	if (prompt->len == 0)
		return;
	do
		prompt->len--;
	while (prompt->len > 0 && ((unsigned char)prompt->text[prompt->len] & 0xc0) == 0x80);
	prompt->text[prompt->len] = '\0';
}

static void erase_word(struct prompt *prompt)
{
	while (prompt->len > 0 && prompt->text[prompt->len - 1] == ' ')
		erase_character(prompt);
	while (prompt->len > 0 && prompt->text[prompt->len - 1] != ' ')
		erase_character(prompt);
}

static void add_character(struct prompt *prompt, wchar_t character)
{
	char bytes[MB_LEN_MAX];
	mbstate_t state;
	memset(&state, 0, sizeof(state));
	if (!iswprint((wint_t)character) || wcwidth(character) < 1)
		return;
	const size_t n = wcrtomb(bytes, character, &state);
	if (n == (size_t)-1 || prompt->len + n >= sizeof(prompt->text))
		return;
	memcpy(prompt->text + prompt->len, bytes, n);
	prompt->len += n;
	prompt->text[prompt->len] = '\0';
}

static void set_text(struct prompt *prompt, const char *text)
{
	snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->len = strlen(prompt->text);
}

static void complete(struct prompt *prompt)
{
	const struct key_row *row = keys_find_name(prompt->text);
	char text[QUERY_MAX];
	if (prompt->sign != ':' || prompt->len == 0 || !row)
		return;
	snprintf(text, sizeof(text), "%s%s", row->name, row->argument ? " " : "");
	set_text(prompt, text);
}

static void take_input(struct app *app, const struct input *input)
{
	struct prompt *prompt = &app->prompt;
	switch (input->key) {
	case '\n':
		finish(app);
		break;
	case ESCAPE:
		cancel(app);
		break;
	case KEY_BACKSPACE:
	case DELETE:
	case CTRL('h'):
		if (prompt->len == 0)
			cancel(app);
		erase_character(prompt);
		break;
	case CTRL('u'):
		set_text(prompt, "");
		break;
	case CTRL('w'):
		erase_word(prompt);
		break;
	case '\t':
		complete(prompt);
		break;
	case KEY_UP:
		set_text(prompt, prompt->last[prompt->sign == '/']);
		break;
	default:
		if (input->character)
			add_character(prompt, input->character);
	}
}

/* What the typed beginning stands for, or how to search. */
static void describe(const struct prompt *prompt, enum screen_kind kind, char *out, size_t size)
{
	char text[QUERY_MAX], *word, *argument;
	memcpy(text, prompt->text, sizeof(text));
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
	const struct prompt *prompt = &app->prompt;
	char line[QUERY_MAX + 2], about[160];
	snprintf(line, sizeof(line), "%c%s", prompt->sign, prompt->text);
	describe(prompt, app_top(app)->kind, about, sizeof(about));
	/* Of a long text the end is what is being typed. */
	const char *shown = line;
	while (term_width(shown) >= bottom.cols) {
		shown++;
		while (((unsigned char)*shown & 0xc0) == 0x80)
			shown++;
	}
	term_put(bottom.y, bottom.x, bottom.cols, STYLE_NORMAL, shown);
	const int used = term_width(shown);
	const int left = bottom.cols - used - 3;
	if (left > 20)
		term_put_right(bottom.y, bottom.x + used + 3, left, STYLE_FAINT, about);
	term_caret(bottom.y, bottom.x + used);
}

static const struct modal prompt_modal = { .input = take_input, .draw = draw };

static void open_prompt(struct app *app, char sign)
{
	app->prompt.sign = sign;
	set_text(&app->prompt, "");
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

#include "build-config.h"

#include "term/term.h"

#include "term/signals.h"

#include "engine/base/error.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <time.h>
#include <unistd.h>

#define ESCAPE_MS 25
#define DOUBLE_CLICK_MS 400
#define LINE_MAX_COLS 512
#define MOUSE_RUN 8		/* events that curses keeps for getmouse */

#define BUTTON(n) (BUTTON##n##_PRESSED | BUTTON##n##_RELEASED)

static struct {
	SCREEN *screen;
	WINDOW *keyboard;	/* a pad: reading from stdscr would show a half-drawn screen */
	const char *type;	/* the terminal's name in terminfo; NULL: not known */
	bool is_terminal;	/* standard input and output are one */
	bool can_move;
	char named[80], words[192];
	bool utf8, colour;
	int caret_y, caret_x;
	bool caret_shown;	/* by the terminal */
	MEVENT mouse[MOUSE_RUN]; /* newest first, as curses gives them; the last are next */
	size_t mouse_count;
	struct { int y, x; long ms; } last_click;
} term;

/* ---- starting and leaving ---- */

enum { PAIR_GREEN = 1, PAIR_YELLOW, PAIR_RED, PAIR_CYAN, PAIR_MAGENTA, PAIR_BAR,
       PAIR_NOTICE, PAIR_REPAIR };

/* Set up colours, keyboard and mouse, and tell signals.c how to restore the terminal. */
static void set_up(void)
{
	static char capabilities[][6] = { "sgr0", "cnorm", "rmkx", "rmcup" };
	static const char mouse_off[] = "\033[?1000l\033[?1006l";
	static const short on_default[][2] = {
		{ PAIR_GREEN, COLOR_GREEN }, { PAIR_YELLOW, COLOR_YELLOW }, { PAIR_RED, COLOR_RED },
		{ PAIR_CYAN, COLOR_CYAN }, { PAIR_MAGENTA, COLOR_MAGENTA },
	};
	const char *no_color = getenv("NO_COLOR");
	term.colour = has_colors() && !(no_color && *no_color) && start_color() == OK;
	if (term.colour) {
		const short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
		for (size_t i = 0; i < ARRAY_SIZE(on_default); i++)
			init_pair(on_default[i][0], on_default[i][1], background);
		init_pair(PAIR_BAR, COLOR_WHITE, COLOR_BLUE);
		init_pair(PAIR_NOTICE, COLOR_BLACK, COLOR_YELLOW);
		init_pair(PAIR_REPAIR, COLOR_WHITE, COLOR_RED);
	}
	cbreak();
	noecho();
	nonl();
	keypad(term.keyboard, TRUE);
	nodelay(term.keyboard, TRUE);
	intrflush(term.keyboard, FALSE);
	set_escdelay(ESCAPE_MS);
	/* Double clicks are recognized here: curses would wait for the button's release. */
	mouseinterval(0);
	/* Ask for all events: after one that is not in the mask curses reads on and waits for a key
	 * in spite of nodelay. */
	mousemask(BUTTON(1) | BUTTON(2) | BUTTON(3) | BUTTON(4) | BUTTON(5), NULL);
	term.mouse_count = 0;
	if (tigetstr("kmous") != NULL && has_mouse())
		for (size_t i = 0; mouse_off[i]; i++)
			signals_keep(mouse_off[i]);
	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++) {
		const char *sequence = tigetstr(capabilities[i]);
		if (sequence && sequence != (const char *)-1)
			tputs(sequence, 1, signals_keep);
	}
	signals_keep('\n');
}

const char *term_choose(void)
{
	/* A rescue system does not know the names of newer terminals (kitty, ghostty, alacritty).
	 * They understand the sequences of xterm, and nearly all terminals those of vt100. */
	const char *const types[] = { getenv("TERM"), "xterm", "vt100" };
	int found;
	term.type = types[0] && *types[0] ? types[0] : NULL;
	term.is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	term.can_move = true;
	if (!term.is_terminal)
		return NULL;
	snprintf(term.named, sizeof(term.named), term.type ? "TERM=%.60s is not known here"
							   : "TERM is not set", term.type);
	for (size_t i = term.type ? 0 : 1; i < ARRAY_SIZE(types); i++) {
		if (setupterm(types[i], STDOUT_FILENO, &found) != OK)
			continue;	/* terminfo does not describe it */
		term.can_move = cursor_address != NULL;
		del_curterm(cur_term);
		term.type = types[i];
		if (i == 0)
			return NULL;
		snprintf(term.words, sizeof(term.words), "%s: the screen is drawn as for %s",
			 term.named, term.type);
		return term.words;
	}
	term.type = NULL;
	return NULL;
}

bool term_start(const char **why)
{
	if (!term.is_terminal) {
		*why = "the terminal interface needs a terminal; the commands work without one "
		       "(see --help)";
		return false;
	}
	if (!term.type || !term.can_move) {
		if (term.type)
			snprintf(term.words, sizeof(term.words), "TERM=%.60s: this terminal cannot "
				 "place the cursor; use the commands (see --help)", term.type);
		else
			snprintf(term.words, sizeof(term.words), "%s, nor are xterm and vt100; use "
				 "the commands (see --help)", term.named);
		*why = term.words;
		return false;
	}
	setlocale(LC_CTYPE, "");
	term.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* Arm the crash handler before curses starts, so that it restores the line settings of the
	 * shell. */
	term.screen = NULL;
	signals_arm();
	term.screen = newterm(term.type, stdout, stdin);
	term.keyboard = term.screen ? newpad(1, 1) : NULL;
	if (!term.keyboard) {
		signals_disarm();
		*why = "the terminal cannot be used (TERM, LINES and COLUMNS say what it is)";
		return false;
	}
	set_up();
	curs_set(0);
	term.caret_y = -1;
	term.caret_shown = false;
	return true;
}

void term_stop(void)
{
	if (!term.screen)
		return;
	erase();
	refresh();
	curs_set(1);
	endwin();
	signals_disarm();
	delwin(term.keyboard);
	delscreen(term.screen);
	term.screen = NULL;
}

void term_suspend(void)
{
	curs_set(1);
	endwin();
}

void term_resume(void)
{
	term_resize();
	clearok(stdscr, TRUE);
	refresh();
	term.caret_shown = term.caret_y >= 0;
	curs_set(term.caret_shown);
}

void term_resize(void)
{
	struct winsize size;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
}

void term_size(int *rows, int *cols)
{
	getmaxyx(stdscr, *rows, *cols);
}

void term_clear(void)
{
	erase();
	term_caret(-1, -1);
}

void term_caret(int y, int x)
{
	term.caret_y = y;
	term.caret_x = x;
}

void term_show(void)
{
	const bool has_caret = term.caret_y >= 0;
	if (has_caret)
		move(term.caret_y, term.caret_x);
	if (has_caret != term.caret_shown)
		curs_set(has_caret);
	term.caret_shown = has_caret;
	wnoutrefresh(stdscr);
	doupdate();
}

/* ---- input ---- */

/* The next event that matters. Releases of a button do not. */
static bool next_mouse_event(struct input *input)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	const long ms = (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	while (term.mouse_count > 0) {
		const MEVENT *event = &term.mouse[--term.mouse_count];
		*input = (struct input){
			.key = KEY_MOUSE, .y = event->y, .x = event->x,
			.press = (event->bstate & BUTTON1_PRESSED) != 0,
			.wheel_up = (event->bstate & BUTTON4_PRESSED) != 0,
			.wheel_down = (event->bstate & BUTTON5_PRESSED) != 0,
		};
		if (input->wheel_up || input->wheel_down)
			return true;
		if (!input->press)
			continue;
		input->twice = term.last_click.y == event->y && term.last_click.x == event->x &&
			       ms - term.last_click.ms < DOUBLE_CLICK_MS;
		term.last_click.y = event->y;
		term.last_click.x = event->x;
		term.last_click.ms = input->twice ? 0 : ms;
		return true;
	}
	return false;
}

/* Escape was read. Does it begin a sequence that curses does not know, from a key or sent by the
 * terminal itself? Then read it to its end, so that its letters do not act as keys. */
static bool is_unknown_sequence(void)
{
	wint_t character;
	int kind = wget_wch(term.keyboard, &character);
	if (kind == OK && (character == '[' || character == 'O')) {
		do
			kind = wget_wch(term.keyboard, &character);
		while (kind == OK && (character < '@' || character > '~'));
		return true;
	}
	if (kind == OK)
		unget_wch((wchar_t)character);
	else if (kind == KEY_CODE_YES)
		ungetch((int)character);
	return false;
}

bool term_input(struct input *input)
{
	wint_t character;
	bool is_mouse;
	int kind;
	do {
		if (next_mouse_event(input))
			return true;
		kind = wget_wch(term.keyboard, &character);
		is_mouse = kind == KEY_CODE_YES && character == KEY_MOUSE;
		/* One KEY_MOUSE stands for several events where they came quickly. */
		while (is_mouse && term.mouse_count < MOUSE_RUN &&
		       getmouse(&term.mouse[term.mouse_count]) == OK)
			term.mouse_count++;
	} while (is_mouse);
	memset(input, 0, sizeof(*input));
	if (kind == OK && character == ESCAPE && is_unknown_sequence())
		return true;
	if (kind == KEY_CODE_YES) {
		input->key = character == KEY_ENTER ? '\n' : (int)character;
	} else if (kind == OK) {
		input->character = (wchar_t)character;
		input->key = character == '\r' ? '\n' : character < 128 ? (int)character : 0;
	}
	return kind != ERR;
}

/* ---- drawing ---- */

const char *glyph(enum glyph which)
{
	static const char *const glyphs[GLYPH_COUNT][2] = {
		[GLYPH_MORE] = { ">", "…" },
		[GLYPH_WAIT] = { "...", "…" },
		[GLYPH_LIVE] = { "#", "█" },
		[GLYPH_PARTLY] = { "+", "▒" },
		[GLYPH_DEAD] = { ".", "░" },
		[GLYPH_DAMAGED] = { "!", "!" },
		[GLYPH_UNKNOWN] = { "?", "?" },
		[GLYPH_UNCOMMITTED] = { "~", "~" },
		[GLYPH_FOREIGN] = { "F", "F" },
		[GLYPH_MISNAMED] = { "M", "M" },
		[GLYPH_COPY] = { "C", "C" },
		[GLYPH_RETURNED] = { "R", "R" },
		[GLYPH_ASCENDING] = { "+", "▲" },
		[GLYPH_DESCENDING] = { "-", "▼" },
		[GLYPH_TRACK] = { "|", "│" },
		[GLYPH_THUMB] = { "#", "┃" },
		[GLYPH_ARROW] = { "->", "→" },
		[GLYPH_RULE] = { "-", "─" },
		[GLYPH_TOP_LEFT] = { "+", "┌" },
		[GLYPH_TOP_RIGHT] = { "+", "┐" },
		[GLYPH_BOTTOM_LEFT] = { "+", "└" },
		[GLYPH_BOTTOM_RIGHT] = { "+", "┘" },
	};
	return glyphs[which][term.utf8];
}

static attr_t attributes(unsigned style)
{
	static const struct { attr_t plain, coloured; int pair; } styles[STYLE_COUNT] = {
		[STYLE_STRONG] = { A_BOLD, A_BOLD, 0 },
		[STYLE_FAINT] = { A_DIM, A_DIM, 0 },
		[STYLE_GOOD] = { A_NORMAL, A_NORMAL, PAIR_GREEN },
		[STYLE_WARNING] = { A_BOLD, A_NORMAL, PAIR_YELLOW },
		[STYLE_BAD] = { A_BOLD, A_BOLD, PAIR_RED },
		[STYLE_BAR] = { A_REVERSE, A_NORMAL, PAIR_BAR },
		[STYLE_BAR_NOTICE] = { A_BOLD, A_NORMAL, PAIR_NOTICE },
		[STYLE_BAR_REPAIR] = { A_REVERSE | A_BOLD, A_BOLD, PAIR_REPAIR },
		[STYLE_TAB] = { A_BOLD, A_BOLD | A_REVERSE, 0 },
		[STYLE_TITLE] = { A_UNDERLINE, A_UNDERLINE, 0 },
		[STYLE_KEY] = { A_BOLD, A_BOLD, PAIR_CYAN },
		[STYLE_FIELD_CRC] = { A_UNDERLINE, A_NORMAL, PAIR_MAGENTA },
		[STYLE_FIELD_SIZE] = { A_BOLD, A_NORMAL, PAIR_YELLOW },
		[STYLE_FIELD_TAG] = { A_BOLD | A_UNDERLINE, A_BOLD, PAIR_GREEN },
		[STYLE_FIELD_KEY] = { A_UNDERLINE, A_NORMAL, PAIR_CYAN },
	};
	const unsigned which = style & ~(unsigned)(STYLE_CURSOR | STYLE_RIGHT | STYLE_PAD);
	attr_t result = term.colour
				? styles[which].coloured | (attr_t)COLOR_PAIR(styles[which].pair)
				: styles[which].plain;
	if (style & STYLE_CURSOR)
		result = (result & ~(attr_t)A_DIM) | A_REVERSE;
	return result;
}

/* Convert as much of @text as fits @width columns to @out. *@cut: not all of it fits. Returns the
 * columns used. */
static int measure(const char *text, int width, wchar_t *out, size_t *count, bool *cut)
{
	mbstate_t state;
	int used = 0;
	memset(&state, 0, sizeof(state));
	*count = 0;
	*cut = false;
	while (*text) {
		wchar_t c;
		const size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
		if (n == (size_t)-1 || n == (size_t)-2)
			break;
		const int w = wcwidth(c) > 0 ? wcwidth(c) : 0;
		if (used + w > width || *count == LINE_MAX_COLS) {
			*cut = true;
			break;
		}
		out[(*count)++] = c;
		used += w;
		text += n;
	}
	return used;
}

int term_add(int y, int x, int width, unsigned style, const char *text)
{
	wchar_t line[LINE_MAX_COLS];
	size_t count;
	bool cut;
	int rows, cols;
	term_size(&rows, &cols);
	if (x + width > cols)
		width = cols - x;
	if (y < 0 || y >= rows || x < 0 || width <= 0)
		return 0;
	int used = measure(text, width, line, &count, &cut);
	const int gap = style & STYLE_RIGHT ? width - used : 0;
	(void)attrset((int)attributes(style));
	if (style & STYLE_PAD)
		mvhline(y, x, ' ' | attributes(style), width);
	mvaddnwstr(y, x + gap, line, (int)count);
	if (cut && width > 1) {
		mvhline(y, x + width - 1, ' ' | attributes(style), 1);
		mvaddstr(y, x + width - 1, glyph(GLYPH_MORE));
		used = width;
	}
	(void)attrset(A_NORMAL);
	return used;
}

int term_width(const char *text)
{
	wchar_t line[LINE_MAX_COLS];
	size_t count;
	bool cut;
	return measure(text, LINE_MAX_COLS, line, &count, &cut);
}

const char *term_tail(const char *text, int width)
{
	while (*text && term_width(text) > width) {
		text++;
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
	}
	return text;
}

/* Bytes of @text that fit one line of @width columns: whole words, or at least one word. */
static size_t line_length(const char *text, int width)
{
	size_t fits = 0, i = 0;
	int used = 0;
	while (text[i]) {
		const size_t word = strcspn(text + i, " ");
		char piece[LINE_MAX_COLS];
		snprintf(piece, sizeof(piece), "%.*s", (int)word, text + i);
		used += term_width(piece);
		if (used > width)
			break;
		i += word;
		fits = i;
		while (text[i] == ' ') {
			i++;
			used++;
		}
	}
	return fits > 0 ? fits : strcspn(text, " ");
}

int term_wrap(struct area area, unsigned style, const char *text)
{
	int row = 0;
	while (*text && row < area.rows) {
		char line[LINE_MAX_COLS * 4];
		const size_t len = line_length(text, area.cols);
		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		term_add(area.y + row, area.x, area.cols, style, line);
		text += len;
		text += strspn(text, " ");
		row++;
	}
	return row;
}

int term_lines(int cols, const char *text)
{
	int count = 0;
	while (*text) {
		text += line_length(text, cols);
		text += strspn(text, " ");
		count++;
	}
	return count;
}

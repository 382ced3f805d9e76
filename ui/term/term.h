/* ui/term/term.h - the terminal: starting and leaving curses, styles, glyphs, clipped text,
 * input. */
#ifndef ATTICSCOPE_TERM_H
#define ATTICSCOPE_TERM_H

#include <stdbool.h>
#include <wchar.h>

/* What a piece of text means. Without colour only attributes distinguish the styles. A style is
 * never the only sign of anything. */
enum style {
	STYLE_NORMAL,
	STYLE_STRONG,
	STYLE_FAINT,
	STYLE_GOOD,
	STYLE_WARNING,
	STYLE_BAD,
	STYLE_BAR,		/* the top line */
	STYLE_BAR_NOTICE,	/* something urgent in it */
	STYLE_BAR_REPAIR,	/* the top line while the repository can be changed */
	STYLE_TAB,		/* the current screen's name */
	STYLE_TITLE,		/* column titles */
	STYLE_KEY,		/* names of keys in hints */
	STYLE_FIELD_CRC, STYLE_FIELD_SIZE, STYLE_FIELD_TAG, STYLE_FIELD_KEY, /* bytes of an entry */
	STYLE_COUNT,
	/* added to any of them */
	STYLE_CURSOR = 0x80,	/* the row or cell under the cursor */
	STYLE_RIGHT = 0x100,	/* flush right; with STYLE_PAD */
	STYLE_PAD = 0x200	/* all columns get the style */
};

enum glyph {
	GLYPH_MORE,		/* the text was cut off */
	GLYPH_WAIT,		/* a row that was not read yet */
	GLYPH_LIVE, GLYPH_PARTLY, GLYPH_DEAD, GLYPH_DAMAGED, GLYPH_UNKNOWN, GLYPH_UNCOMMITTED,
	GLYPH_FOREIGN, GLYPH_MISNAMED, GLYPH_COPY, GLYPH_RETURNED,
	GLYPH_ASCENDING, GLYPH_DESCENDING,
	GLYPH_TRACK, GLYPH_THUMB,
	GLYPH_ARROW,
	GLYPH_RULE, GLYPH_TOP_LEFT, GLYPH_TOP_RIGHT, GLYPH_BOTTOM_LEFT, GLYPH_BOTTOM_RIGHT,
	GLYPH_COUNT
};

struct area { int y, x, rows, cols; };

/* Characters that act as keys. */
#define CONTROL(letter) ((letter) & 31)
enum { ESCAPE = 27, RUBOUT = 127 };

/* One event from the person. */
struct input {
	int key;		/* a character below 128, a KEY_ code of curses, or 0 for others */
	wchar_t character;	/* what was typed; 0 for a KEY_ code */
	int y, x;		/* of the mouse, if key is KEY_MOUSE */
	bool press, twice, wheel_up, wheel_down; /* likewise */
};

/* Choose the type of the terminal: the one that TERM names or, if that is unknown here, xterm or
 * vt100. Returns a sentence that says so; NULL: it is the one that TERM names. Call it before
 * term_start. */
const char *term_choose(void);

/* Enter full-screen mode. False: standard input and output are no terminal, or its type cannot be
 * used. *@why says so, and nothing has changed. */
bool term_start(const char **why);
void term_stop(void);

/* Leave the screen to the shell, and come back and redraw it. */
void term_suspend(void);
void term_resume(void);

/* Ask the terminal for its size. */
void term_resize(void);

/* The next event, without waiting for it. False: there is none. */
bool term_input(struct input *input);

/* Show everything that was drawn. */
void term_show(void);

const char *glyph(enum glyph which);

/* Draw @text, which must be masked, in @width columns from (@y, @x). Text that is too long ends in
 * GLYPH_MORE. Returns the columns used. */
int term_add(int y, int x, int width, unsigned style, const char *text);

/* The same, padded with spaces. */
static inline void term_put(int y, int x, int width, unsigned style, const char *text)
{
	term_add(y, x, width, style | STYLE_PAD, text);
}

/* Draw @text in lines of at most @area.cols columns, broken at spaces. Returns the lines used, at
 * most @area.rows. */
int term_wrap(struct area area, unsigned style, const char *text);

/* The lines that term_wrap uses if the area is high enough. */
int term_lines(int cols, const char *text);

/* Columns that @text takes. */
int term_width(const char *text);

/* The longest end of @text that takes at most @width columns. */
const char *term_tail(const char *text, int width);

/* Show the caret at (@y, @x), or hide it with -1. */
void term_caret(int y, int x);

void term_size(int *rows, int *cols);

/* Clear the screen and hide the caret. */
void term_clear(void);

#endif

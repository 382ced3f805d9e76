/* ui/app/screen.h - the interface of a screen, and the struct that all screens begin with. */
#ifndef ATTICSCOPE_SCREEN_H
#define ATTICSCOPE_SCREEN_H

#include "widget/table.h"

struct app;
struct call;

enum screen_kind {
	SCREEN_OVERVIEW, SCREEN_SEGMENTS, SCREEN_ENTRIES, SCREEN_INDEX, SCREEN_HINTS,
	SCREEN_PROBLEMS, SCREEN_KEY, SCREEN_HEX, SCREEN_ENTRY, SCREEN_HELP,
	SCREEN_PLAN, SCREEN_REPORT, SCREEN_LOG, SCREEN_UNDOS, SCREEN_KINDS
};
#define ON(screen) (1u << SCREEN_##screen)
#define ON_ALL ((1u << SCREEN_KINDS) - 1)

struct screen;

enum about {
	ABOUT_SEGMENT,		/* and an offset in it */
	ABOUT_KEY,		/* whole, or its beginning */
	ABOUT_BUCKET		/* of the index; the segment, if a place has no bucket */
};

struct screen_ops {
	const char *title;	/* in the line of tabs */
	char digit;		/* the key that opens it; 0: it opens only from other screens */
	size_t size;		/* bytes of its struct, which begins with struct screen */
	/* The columns of its table; its struct then begins with struct table_screen. NULL: it has
	 * no table. */
	const struct column *columns;
	size_t column_count;

	/* The part of a place that it shows. Two places that agree in it share one screen. */
	enum about about;
	/* It describes the screen below it, and closes when another one opens. */
	bool is_transient;
	/* It can be opened for a repository of any format. Other screens would show the contents of
	 * a foreign format as damaged. */
	bool is_for_any_format;

	/* Some of its rows have no key. A search text that is not found here, but can be the
	 * beginning of a key, opens the history of that key. */
	bool leads_to_keys;

	/* The screen that Enter opens for a row or byte in a segment; SCREEN_OVERVIEW: none. */
	enum screen_kind opens;

	/* Prepare a screen that is zeroed but for about. False: it cannot, and a message says why.
	 * NULL: reload does it, if there is one. */
	bool (*open)(struct app *app, struct screen *screen);
	void (*draw)(struct app *app, struct screen *screen, struct area area);

	/* All below may be NULL. For a screen with a table the default acts on the table. */

	/* Free what it has besides its table. */
	void (*close)(struct screen *screen);
	/* It was opened again for the same place: move the cursor back there. */
	void (*seek)(struct app *app, struct screen *screen);
	/* There is a new session. */
	void (*reload)(struct app *app, struct screen *screen);
	/* More is known. */
	void (*refresh)(struct app *app, struct screen *screen);
	void (*move)(struct app *app, struct screen *screen, enum motion motion);
	bool (*place)(struct app *app, struct screen *screen, struct place *place);
	/* Enter, if it does more than open the screen @opens. */
	void (*enter)(struct app *app, struct screen *screen);
	/* Put the cursor on what is at (@y, @x). False: nothing is there. */
	bool (*click)(struct app *app, struct screen *screen, int y, int x);
	bool (*deliver)(struct screen *screen, struct fetch_request *request);
	/* It is on top again: request data again, since earlier requests were dropped. */
	void (*shown)(struct screen *screen);
	/* Go where the query points (a segment's number, a place) without searching. False: it
	 * points nowhere here. */
	bool (*jump)(struct app *app, struct screen *screen, const struct query *query,
		     bool backward);
};

struct screen {
	const struct screen_ops *ops;
	enum screen_kind kind;
	struct table *table;	/* inside the screen's own struct, or NULL */
	struct place about;	/* what it was opened for; all zero: what it shows by default */
};

/* The head of a screen that names its columns. */
struct table_screen {
	struct screen base;
	struct table table;
};

#endif

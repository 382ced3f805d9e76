/* ui/app/screen.h - what a screen is: the functions behind it, and what all screens begin with. */
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
	ABOUT_KEY,		/* or the beginning of one */
	ABOUT_BUCKET		/* of the index; of a place without one, the segment */
};

struct screen_ops {
	const char *title;	/* in the line of tabs */
	char digit;		/* the key of a screen, 0 for those that only open from others */
	size_t size;		/* of the struct that begins with struct screen */

	/* What of a place it is about: by that alone an open one is found again. */
	enum about about;
	/* It is about the screen below it, and never lies below another. */
	bool is_transient;
	/* It may be opened whatever format the repository has. The contents of another format would
	 * all look damaged. */
	bool is_for_any_format;

	/* Its rows have no keys, or only some do: what can begin a key, and is not found here,
	 * leads to the life of that key. */
	bool leads_to_keys;

	/* Where Enter leads from a row or a byte that lies in a segment; SCREEN_OVERVIEW:
	 * nowhere. */
	enum screen_kind opens;

	/* Make ready a zeroed screen about @place (NULL: what it shows by itself). False: it
	 * cannot, and said why. */
	bool (*open)(struct app *app, struct screen *screen, const struct place *place);
	void (*draw)(struct app *app, struct screen *screen, struct area area);

	/* All below may be NULL; those of a screen with a table then act on the table. */

	/* Free what it has besides its table. */
	void (*close)(struct screen *screen);
	/* It was asked for anew, about the same place: the cursor goes back there. */
	void (*seek)(struct app *app, struct screen *screen);
	/* The session is a new one. */
	void (*reload)(struct app *app, struct screen *screen);
	/* More is known. */
	void (*refresh)(struct app *app, struct screen *screen);
	void (*move)(struct app *app, struct screen *screen, enum motion motion);
	bool (*place)(struct app *app, struct screen *screen, struct place *place);
	/* Enter, where it does more than @opens says. */
	void (*enter)(struct app *app, struct screen *screen);
	/* False: nothing is there. */
	bool (*click)(struct app *app, struct screen *screen, int y, int x);
	bool (*deliver)(struct screen *screen, struct fetch_request *request);
	/* It came to the top: what the fetch thread was to bring it is lost. */
	void (*shown)(struct screen *screen);
	/* Take the query by its meaning (a segment's number, a place), not by searching. */
	bool (*jump)(struct app *app, struct screen *screen, const struct query *query,
		     bool backward);
};

struct screen {
	const struct screen_ops *ops;
	enum screen_kind kind;
	struct table *table;	/* inside the screen's own struct, or NULL */
	struct place about;	/* what it was opened for */
};

#endif

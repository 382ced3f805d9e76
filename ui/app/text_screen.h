/* ui/app/text_screen.h - what all screens that show lines of text share. */
#ifndef ATTICSCOPE_TEXT_SCREEN_H
#define ATTICSCOPE_TEXT_SCREEN_H

#include "app/screen.h"
#include "widget/lines.h"

/* The columns of such a screen. */
#define TEXT_SCREEN_COLUMNS 1
extern const struct column text_screen_columns[TEXT_SCREEN_COLUMNS];

/* Its head. */
struct text_screen {
	struct screen base;
	struct table table;
	struct lines *lines;	/* held; NULL: none */
	int cols;		/* the width that they were broken to; 0: not broken yet */
};

/* Show @lines from now on; the reference passes to the screen. */
void text_screen_set(struct text_screen *screen, struct lines *lines);

/* Draw the lines below @title. */
void text_screen_draw(struct app *app, struct text_screen *screen, struct area area,
		      const char *title);

/* The screen's close. */
void text_screen_close(struct screen *screen);

/* Command: write what the top screen shows to a file. Asks for a name if none is given. */
void text_screen_write(struct app *app, const struct call *call);

#endif

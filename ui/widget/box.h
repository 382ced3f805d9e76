/* ui/widget/box.h - a dialog box: a frame with text in the middle of the screen. */
#ifndef ATTICSCOPE_BOX_H
#define ATTICSCOPE_BOX_H

#include "widget/typing.h"

#define BOX_PARAGRAPHS 8

struct box {
	const char *title;
	bool is_urgent;			/* it concerns a change of the repository */
	/* Masked, wrapped to the width of the box. "" is an empty line. */
	const char *paragraphs[BOX_PARAGRAPHS];
	size_t count;
	enum style styles[BOX_PARAGRAPHS];
	size_t vital;			/* paragraphs before this one may be left out */
	const struct typing *typed;	/* the line that is typed below them, or NULL */
	const char *keys;		/* the keys, for the bottom line */
};

/* Add @paragraph. NULL, or one too many, is left out. */
void box_add(struct box *box, enum style style, const char *paragraph);

/* Draw the box over the screen, whose last line is @bottom. If there is no room for all paragraphs,
 * those before the vital one are left out first, then the last ones. */
void box_draw(const struct box *box, struct area bottom);

/* A sign that turns while something runs. */
const char *box_spinner(void);

#endif

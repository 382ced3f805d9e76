/* ui/widget/box.h - how a dialog looks: a frame in the middle of the screen with text in it. */
#ifndef ATTICSCOPE_BOX_H
#define ATTICSCOPE_BOX_H

#include "widget/typing.h"

#define BOX_PARAGRAPHS 8

struct box {
	const char *title;
	bool is_urgent;			/* what it is about changes the repository */
	/* masked; wrapped to the box's width. NULL ones are left out, "" is an empty line. */
	const char *paragraphs[BOX_PARAGRAPHS];
	size_t count;
	enum style styles[BOX_PARAGRAPHS];
	size_t vital;			/* where the room does not do, those before this one go */
	const struct typing *typed;	/* a line to be typed into below them; or NULL */
	const char *keys;		/* what can be pressed, in the bottom line */
};

void box_add(struct box *box, enum style style, const char *paragraph);

/* Draw it over what is there; @bottom is the screen's last line. Where the room does not do for all
 * paragraphs those before the vital one go, then the last ones. */
void box_draw(const struct box *box, struct area bottom);

/* What turns as long as something goes on. */
const char *box_spinner(void);

#endif

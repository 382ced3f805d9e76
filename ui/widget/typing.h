/* ui/widget/typing.h - a line of text that is being typed, in a prompt or a dialog. */
#ifndef ATTICSCOPE_TYPING_H
#define ATTICSCOPE_TYPING_H

#include "term/term.h"

#include <stddef.h>

#define TYPED_MAX 512

struct typing {
	char text[TYPED_MAX];	/* in the locale's encoding */
	size_t len;
};

void typing_set(struct typing *typing, const char *text);

/* Add a character, or delete text by one of the editing keys. False: another key. */
bool typing_input(struct typing *typing, const struct input *input);

/* Is the typed text @word? Spaces around it are ignored. */
bool typing_is(const struct typing *typing, const char *word);

/* Draw @before and the text in @width columns from (@y, @x), with the caret after it. A long text
 * shows its end. Returns the columns used. */
int typing_draw(const struct typing *typing, const char *before, int y, int x, int width);

#endif

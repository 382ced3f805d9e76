/* ui/widget/typing.h - a line of text that is being typed: by the prompts and in dialogs. */
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

/* Take a character, or one of the keys that rub out. False: it is for somebody else. */
bool typing_input(struct typing *typing, const struct input *input);

/* Is @word all that was typed? Blanks around it do no harm. */
bool typing_is(const struct typing *typing, const char *word);

/* Show @before and the text in @width columns from (@y, @x), with the caret behind it; of a long
 * text the end is shown. Returns the columns used. */
int typing_draw(const struct typing *typing, const char *before, int y, int x, int width);

#endif

/* src/quote.h - a word as the person must type it in a shell. */
#ifndef ATTICSCOPE_QUOTE_H
#define ATTICSCOPE_QUOTE_H

#include <stddef.h>

#define QUOTE_SIZE 1024	/* bytes; what does not fit is cut off */

/* @word as one argument of a command, quoted where a shell would take it for something else.
 * Returns @out. */
const char *quote_word(const char *word, char out[QUOTE_SIZE]);

#endif

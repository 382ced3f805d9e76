/* engine/base/nearest.h - which of some words a person meant who mistyped one. */
#ifndef ATTICSCOPE_NEAREST_H
#define ATTICSCOPE_NEAREST_H

#include <stddef.h>

#define NEAREST_WORD_MAX 40u	/* bytes; nothing is near to a longer word */

struct nearest {
	const char *word;	/* as typed; borrowed */
	size_t len;		/* so many bytes of it count */
	const char *best;	/* NULL: none is near */
	unsigned distance;	/* of the best */
};

/* Begin with the first @len bytes of @word. */
struct nearest nearest_to(const char *word, size_t len);

/* Is @candidate nearer than those before? A word is near when few changes make it: a third of its
 * letters, each added, missing, another one, or two in the wrong order. */
void nearest_try(struct nearest *nearest, const char *candidate);

#endif

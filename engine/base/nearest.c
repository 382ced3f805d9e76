#include "build-config.h"

#include "base/nearest.h"

#include <string.h>

struct nearest nearest_to(const char *word, size_t len)
{
	return (struct nearest){ .word = word, .len = len };
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The number of changes from one word to the other, of Damerau and Levenshtein. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][NEAREST_WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1,
				       last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		unsigned *const oldest = before;
		before = last;
		last = now;
		now = oldest;
	}
	return last[b_len];
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	const size_t len = strlen(candidate);
	if (len > NEAREST_WORD_MAX || nearest->len > NEAREST_WORD_MAX || nearest->len < 2)
		return;
	const unsigned changes = distance(nearest->word, nearest->len, candidate, len);
	if (changes > (len + 2) / 3 || (nearest->best && changes >= nearest->distance))
		return;
	nearest->best = candidate;
	nearest->distance = changes;
}

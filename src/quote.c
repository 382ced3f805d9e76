#include "build-config.h"

#include "src/quote.h"

#include <stdio.h>
#include <string.h>

static const char plain[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-";

const char *quote_word(const char *word, char out[QUOTE_SIZE])
{
	size_t at = 0;
	/* What begins so would be an option. */
	const char *prefix = word[0] == '-' ? "./" : "";
	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		snprintf(out, QUOTE_SIZE, "%s%s", prefix, word);
		return out;
	}
	at += (size_t)snprintf(out, QUOTE_SIZE, "'%s", prefix);
	for (; *word && at + 6 < QUOTE_SIZE; word++)
		at += (size_t)snprintf(out + at, QUOTE_SIZE - at, *word == '\'' ? "'\\''" : "%c",
				       *word);
	snprintf(out + at, QUOTE_SIZE - at, "'");
	return out;
}

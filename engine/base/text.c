#include "build-config.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 256u

void text_append(struct text *text, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || text->no_memory) {
		text->no_memory = true;
		return;
	}
	const size_t needed = text->len + (size_t)len + 1;
	if (needed > text->capacity) {
		const size_t capacity = 2 * needed > CAPACITY_FIRST ? 2 * needed : CAPACITY_FIRST;
		char *bytes = realloc(text->bytes, capacity);
		text->no_memory = !bytes;
		if (!bytes)
			return;
		text->bytes = bytes;
		text->capacity = capacity;
	}
	va_start(args, format);
	vsnprintf(text->bytes + text->len, (size_t)len + 1, format, args);
	va_end(args);
	text->len += (size_t)len;
}

char *text_release(struct text *text)
{
	char *bytes = text->bytes;
	if (text->no_memory) {
		free(bytes);
		bytes = NULL;
	}
	*text = (struct text){ .bytes = NULL };
	return bytes;
}

void buffer_append(char *buffer, size_t size, const char *format, ...)
{
	const size_t len = strlen(buffer);
	va_list args;
	va_start(args, format);
	vsnprintf(buffer + len, size - len, format, args);
	va_end(args);
}

/* engine/base/text.h - strings that are put together piece by piece. */
#ifndef ATTICSCOPE_TEXT_H
#define ATTICSCOPE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A string that grows. All zero is empty. */
struct text {
	char *bytes;		/* ends in a NUL; NULL as long as nothing was appended */
	size_t len, capacity;	/* bytes, the NUL not counted in len */
	bool no_memory;		/* memory ran out: something is missing at the end */
};

void text_append(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The string, which the caller frees; @text is empty afterwards. NULL: memory ran out, or nothing
 * was appended. */
char *text_release(struct text *text);

/* Append to the string in @buffer, of @size bytes. What has no room is cut off. */
void buffer_append(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif

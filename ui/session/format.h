/* ui/session/format.h - numbers, times and untrusted bytes as text for people. The command line
 * uses it too.
 *
 * No terminal, no allocation. Every function writes at most @size bytes to @out, the closing NUL
 * included, and returns @out. FORMAT_SIZE bytes are always enough for a number or a time.
 */
#ifndef ATTICSCOPE_FORMAT_H
#define ATTICSCOPE_FORMAT_H

#include "engine/base/units.h"

#include <string.h>
#include <time.h>

#define FORMAT_SIZE UNITS_SIZE

/* Bytes and counts look as they do in the engine's plans. */
static inline char *format_bytes(uint64_t bytes, char *out, size_t size)
{
	return units_bytes(bytes, out, size);
}

static inline char *format_count(uint64_t count, char *out, size_t size)
{
	return units_count(count, out, size);
}

/* "61 %". Only everything is "100 %" and only nothing is "0 %": between them the limits are "<1 %"
 * and "99 %". "-" if @whole is 0. */
char *format_percent(uint64_t part, uint64_t whole, char *out, size_t size);

/* "3.1 GiB/s" */
char *format_rate(uint64_t bytes, double seconds, char *out, size_t size);

/* "0:07", "12:40", "3:02:11", "4 days" */
char *format_duration(uint64_t seconds, char *out, size_t size);

/* "2014-03-05 12:33:09" in local time; "-" for the time 0. */
char *format_time(time_t when, char *out, size_t size);

/* The first @digits hex digits of @key, followed by @more unless that is the whole key. */
char *format_key(const uint8_t *key, unsigned digits, const char *more, char *out, size_t size);

/* All digits of @key for a list that may cut them off. The manifest's name precedes them. */
#define FORMAT_LISTED_KEY 80	/* bytes */
char *format_listed_key(const uint8_t *key, char out[FORMAT_LISTED_KEY]);

/* @message without the @path and the separator at its beginning: the screen names the repository
 * anyway. */
const char *format_skip_path(const char *path, const char *message);

/* Length in bytes of the character at @bytes if the locale can print it and it deceives nobody; 0
 * otherwise. */
size_t format_printable(const char *bytes, size_t len);

/* Any bytes as text that is safe on a terminal. Characters that the locale cannot print, control
 * and escape characters, C1, invalid UTF-8, and characters that reorder or hide text become \xNN.
 * The text is cut off where @out ends, but never inside a character. */
char *format_masked(const char *bytes, size_t len, char *out, size_t size);

/* The same for a string. */
static inline char *format_masked_text(const char *text, char *out, size_t size)
{
	return format_masked(text, strlen(text), out, size);
}

#endif

/* src/message.h - messages on standard error. */
#ifndef ATTICSCOPE_MESSAGE_H
#define ATTICSCOPE_MESSAGE_H

#include "engine/base/error.h"

/* Print "atticscope: ", the formatted text and a newline. Bytes that a terminal could take for
 * control sequences are masked. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Print "TEXT: atticscope check PATH", with the path quoted for a shell. */
void message_check(const char *text, const char *path);

/* Print each line of @lines as a message of its own. */
void message_lines(const char *lines);

/* Print why something failed, from @error or else from @code. Returns the exit status for
 * @code. */
int message_failure(enum as_err code, const struct as_error *error);

/* The exit status for @code. */
int message_status(enum as_err code);

/* What makes a noun plural: "3 segments", but "1 segment". */
static inline const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

#endif

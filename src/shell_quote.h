/* src/shell_quote.h - a path as the person must type it in a shell. */
#ifndef ATTICSCOPE_SHELL_QUOTE_H
#define ATTICSCOPE_SHELL_QUOTE_H

/* Bytes. Holds any path that the system accepts (PATH_MAX is 4096): a byte takes four at most. */
#define SHELL_QUOTE_SIZE 16512

/* The folder @path as one argument of a command, for any POSIX shell. What the locale cannot show,
 * and control characters, are written as the digits of their bytes, so that the text can be typed
 * in every locale: "$(printf '/srv/B\303\274ro')". Returns @out. */
const char *shell_quote(const char *path, char out[SHELL_QUOTE_SIZE]);

#endif

/* src/shell_quote.h - a path quoted for a shell. */
#ifndef ATTICSCOPE_SHELL_QUOTE_H
#define ATTICSCOPE_SHELL_QUOTE_H

/* Bytes: enough for any path (PATH_MAX is 4096), since a byte takes at most four. */
#define SHELL_QUOTE_SIZE 16512

/* Quote the folder @path as one argument for any POSIX shell. Control characters, and those that
 * the locale cannot show, become octal digits, so that the text can be typed in every locale:
 * "$(printf '/srv/B\303\274ro')". Returns @out. */
const char *shell_quote(const char *path, char out[SHELL_QUOTE_SIZE]);

#endif

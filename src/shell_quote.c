#include "build-config.h"

#include "src/shell_quote.h"

#include "ui/session/format.h"

#include <stdio.h>
#include <string.h>

#define ROOM 16	/* bytes: one character as digits, and the closing quotes */

static const char plain[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-";

static void quote_printable(const char *prefix, const char *path, char out[SHELL_QUOTE_SIZE])
{
	size_t at = (size_t)snprintf(out, SHELL_QUOTE_SIZE, "'%s", prefix);
	for (; *path && at + ROOM < SHELL_QUOTE_SIZE; path++)
		at += (size_t)snprintf(out + at, SHELL_QUOTE_SIZE - at,
				       *path == '\'' ? "'\\''" : "%c", *path);
	snprintf(out + at, SHELL_QUOTE_SIZE - at, "'");
}

/* Use printf, since dash does not know $'...'. Characters that are special to a shell or to printf
 * become digits: ' ends the quotes, ! expands history, \ and % are for printf. */
static void quote_digits(const char *prefix, const char *path, char out[SHELL_QUOTE_SIZE])
{
	size_t left = strlen(path);
	/* $() drops newlines at the end; with a slash after them it is the same folder. */
	const char *suffix = path[left - 1] == '\n' ? "/" : "";
	size_t at = (size_t)snprintf(out, SHELL_QUOTE_SIZE, "\"$(printf '%s", prefix);
	while (left > 0 && at + ROOM < SHELL_QUOTE_SIZE) {
		size_t used = strchr("'!\\%", *path) ? 0 : format_printable(path, left);
		if (used > 0)
			at += (size_t)snprintf(out + at, SHELL_QUOTE_SIZE - at, "%.*s", (int)used,
					       path);
		else
			at += (size_t)snprintf(out + at, SHELL_QUOTE_SIZE - at, "\\%03o",
					       (unsigned char)*path);
		used += used == 0;
		path += used;
		left -= used;
	}
	snprintf(out + at, SHELL_QUOTE_SIZE - at, "%s')\"", suffix);
}

const char *shell_quote(const char *path, char out[SHELL_QUOTE_SIZE])
{
	/* A path that begins with a dash would be an option. */
	const char *prefix = path[0] == '-' ? "./" : "";
	size_t left = strlen(path);
	const char *at = path;
	for (size_t used; left > 0 && (used = format_printable(at, left)) > 0; left -= used)
		at += used;
	if (path[0] != '\0' && path[strspn(path, plain)] == '\0')
		snprintf(out, SHELL_QUOTE_SIZE, "%s%s", prefix, path);
	else if (left == 0)
		quote_printable(prefix, path, out);
	else
		quote_digits(prefix, path, out);
	return out;
}

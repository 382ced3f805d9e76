#include "build-config.h"

#include "src/message.h"

#include "src/shell_quote.h"
#include "src/status.h"
#include "ui/session/format.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE_MAX (SHELL_QUOTE_SIZE + 1024) /* bytes; holds a sentence and a path */

void message(const char *format, ...)
{
	char raw[MESSAGE_MAX], masked[4 * MESSAGE_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	format_masked_text(raw, masked, sizeof(masked));
	fprintf(stderr, "atticscope: %s\n", masked);
}

void message_check(const char *text, const char *path)
{
	char quoted[SHELL_QUOTE_SIZE];
	message("%s: atticscope check %s", text, shell_quote(path, quoted));
}

void message_lines(const char *lines)
{
	while (*lines) {
		const size_t len = strcspn(lines, "\n");
		message("%.*s", (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

int message_status(enum as_err code)
{
	switch (code) {
	case AS_OK:
	case AS_END:
		return EXIT_DONE;
	case AS_ERR_USAGE:
	case AS_ERR_AMBIGUOUS:
		return EXIT_USAGE;
	case AS_ERR_CANCELLED:
		return EXIT_CANCELLED;
	default:
		return EXIT_FAILED;
	}
}

int message_failure(enum as_err code, const struct as_error *error)
{
	message("%s", error && error->message[0] ? error->message : as_err_text(code));
	return message_status(code);
}

#include "build-config.h"

#include "tests/unit/src/messages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static FILE *kept;
static int shown;

void messages_begin(void)
{
	kept = tmpfile();
	assert_non_null(kept);
	fflush(stderr);
	shown = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(shown >= 0);
	assert_true(dup2(fileno(kept), STDERR_FILENO) >= 0);
}

const char *messages_end(void)
{
	static char text[20000];
	fflush(stderr);
	dup2(shown, STDERR_FILENO);
	close(shown);
	rewind(kept);
	text[fread(text, 1, sizeof(text) - 1, kept)] = '\0';
	fclose(kept);
	return text;
}

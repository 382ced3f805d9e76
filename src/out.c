#include "build-config.h"

#include "src/out.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/options.h"
#include "src/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BUFFER 65536u	/* bytes */

void out_init(struct out *out, const struct options *options)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
	struct winsize size;
	*out = (struct out){ .stream = stdout, .json = options->json };
	if (!isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, BUFFER);
	else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		out->width = 80;
	else
		out->width = size.ws_col;
	out->color = options->color == COLOR_ALWAYS ||
		     (options->color == COLOR_AUTO && out->width > 0 &&
		      !(no_color && no_color[0]) && terminal && terminal[0] &&
		      strcmp(terminal, "dumb") != 0);
}

bool out_goes_on(struct out *out)
{
	if (out->error == 0 && ferror(out->stream))
		out->error = errno ? errno : EIO;
	return out->error == 0 && !out->out_of_memory && !interrupt_came();
}

bool out_flush(struct out *out)
{
	errno = 0;
	fflush(out->stream);
	out_goes_on(out);
	return out->error == 0 || out->error == EPIPE;
}

int out_finish(struct out *out, int status)
{
	const bool is_written = out_flush(out);
	if (interrupt_came())
		return EXIT_CANCELLED;
	if (out->out_of_memory)
		return message_failure(AS_ERR_MEMORY, NULL);
	if (is_written)
		return status;
	message("cannot write to standard output: %s", strerror(out->error));
	return EXIT_FAILED;
}

#include "build-config.h"

#include "src/command.h"
#include "src/command_line.h"
#include "src/help.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct request request;
	int status = EXIT_USAGE;
	/* If one of these were closed, the first file opened would get its number, and output would
	 * be written into that file. They are opened the wrong way round, so that using them still
	 * fails. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
	setlocale(LC_ALL, "");
	if (options_parse(argc, argv, &request)) {
		struct out *out = &request.out;
		signal(SIGPIPE, SIG_IGN);	/* a write to a closed pipe fails instead */
		signal(SIGXFSZ, SIG_IGN);	/* and so does one beyond the file size limit */
		out_init(out, &request.options);
		if (request.options.help)
			status = help_print(out, request.command, command_table, command_count);
		else if (request.options.version)
			status = help_version(out);
		else
			status = request.command->run(&request);
		status = out_finish(out, status);
	}
	free(request.args);
	return status;
}

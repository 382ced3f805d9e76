#include "build-config.h"

#include "src/command.h"
#include "src/command_line.h"
#include "src/help.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

/* If one of these were closed, the first file opened would get its number, and output would be
 * written into that file. They are opened the wrong way round, so that using them still fails. */
static void hold_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int run(struct request *request)
{
	if (request->options.help)
		return help_print(&request->out, request->command, command_table, command_count);
	if (request->options.version)
		return help_version(&request->out);
	return request->command->run(request);
}

int main(int argc, char **argv)
{
	struct request request;
	hold_standard_descriptors();
	setlocale(LC_ALL, "");
	if (!options_parse(argc, argv, &request)) {
		request_free(&request);
		return EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);	/* a write to a closed pipe fails instead */
	signal(SIGXFSZ, SIG_IGN);	/* and so does one beyond the file size limit */
	out_init(&request.out, &request.options);
	const int status = out_finish(&request.out, run(&request));
	request_free(&request);
	return status;
}

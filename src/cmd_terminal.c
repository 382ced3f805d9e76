#include "build-config.h"

#include "src/command.h"

#include "ui/ui.h"

int cmd_terminal(struct request *request)
{
	const struct ui_options options = {
		.no_lock = request->options.no_lock,
		.verify = request->options.verify,
		.threads = request->options.threads,
	};
	return ui_run(request->args[0], &options);
}

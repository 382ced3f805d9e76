#include "build-config.h"

#include "src/command.h"
#include "src/out_table.h"
#include "src/out_text.h"

#include "engine/base/error.h"
#include "ui/ui.h"

#include <stdio.h>

static const struct column columns[] = {
	{ .name = "key", .title = "key", .width = 8, .left = true },
	{ .name = "command", .title = "command", .width = 22, .left = true },
	{ .name = "views", .title = "in the screens", .width = 18, .left = true },
	{ .name = "help", .title = "does", .width = 30, .left = true, .last = true },
};

int cmd_keys(struct request *request)
{
	struct out *out = &request->out;
	bool goes_on = true;
	out_titles(out, columns, ARRAY_SIZE(columns));
	struct ui_key key;
	for (size_t i = 0; goes_on && ui_key_at(i, &key); i++) {
		char command[64];
		snprintf(command, sizeof(command), ":%s%s%s", key.name ? key.name : "",
			 key.argument ? " " : "", key.argument ? key.argument : "");
		const struct cell cells[ARRAY_SIZE(columns)] = {
			cell_text(key.label, TONE_PLAIN),
			cell_text(key.name ? command : NULL, TONE_PLAIN),
			cell_text(key.screens[0] ? key.screens : NULL, TONE_PLAIN),
			cell_text(key.help, TONE_PLAIN),
		};
		goes_on = out_row(out, columns, cells, ARRAY_SIZE(columns));
	}
	return EXIT_DONE;
}

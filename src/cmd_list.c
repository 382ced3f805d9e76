#include "build-config.h"

#include "src/command.h"
#include "src/out_table.h"
#include "src/out_text.h"

#include "engine/base/error.h"
#include "engine/base/problem.h"
#include "ui/ui.h"

#include <stdio.h>

/* ---- keys ---- */

static const struct column key_columns[] = {
	{ .name = "key", .title = "key", .width = 8, .left = true },
	{ .name = "command", .title = "command", .width = 22, .left = true },
	{ .name = "views", .title = "in the screens", .width = 18, .left = true },
	{ .name = "help", .title = "does", .width = 30, .left = true, .last = true },
};

int cmd_keys(struct request *request)
{
	struct out *out = &request->out;
	bool goes_on = true;
	out_titles(out, key_columns, ARRAY_SIZE(key_columns));
	struct ui_key key;
	for (size_t i = 0; goes_on && ui_key_at(i, &key); i++) {
		char command[64];
		snprintf(command, sizeof(command), ":%s%s%s", key.name ? key.name : "",
			 key.argument ? " " : "", key.argument ? key.argument : "");
		const struct cell cells[ARRAY_SIZE(key_columns)] = {
			cell_text(key.label, TONE_PLAIN),
			cell_text(key.name ? command : NULL, TONE_PLAIN),
			cell_text(key.screens[0] ? key.screens : NULL, TONE_PLAIN),
			cell_text(key.help, TONE_PLAIN),
		};
		goes_on = out_row(out, key_columns, cells, ARRAY_SIZE(key_columns));
	}
	return EXIT_DONE;
}

/* ---- problems ---- */

static const struct column problem_columns[] = {
	{ .name = "code" }, { .name = "severity" }, { .name = "repair" }, { .name = "found" },
	{ .name = "meaning" }, { .name = "stake" }, { .name = "meanwhile" },
};

int cmd_problems(struct request *request)
{
	struct out *out = &request->out;
	for (size_t i = 0; i < PROBLEM_COUNT && out_goes_on(out); i++) {
		const struct problem_info *info = &problem_table[i];
		const struct cell cells[ARRAY_SIZE(problem_columns)] = {
			cell_text(info->id, TONE_PLAIN),
			cell_text(severity_name(info->severity), TONE_PLAIN),
			cell_text(repair_name(info->repair), TONE_PLAIN),
			cell_text(info->found, TONE_PLAIN),
			cell_text(info->meaning, TONE_PLAIN),
			cell_text(info->stake, TONE_PLAIN),
			cell_text(info->meanwhile, TONE_PLAIN),
		};
		if (out->json) {
			out_row(out, problem_columns, cells, ARRAY_SIZE(problem_columns));
			continue;
		}
		text_line(out, severity_tones[info->severity], "%s: %s [%s]",
			  severity_name(info->severity), info->found, info->id);
		text_problem(out, &dialect_attic, info, info->meaning, info->repair);
		text_blank_line(out);
	}
	return EXIT_DONE;
}

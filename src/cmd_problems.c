#include "build-config.h"

#include "src/command.h"
#include "src/out_table.h"
#include "src/out_text.h"

#include "engine/base/problem.h"

static const struct column columns[] = {
	{ .name = "code" }, { .name = "severity" }, { .name = "repair" }, { .name = "found" },
	{ .name = "meaning" }, { .name = "stake" }, { .name = "meanwhile" },
};

static bool write_json(struct out *out, const struct problem_info *info)
{
	const struct cell cells[ARRAY_SIZE(columns)] = {
		cell_text(info->id, TONE_PLAIN),
		cell_text(severity_name(info->severity), TONE_PLAIN),
		cell_text(repair_name(info->repair), TONE_PLAIN),
		cell_text(info->found, TONE_PLAIN),
		cell_text(info->meaning, TONE_PLAIN),
		cell_text(info->stake, TONE_PLAIN),
		cell_text(info->meanwhile, TONE_PLAIN),
	};
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static bool write_text(struct out *out, const struct problem_info *info)
{
	text_line(out, text_severity_tone(info->severity), "%s: %s [%s]",
		  severity_name(info->severity), info->found, info->id);
	text_problem(out, info, info->meaning, info->repair);
	text_blank_line(out);
	return out_goes_on(out);
}

int cmd_problems(struct request *request)
{
	struct out *out = &request->out;
	bool goes_on = true;
	for (size_t i = 0; i < PROBLEM_COUNT && goes_on; i++)
		goes_on = out->json ? write_json(out, &problem_table[i])
				    : write_text(out, &problem_table[i]);
	return EXIT_DONE;
}

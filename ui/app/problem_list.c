#include "build-config.h"

#include "app/problem_list.h"

#include "app/segment_style.h"

#include <inttypes.h>
#include <stdio.h>

enum { COL_SEVERITY, COL_PLACE, COL_CODE, COL_FOUND };

const struct column problems_columns[PROBLEMS_COLUMNS] = {
	[COL_SEVERITY] = { .title = "", .width = 7 },
	[COL_PLACE] = { .title = "segment:offset", .width = 15, .right = true },
	[COL_CODE] = { .title = "code", .width = 22, .rank = 1 },
	[COL_FOUND] = { .title = "what was found", .width = 50, .grows = true },
};

struct problems {
	struct model base;
	struct findings findings;
};

static void fill_place(struct row *row, const struct finding *finding)
{
	if (finding->segment != FINDING_NOWHERE) {
		row->place.has_segment = true;
		row->place.segment = (uint32_t)finding->segment;
	}
	if (row->place.has_segment && finding->offset != FINDING_NOWHERE) {
		row->place.has_offset = true;
		row->place.offset = (uint64_t)finding->offset;
		row_set(row, COL_PLACE, STYLE_NORMAL, "%" PRIu32 ":%" PRIu64, row->place.segment,
			row->place.offset);
	} else if (row->place.has_segment) {
		row_set(row, COL_PLACE, STYLE_NORMAL, "%" PRIu32, row->place.segment);
	}
	if (finding->has_key)
		place_set_key(&row->place, finding->key);
}

static void fetch_rows(struct model *base, uint64_t first, size_t count, struct row *rows)
{
	const struct problems *model = (const struct problems *)base;
	for (size_t i = 0; i < count; i++) {
		const struct finding *finding = &model->findings.rows[first + i];
		const struct problem_info *info = &problem_table[finding->problem];
		char text[FINDING_DETAIL_MAX + 200];
		row_set(&rows[i], COL_SEVERITY, severity_styles[finding->severity], "%s",
			severity_name(finding->severity));
		fill_place(&rows[i], finding);
		row_set(&rows[i], COL_CODE, STYLE_FAINT, "%s", info->id);
		const bool is_manifest = finding->has_key && key_is_manifest(finding->key);
		snprintf(text, sizeof(text), "%s%s%s%s%s", is_manifest ? "the manifest: " : "",
			 info->found,
			 finding->detail[0] ? " (" : "", finding->detail,
			 finding->detail[0] ? ")" : "");
		row_mask(&rows[i], COL_FOUND, STYLE_NORMAL, text);
	}
}

static void model_free(struct model *model)
{
	findings_free(&((struct problems *)model)->findings);
}

static const struct model_ops model_ops = { .fetch = fetch_rows, .free = model_free, .in_memory = true };

struct model *problems_model(struct session *session, struct findings *findings)
{
	struct problems *model = model_new(&model_ops, sizeof(*model), session);
	if (!model) {
		findings_free(findings);
		return NULL;
	}
	model->findings = *findings;
	model->base.count = findings->count;
	return &model->base;
}

const struct findings *problems_findings(const struct model *model)
{
	return &((const struct problems *)model)->findings;
}

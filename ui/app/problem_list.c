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

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct finding *finding = &((const struct problems *)base)->findings.rows[i];
	const struct problem_info *info = &problem_table[finding->problem];
	const bool is_manifest = finding->has_key && key_is_manifest(finding->key);
	struct place *place = &row->place;
	char text[FINDING_DETAIL_MAX + 200];
	place->has_segment = finding->segment != FINDING_NOWHERE;
	place->has_offset = place->has_segment && finding->offset != FINDING_NOWHERE;
	if (place->has_segment)
		place->segment = (uint32_t)finding->segment;
	if (place->has_offset)
		place->offset = (uint64_t)finding->offset;
	if (finding->has_key)
		place_set_key(place, finding->key);
	row_set(row, COL_SEVERITY, severity_styles[finding->severity], "%s",
		severity_name(finding->severity));
	if (place->has_offset)
		row_set(row, COL_PLACE, STYLE_NORMAL, "%" PRIu32 ":%" PRIu64, place->segment,
			place->offset);
	else if (place->has_segment)
		row_set(row, COL_PLACE, STYLE_NORMAL, "%" PRIu32, place->segment);
	row_set(row, COL_CODE, STYLE_FAINT, "%s", info->id);
	snprintf(text, sizeof(text), "%s%s%s%s%s", is_manifest ? "the manifest: " : "",
		 info->found, finding->detail[0] ? " (" : "", finding->detail,
		 finding->detail[0] ? ")" : "");
	dialect_reword(base->session->repo->dialect, text, sizeof(text));
	row_mask(row, COL_FOUND, STYLE_NORMAL, text);
}

static void model_free(struct model *model)
{
	findings_free(&((struct problems *)model)->findings);
}

static const struct model_ops model_ops = { .fill = fill_row, .free = model_free,
					    .in_memory = true };

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

#include "build-config.h"

#include "src/out_plan.h"

#include "src/out_text.h"

#define ROWS_SHORT 20	/* of a list that a person reads before deciding */
#define WIDTH_MAX 100u

static void write_line(void *context, enum plan_tone tone, const char *line)
{
	static const enum tone tones[] = {
		[PLAN_TONE_PLAIN] = TONE_PLAIN, [PLAN_TONE_HEADING] = TONE_STRONG,
		[PLAN_TONE_WARNING] = TONE_BAD, [PLAN_TONE_FAINT] = TONE_FAINT,
	};
	text_line(context, tones[tone], "%s", line);
}

struct plan_text out_plan_lines(struct out *out, bool is_short)
{
	return (struct plan_text){
		.width = out->width < WIDTH_MAX ? out->width : WIDTH_MAX,
		.rows_max = is_short ? ROWS_SHORT : 0, .line = write_line, .context = out,
	};
}

json_t *json_plan_files(const struct plan *plan, enum plan_change change)
{
	json_t *array = json_array();
	for (size_t i = 0; i < plan->file_count; i++)
		if (plan->files[i].change == change)
			json_append(&array, json_text(plan->files[i].path));
	return array;
}

json_t *json_undo_files(const struct undo_plan *plan, enum undo_change change)
{
	json_t *array = json_array();
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].change == change)
			json_append(&array, json_text(plan->steps[i].path));
	return array;
}

json_t *json_named_keys(const struct lost_key *keys, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_append(&array, json_key(keys[i].key));
	return array;
}

json_t *json_lost_causes(const struct plan *plan)
{
	static const char *const causes[] = {
		[LOSS_DAMAGED] = "damaged", [LOSS_MISSING] = "missing",
		[LOSS_UNREADABLE] = "unreadable", [LOSS_ROLLED_BACK] = "rolled-back",
	};
	json_t *array = json_array();
	for (size_t i = 0; i < plan->lost_count; i++) {
		const struct lost_key *lost = &plan->lost[i];
		json_t *object = json_object();
		json_add(&object, "key", json_key(lost->key));
		json_add(&object, "cause", json_text(causes[lost->loss]));
		json_add(&object, "segment", json_number_if(lost->has_place, lost->segment));
		json_add(&object, "offset", json_number_if(lost->has_place, lost->offset));
		json_append(&array, object);
	}
	return array;
}

json_t *json_suspects(const struct plan *plan)
{
	json_t *array = json_array();
	for (size_t i = 0; i < plan->suspect_count; i++) {
		const struct suspect *suspect = &plan->suspects[i];
		json_t *object = json_object();
		json_add(&object, "key", json_key(suspect->key));
		json_add(&object, "segment", json_number(suspect->segment));
		json_add(&object, "offset", json_number(suspect->offset));
		json_add(&object, "size", json_number(suspect->size));
		json_add(&object, "taken", json_boolean(suspect->is_taken));
		json_append(&array, object);
	}
	return array;
}

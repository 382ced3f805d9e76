#include "build-config.h"

#include "src/out_plan.h"

#include "src/out_text.h"

#define ROWS_SHORT 20	/* of a list that a person is to read before a decision */
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

/* An array of what @row makes of each of @count rows; NULL when memory is short. */
static json_t *json_list(const struct plan *plan, size_t count,
			 json_t *(*row)(const struct plan *plan, size_t i))
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		if (json_array_append_new(array, row(plan, i)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

json_t *json_plan_files(const struct plan *plan, enum plan_change change)
{
	json_t *array = json_array();
	for (size_t i = 0; i < plan->file_count && array; i++) {
		if (plan->files[i].change == change &&
		    json_array_append_new(array, json_text(plan->files[i].path)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *json_key(const uint8_t key[KEY_SIZE])
{
	const struct cell cell = cell_key(key);
	return json_cell(&cell);
}

json_t *json_named_keys(const struct lost_key *keys, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count && array; i++) {
		if (json_array_append_new(array, json_key(keys[i].key)) != 0) {
			json_decref(array);
			array = NULL;
		}
	}
	return array;
}

static json_t *lost_cause(const struct plan *plan, size_t i)
{
	static const char *const causes[] = {
		[LOSS_DAMAGED] = "damaged", [LOSS_MISSING] = "missing",
		[LOSS_UNREADABLE] = "unreadable", [LOSS_ROLLED_BACK] = "rolled-back",
	};
	const struct lost_key *lost = &plan->lost[i];
	return json_pack("{s:o, s:s, s:o, s:o}",
			 "key", json_key(lost->key),
			 "cause", causes[lost->loss],
			 "segment", json_number_if(lost->has_place, lost->segment),
			 "offset", json_number_if(lost->has_place, lost->offset));
}

json_t *json_lost_causes(const struct plan *plan)
{
	return json_list(plan, plan->lost_count, lost_cause);
}

static json_t *suspect(const struct plan *plan, size_t i)
{
	const struct suspect *row = &plan->suspects[i];
	return json_pack("{s:o, s:I, s:I, s:I, s:b}",
			 "key", json_key(row->key),
			 "segment", (json_int_t)row->segment,
			 "offset", (json_int_t)row->offset,
			 "size", (json_int_t)row->size,
			 "taken", row->is_taken);
}

json_t *json_suspects(const struct plan *plan)
{
	return json_list(plan, plan->suspect_count, suspect);
}

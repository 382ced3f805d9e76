/* src/out_plan.h - plans of repairs on standard output, as text and as JSON. */
#ifndef ATTICSCOPE_OUT_PLAN_H
#define ATTICSCOPE_OUT_PLAN_H

#include "engine/repair/plan_text.h"
#include "src/out.h"
#include "src/out_json.h"

/* For plan_text_plan and the like: lines go to @out; @is_short cuts long lists. */
struct plan_text out_plan_lines(struct out *out, bool is_short);

/* The paths of the plan's files with that @change; NULL when memory is short. */
json_t *json_plan_files(const struct plan *plan, enum plan_change change);
json_t *json_undo_files(const struct undo_plan *plan, enum undo_change change);

json_t *json_named_keys(const struct lost_key *keys, size_t count);	/* keys alone */
json_t *json_lost_causes(const struct plan *plan);	/* key, cause, segment, offset */
json_t *json_suspects(const struct plan *plan);	/* key, segment, offset, size, taken */

#endif

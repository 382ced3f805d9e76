#include "build-config.h"

#include "repair/planner_internal.h"

static void count_key(struct plan *plan, const struct lost_key *key, int change)
{
	struct hints_segment *row = hints_find(&plan->work->hints, key->segment);
	if (row)
		row->live += (uint32_t)change;
}

/* The segments that stay, each with the live PUTs that stay in it: what verify counted, since
 * little else of such a segment becomes live. */
enum as_err plan_usage_begin(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const struct listing *listing = &work->repo->listing;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &work->verify->facts[i];
		if (work->goes[i] || facts->role != ROLE_LOG || !facts->is_committed)
			continue;
		struct hints_segment *row = hints_add(&work->hints, listing->segments[i].number);
		if (!row)
			return AS_ERR_MEMORY;
		row->live = facts->live;
	}
	/* What becomes live, and what does not stay so, without an entry written. */
	for (size_t i = 0; i < plan->older_count; i++)
		count_key(plan, &plan->older[i], 1);
	for (size_t i = 0; i < plan->dropped_count; i++)
		count_key(plan, &plan->dropped[i], -1);
	return AS_OK;
}

bool plan_usage_move(struct plan *plan, uint32_t from, uint32_t to)
{
	struct hints_segment *old = hints_find(&plan->work->hints, from);
	if (old)
		old->live--;
	struct hints_segment *row = hints_add(&plan->work->hints, to);
	if (row)
		row->live++;
	return row != NULL;
}

bool plan_usage_delete(struct plan *plan, uint32_t to)
{
	struct hints_segment *row = hints_add(&plan->work->hints, to);
	if (row)
		row->is_compact = true;
	return row != NULL;
}

void plan_usage_end(struct plan *plan)
{
	const struct listing *listing = &plan->work->repo->listing;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &plan->work->verify->facts[i];
		struct hints_segment *row =
			hints_find(&plan->work->hints, listing->segments[i].number);
		if (row && (facts->puts > row->live || facts->deletes > 0))
			row->is_compact = true;
	}
}

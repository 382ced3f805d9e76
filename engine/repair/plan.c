#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

const char *loss_text(enum loss loss)
{
	static const char *const texts[] = {
		[LOSS_DAMAGED] = "no whole entry is left",
		[LOSS_MISSING] = "the segment is missing",
		[LOSS_UNREADABLE] = "the disk cannot read the place",
		[LOSS_ROLLED_BACK] = "written only by the transaction that is given up",
	};
	return texts[loss];
}

enum as_err repair_fail(const struct repo *repo, enum as_err err, struct as_error *error)
{
	return as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	if (plan->work) {
		verify_free(plan->work->own_verify);
		index_table_free(plan->work->table);
		hints_free(&plan->work->hints);
		free(plan->work->goes);
		free(plan->work->copies);
		free(plan->work->deletes);
	}
	free(plan->work);
	free(plan->files);
	free(plan->lost);
	free(plan->older);
	free(plan->left_out);
	free(plan->dropped);
	free(plan->suspects);
	free(plan);
}

uint64_t plan_loses(const struct plan *plan, const struct plan *other)
{
	uint64_t count = plan->lost_count;
	if (!other || other->is_refused || !plan->work || !plan->work->table)
		return count;
	for (size_t i = 0; i < other->lost_count; i++) {
		const uint8_t *key = other->lost[i].key;
		const bool is_counted = array_find(plan->lost, plan->lost_count,
						   sizeof(*plan->lost), key, array_compare_key);
		count += !is_counted && index_table_find(plan->work->table, key) == INDEX_EMPTY;
	}
	return count;
}

bool plan_is_folder(const char *path)
{
	return strncmp(path, "data/", 5) == 0 && !strchr(path + 5, '/');
}

struct plan_sum plan_sum(const struct plan *plan, enum plan_change change)
{
	struct plan_sum sum = { .files = 0 };
	for (size_t i = 0; i < plan->file_count; i++)
		if (plan->files[i].change == change)
			plan_sum_add(&sum, plan->files[i].path, plan->files[i].size);
	return sum;
}

void plan_sum_add(struct plan_sum *sum, const char *path, uint64_t bytes)
{
	if (plan_is_folder(path)) {
		sum->folders++;
		return;
	}
	sum->files++;
	sum->bytes += bytes;
}

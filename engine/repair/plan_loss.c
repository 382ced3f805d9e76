#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"

#include <string.h>

static int compare_key(const void *key, const void *lost)
{
	return memcmp(key, ((const struct lost_key *)lost)->key, KEY_SIZE);
}

static bool names_as_lost(const struct plan *plan, const uint8_t key[KEY_SIZE])
{
	return array_find(plan->lost, plan->lost_count, sizeof(*plan->lost), key, compare_key);
}

uint64_t plan_loses(const struct plan *plan, const struct plan *other)
{
	uint64_t count = plan->lost_count;
	if (!other || other->is_refused || !plan->work || !plan->work->table)
		return count;
	for (size_t i = 0; i < other->lost_count; i++) {
		const uint8_t *key = other->lost[i].key;
		count += index_table_find(plan->work->table, key) == INDEX_EMPTY &&
			 !names_as_lost(plan, key);
	}
	return count;
}

#include "build-config.h"

#include "check/check_internal.h"

#include "base/array.h"

static int by_place(const void *a, const void *b)
{
	const struct verify_damage *x = a, *y = b;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

/* How many stretches begin before @offset of @segment. */
static size_t count_before(const struct verify *verify, uint32_t segment, uint64_t offset)
{
	const struct verify_damage place = { .segment = segment, .offset = offset };
	return array_lower_bound(verify->damage, verify->damage_count, sizeof(place), &place,
				 by_place);
}

const struct verify_damage *verify_damage_in(const struct verify *verify, uint32_t segment,
					     size_t *count)
{
	const size_t first = count_before(verify, segment, 0);
	*count = count_before(verify, segment, UINT64_MAX) - first;
	return *count > 0 ? &verify->damage[first] : NULL;
}

const struct verify_damage *verify_damage_from(const struct verify *verify, uint32_t segment,
					       uint32_t offset)
{
	const struct verify_damage place = { .segment = segment, .offset = offset };
	return array_find(verify->damage, verify->damage_count, sizeof(place), &place, by_place);
}

bool verify_damage_at(const struct verify *verify, uint32_t segment, uint32_t offset,
		      uint8_t *cause)
{
	const size_t first = count_before(verify, segment, 0);
	const size_t behind = count_before(verify, segment, (uint64_t)offset + 1);
	*cause = SEGMENT_CRC_MISMATCH;
	if (behind > first && offset - verify->damage[behind - 1].offset <
				      verify->damage[behind - 1].length) {
		*cause = verify->damage[behind - 1].cause;
		return true;
	}
	/* More than were remembered. */
	return count_before(verify, segment, UINT64_MAX) - first >= VERIFY_DAMAGE_SEGMENT;
}

void verify_sort_damage(struct verify *verify)
{
	array_sort(verify->damage, verify->damage_count, sizeof(*verify->damage), by_place);
}

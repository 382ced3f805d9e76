#include "build-config.h"

#include "check/check_internal.h"

#include "base/array.h"

struct verify_missing *verify_find_missing(const struct verify *verify, uint32_t number)
{
	return array_find(verify->missing, verify->missing_count, sizeof(*verify->missing), &number,
			  array_compare_u32);
}

int64_t verify_hinted(const struct verify *verify, uint32_t number)
{
	const struct hints_segment *row = hints_find(&verify->repo->hints, number);
	return row ? row->live : 0;
}

uint32_t verify_count_filled(const struct verify *verify, uint32_t number)
{
	uint32_t count = 0;
	for (size_t i = 0; i < verify->fill_count; i++)
		count += verify->fills[i].segment == number && verify->fills[i].is_put;
	return count;
}

/* A segment without a file: was it lost, or is the mapping wrong? */
static bool is_missing_gap(const struct verify *verify, uint32_t number)
{
	const struct hints *hints = &verify->repo->hints;
	/* Are the hints a second witness beside the index: of the same transaction, and not of
	 * elsewhere? */
	const bool joined =
		hints->usable && hints->transaction == verify->index.transaction &&
		(hints->transaction != verify->end || verify->hints_credit == CREDIT_CREDIBLE);
	const struct verify_missing *row = verify_find_missing(verify, number);
	if (verify->index_credit == CREDIT_OLDER)
		/* A compaction since then would have moved all of the segment's objects on. */
		return verify->index_figures.is_stale && joined &&
		       verify_hinted(verify, number) > 0 && row && row->moved_on < row->mapped;
	/* An index that is wrong elsewhere is right where credible hints count as it does. */
	if (verify->index_credit == CREDIT_DAMAGED)
		return joined && verify->hints_credit == CREDIT_CREDIBLE && row &&
		       row->moved_on == 0 &&
		       verify_hinted(verify, number) ==
			       (int64_t)row->mapped + verify_count_filled(verify, number);
	if (verify->index_credit != CREDIT_CREDIBLE || number > verify->index.transaction)
		return false;
	return !joined || verify_hinted(verify, number) > 0;
}

bool verify_is_gap(const struct verify *verify, uint32_t number)
{
	const struct segment_facts *facts = verify_facts(verify, number);
	if (!facts)
		return is_missing_gap(verify, number);
	if (verify->index_credit != CREDIT_CREDIBLE)
		return false;
	/* The index alone may be wrong about one place; that the file ends too early, or that the
	 * hints count more in it than is there, bears it out. */
	if (verify->hints_credit == CREDIT_CREDIBLE) {
		/* What the index does not know is not what the hints counted, where both agree. */
		const bool agree = facts->damaged > 0 && verify_hints_like_index(verify, facts);
		const int64_t unknown = agree ? (int64_t)facts->unknown : 0;
		return verify_hinted(verify, number) > facts_by_log(facts) - unknown;
	}
	return facts->is_cut || (!facts->is_complete && !verify->repo->dialect->has_lone_commits);
}

#include "build-config.h"

#include "app/segment_style.h"

const struct look_row look_table[LOOK_COUNT] = {
	[LOOK_DAMAGED] = { GLYPH_DAMAGED, STYLE_BAD, "damaged" },
	[LOOK_FOREIGN] = { GLYPH_FOREIGN, STYLE_BAD, "foreign" },
	[LOOK_MISNAMED] = { GLYPH_MISNAMED, STYLE_BAD, "misnamed" },
	[LOOK_COPY] = { GLYPH_COPY, STYLE_WARNING, "copy beside" },
	[LOOK_RETURNED] = { GLYPH_RETURNED, STYLE_WARNING, "returned" },
	[LOOK_UNCOMMITTED] = { GLYPH_UNCOMMITTED, STYLE_WARNING, "uncommitted" },
	[LOOK_UNKNOWN] = { GLYPH_UNKNOWN, STYLE_FAINT, "unverified" },
	[LOOK_PARTLY] = { GLYPH_PARTLY, STYLE_NORMAL, "partly live" },
	[LOOK_LIVE] = { GLYPH_LIVE, STYLE_GOOD, "live" },
	[LOOK_DEAD] = { GLYPH_DEAD, STYLE_FAINT, "nothing live" },
};

/* Has a file beside the segment what is damaged in it, so that nothing of it is lost? */
static bool is_completed(const struct verify *verify, uint32_t number)
{
	size_t low = 0, high = verify->fill_count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (verify->fills[middle].segment < number)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == verify->fill_count || verify->fills[low].segment != number)
		return false;
	for (size_t i = 0; i < verify->gone_count; i++)
		if (verify->gone[i].segment == number)
			return false;
	return true;
}

/* What only the comparison with index and hints tells of the file; LOOK_COUNT: nothing. */
static enum look look_of_role(const struct session *session, size_t position)
{
	const struct verify *verify = session_verify(session);
	if (!verify)
		return LOOK_COUNT;
	const struct segment_facts *facts = &verify->facts[position];
	if (facts->role == ROLE_FOREIGN)
		return LOOK_FOREIGN;
	if (facts->role == ROLE_RETURNED)
		return LOOK_RETURNED;
	if (facts->damaged > 0 || facts->is_unreadable || facts->is_cut)
		return is_completed(verify, facts->number) ? LOOK_COPY : LOOK_COUNT;
	return facts->number != session->view->listing.segments[position].number ? LOOK_MISNAMED
										 : LOOK_COUNT;
}

enum look look_of(const struct session *session, size_t position)
{
	const struct segment_facts *facts = session_facts(session, position);
	if (session->view->dialect != DIALECT_ATTIC)
		return LOOK_UNKNOWN;
	const enum look role = look_of_role(session, position);
	if (role != LOOK_COUNT)
		return role;
	if (facts && (facts->damaged > 0 || facts->is_unreadable))
		return LOOK_DAMAGED;
	if (facts ? !facts->is_committed : position >= session->end)
		return LOOK_UNCOMMITTED;
	if (!facts)
		return LOOK_UNKNOWN;
	if (facts->live == 0)
		return LOOK_DEAD;
	return facts->live == facts->puts ? LOOK_LIVE : LOOK_PARTLY;
}

enum look look_of_group(const struct session *session, size_t first, size_t end)
{
	enum look result = LOOK_COUNT;
	bool differ = false;
	for (size_t i = first; i < end; i++) {
		const enum look look = look_of(session, i);
		differ |= i > first && look != result;
		if (look < result)
			result = look;
	}
	/* Some live and some not is partly superseded as a whole. */
	return differ && result == LOOK_LIVE ? LOOK_PARTLY : result;
}

bool look_sparse(const struct session *session, size_t position, uint64_t *part, uint64_t *whole)
{
	const struct segment_facts *facts = session_facts(session, position);
	if (!facts || !facts->is_committed)
		return false;
	*whole = facts->size;
	*part = facts->size > facts->live_bytes ? facts->size - facts->live_bytes : 0;
	return true;
}

enum style style_of_severity(enum severity severity)
{
	switch (severity) {
	case SEVERITY_ERROR:
		return STYLE_BAD;
	case SEVERITY_WARNING:
		return STYLE_WARNING;
	default:
		return STYLE_NORMAL;
	}
}

enum style style_of_status(enum entry_status status)
{
	switch (status) {
	case STATUS_LIVE:
		return STYLE_GOOD;
	case STATUS_DAMAGED:
		return STYLE_BAD;
	case STATUS_UNCOMMITTED:
	case STATUS_OLDER:
		return STYLE_WARNING;
	case STATUS_COMMIT:
		return STYLE_STRONG;
	default:
		return STYLE_FAINT;
	}
}

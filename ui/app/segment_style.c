#include "build-config.h"

#include "app/segment_style.h"

#include "engine/base/array.h"

const struct segment_style_row segment_styles[SEGMENT_STYLES] = {
	[SEGMENT_STYLE_DAMAGED] = { GLYPH_DAMAGED, STYLE_BAD, "damaged", false, false },
	[SEGMENT_STYLE_FOREIGN] = { GLYPH_FOREIGN, STYLE_BAD, "foreign", true, true },
	[SEGMENT_STYLE_MISNAMED] = { GLYPH_MISNAMED, STYLE_BAD, "misnamed", true, true },
	[SEGMENT_STYLE_COPY] = { GLYPH_COPY, STYLE_WARNING, "copy beside", true, false },
	[SEGMENT_STYLE_RETURNED] = { GLYPH_RETURNED, STYLE_WARNING, "returned", true, true },
	[SEGMENT_STYLE_UNCOMMITTED] = { GLYPH_UNCOMMITTED, STYLE_WARNING, "uncommitted",
					false, false },
	[SEGMENT_STYLE_UNKNOWN] = { GLYPH_UNKNOWN, STYLE_FAINT, "unverified", false, false },
	[SEGMENT_STYLE_PARTLY] = { GLYPH_PARTLY, STYLE_NORMAL, "partly live", false, false },
	[SEGMENT_STYLE_LIVE] = { GLYPH_LIVE, STYLE_GOOD, "live", false, false },
	[SEGMENT_STYLE_DEAD] = { GLYPH_DEAD, STYLE_FAINT, "nothing live", false, false },
};

const enum style severity_styles[] = {
	[SEVERITY_INFO] = STYLE_NORMAL,
	[SEVERITY_WARNING] = STYLE_WARNING,
	[SEVERITY_ERROR] = STYLE_BAD,
};

const enum style status_styles[] = {
	[STATUS_LIVE] = STYLE_GOOD,
	[STATUS_SUPERSEDED] = STYLE_FAINT,
	[STATUS_DELETED] = STYLE_FAINT,
	[STATUS_TOMBSTONE] = STYLE_FAINT,
	[STATUS_COMMIT] = STYLE_STRONG,
	[STATUS_UNCOMMITTED] = STYLE_WARNING,
	[STATUS_DAMAGED] = STYLE_BAD,
	[STATUS_OLDER] = STYLE_WARNING,
};

/* The style that follows from comparing the file with index and hints. SEGMENT_STYLES: none. */
static enum segment_style style_of_role(const struct session *session, size_t position)
{
	const struct verify *verify = session_verify(session);
	if (!verify)
		return SEGMENT_STYLES;
	const struct segment_facts *facts = &verify->facts[position];
	if (facts->role == ROLE_FOREIGN)
		return SEGMENT_STYLE_FOREIGN;
	if (facts->role == ROLE_RETURNED)
		return SEGMENT_STYLE_RETURNED;
	if (facts->damaged > 0 || facts->is_unreadable || facts->is_cut) {
		/* Does a copy beside it hold everything that is damaged in it? */
		bool is_whole = array_find(verify->fills, verify->fill_count,
					   sizeof(*verify->fills), &facts->number,
					   array_compare_u32) != NULL;
		for (size_t i = 0; i < verify->gone_count; i++)
			is_whole = is_whole && verify->gone[i].segment != facts->number;
		return is_whole ? SEGMENT_STYLE_COPY : SEGMENT_STYLES;
	}
	return facts->number != session->repo->listing.segments[position].number
		       ? SEGMENT_STYLE_MISNAMED
		       : SEGMENT_STYLES;
}

enum segment_style segment_style_of(const struct session *session, size_t position)
{
	const struct segment_facts *facts = session_facts(session, position);
	if (!session->repo->dialect->is_read)
		return SEGMENT_STYLE_UNKNOWN;
	const enum segment_style role = style_of_role(session, position);
	if (role != SEGMENT_STYLES)
		return role;
	if (facts && (facts->damaged > 0 || facts->is_unreadable))
		return SEGMENT_STYLE_DAMAGED;
	if (facts ? !facts->is_committed : position >= session->log_end)
		return SEGMENT_STYLE_UNCOMMITTED;
	if (!facts)
		return SEGMENT_STYLE_UNKNOWN;
	if (facts->live == 0)
		return SEGMENT_STYLE_DEAD;
	return facts->live == facts->puts ? SEGMENT_STYLE_LIVE : SEGMENT_STYLE_PARTLY;
}

enum segment_style segment_style_of_group(const struct session *session, size_t first, size_t end)
{
	enum segment_style result = SEGMENT_STYLES;
	bool differ = false;
	for (size_t i = first; i < end; i++) {
		const enum segment_style style = segment_style_of(session, i);
		differ |= i > first && style != result;
		if (style < result)
			result = style;
	}
	/* A group with some live and some other segments is partly live as a whole. */
	return differ && result == SEGMENT_STYLE_LIVE ? SEGMENT_STYLE_PARTLY : result;
}

bool segment_unused(const struct session *session, size_t position, uint64_t *part, uint64_t *whole)
{
	const struct segment_facts *facts = session_facts(session, position);
	if (!facts || !facts->is_committed)
		return false;
	*whole = facts->size;
	*part = facts->size > facts->live_bytes ? facts->size - facts->live_bytes : 0;
	return true;
}

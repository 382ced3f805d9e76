/* ui/app/segment_style.h - the state of a segment as the map and the lists show it. */
#ifndef ATTICSCOPE_SEGMENT_STYLE_H
#define ATTICSCOPE_SEGMENT_STYLE_H

#include "session/session.h"
#include "term/term.h"

/* Most important first: the first that occurs in a group stands for the group. */
enum segment_style {
	SEGMENT_STYLE_DAMAGED,
	SEGMENT_STYLE_FOREIGN,
	SEGMENT_STYLE_MISNAMED,
	SEGMENT_STYLE_COPY,
	SEGMENT_STYLE_RETURNED,
	SEGMENT_STYLE_UNCOMMITTED,
	SEGMENT_STYLE_UNKNOWN,
	SEGMENT_STYLE_PARTLY,
	SEGMENT_STYLE_LIVE,
	SEGMENT_STYLE_DEAD,
	SEGMENT_STYLES
};

struct segment_style_row {
	enum glyph glyph;
	enum style style;
	const char *name;
	bool is_rare;		/* few repositories have it: in the legend only if it occurs */
	bool is_odd;		/* the file is in a place where another file belongs, or none */
};
extern const struct segment_style_row segment_styles[SEGMENT_STYLES];

enum segment_style segment_style_of(const struct session *session, size_t position);

/* The style of the group of segments [@first, @end) of the listing. */
enum segment_style segment_style_of_group(const struct session *session, size_t first, size_t end);

/* Unused bytes of the segment: *@part of *@whole. False: not known yet. */
bool segment_unused(const struct session *session, size_t position, uint64_t *part,
		    uint64_t *whole);

extern const enum style severity_styles[];	/* by enum severity */
extern const enum style status_styles[];	/* by enum entry_status */

#endif

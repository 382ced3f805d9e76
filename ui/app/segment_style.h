/* ui/app/segment_style.h - how segments look at a glance: their state in the map and in the lists.
 * */
#ifndef ATTICSCOPE_SEGMENT_STYLE_H
#define ATTICSCOPE_SEGMENT_STYLE_H

#include "session/session.h"
#include "term/term.h"

/* In the order in which one of a group speaks for the whole group. */
enum look {
	LOOK_DAMAGED, LOOK_FOREIGN, LOOK_MISNAMED, LOOK_COPY, LOOK_RETURNED, LOOK_UNCOMMITTED,
	LOOK_UNKNOWN, LOOK_PARTLY, LOOK_LIVE, LOOK_DEAD, LOOK_COUNT
};

struct look_row {
	enum glyph glyph;
	enum style style;
	const char *name;
};
extern const struct look_row look_table[LOOK_COUNT];

/* What is not in every repository: the legend names it where it is. */
static inline bool look_is_rare(enum look look)
{
	return look == LOOK_FOREIGN || look == LOOK_MISNAMED || look == LOOK_COPY ||
	       look == LOOK_RETURNED;
}

/* Does the file stand where another belongs, or none? */
static inline bool look_is_odd(enum look look)
{
	return look == LOOK_FOREIGN || look == LOOK_MISNAMED || look == LOOK_RETURNED;
}

enum look look_of(const struct session *session, size_t position);

/* Of the segments [@first, @end) of the listing. */
enum look look_of_group(const struct session *session, size_t first, size_t end);

/* How much of the segment no object needs any more: *@part of *@whole bytes. False while that is
 * not known. */
bool look_sparse(const struct session *session, size_t position, uint64_t *part, uint64_t *whole);

enum style style_of_severity(enum severity severity);
enum style style_of_status(enum entry_status status);

#endif

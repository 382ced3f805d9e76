/* ui/repair/undo_ways.h - which of the repairs that left undo folders can be taken back. Pure. */
#ifndef ATTICSCOPE_UNDO_WAYS_H
#define ATTICSCOPE_UNDO_WAYS_H

#include "engine/repair/undo.h"

enum way_back {
	WAY_OPEN,		/* it is next */
	WAY_LATER,		/* after the newer ones */
	WAY_OVERTAKEN,		/* a later transaction came between it and the newer ones */
	WAY_UNREADABLE,		/* it has no manifest */
	WAY_REFUSED,		/* it is next, and undo_plan says why not */
	WAY_BEHIND		/* the newer ones cannot be taken back */
};

/* Fill @ways, one for each of the @count @entries, which come newest first. @next is the name of the
 * one that undo takes back, @is_refused says that it cannot. */
void undo_ways_find(const struct undo_entry *entries, size_t count, const char *next,
		    bool is_refused, enum way_back *ways);

#endif

/* ui/repair/undo_ways.h - which repairs can be taken back by their undo folders. Pure. */
#ifndef ATTICSCOPE_UNDO_WAYS_H
#define ATTICSCOPE_UNDO_WAYS_H

#include "engine/repair/undo.h"

enum way_back {
	WAY_OPEN,		/* it is next */
	WAY_LATER,		/* after the newer ones */
	WAY_OVERTAKEN,		/* a later transaction came between it and the newer ones */
	WAY_UNREADABLE,		/* it has no manifest */
	WAY_REFUSED,		/* it is next, but undo_plan refuses it */
	WAY_BEHIND		/* the newer ones cannot be taken back */
};

/* Fill in one of @ways for each of the @count @entries, which are in order, the newest first. @next
 * is the name of the entry that undo takes back next; @is_refused: it cannot be taken back. */
void undo_ways_find(const struct undo_entry *entries, size_t count, const char *next,
		    bool is_refused, enum way_back *ways);

#endif

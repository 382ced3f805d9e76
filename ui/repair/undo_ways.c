#include "build-config.h"

#include "repair/undo_ways.h"

#include <string.h>

void undo_ways_find(const struct undo_entry *entries, size_t count, const char *next,
		    bool is_refused, enum way_back *ways)
{
	/* The next newer entry that has a manifest. */
	const struct undo_entry *newer = NULL;
	enum way_back newer_way = WAY_UNREADABLE;
	for (size_t i = 0; i < count; i++) {
		const struct undo_entry *entry = &entries[i];
		if (strcmp(entry->name, next) == 0)
			ways[i] = is_refused ? WAY_REFUSED : WAY_OPEN;
		else if (!newer || entry->state == UNDO_UNREADABLE)
			ways[i] = WAY_UNREADABLE;
		else if (newer_way != WAY_OPEN && newer_way != WAY_LATER)
			ways[i] = WAY_BEHIND;
		else if (entry->state == UNDO_DONE && newer->has_before &&
			 newer->before != entry->after)
			ways[i] = WAY_OVERTAKEN; /* a repair begins where the last one ended */
		else
			ways[i] = WAY_LATER;
		if (ways[i] == WAY_UNREADABLE)
			continue;
		newer = entry;
		newer_way = ways[i];
	}
}

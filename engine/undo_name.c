#include "build-config.h"

#include "undo.h"

#include <stdio.h>

const char *undo_state_name(enum undo_state state)
{
	static const char *const names[] = {
		[UNDO_DONE] = "done",
		[UNDO_BEGUN] = "interrupted",
		[UNDO_UNDOING] = "undoing",
		[UNDO_UNREADABLE] = "unreadable",
	};
	return names[state];
}

const char *undo_time(const char *name, char out[UNDO_TIME_SIZE])
{
	static const char shape[] = "dddddddd" "T" "dddddd" "Z";
	size_t i = 0;
	out[0] = '\0';
	while (shape[i] && (shape[i] == 'd' ? name[i] >= '0' && name[i] <= '9'
					    : name[i] == shape[i]))
		i++;
	if (shape[i] == '\0')
		snprintf(out, UNDO_TIME_SIZE, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", name, name + 4,
			 name + 6, name + 9, name + 11, name + 13);
	return out;
}

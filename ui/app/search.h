/* ui/app/search.h - the search that "/" n N run: in the background, from the cursor to the end and
 * round to the cursor again. */
#ifndef ATTICSCOPE_SEARCH_H
#define ATTICSCOPE_SEARCH_H

#include "app/screen.h"

/* What is searched: places 0, 1, 2 ..., which are the rows of a table or the bytes of a file.
 * Whoever makes one puts what it needs behind it. */
struct search_target {
	const char *unit;	/* "rows" */
	uint32_t unit_size;	/* places that one unit stands for in the progress */
	uint32_t batch;		/* places that one call of find looks at, at most */

	/* In the search's thread: the first (last, when @backward) place of [@first, @first +
	 * @count) where @query is. */
	bool (*find)(struct search_target *target, const struct query *query, uint64_t first,
		     uint64_t count, bool backward, uint64_t *found);
	/* In the main thread, while the screen lives. */
	void (*show)(struct search_target *target, struct screen *screen, uint64_t found);
	/* In the main thread: what was searched is not what the screen shows now. May be NULL. */
	bool (*is_outdated)(const struct search_target *target, const struct screen *screen);
	void (*drop)(struct search_target *target);
};

/* Search the @count places of @target for app->query on behalf of @screen, from behind @start (or
 * before it). @target is dropped in any case; NULL, for want of memory, does nothing. */
void search_start(struct app *app, struct screen *screen, struct search_target *target,
		  uint64_t start, uint64_t count, bool backward);

/* Look for app->query in the top screen, from the cursor on. */
void search_run(struct app *app, bool backward);

/* Command behind keys: search on, in the direction that is the row's value. */
enum { SEARCH_FORWARD, SEARCH_BACKWARD };
void search_again(struct app *app, const struct call *call);

#endif

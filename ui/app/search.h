/* ui/app/search.h - the search behind "/", n and N. It runs in the background, from the cursor to
 * the end and on from the beginning back to the cursor. */
#ifndef ATTICSCOPE_SEARCH_H
#define ATTICSCOPE_SEARCH_H

#include "app/screen.h"

/* What is searched: places 0, 1, 2 ..., which are the rows of a table or the bytes of a file. The
 * maker of a target embeds it at the beginning of a struct of its own. */
struct search_target {
	const char *unit;	/* "rows" */
	uint32_t unit_size;	/* places per unit of the progress */
	uint32_t batch;		/* most places that one call of find looks at */

	/* In the search's thread: the first (last, when @backward) place of [@first, @first +
	 * @count) where @query is. */
	bool (*find)(struct search_target *target, const struct query *query, uint64_t first,
		     uint64_t count, bool backward, uint64_t *found);
	/* In the main thread, while the screen lives. */
	void (*show)(struct search_target *target, struct screen *screen, uint64_t found);
	/* In the main thread: does the screen show something else by now? May be NULL. */
	bool (*is_outdated)(const struct search_target *target, const struct screen *screen);
	void (*drop)(struct search_target *target);
};

/* Search the @count places of @target for app->query on behalf of @screen, beginning after @start
 * (or before it). @target is dropped in any case. NULL (out of memory) does nothing. */
void search_start(struct app *app, struct screen *screen, struct search_target *target,
		  uint64_t start, uint64_t count, bool backward);

/* Search the top screen for app->query, from the cursor on. */
void search_run(struct app *app, bool backward);

/* Command behind keys: search on, in the direction that is the row's value. */
enum { SEARCH_FORWARD, SEARCH_BACKWARD };
void search_again(struct app *app, const struct call *call);

#endif

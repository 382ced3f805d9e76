/* ui/app/search.h - the search behind "/", n and N. It runs in the background, from the cursor to
 * the end and on from the beginning back to the cursor. */
#ifndef ATTICSCOPE_SEARCH_H
#define ATTICSCOPE_SEARCH_H

#include "app/screen.h"

/* What is searched: the rows of a model, or the bytes of a file, which its find takes for rows. */
struct search_target {
	struct model *model;
	const char *unit;	/* "rows" */
	uint32_t unit_size;	/* rows per unit of the progress */
	uint32_t batch;		/* most rows that one call of find looks at */
	/* In the main thread, while the screen lives. NULL: put the cursor of its table there. */
	void (*show)(struct screen *screen, uint64_t found);
};

/* Search @target for app->query on behalf of @screen, beginning after @start (or before it). The
 * search holds the model meanwhile. */
void search_start(struct app *app, struct screen *screen, const struct search_target *target,
		  uint64_t start, bool backward);

/* Command behind keys: search the top screen for app->query, from the cursor on, in the direction
 * that is the row's value. */
enum { SEARCH_FORWARD, SEARCH_BACKWARD };
void search_run(struct app *app, const struct call *call);

#endif

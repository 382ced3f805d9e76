#include "build-config.h"

#include "ui/app.h"
#include "ui/keys.h"
#include "ui/prompt.h"

#include <stdlib.h>

#define ROWS_AT_ONCE 256u

/* From the row behind the cursor to the end, and round to the cursor again. */
struct search {
	struct job job;
	struct model *model;	/* held */
	struct query query;
	uint64_t start, count;
	bool backward;
	struct screen *screen;	/* the one that asked; done is not called when it is gone */
	bool found, wrapped;
	uint64_t row;
};

/* Search [@first, @end) in lots, so that it can be cancelled and its progress be seen. */
static bool search_range(struct search *search, uint64_t first, uint64_t end)
{
	while (first < end && !atomic_load(&search->job.progress.cancel)) {
		const uint64_t left = end - first;
		const uint64_t lot = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
		const uint64_t from = search->backward ? end - lot : first;
		if (model_find(search->model, &search->query, from, lot, search->backward,
			       &search->row))
			return true;
		if (search->backward)
			end -= lot;
		else
			first += lot;
		atomic_fetch_add(&search->job.progress.segments_done, (uint32_t)lot);
	}
	return false;
}

static void run_search(struct job *job)
{
	struct search *search = (struct search *)job;
	const uint64_t start = search->start, count = search->count;
	const uint64_t behind = start + 1 < count ? start + 1 : count;
	if (search->backward)
		search->found = search_range(search, 0, start);
	else
		search->found = search_range(search, behind, count);
	if (search->found)
		return;
	search->wrapped = true;
	if (search->backward)
		search->found = search_range(search, start, count);
	else
		search->found = search_range(search, 0, behind);
}

static void show_result(struct app *app, struct job *job)
{
	const struct search *search = (const struct search *)job;
	struct screen *screen = search->screen;
	if (screen->table->model != search->model)
		return;		/* sorted or filtered anew meanwhile: the row is another one */
	if (atomic_load(&job->progress.cancel))
		app_say(app, STYLE_NORMAL, "search cancelled");
	else if (!search->found)
		app_say(app, STYLE_WARNING, "not found: %s", search->query.text);
	else
		position_set(&screen->table->position, search->row);
	if (search->found && search->wrapped)
		app_say(app, STYLE_FAINT, search->backward ? "went on from the end"
							   : "went on from the beginning");
}

static void drop_search(struct job *job)
{
	struct search *search = (struct search *)job;
	model_release(search->model);
	free(search);
}

static void start_search(struct app *app, struct screen *screen, bool backward)
{
	struct search *search = calloc(1, sizeof(*search));
	if (!search)
		return;
	*search = (struct search){
		.job = { .kind = JOB_SEARCH, .verb = "searching", .unit = "rows", .run = run_search,
			 .done = show_result, .drop = drop_search, .owner = screen },
		.model = model_hold(screen->table->model),
		.query = app->query,
		.start = screen->table->position.cursor,
		.count = model_count(screen->table->model),
		.backward = backward,
		.screen = screen,
	};
	atomic_store(&search->job.total, search->count);
	app_start(app, &search->job);
}

void search_run(struct app *app, bool backward)
{
	struct screen *screen = app_top(app);
	if (screen->ops->jump && screen->ops->jump(app, screen, &app->query, backward))
		return;
	if (app->query.is_place) {	/* it leads there from everywhere */
		const struct place place = place_of_entry(app->query.segment, app->query.offset);
		app_open(app, SCREEN_ENTRIES, &place);
		return;
	}
	if (screen->table && model_count(screen->table->model) > 0)
		start_search(app, screen, backward);
	else
		app_say(app, STYLE_WARNING, "nothing like that on this screen: %s",
			app->query.text);
}

static void repeat(struct app *app, bool backward)
{
	if (!app->has_query)
		app_say(app, STYLE_WARNING, "nothing was searched for yet (/ does)");
	else
		search_run(app, backward);
}

void search_again(struct app *app, const struct call *call)
{
	(void)call;
	repeat(app, false);
}

void search_back(struct app *app, const struct call *call)
{
	(void)call;
	repeat(app, true);
}

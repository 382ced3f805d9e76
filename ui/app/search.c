#include "build-config.h"

#include "app/search.h"

#include "app/app.h"

#include <stdlib.h>

struct search {
	struct job job;		/* holds the model */
	struct search_target target;
	struct query query;
	uint64_t start, count;
	bool backward;
	struct screen *screen;	/* where it began; done is not called when that is closed */
	bool found, wrapped;
	uint64_t place;
};

/* Search [@first, @end) in batches, so that it can be cancelled and shows progress. */
static bool search_range(struct search *search, uint64_t first, uint64_t end)
{
	const struct search_target *target = &search->target;
	uint64_t looked_at = 0;
	const uint32_t before = atomic_load(&search->job.progress.segments_done);
	while (first < end && !atomic_load(&search->job.progress.cancel)) {
		const uint64_t left = end - first;
		const uint64_t batch = left < target->batch ? left : target->batch;
		const uint64_t from = search->backward ? end - batch : first;
		if (model_find(target->model, &search->query, from, batch, search->backward,
			       &search->place))
			return true;
		if (search->backward)
			end -= batch;
		else
			first += batch;
		looked_at += batch;
		atomic_store(&search->job.progress.segments_done,
			     before + (uint32_t)(looked_at / target->unit_size));
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

static bool open_key(struct app *app, const struct screen *screen, const struct query *query)
{
	struct place place;
	if (!query->is_prefix || !screen->ops->leads_to_keys ||
	    !place_parse_key(query->text, &place))
		return false;
	app_open(app, SCREEN_KEY, &place);
	return true;
}

static void show_result(struct app *app, struct job *job)
{
	const struct search *search = (const struct search *)job;
	struct screen *screen = search->screen;
	if (screen->table && screen->table->model != search->target.model)
		return;		/* sorted or filtered again: the row numbers have changed */
	if (atomic_load(&job->progress.cancel))
		app_say(app, STYLE_NORMAL, "search cancelled");
	else if (!search->found && screen == app_top(app) && open_key(app, screen, &search->query))
		return;
	else if (!search->found)
		app_say(app, STYLE_WARNING, "not found: %s", search->query.text);
	else if (search->target.show)
		search->target.show(screen, search->place);
	else
		position_set(&screen->table->position, search->place);
	if (search->found && search->wrapped)
		app_say(app, STYLE_FAINT, search->backward ? "went on from the end"
							   : "went on from the beginning");
}

void search_start(struct app *app, struct screen *screen, const struct search_target *target,
		  uint64_t start, bool backward)
{
	const uint64_t count = model_count(target->model);
	struct search *search = calloc(1, sizeof(*search));
	if (!search)
		return;
	*search = (struct search){
		.job = { .kind = JOB_SEARCH, .verb = "searching", .unit = target->unit,
			 .total = count / target->unit_size, .run = run_search,
			 .done = show_result, .owner = screen,
			 .held = { ref_hold(target->model) } },
		.target = *target,
		.query = app->query,
		.start = start,
		.count = count,
		.backward = backward,
		.screen = screen,
	};
	app_start(app, &search->job);
}

/* ---- the keys ---- */

void search_run(struct app *app, const struct call *call)
{
	const bool backward = call->value == SEARCH_BACKWARD;
	struct screen *screen = app_top(app);
	if (!app->query.text[0]) {
		app_say(app, STYLE_WARNING, "nothing to repeat: / starts a search");
		return;
	}
	if (screen->ops->jump && screen->ops->jump(app, screen, &app->query, backward))
		return;
	if (app->query.is_place) {	/* a place can be opened from every screen */
		const struct place place = place_of_entry(app->query.segment, app->query.offset);
		app_open(app, SCREEN_ENTRIES, &place);
		return;
	}
	struct table *table = screen->table;
	if (!table || model_count(table->model) == 0) {
		if (!open_key(app, screen, &app->query))
			app_say(app, STYLE_WARNING, "not on this screen: %s", app->query.text);
		return;
	}
	const struct search_target rows = { .model = table->model, .unit = "rows", .unit_size = 1,
					    .batch = 256 };
	search_start(app, screen, &rows, table->position.cursor, backward);
}

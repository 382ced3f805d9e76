#include "build-config.h"

#include "app/search.h"

#include "app/app.h"
#include "app/command.h"

#include <stdlib.h>

struct search {
	struct job job;
	struct search_target *target;
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
	struct search_target *target = search->target;
	uint64_t looked_at = 0;
	const uint32_t before = atomic_load(&search->job.progress.segments_done);
	while (first < end && !atomic_load(&search->job.progress.cancel)) {
		const uint64_t left = end - first;
		const uint64_t batch = left < target->batch ? left : target->batch;
		const uint64_t from = search->backward ? end - batch : first;
		if (target->find(target, &search->query, from, batch, search->backward,
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
	struct search_target *target = search->target;
	struct screen *screen = search->screen;
	if (target->is_outdated && target->is_outdated(target, screen))
		return;
	if (atomic_load(&job->progress.cancel))
		app_say(app, STYLE_NORMAL, "search cancelled");
	else if (!search->found && screen == app_top(app) && open_key(app, screen, &search->query))
		return;
	else if (!search->found)
		app_say(app, STYLE_WARNING, "not found: %s", search->query.text);
	else
		target->show(target, screen, search->place);
	if (search->found && search->wrapped)
		app_say(app, STYLE_FAINT, search->backward ? "went on from the end"
							   : "went on from the beginning");
}

static void drop_search(struct job *job)
{
	struct search_target *target = ((struct search *)job)->target;
	target->drop(target);
}

void search_start(struct app *app, struct screen *screen, struct search_target *target,
		  uint64_t start, uint64_t count, bool backward)
{
	struct search *search = target ? calloc(1, sizeof(*search)) : NULL;
	if (!search) {
		if (target)
			target->drop(target);
		return;
	}
	*search = (struct search){
		.job = { .kind = JOB_SEARCH, .verb = "searching", .unit = target->unit,
			 .run = run_search, .done = show_result, .drop = drop_search,
			 .owner = screen },
		.target = target,
		.query = app->query,
		.start = start,
		.count = count,
		.backward = backward,
		.screen = screen,
	};
	atomic_store(&search->job.total, count / target->unit_size);
	app_start(app, &search->job);
}

/* ---- the rows of a table ---- */

struct table_target {
	struct search_target head;
	struct model *model;	/* held */
};

static bool find_row(struct search_target *head, const struct query *query, uint64_t first,
		     uint64_t count, bool backward, uint64_t *found)
{
	return model_find(((struct table_target *)head)->model, query, first, count, backward,
			  found);
}

static void show_row(struct search_target *head, struct screen *screen, uint64_t row)
{
	(void)head;
	position_set(&screen->table->position, row);
}

/* Sorted or filtered again meanwhile: the row numbers have changed. */
static bool is_outdated(const struct search_target *head, const struct screen *screen)
{
	return screen->table->model != ((const struct table_target *)head)->model;
}

static void drop_target(struct search_target *head)
{
	ref_release(((struct table_target *)head)->model);
	free(head);
}

/* ---- the keys ---- */

void search_run(struct app *app, bool backward)
{
	struct screen *screen = app_top(app);
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
	struct table_target *target = calloc(1, sizeof(*target));
	if (!target)
		return;
	*target = (struct table_target){
		.head = { .unit = "rows", .unit_size = 1, .batch = 256, .find = find_row,
			  .show = show_row, .is_outdated = is_outdated, .drop = drop_target },
		.model = ref_hold(table->model),
	};
	search_start(app, screen, &target->head, table->position.cursor, model_count(table->model),
		     backward);
}

void search_again(struct app *app, const struct call *call)
{
	if (!app->query.text[0])
		app_say(app, STYLE_WARNING, "nothing to repeat: / starts a search");
	else
		search_run(app, call->value == SEARCH_BACKWARD);
}

#include "build-config.h"

#include "repair/undo_screen.h"

#include "app/app.h"
#include "repair/repair_flow.h"
#include "repair/undo_ways.h"
#include "session/format.h"
#include "widget/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COL_TIME, COL_ACTION, COL_STATE, COL_BEFORE, COL_AFTER, COL_FILES, COL_SIZE, COL_BACK,
       COL_NAME, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_TIME] = { .title = "time (UTC)", .width = 16 },
	[COL_ACTION] = { .title = "action", .width = 8 },
	[COL_STATE] = { .title = "state", .width = 11 },
	[COL_BEFORE] = { .title = "before", .width = 6, .right = true },
	[COL_AFTER] = { .title = "after", .width = 6, .right = true },
	[COL_FILES] = { .title = "files", .width = 5, .right = true },
	[COL_SIZE] = { .title = "size", .width = 8, .right = true },
	[COL_BACK] = { .title = "undo", .width = 5 },
	[COL_NAME] = { .title = "folder", .width = 28, .rank = 1, .grows = true },
};

/* ---- the model: what the engine found, in memory ---- */

struct undos_model {
	struct model base;
	const char *path;		/* of the repository; lives as long as the program */
	/* The rest is written before ended. */
	atomic_bool ended;
	struct undo_entry *entries;	/* newest first */
	enum way_back *ways;		/* one for each entry */
	size_t count;
	char next[UNDO_NAME_MAX];	/* the one that undo takes back; or empty */
	char refusal[MESSAGE_MAX];	/* masked: why it cannot; or empty */
	char failure[MESSAGE_MAX];	/* masked: why they cannot be listed; or empty */
};

static bool has_ended(const struct undos_model *model)
{
	return model && atomic_load(&model->ended);
}

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct undos_model *model = (const struct undos_model *)base;
	const struct undo_entry *entry = &model->entries[i];
	const enum way_back way = model->ways[i];
	char text[FORMAT_SIZE], when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	undo_name_read(entry->name, when, action);
	if (when[0])
		row_set(row, COL_TIME, STYLE_NORMAL, "%.10s %.5s", when, when + 11);
	row_mask(row, COL_ACTION, STYLE_STRONG, entry->action[0] ? entry->action : "?");
	row_set(row, COL_STATE, entry->state == UNDO_DONE ? STYLE_NORMAL : STYLE_WARNING, "%s",
		undo_state_name(entry->state));
	if (way == WAY_OPEN)
		row_set(row, COL_BACK, STYLE_GOOD, "yes");
	else if (way == WAY_LATER)
		row_set(row, COL_BACK, STYLE_NORMAL, "later");
	else
		row_set(row, COL_BACK, STYLE_WARNING, "no");
	row_mask(row, COL_NAME, STYLE_FAINT, entry->name);
	if (entry->state == UNDO_UNREADABLE) {
		row_set(row, COL_FILES, STYLE_FAINT, "?");
		row_set(row, COL_SIZE, STYLE_FAINT, "?");
		return;
	}
	if (entry->has_before)
		row_set(row, COL_BEFORE, STYLE_NORMAL, "%" PRIu32, entry->before);
	else
		row_set(row, COL_BEFORE, STYLE_FAINT, "none");
	row_set(row, COL_AFTER, STYLE_NORMAL, "%" PRIu32, entry->after);
	row_set(row, COL_FILES, STYLE_NORMAL, "%" PRIu64, entry->files);
	row_set(row, COL_SIZE, STYLE_NORMAL, "%s", format_bytes(entry->bytes, text, sizeof(text)));
}

static void model_free(struct model *base)
{
	struct undos_model *model = (struct undos_model *)base;
	free(model->entries);
	free(model->ways);
}

static const struct model_ops model_ops = { .fill = fill_row, .free = model_free,
					    .in_memory = true };

/* ---- listing them ---- */

/* Plan to take the newest one back, to see whether that is possible. */
static void plan_next(struct undos_model *model)
{
	struct as_error error = { 0 };
	struct undo_plan *plan;
	const char *why = "";
	const enum as_err err = undo_plan_make(model->base.session->repo, &plan, &error);
	if (err != AS_OK) {
		snprintf(model->next, sizeof(model->next), "%s", model->entries[0].name);
		why = format_skip_path(model->path, error.message);
	} else {
		memcpy(model->next, plan->name, sizeof(model->next));
		why = plan->is_refused ? plan->refusal : "";
	}
	format_masked_text(why, model->refusal, sizeof(model->refusal));
	undo_plan_free(plan);
}

static void run_list(struct job *job)
{
	struct undos_model *model = job->held[0];
	const struct repo *repo = model->base.session->repo;
	enum as_err err = undo_list(repo->io, repo->fd, &model->entries, &model->count);
	if (err == AS_OK && model->count > 0) {
		model->ways = calloc(model->count, sizeof(*model->ways));
		err = model->ways ? AS_OK : AS_ERR_MEMORY;
	}
	if (err != AS_OK) {
		model->count = 0;
		snprintf(model->failure, sizeof(model->failure), UNDO_FOLDER ": %s",
			 as_err_text(err));
	} else if (model->count > 0) {
		plan_next(model);
		undo_ways_find(model->entries, model->count, model->next,
			       model->refusal[0] != '\0', model->ways);
	}
	atomic_store(&model->base.count, model->count);
	atomic_store(&model->ended, true);
}

/* ---- the screen ---- */

struct undos_screen {
	struct screen base;
	struct table table;
	struct explained explained;
	char empty[MESSAGE_MAX * 2];
};

static const struct undos_model *model_of(const struct screen *base)
{
	return (const struct undos_model *)((const struct undos_screen *)base)->table.model;
}

static void list(struct app *app, struct screen *base)
{
	struct undos_model *model = model_new(&model_ops, sizeof(*model), app->session);
	const struct job job = { .kind = JOB_UNDOS, .verb = "reading the undo folders",
				 .owner = base, .run = run_list };
	if (!model) {
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	model->path = app->path;
	table_set_model(base->table, model);
	app_start_filling(app, &job, model);
}

static bool open_undos(struct app *app, struct screen *base)
{
	struct undos_screen *screen = (struct undos_screen *)base;
	screen->table.empty = screen->empty;
	app->flow->purge.outcome[0] = '\0';
	list(app, base);
	return true;
}

const struct undo_entry *undos_selected(const struct screen *base, size_t *behind)
{
	const struct undos_model *model = model_of(base);
	const uint64_t cursor = base->table->position.cursor;
	if (!has_ended(model) || cursor >= model->count)
		return NULL;
	*behind = 0;
	if (model->ways[cursor] == WAY_OPEN || model->ways[cursor] == WAY_LATER)
		for (size_t i = (size_t)cursor + 1; i < model->count; i++)
			*behind += model->ways[i] == WAY_LATER;
	return &model->entries[cursor];
}

/* ---- what is under the cursor, explained ---- */

struct explanation {
	char name[UNDO_NAME_MAX], kept[MESSAGE_MAX], back[MESSAGE_MAX * 2], purge[MESSAGE_MAX];
	struct part parts[6];
	size_t count;
};

static void describe_kept(const struct undo_entry *entry, char *out, size_t size)
{
	char files[FORMAT_SIZE], bytes[FORMAT_SIZE], before[FORMAT_SIZE] = "no transaction";
	if (entry->state == UNDO_UNREADABLE) {
		snprintf(out, size, "Not known: it has no manifest that can be read.");
		return;
	}
	if (entry->has_before)
		snprintf(before, sizeof(before), "transaction %" PRIu32, entry->before);
	snprintf(out, size,
		 "%s file%s that the repair set aside, %s; the repair went from %s to transaction "
		 "%" PRIu32 ".",
		 format_count(entry->files, files, sizeof(files)), entry->files == 1 ? "" : "s",
		 format_bytes(entry->bytes, bytes, sizeof(bytes)), before, entry->after);
}

static void describe_way(const struct undos_model *model, size_t at, char *out, size_t size)
{
	static const char *const words[] = {
		[WAY_OPEN] = "Enter, or U, plans to take it back: all is then as it was before.",
		[WAY_LATER] = "After the newer ones were taken back, the newest first.",
		[WAY_OVERTAKEN] = "No: a later transaction was written before the next repair.",
		[WAY_UNREADABLE] = "No: there is no way back without its manifest.",
		[WAY_REFUSED] = "",
		[WAY_BEHIND] = "No: a newer one cannot be taken back.",
	};
	const enum way_back way = model->ways[at];
	if (way == WAY_OPEN && model->entries[at].state == UNDO_UNREADABLE)
		snprintf(out, size, "Enter, or U, plans to remove what is left of it.");
	else if (way == WAY_REFUSED)
		snprintf(out, size, "No: %s.", model->refusal);
	else
		snprintf(out, size, "%s", words[way]);
}

static void explain(const struct app *app, const struct undos_model *model, size_t at,
		    struct explanation *e)
{
	static const char *const states[] = {
		[UNDO_BEGUN] = "The repair was interrupted. Plan it again to finish it, or take it "
			       "back; until then do not purge this.",
		[UNDO_UNDOING] = "Taking it back was interrupted: undo goes on where it stopped.",
		[UNDO_UNREADABLE] = NULL,
	};
	const struct undo_entry *entry = &model->entries[at];
	const struct part parts[] = {
		{ "folder", e->name, STYLE_FAINT, STYLE_STRONG },
		{ "kept", e->kept, STYLE_FAINT, STYLE_NORMAL },
		{ "state", states[entry->state], STYLE_FAINT, STYLE_WARNING },
		{ "undo", e->back, STYLE_FAINT, STYLE_NORMAL },
		{ "purge", e->purge, STYLE_FAINT, STYLE_NORMAL },
		{ "lock", app->mode == MODE_REPAIR ? NULL : "Taking back and purging need the "
		  "exclusive lock: u asks for it.", STYLE_FAINT, STYLE_NORMAL },
	};
	char bytes[FORMAT_SIZE];
	format_masked_text(entry->name, e->name, sizeof(e->name));
	describe_kept(entry, e->kept, sizeof(e->kept));
	describe_way(model, at, e->back, sizeof(e->back));
	if (entry->state == UNDO_UNREADABLE)
		snprintf(e->purge, sizeof(e->purge), "P removes the folder for good.");
	else
		snprintf(e->purge, sizeof(e->purge), "P removes the folder for good and frees %s; "
			 "there is no way back then.",
			 format_bytes(entry->bytes, bytes, sizeof(bytes)));
	e->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].text)
			e->parts[e->count++] = parts[i];
}

/* ---- drawing ---- */

static void describe(const struct undos_model *model, char *out, size_t size)
{
	char count[FORMAT_SIZE], text[FORMAT_SIZE];
	uint64_t bytes = 0;
	bool is_all = true;
	for (size_t i = 0; has_ended(model) && i < model->count; i++) {
		bytes += model->entries[i].bytes;
		is_all = is_all && model->entries[i].state != UNDO_UNREADABLE;
	}
	if (!has_ended(model) || model->count == 0)
		snprintf(out, size, "undo folders: what repairs have set aside");
	else
		snprintf(out, size, "%s undo folder%s, %s%s   what repairs have set aside, newest "
			 "first", format_count(model->count, count, sizeof(count)),
			 model->count == 1 ? "" : "s", format_bytes(bytes, text, sizeof(text)),
			 is_all ? "" : " or more");
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct undos_screen *screen = (struct undos_screen *)base;
	const struct undos_model *model = model_of(base);
	struct position *position = &screen->table.position;
	struct explanation explanation = { .count = 0 };
	char text[MESSAGE_MAX];
	describe(model, text, sizeof(text));
	term_add(area.y++, area.x, area.cols, STYLE_STRONG, text);
	area.rows--;
	if (app->flow->purge.outcome[0]) {
		const int used = term_wrap(area, app->flow->purge.style, app->flow->purge.outcome);
		area.y += used;
		area.rows -= used;
	}
	if (!has_ended(model))
		snprintf(screen->empty, sizeof(screen->empty), "%s",
			 model ? "Reading the undo folders ..." : "");
	else if (model->failure[0])
		snprintf(screen->empty, sizeof(screen->empty), "They cannot be listed: %s "
			 "(r tries again).", model->failure);
	else
		snprintf(screen->empty, sizeof(screen->empty),
			 "There is none: no repair has left one, or they were purged.");
	position_fit(position, model_count(screen->table.model), position->page);
	if (position->cursor < model_count(screen->table.model))
		explain(app, model, (size_t)position->cursor, &explanation);
	explain_draw(&screen->table, app->fetcher, area, explanation.parts, explanation.count,
		     &screen->explained);
}

static void enter(struct app *app, struct screen *base)
{
	const struct undos_model *model = model_of(base);
	const uint64_t cursor = base->table->position.cursor;
	if (!has_ended(model) || cursor >= model->count)
		app_say(app, STYLE_NORMAL, "there is nothing to take back");
	else if (model->ways[cursor] != WAY_OPEN)
		app_say(app, STYLE_WARNING, "not this one; below the list it says why");
	else
		proposal_plan(app, &(struct wanted){ .action = ACTION_UNDO });
}

const struct screen_ops undos_screen = {
	.title = "Undo", .size = sizeof(struct undos_screen), .open = open_undos, .draw = draw,
	.columns = columns, .column_count = COL_COUNT, .is_for_any_format = true,
	.reload = list, .enter = enter,
};

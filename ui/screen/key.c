#include "build-config.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "screen/screens.h"
#include "session/format.h"

#include "engine/check/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COL_SEGMENT, COL_OFFSET, COL_TAG, COL_SIZE, COL_CRC, COL_STATUS, COL_INDEX, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_SEGMENT] = { .title = "segment", .width = 10, .right = true },
	[COL_OFFSET] = { .title = "offset", .width = 10, .right = true },
	[COL_TAG] = { .title = "tag", .width = 8 },
	[COL_SIZE] = { .title = "size", .width = 8, .right = true, .rank = 2 },
	[COL_CRC] = { .title = "CRC", .width = 4, .rank = 3 },
	[COL_STATUS] = { .title = "the log says", .width = 12 },
	[COL_INDEX] = { .title = "", .width = 15, .rank = 1, .grows = true },
};

/* ---- the model: what the engine found, in memory ---- */

struct key_model {
	struct model base;
	struct key_prefix prefix;
	unsigned threads;			/* for reading */
	struct history *_Atomic history;	/* NULL until it is found */
	enum as_err result;			/* written before ended */
	char message[512];
	atomic_bool ended;
};

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct session *session = base->session;
	const struct verify *verify = session_verify(session);
	const struct history *history = atomic_load(&((struct key_model *)base)->history);
	const struct history_row *event = &history->rows[i];
	const struct segment_entry *entry = &event->entry;
	const bool damaged = entry->tag == SEGMENT_DAMAGED;
	enum entry_status status = event->status;	/* by the key's own entries alone */
	char text[FORMAT_SIZE];
	bool known;
	if (verify)
		status = entry_status(session->repo, verify, event->segment, entry, &known);
	row->place = place_of_entry(event->segment, entry->offset);
	place_set_key(&row->place, history->key);
	row_set(row, COL_SEGMENT, STYLE_NORMAL, "%" PRIu32, event->segment);
	row_set(row, COL_OFFSET, STYLE_NORMAL, "%" PRIu64, entry->offset);
	row_set(row, COL_TAG, damaged ? STYLE_BAD : STYLE_NORMAL, "%s",
		segment_tag_name(entry->tag));
	row_set(row, COL_SIZE, STYLE_NORMAL, "%s", format_bytes(entry->size, text, sizeof(text)));
	row_set(row, COL_CRC, damaged ? STYLE_BAD : STYLE_GOOD, damaged ? "BAD" : "ok");
	row_set(row, COL_STATUS, status_styles[status], "%s", entry_status_name(status));
	if (event->index_points_here)
		row_set(row, COL_INDEX, STYLE_STRONG, "<- the index");
}

static void model_free(struct model *model)
{
	history_free(atomic_load(&((struct key_model *)model)->history));
}

static const struct model_ops model_ops = { .fill = fill_row, .free = model_free };

/* ---- reading the log ---- */

static void run_history(struct job *job)
{
	struct key_model *model = job->held[0];
	struct history *history = NULL;
	struct as_error error = { 0 };
	model->result = history_run(model->base.session->repo, &model->prefix, model->threads,
				    &job->progress, &history, &error);
	format_masked_text(error.message[0] ? error.message : as_err_text(model->result),
			   model->message, sizeof(model->message));
	atomic_store(&model->history, history);
	atomic_store(&model->base.count, history ? history->count : 0);
	atomic_store(&model->ended, true);
}

/* ---- the screen ---- */

struct key_screen {
	struct screen base;
	struct table table;
	char empty[600];
};

static void reload(struct app *app, struct screen *screen)
{
	if (!screen->about.has_key)
		return;
	struct key_model *model = model_new(&model_ops, sizeof(*model), app->session);
	const struct job job = { .kind = JOB_HISTORY, .verb = "reading the log:",
				 .unit = "segments", .total = app->session->repo->listing.count,
				 .owner = screen, .run = run_history };
	if (!model) {
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	memcpy(model->prefix.bytes, screen->about.key, KEY_SIZE);
	model->prefix.nibbles = screen->about.key_digits;
	model->threads = app->threads;
	table_set_model(screen->table, model);
	app_start_filling(app, &job, model);
}

static void say_empty(struct key_screen *screen)
{
	const struct key_model *model = (const struct key_model *)screen->table.model;
	screen->table.empty = screen->empty;
	if (!model)
		snprintf(screen->empty, sizeof(screen->empty),
			 "No key was chosen. Press K on an entry, an index bucket or a problem, or "
			 "type "
			 ":history and the beginning of a key.");
	else if (!atomic_load(&model->ended))
		snprintf(screen->empty, sizeof(screen->empty),
			 "Reading the whole log for this key ...");
	else if (model->result == AS_OK)
		snprintf(screen->empty, sizeof(screen->empty),
			 "No entry of this key is left in the log.");
	else
		snprintf(screen->empty, sizeof(screen->empty), "%s%s", model->message,
			 model->result == AS_ERR_OBJECT_NOT_FOUND
				 ? " (neither an object nor in any entry)"
				 : "");
}

/* What verification and the index say about the key. */
static void draw_state(const struct session *session, const struct history *history,
		       struct area area)
{
	const struct repo *repo = session->repo;
	const struct verify *verify = session_verify(session);
	const char *cut = history->truncated ? "   CUT SHORT: there are more entries" : "";
	char doubt[HISTORY_DOUBT_SIZE] = "", text[MESSAGE_MAX];
	bool is_listed = false;
	int used = 0;
	if (verify)
		history_doubt(verify, history->key, doubt);
	if (doubt[0]) {
		used = term_add(area.y, 0, area.cols, STYLE_BAD, "! ");
		used += term_add(area.y, used, area.cols - used, STYLE_BAD, doubt) + 3;
	}
	for (size_t i = 0; i < history->count; i++)
		is_listed = is_listed || history->rows[i].index_points_here;
	if (history->has_index_place)
		snprintf(text, sizeof(text), "index.%" PRIu32 " says %" PRIu32 ":%" PRIu32 "%s%s",
			 repo->index_transaction, history->index_place.segment,
			 history->index_place.offset,
			 is_listed ? "" : ", WHICH IS NONE OF THESE", cut);
	else
		snprintf(text, sizeof(text), "%s%s", repo->index.fd < 0
			 ? "there is no usable index" : "the index does not have it", cut);
	if (used < area.cols)
		term_add(area.y, used, area.cols - used, STYLE_NORMAL, text);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct key_screen *screen = (struct key_screen *)base;
	const struct key_model *model = (const struct key_model *)screen->table.model;
	const struct history *history = model ? atomic_load(&model->history) : NULL;
	char hex[2 * KEY_SIZE + 8] = "(none)", text[MESSAGE_MAX];
	if (base->about.has_key)
		format_key(history ? history->key : base->about.key,
			   history ? 2 * KEY_SIZE : base->about.key_digits, glyph(GLYPH_MORE), hex,
			   sizeof(hex));
	snprintf(text, sizeof(text), "key %s%s", hex,
		 history && key_is_manifest(history->key) ? " (manifest)" : "");
	term_add(area.y, 0, area.cols, STYLE_STRONG, text);
	if (history)
		draw_state(app->session, history,
			   (struct area){ area.y + 1, 0, 1, area.cols });
	say_empty(screen);
	table_draw(&screen->table, app->fetcher,
		   (struct area){ area.y + 2, 0, area.rows - 2, area.cols }, NULL);
}

const struct screen_ops key_screen = {
	.title = "Key", .digit = '7', .size = sizeof(struct key_screen), .opens = SCREEN_ENTRIES,
	.about = ABOUT_KEY, .columns = columns, .column_count = COL_COUNT,
	.draw = draw, .reload = reload,
};

#include "build-config.h"

#include "ui/help.h"

#include "app/app.h"
#include "app/segment_style.h"
#include "ui/keys.h"

#include <stdio.h>

enum { COL_LABEL, COL_HELP, COL_NAME, COL_COUNT };

static const struct column columns[COL_COUNT] = {
	[COL_LABEL] = { .title = "key", .width = 7 },
	[COL_HELP] = { .title = "does", .width = 46, .grows = true },
	[COL_NAME] = { .title = "or by name", .width = 21 },
};

/* The rows of the key table for the screen below, its own keys first. */
struct help_model {
	struct model base;
	size_t rows[128];
	bool repair_mode;
};

static void fill_row(struct model *base, uint64_t i, struct row *row)
{
	const struct help_model *model = (const struct help_model *)base;
	const struct key_row *key = &key_table[model->rows[i]];
	/* In read-only mode the keys of the repairs are listed, but dimmed. */
	const bool off = key->needs & NEEDS_REPAIR_MODE && !model->repair_mode;
	row->style = off ? STYLE_FAINT : STYLE_NORMAL;
	row_set(row, COL_LABEL, off ? STYLE_FAINT : STYLE_KEY, "%s", key->label ? key->label : "");
	row_set(row, COL_HELP, STYLE_NORMAL, "%s", key->help);
	if (key->name)
		row_set(row, COL_NAME, STYLE_FAINT, ":%s%s%s", key->name,
			key->argument ? " " : "", key->argument ? key->argument : "");
}

static const struct model_ops model_ops = { .fill = fill_row, .in_memory = true };

/* Add the rows of the screen @kind: those for all screens (@common), or the others. A row that is
 * missing on one screen only is for all: that screen has its own row for the key. */
static void add_rows(struct help_model *model, enum screen_kind kind, bool common)
{
	for (size_t i = 0; i < key_count && model->base.count < ARRAY_SIZE(model->rows); i++) {
		const unsigned on = key_table[i].screens, off = ~on & ON_ALL;
		const bool on_several = (on & (on - 1)) != 0, off_one = (off & (off - 1)) == 0;
		if (on & 1u << kind && (on_several && off_one) == common)
			model->rows[model->base.count++] = i;
	}
}

struct help_screen {
	struct screen base;
	struct table table;
	enum screen_kind of;
};

static void rebuild(struct app *app, struct screen *base)
{
	struct help_screen *screen = (struct help_screen *)base;
	struct help_model *model = model_new(&model_ops, sizeof(*model), app->session);
	if (model) {
		model->repair_mode = app->mode == MODE_REPAIR;
		add_rows(model, screen->of, false);
		add_rows(model, screen->of, true);
	}
	table_set_model(&screen->table, model);
}

static bool open_help(struct app *app, struct screen *base)
{
	struct help_screen *screen = (struct help_screen *)base;
	screen->of = app_top(app)->kind;
	rebuild(app, base);
	return true;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct help_screen *screen = (struct help_screen *)base;
	char text[MESSAGE_MAX];
	snprintf(text, sizeof(text), "keys of the screen %s", app->screens[screen->of]->title);
	table_draw(&screen->table, app->fetcher, area, text);
}

const struct screen_ops help_screen = {
	.title = "Help", .size = sizeof(struct help_screen),
	.columns = columns, .column_count = COL_COUNT,
	.is_transient = true, .is_for_any_format = true,
	.open = open_help, .draw = draw, .reload = rebuild,
};

#include "build-config.h"

#include "repair/plan_screen.h"

#include "app/app.h"
#include "app/text_screen.h"
#include "repair/plan_options.h"
#include "repair/repair_flow.h"

#include <stddef.h>
#include <stdio.h>

/* ---- keys ---- */

void plan_key(struct app *app, const struct call *call)
{
	struct wanted wanted = { .action = (unsigned)call->value };
	const bool on_plan = app_top(app)->kind == SCREEN_PLAN && app->flow->proposal;
	if (on_plan && !call->argument && app->flow->proposal->action == wanted.action)
		repair_confirm(app, app_top(app));
	else if (call->argument &&
		 !plan_options_parse(wanted.action, call->argument, &wanted.options))
		app_say(app, STYLE_WARNING, "%s: not an option of %s", call->argument,
			proposal_name(wanted.action));
	else
		proposal_plan(app, &wanted);
}

void plan_switch(struct app *app, const struct call *call)
{
	static const size_t toggled[] = {
		[SWITCH_SUSPECTS] = offsetof(struct repair_options, with_suspects),
		[SWITCH_OLDER] = offsetof(struct repair_options, no_older),
		[SWITCH_MANIFEST] = offsetof(struct repair_options, with_older_manifest),
		[SWITCH_READABLE] = offsetof(struct repair_options, drop_readable),
	};
	const struct proposal *proposal = app->flow->proposal;
	const bool gives_up = call->value == SWITCH_READABLE;
	if (!proposal || !proposal->plan ||
	    (gives_up ? proposal->plan->dropped_count == 0 : proposal->action != REPAIR_SALVAGE)) {
		app_say(app, STYLE_NORMAL, "%s",
			gives_up ? "this plan gives up nothing that can be read"
				 : "only a salvage has this choice");
		return;
	}
	struct wanted wanted = { .action = proposal->action, .options = proposal->options };
	struct repair_options *options = &wanted.options;
	if (call->value == SWITCH_TAIL) {	/* as found, kept, dropped */
		options->drop_tail = proposal->options.keep_tail;
		options->keep_tail = !proposal->options.keep_tail && !proposal->options.drop_tail;
	} else {
		bool *option = (bool *)((char *)options + toggled[call->value]);
		*option = !*option;
	}
	proposal_plan(app, &wanted);
}

/* ---- the screen ---- */

static void show_proposal(struct app *app, struct screen *base)
{
	struct text_screen *screen = (struct text_screen *)base;
	if (app->flow->proposal && app->flow->proposal->lines != screen->lines) {
		text_screen_set(screen, ref_hold(app->flow->proposal->lines));
		position_set(&screen->table.position, 0);
	}
}

static bool open_plan(struct app *app, struct screen *base)
{
	if (!app->flow->proposal) {
		app_say(app, STYLE_NORMAL, "nothing was planned");
		return false;
	}
	show_proposal(app, base);
	return true;
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	char text[MESSAGE_MAX], options[MESSAGE_MAX / 2];
	const struct proposal *proposal = app->flow->proposal;
	if (!proposal)
		return;
	plan_options_text(&proposal->options, options, sizeof(options));
	show_proposal(app, base);	/* there may be a new one */
	const char *state = "nothing was written yet; Enter goes on";
	if (proposal->plan && proposal->plan->override == OVERRIDE_DROP_READABLE)
		state = "refused, see below; D gives them up anyway";
	else if (proposal->is_refused)
		state = "refused, see below";
	else if (proposal->is_empty)
		state = "there is nothing to do";
	snprintf(text, sizeof(text), "plan: %s%s   %s", proposal_name(proposal->action), options,
		 state);
	text_screen_draw(app, (struct text_screen *)base, area, text);
}

const struct screen_ops plan_screen = {
	.title = "Plan", .size = sizeof(struct text_screen),
	.columns = text_screen_columns, .column_count = TEXT_SCREEN_COLUMNS,
	.open = open_plan, .draw = draw,
	.close = text_screen_close, .refresh = show_proposal, .enter = repair_confirm,
};

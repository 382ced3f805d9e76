#include "build-config.h"

#include "app/app.h"
#include "app/problem_list.h"
#include "app/segment_style.h"
#include "screen/screens.h"
#include "session/format.h"
#include "widget/explain.h"

#include <stdio.h>

struct problems_screen {
	struct screen base;
	struct table table;
	struct explained explained;
};

static void show_findings(struct app *app, struct screen *base)
{
	struct problems_screen *screen = (struct problems_screen *)base;
	if (app->problems && app->problems != screen->table.model)
		table_set_model(&screen->table, ref_hold(app->problems));
	screen->table.empty = atomic_load(&app->session->check) == CHECK_DONE
		? "Nothing is wrong: every entry, the index and the hints agree."
		: "Nothing wrong was found so far. The data has not been verified yet: press v.";
}

#define PARTS 6

/* The explanation of a finding, the most urgent part first. */
struct explanation {
	char found[FINDING_DETAIL_MAX + 512];
	char code[128], meaning[1024], stake[512], meanwhile[512];
	struct part parts[PARTS];
};

static void explain(const struct dialect *dialect, const struct findings *findings,
		    uint64_t row, struct explanation *e)
{
	const struct finding *finding = &findings->rows[row];
	const enum problem problem = finding->problem;
	const struct problem_info *info = &problem_table[problem];
	const char *repair = repair_name(finding->repair);
	char found[FINDING_DETAIL_MAX + 256], total[FORMAT_SIZE], kept[FORMAT_SIZE];
	snprintf(e->meaning, sizeof(e->meaning), "%s", finding_is_of_lost_manifest(finding)
		 ? manifest_lost_text : finding_meaning(finding));
	snprintf(e->stake, sizeof(e->stake), "%s", info->stake);
	snprintf(e->meanwhile, sizeof(e->meanwhile), "%s", info->meanwhile);
	dialect_reword(dialect, e->meaning, sizeof(e->meaning));
	dialect_reword(dialect, e->stake, sizeof(e->stake));
	dialect_reword(dialect, e->meanwhile, sizeof(e->meanwhile));
	finding_message(finding, found, sizeof(found));
	dialect_reword(dialect, found, sizeof(found));
	format_masked_text(found, e->found, sizeof(e->found));
	if (findings->total[problem] == findings->kept[problem])
		snprintf(e->code, sizeof(e->code), "%s", info->id);
	else
		snprintf(e->code, sizeof(e->code),
			 "%s   (found %s times, the first %s are listed)", info->id,
			 format_count(findings->total[problem], total, sizeof(total)),
			 format_count(findings->kept[problem], kept, sizeof(kept)));
	e->parts[0] = (struct part){ severity_name(finding->severity), e->code,
				     severity_styles[finding->severity], STYLE_STRONG };
	e->parts[1] = (struct part){ "found", e->found, STYLE_FAINT, STYLE_NORMAL };
	e->parts[2] = (struct part){ "repair", repair ? repair : "none in this program",
				     STYLE_FAINT, STYLE_STRONG };
	e->parts[3] = (struct part){ "meaning", e->meaning, STYLE_FAINT, STYLE_NORMAL };
	e->parts[4] = (struct part){ "if not", e->stake, STYLE_FAINT, STYLE_NORMAL };
	e->parts[5] = (struct part){ "meanwhile", e->meanwhile, STYLE_FAINT, STYLE_NORMAL };
}

static void describe(struct app *app, const struct problems_screen *screen, char *out, size_t size)
{
	const struct diagnosis *d = &app->diagnosis;
	const struct problems *model = (const struct problems *)screen->table.model;
	char text[FORMAT_SIZE], of[FORMAT_SIZE + 8] = "";
	const uint64_t count = model_count(screen->table.model);
	uint64_t all = 0;
	for (int problem = 0; model && problem < PROBLEM_COUNT; problem++)
		all += model->findings.total[problem];
	const int state = atomic_load(&app->session->check);
	if (all > count)
		snprintf(of, sizeof(of), " of %s", format_count(all, text, sizeof(text)));
	snprintf(out, size, "%s%s finding%s   %s", format_count(count, text, sizeof(text)), of,
		 all == 1 ? "" : "s",
		 state == CHECK_DONE ? d->verdict :
		 state == CHECK_RUNNING ? "verifying: more may follow" :
		 state == CHECK_STOPPED ? "verification was stopped: there may be more (v)"
					: "not verified yet: press v");
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	struct problems_screen *screen = (struct problems_screen *)base;
	const struct problems *model = (const struct problems *)screen->table.model;
	struct position *position = &screen->table.position;
	struct explanation explanation;
	char text[MESSAGE_MAX * 2];
	describe(app, screen, text, sizeof(text));
	term_add(area.y++, 0, area.cols, STYLE_STRONG, text);
	area.rows--;
	position_fit(position, model_count(screen->table.model), position->page);
	const bool has_row = position->cursor < position->count;
	if (has_row)
		explain(app->session->repo->dialect, &model->findings, position->cursor,
			&explanation);
	explain_draw(&screen->table, app->fetcher, area, explanation.parts, has_row ? PARTS : 0,
		     &screen->explained);
}

static void enter(struct app *app, struct screen *base)
{
	struct place place;
	(void)base;
	if (!app_place(app, &place))
		return;
	if (place.has_segment)
		app_open(app, SCREEN_ENTRIES, &place);
	else if (place.has_key)
		app_open(app, SCREEN_KEY, &place);
	else
		app_say(app, STYLE_NORMAL,
			"this concerns the repository as a whole: it has no place");
}

const struct screen_ops problems_screen = {
	.title = "Problems", .digit = '6', .size = sizeof(struct problems_screen),
	.columns = problems_columns, .column_count = PROBLEMS_COLUMNS,
	.is_for_any_format = true, .leads_to_keys = true,
	.draw = draw, .reload = show_findings,
	.refresh = show_findings, .enter = enter,
};

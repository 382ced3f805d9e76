#include "build-config.h"

#include "ui/proposal.h"

#include "ui/actions.h"
#include "ui/app.h"
#include "ui/format.h"
#include "ui/keys.h"
#include "ui/repair.h"
#include "ui/repair_flow.h"
#include "ui/reread.h"
#include "ui/text.h"

#include "engine/repair/plan_text.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void proposal_release(struct proposal *proposal)
{
	if (!proposal || --proposal->refs > 0)
		return;
	plan_free(proposal->plan);
	lines_release(proposal->lines);
	session_release(proposal->session);
	free(proposal);
}

static const char *name_of(enum repair action)
{
	return action == REPAIR_NONE ? "undo" : repair_name(action);
}

const char *proposal_name(const struct proposal *proposal)
{
	return name_of(proposal->action);
}

static void add_line(void *context, enum plan_tone tone, const char *line)
{
	static const enum style styles[] = {
		[PLAN_TONE_PLAIN] = STYLE_NORMAL, [PLAN_TONE_HEADING] = STYLE_STRONG,
		[PLAN_TONE_WARNING] = STYLE_BAD, [PLAN_TONE_FAINT] = STYLE_FAINT,
	};
	lines_add(context, styles[tone], line);
}

void proposal_add_lines(struct lines *lines, const struct plan *plan,
			const struct repair_report *report)
{
	const struct plan_text to = { .line = add_line, .context = lines, .has_keys = !report };
	if (report)
		plan_text_report(plan, report, &to);
	else
		plan_text_plan(plan, &to);
}

/* ---- planning ---- */

struct plan_job {
	struct job job;
	struct proposal *proposal;	/* held */
	bool is_anew;
	char verb[32];
	enum as_err err;
	struct as_error error;
};

static void run_plan(struct job *head)
{
	struct plan_job *job = (struct plan_job *)head;
	struct proposal *proposal = job->proposal;
	const struct view *view = proposal->session->view;
	if (proposal->action == REPAIR_NONE)
		job->err = undo_plan(view, &proposal->plan, proposal->undo_name, &job->error);
	else
		job->err = plan_make(view, session_verify(proposal->session), proposal->action,
				     &proposal->options, &head->progress, &proposal->plan,
				     &job->error);
	if (job->err != AS_OK)
		return;
	if (job->is_anew)
		lines_add(proposal->lines, STYLE_WARNING,
			  "The repository changed since the last plan; this is a new one.");
	if (proposal->action == REPAIR_NONE && proposal->undo_name[0])
		lines_printf(proposal->lines, STYLE_STRONG, "Takes back %s/%s.", UNDO_FOLDER,
			     proposal->undo_name);
	proposal_add_lines(proposal->lines, proposal->plan, NULL);
}

static void plan_done(struct app *app, struct job *head)
{
	struct plan_job *job = (struct plan_job *)head;
	struct proposal *proposal = job->proposal;
	const char *name = proposal_name(proposal);
	if (job->err == AS_ERR_CANCELLED || atomic_load(&head->progress.cancel)) {
		app_say(app, STYLE_WARNING, "planning was cancelled; nothing was written");
		return;
	}
	const char *why = job->err != AS_OK ? format_skip_path(app->path, job->error.message)
			  : lines_is_whole(proposal->lines) ? NULL : "out of memory";
	if (why) {
		actions_note(app, STYLE_BAD, name, "could not be planned: %s", why);
		app_say(app, STYLE_BAD, "%s cannot be planned: %s", name, why);
		return;
	}
	actions_note(app, STYLE_NORMAL, name, "planned%s", proposal->plan->is_refused ? ": refused"
		     : proposal->plan->is_empty ? ": nothing to do" : "");
	proposal_release(app->flow->proposal);
	app->flow->proposal = proposal;
	job->proposal = NULL;
	app->message[0] = '\0';	/* the keys of the plan are worth more now */
	app_open(app, SCREEN_PLAN, NULL);
}

static void drop_plan(struct job *head)
{
	struct plan_job *job = (struct plan_job *)head;
	proposal_release(job->proposal);
	free(job);
}

static struct proposal *proposal_new(struct session *session, const struct wanted *wanted)
{
	struct proposal *proposal = calloc(1, sizeof(*proposal));
	if (!proposal)
		return NULL;
	*proposal = (struct proposal){ .refs = 1, .session = session_hold(session),
				       .action = wanted->action, .options = wanted->options,
				       .lines = lines_new() };
	if (!proposal->lines) {
		proposal_release(proposal);
		return NULL;
	}
	return proposal;
}

static void start_planning(struct app *app, const struct wanted *wanted)
{
	struct plan_job *job = calloc(1, sizeof(*job));
	if (job)
		job->proposal = proposal_new(app->session, wanted);
	if (!job || !job->proposal) {
		free(job);
		app_say(app, STYLE_BAD, "out of memory");
		return;
	}
	job->proposal->options.threads = app->threads;
	job->is_anew = wanted->is_anew;
	snprintf(job->verb, sizeof(job->verb), "planning %s", name_of(wanted->action));
	job->job = (struct job){ .kind = JOB_PLAN, .verb = job->verb, .run = run_plan,
				 .done = plan_done, .drop = drop_plan };
	app_start(app, &job->job);
}

/* What rests on earlier runs is not enough for a repair. */
static bool is_read_whole(const struct session *session)
{
	const struct verify *verify = session_verify(session);
	return verify && verify->remembered == 0;
}

/* As far as planning goes: reading again forgets what is wanted. */
static void read_whole(struct app *app, const struct wanted *wanted)
{
	app_verify_whole(app, NULL);
	app_say(app, STYLE_NORMAL, "the plan follows as soon as everything was read again");
	app->flow->wanted = *wanted;
	app->flow->wanted.any = true;
}

void proposal_go_on(struct app *app)
{
	const struct wanted wanted = app->flow->wanted;
	const bool needs_verify = wanted.action != REPAIR_NONE;
	if (!wanted.any || (needs_verify && atomic_load(&app->session->check) == CHECK_RUNNING))
		return;
	app->flow->wanted.any = false;
	if (!needs_verify || is_read_whole(app->session))
		start_planning(app, &wanted);
	else if (session_verify(app->session))
		read_whole(app, &wanted);
}

void proposal_want(struct app *app, const struct wanted *wanted)
{
	struct session *session = app->session;
	const bool changed = atomic_load(&session->changed);
	const bool needs_verify = wanted->action != REPAIR_NONE;
	const bool running = atomic_load(&session->check) == CHECK_RUNNING;
	if (needs_verify && running && !changed)
		app_say(app, STYLE_NORMAL, "the plan follows as soon as all is verified");
	else if (needs_verify && changed)
		app_read_and_verify(app);
	else if (changed)
		app_read_again(app, NULL);
	else if (needs_verify && !session_verify(session))
		app_verify_whole(app, NULL);
	app->verify_whole = app->verify_whole || (needs_verify && changed);
	app->flow->wanted = *wanted;
	app->flow->wanted.any = true;
	if (!changed)
		proposal_go_on(app);
}

void proposal_forget(struct app *app)
{
	proposal_release(app->flow->proposal);
	app->flow->proposal = NULL;
	app_drop_screen(app, SCREEN_PLAN);
}

/* ---- keys ---- */

#define BIT(action) (1u << REPAIR_##action)
#define ALL_BUT_ROLLBACK (BIT(RECOVER) | BIT(COMPACT) | BIT(SALVAGE))

/* The options that the prompt takes, as the command line has them. */
static const struct word {
	const char *text;
	unsigned repairs;
	size_t option;		/* a bool in struct repair_options */
	const char *title;	/* on top of the plan */
} option_words[] = {
	{ "keep-tail", BIT(SALVAGE), offsetof(struct repair_options, keep_tail), "tail kept" },
	{ "drop-tail", BIT(SALVAGE), offsetof(struct repair_options, drop_tail), "tail dropped" },
	{ "with-suspects", BIT(SALVAGE), offsetof(struct repair_options, with_suspects),
	  "with suspects" },
	{ "no-older", BIT(SALVAGE), offsetof(struct repair_options, no_older),
	  "without older versions" },
	{ "with-older-manifest", BIT(SALVAGE),
	  offsetof(struct repair_options, with_older_manifest), "with an older manifest" },
	{ "drop-readable", ALL_BUT_ROLLBACK, offsetof(struct repair_options, drop_readable),
	  "DROPS READABLE" },
	{ "no-undo", BIT(ROLLBACK), offsetof(struct repair_options, no_undo), "WITHOUT AN UNDO" },
};

static bool *option_of(struct repair_options *options, const struct word *word)
{
	return (bool *)((char *)options + word->option);
}

/* Take the words of @text, with or without their dashes. False: one of them is not known for
 * @action. */
static bool parse_options(enum repair action, const char *text, struct repair_options *options)
{
	for (const char *at = text + strspn(text, " -"); *at; at += strspn(at, " -")) {
		const size_t len = strcspn(at, " ");
		const struct word *word = option_words;
		while (word < option_words + ARRAY_SIZE(option_words) &&
		       !(word->repairs & 1u << action && strlen(word->text) == len &&
			 strncmp(at, word->text, len) == 0))
			word++;
		if (word == option_words + ARRAY_SIZE(option_words))
			return false;
		*option_of(options, word) = true;
		at += len;
	}
	return !(options->keep_tail && options->drop_tail);
}

void proposal_key(struct app *app, const struct call *call)
{
	struct wanted wanted = { .action = (enum repair)call->value };
	const bool on_plan = app_top(app)->kind == SCREEN_PLAN && app->flow->proposal;
	if (on_plan && !call->argument && app->flow->proposal->action == wanted.action)
		repair_confirm(app);
	else if (call->argument && !parse_options(wanted.action, call->argument, &wanted.options))
		app_say(app, STYLE_WARNING, "%s: not an option of %s", call->argument,
			name_of(wanted.action));
	else
		proposal_want(app, &wanted);
}

/* The plan on top, if it is of a salvage. */
static bool switchable(struct app *app, struct wanted *wanted)
{
	if (!app->flow->proposal || app->flow->proposal->action != REPAIR_SALVAGE) {
		app_say(app, STYLE_NORMAL, "only a salvage has this choice");
		return false;
	}
	*wanted = (struct wanted){ .action = REPAIR_SALVAGE,
				   .options = app->flow->proposal->options };
	return true;
}

/* As found, all of it kept, none of it kept. */
void proposal_switch_tail(struct app *app, const struct call *call)
{
	struct wanted wanted;
	(void)call;
	if (!switchable(app, &wanted))
		return;
	const struct repair_options before = wanted.options;
	wanted.options.keep_tail = !before.keep_tail && !before.drop_tail;
	wanted.options.drop_tail = before.keep_tail;
	proposal_want(app, &wanted);
}

void proposal_switch_suspects(struct app *app, const struct call *call)
{
	struct wanted wanted;
	(void)call;
	if (!switchable(app, &wanted))
		return;
	wanted.options.with_suspects = !wanted.options.with_suspects;
	proposal_want(app, &wanted);
}

void proposal_switch_older(struct app *app, const struct call *call)
{
	struct wanted wanted;
	(void)call;
	if (!switchable(app, &wanted))
		return;
	wanted.options.no_older = !wanted.options.no_older;
	proposal_want(app, &wanted);
}

void proposal_switch_manifest(struct app *app, const struct call *call)
{
	struct wanted wanted;
	(void)call;
	if (!switchable(app, &wanted))
		return;
	wanted.options.with_older_manifest = !wanted.options.with_older_manifest;
	proposal_want(app, &wanted);
}

void proposal_drop_readable(struct app *app, const struct call *call)
{
	const struct proposal *proposal = app->flow->proposal;
	(void)call;
	if (!proposal || proposal->plan->dropped_count == 0) {
		app_say(app, STYLE_NORMAL, "this plan gives up nothing that can be read");
		return;
	}
	struct wanted wanted = { .action = proposal->action, .options = proposal->options };
	wanted.options.drop_readable = !wanted.options.drop_readable;
	proposal_want(app, &wanted);
}

/* ---- the screen ---- */

static void take_proposal(struct app *app, struct screen *base)
{
	struct text_view *screen = (struct text_view *)base;
	if (app->flow->proposal && app->flow->proposal->lines != screen->lines) {
		text_set(screen, lines_hold(app->flow->proposal->lines));
		position_set(&screen->table.position, 0);
	}
}

static bool open_plan(struct app *app, struct screen *base, const struct place *place)
{
	(void)place;
	if (!app->flow->proposal) {
		app_say(app, STYLE_NORMAL, "nothing was planned");
		return false;
	}
	text_init((struct text_view *)base);
	take_proposal(app, base);
	return true;
}

/* ", tail kept, with suspects" */
static void options_text(struct repair_options options, char *out, size_t size)
{
	size_t at = 0;
	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(option_words) && at < size; i++)
		if (*option_of(&options, &option_words[i]))
			at += (size_t)snprintf(out + at, size - at, ", %s", option_words[i].title);
}

static void draw(struct app *app, struct screen *base, struct area area)
{
	char text[MESSAGE_MAX], options[MESSAGE_MAX / 2];
	const struct proposal *proposal = app->flow->proposal;
	if (!proposal)
		return;
	options_text(proposal->options, options, sizeof(options));
	take_proposal(app, base);	/* a new one may have come while the screen was there */
	snprintf(text, sizeof(text), "plan: %s%s   %s", proposal_name(proposal),
		 options, proposal->plan->way_out == WAY_OUT_DROP_READABLE
			  ? "refused, see below; D gives them up all the same" :
		 proposal->plan->is_refused ? "refused, see below" :
		 proposal->plan->is_empty ? "there is nothing to do"
					  : "nothing was written yet; Enter goes on");
	text_draw(app, (struct text_view *)base, area, text);
}

static void enter(struct app *app, struct screen *base)
{
	(void)base;
	repair_confirm(app);
}

const struct screen_ops plan_screen = {
	.title = "Plan", .size = sizeof(struct text_view), .open = open_plan, .draw = draw,
	.close = text_close, .refresh = take_proposal, .enter = enter,
};

#include "build-config.h"

#include "repair/purge.h"

#include "app/action_log.h"
#include "app/app.h"
#include "app/reread.h"
#include "repair/question.h"
#include "repair/repair_flow.h"
#include "repair/undo_screen.h"
#include "session/format.h"
#include "widget/box.h"

#include <stdio.h>
#include <stdlib.h>

#define WORD "purge"		/* the word to type */

/* ---- carrying it out ---- */

struct purge_job {
	struct job job;
	struct undo_entry entry;
	uint64_t freed;			/* bytes */
	enum as_err err;
	struct as_error error;
};

static void run_purge(struct job *head)
{
	struct purge_job *job = (struct purge_job *)head;
	job->err = undo_purge(lock_permit(head->session->lock), job->entry.name,
			      &job->freed, &job->error);
}

static enum style describe_outcome(const struct purge_job *job, char *out, size_t size)
{
	char freed[FORMAT_SIZE];
	format_bytes(job->freed, freed, sizeof(freed));
	if (job->err == AS_OK)
		snprintf(out, size, "%s was removed: %s freed.", job->entry.name, freed);
	else
		snprintf(out, size, "%s was not removed completely: %s. %s freed; the rest can "
			 "be purged again.", job->entry.name, job->error.message, freed);
	return job->err == AS_OK ? STYLE_GOOD : STYLE_BAD;
}

/* Read the repository again, and verify it if it was verified: removing the last undo folder
 * changes the repository's own folder, and removing that of an interrupted repair changes the
 * diagnosis. */
static void purge_done(struct app *app, struct job *head)
{
	char outcome[sizeof(app->flow->purge.outcome)];
	const int check = atomic_load(&app->session->check);
	app->modal = NULL;
	app->flow->purge.style =
		describe_outcome((struct purge_job *)head, outcome, sizeof(outcome));
	format_masked_text(outcome, app->flow->purge.outcome, sizeof(app->flow->purge.outcome));
	action_log_add(app, app->flow->purge.style, WORD, "%s", outcome);
	if (check == CHECK_DONE || check == CHECK_RUNNING)
		app_read_again(app, AFTER_READING_VERIFY);
	else
		app_read_again(app, AFTER_READING_NOTHING);
}

static void draw_progress(struct app *app, struct area bottom)
{
	char text[MESSAGE_MAX], name[UNDO_NAME_MAX];
	struct box box = { .title = WORD " is running", .is_urgent = true, .keys = "" };
	snprintf(text, sizeof(text), "%s removing %s", box_spinner(),
		 format_masked_text(app->flow->purge.entry.name, name, sizeof(name)));
	box_add(&box, STYLE_STRONG, text);
	box_add(&box, STYLE_NORMAL, "");
	box_add(&box, STYLE_FAINT, "It cannot be stopped.");
	box_draw(&box, bottom);
}

static const struct modal progress_modal = { .draw = draw_progress };

static void start(struct app *app)
{
	struct purge_job *job = calloc(1, sizeof(*job));
	if (!job) {
		app_say(app, STYLE_BAD, "out of memory; nothing was removed");
		return;
	}
	job->job = (struct job){ .kind = JOB_PURGE, .verb = WORD, .run = run_purge,
				 .done = purge_done, .session = ref_hold(app->session) };
	job->entry = app->flow->purge.entry;
	action_log_add(app, STYLE_STRONG, WORD, "confirmed and begun: %s", job->entry.name);
	app->modal = &progress_modal;
	if (!app_start(app, &job->job))
		app->modal = NULL;
}

void purge_end(struct app *app)
{
	const struct job *job = jobs_find(&app->jobs, JOB_PURGE);
	char outcome[sizeof(app->flow->purge.outcome)], masked[sizeof(outcome)];
	if (!job)
		return;
	fprintf(stderr, "atticscope: waiting until the undo folder is removed; interrupt once more "
		"to leave at once (what is left can be purged again)\n");
	job_wait(job, -1);
	describe_outcome((const struct purge_job *)job, outcome, sizeof(outcome));
	fprintf(stderr, "atticscope: %s\n", format_masked_text(outcome, masked, sizeof(masked)));
}

/* ---- the confirmation ---- */

static void draw_confirmation(struct app *app, struct area bottom)
{
	const struct purge *purge = &app->flow->purge;
	const struct undo_entry *entry = &purge->entry;
	char name[UNDO_NAME_MAX], title[UNDO_NAME_MAX + 16], older[MESSAGE_MAX];
	const int check = atomic_load(&app->session->check);
	const bool is_unfinished = entry->state == UNDO_BEGUN || entry->state == UNDO_UNDOING;
	char freed[MESSAGE_MAX], bytes[FORMAT_SIZE], count[FORMAT_SIZE];
	struct box box = { .title = title, .is_urgent = true, .typed = &app->typed,
			   .keys = "Esc:cancel" };
	snprintf(title, sizeof(title), WORD " %s?",
		 format_masked_text(entry->name, name, sizeof(name)));
	if (entry->state == UNDO_UNREADABLE)
		snprintf(freed, sizeof(freed), "What it holds, and how much that frees, is not "
			 "known.");
	else
		snprintf(freed, sizeof(freed), "That frees %s.",
			 format_bytes(entry->bytes, bytes, sizeof(bytes)));
	const char *doubt = NULL;
	if (check == CHECK_RUNNING)
		doubt = "The repository as it is now is being verified: better wait for the "
			"result, while there still is a way back.";
	else if (check != CHECK_DONE)
		doubt = "The repository as it is now was not verified: v does that, while there "
			"still is a way back.";
	else if (!app->diagnosis.clean)
		doubt = "The repository as it is now has problems: this folder may still be "
			"needed.";
	if (purge->behind == 1)
		snprintf(older, sizeof(older), "The older one can then not be taken back either.");
	else
		snprintf(older, sizeof(older),
			 "The %s older ones can then not be taken back either.",
			 format_count(purge->behind, count, sizeof(count)));
	box_add(&box, STYLE_NORMAL, freed);
	box_add(&box, STYLE_BAD, is_unfinished ? "The repair, or taking it back, was not finished: "
		"this folder may be needed for that." : NULL);
	box_add(&box, STYLE_WARNING, doubt);
	box_add(&box, STYLE_WARNING, purge->behind > 0 ? older : NULL);
	box.vital = box.count;
	box_add(&box, STYLE_STRONG, "Type " WORD " and press Enter to remove it for good; there is "
		"no way back then. Anything else cancels.");
	box_draw(&box, bottom);
}

static const struct modal confirmation = { .input = question_input, .draw = draw_confirmation };

void purge_ask(struct app *app, const struct call *call)
{
	static const struct question question = {
		.subject = WORD, .refusal = "cancelled; nothing was removed", .word = WORD,
		.start = start,
	};
	size_t behind;
	const struct undo_entry *entry = undos_selected(app_top(app), &behind);
	(void)call;
	if (!entry) {
		app_say(app, STYLE_NORMAL, "there is nothing to purge");
	} else if (!question_must_wait(app)) {
		app->flow->purge.entry = *entry;
		app->flow->purge.behind = behind;
		app->flow->purge.outcome[0] = '\0';
		question_ask(app, &question, &confirmation);
	}
}

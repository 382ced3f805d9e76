#include "build-config.h"

#include "app/choices.h"

#include "app/app.h"
#include "session/format.h"

#include "engine/repair/plan_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compare_job {
	struct job job;
	struct choices choices;
	unsigned threads;
};

/* Join the lines that describe a choice into one text. */
static void add_figures(void *context, enum plan_tone tone, const char *line)
{
	struct choice *choice = context;
	char masked[sizeof(choice->figures)];
	const size_t at = strlen(choice->figures);
	(void)tone;
	format_masked_text(line + strspn(line, " "), masked, sizeof(masked));
	snprintf(choice->figures + at, sizeof(choice->figures) - at, "%s%s", at ? " " : "", masked);
}

static void run_compare(struct job *head)
{
	struct compare_job *job = (struct compare_job *)head;
	const struct session *session = head->session;
	const struct repair_options options = { .threads = job->threads };
	struct plan *plans[CHOICES_MAX] = { NULL };
	enum as_err errs[CHOICES_MAX];
	for (size_t i = 0; i < job->choices.count; i++)
		errs[i] = plan_make(session->repo, session_verify(session),
				    job->choices.rows[i].action, &options, &head->progress,
				    &plans[i], NULL);
	for (size_t i = 0; i < job->choices.count; i++) {
		struct choice *choice = &job->choices.rows[i];
		const struct plan_text to = { .line = add_figures, .context = choice };
		if (errs[i] == AS_OK)
			plan_text_choice(plans[i], plans[1 - i], &to);
		else if (errs[i] == AS_ERR_USAGE) /* some of it was known from an earlier run */
			add_figures(choice, PLAN_TONE_PLAIN,
				    "press V to read everything and see what it keeps");
	}
	for (size_t i = 0; i < job->choices.count; i++)
		plan_free(plans[i]);
}

static void compare_done(struct app *app, struct job *head)
{
	app->choices = ((struct compare_job *)head)->choices;
}

void choices_find(struct app *app)
{
	static const char keys[REPAIR_COUNT] = {
		[REPAIR_RECOVER] = 'R', [REPAIR_ROLLBACK] = 'B', [REPAIR_COMPACT] = 'C',
		[REPAIR_SALVAGE] = 'S',
	};
	const struct diagnosis *diagnosis = &app->diagnosis;
	struct choices *choices = &app->choices;
	*choices = (struct choices){ .count = 0 };
	if (!session_verify(app->session) || diagnosis->recommended == REPAIR_NONE)
		return;
	choices->rows[0].action = diagnosis->recommended;
	choices->rows[1].action = diagnosis->alternative;
	choices->count = diagnosis->alternative == REPAIR_NONE ? 1 : 2;
	for (size_t i = 0; i < choices->count; i++)
		choices->rows[i].key = keys[choices->rows[i].action];
	if (choices->count == 1)
		return;
	snprintf(choices->rows[0].meaning, sizeof(choices->rows[0].meaning),
		 "Keeps what is intact of the newest transaction.");
	snprintf(choices->rows[1].meaning, sizeof(choices->rows[1].meaning),
		 "Goes back to transaction %" PRIu32 "; gives up the newest one.",
		 app->session->repo->transaction);
	struct compare_job *job =
		dialect_is_only_read(app->session->repo->dialect) ? NULL : calloc(1, sizeof(*job));
	if (!job)
		return;		/* the choices are shown without figures */
	job->job = (struct job){ .kind = JOB_COMPARE, .verb = "comparing the two repairs",
				 .run = run_compare, .done = compare_done,
				 .session = ref_hold(app->session) };
	job->choices = *choices;
	job->threads = app->threads;
	app_start(app, &job->job);
}

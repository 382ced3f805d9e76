#include "build-config.h"

#include "repair/question.h"

#include "app/action_log.h"
#include "repair/repair_flow.h"

bool question_must_wait(struct app *app)
{
	const bool must_wait = app->flow->wanted.any || jobs_find(&app->jobs, JOB_PLAN) ||
			       jobs_find(&app->jobs, JOB_OPEN);
	if (must_wait)
		app_say(app, STYLE_WARNING, "one moment, reading or planning is not finished");
	return must_wait;
}

void question_ask(struct app *app, const struct question *question, const struct modal *modal)
{
	app->flow->question = *question;
	typing_set(&app->typed, "");
	app->modal = modal;
}

void question_input(struct app *app, const struct input *input)
{
	const struct question *question = &app->flow->question;
	const bool entered = input->key == '\n';
	if (!entered && input->key != ESCAPE) {
		typing_input(&app->typed, input);
		return;
	}
	app->modal = NULL;
	if (entered && typing_is(&app->typed, question->word)) {
		question->start(app);
		return;
	}
	action_log_add(app, STYLE_NORMAL, question->subject, "cancelled at the question");
	app_say(app, STYLE_WARNING, "%s", question->refusal);
}

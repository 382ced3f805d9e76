/* ui/repair/question.h - the question before a repair or a purge, answered by a word. */
#ifndef ATTICSCOPE_QUESTION_H
#define ATTICSCOPE_QUESTION_H

#include "app/app.h"

struct question {
	const char *subject;	/* "salvage": what the action log calls it */
	const char *refusal;	/* what is said when anything else was typed */
	char word[32];		/* to type */
	void (*start)(struct app *app);
};

/* Is the repository being read, or a plan being made? Then the question must wait, since the answer
 * would be about something else. Says so. */
bool question_must_wait(struct app *app);

/* Ask @question. @modal draws it; its input is question_input. */
void question_ask(struct app *app, const struct question *question, const struct modal *modal);
void question_input(struct app *app, const struct input *input);

#endif

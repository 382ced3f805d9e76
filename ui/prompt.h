/* ui/prompt.h - the ":" and "/" prompts in the bottom line. */
#ifndef ATTICSCOPE_PROMPT_H
#define ATTICSCOPE_PROMPT_H

#include "ui/typing.h"

struct app;
struct call;

struct prompt {
	char sign;		/* ':' or '/' */
	struct typing typed;
	char last[2][TYPED_MAX]; /* what was entered before, for Up: commands, searches */
};

/* Commands behind keys. */
void prompt_command(struct app *app, const struct call *call);
void prompt_search(struct app *app, const struct call *call);

#endif

/* ui/prompt.h - the prompt in the bottom line: a command or a search is typed there. */
#ifndef ATTICSCOPE_PROMPT_H
#define ATTICSCOPE_PROMPT_H

#include "widget/typing.h"

struct app;
struct call;

/* What the typed line is for. */
struct prompt_kind {
	char sign;		/* ':' or '/' */
	void (*enter)(struct app *app, char *line);
	void (*complete)(struct typing *typed);	/* Tab after at least one character; or NULL */
	/* Say what the typed line would do, or what can be typed. */
	void (*describe)(struct app *app, const char *typed, char *out, size_t size);
};

struct prompt {
	const struct prompt_kind *kind;
	struct typing typed;
	char last[2][TYPED_MAX]; /* for Up: the last command and the last search */
};

void prompt_open(struct app *app, const struct prompt_kind *kind);

/* Command behind a key. */
void prompt_search(struct app *app, const struct call *call);

#endif

/* ui/prompt.h - a line that is typed into the bottom line: a command or a search. */
#ifndef ATTICSCOPE_PROMPT_H
#define ATTICSCOPE_PROMPT_H

#include "widget/typing.h"

struct app;
struct call;

/* What is typed, and what for. */
struct prompt_kind {
	char sign;		/* ':' or '/' */
	void (*enter)(struct app *app, char *line);
	void (*complete)(struct typing *typed);	/* Tab, behind at least one character; or NULL */
	/* What the typed line stands for, or how to go on. */
	void (*describe)(struct app *app, const char *typed, char *out, size_t size);
};

struct prompt {
	const struct prompt_kind *kind;
	struct typing typed;
	char last[2][TYPED_MAX]; /* what was entered before, for Up: commands, searches */
};

void prompt_open(struct app *app, const struct prompt_kind *kind);

/* Command behind a key. */
void prompt_search(struct app *app, const struct call *call);

#endif

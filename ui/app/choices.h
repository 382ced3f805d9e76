/* ui/app/choices.h - the repairs to choose from: the recommended one or, if the newest transaction
 * is in doubt, one that keeps it and one that gives it up. */
#ifndef ATTICSCOPE_CHOICES_H
#define ATTICSCOPE_CHOICES_H

#include "engine/repair/repair.h"

#include <stddef.h>

struct app;

#define CHOICES_MAX 2

struct choice {
	enum repair action;
	char key;		/* the key that plans it */
	char meaning[128];	/* in words; empty if there is only one choice */
	char figures[256];	/* what it keeps and loses; empty until it was planned */
};

struct choices {
	struct choice rows[CHOICES_MAX];
	size_t count;		/* 0: nothing is recommended, or not verified yet */
};

/* Fill in app->choices after verification. If there are two, plan both in the background to show
 * side by side what each keeps and loses. */
void choices_find(struct app *app);

#endif

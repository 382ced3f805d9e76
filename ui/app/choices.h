/* ui/app/choices.h - the repairs to choose from: the recommended one or, where the newest
 * transaction stands in doubt, the one that keeps it and the one that gives it up. */
#ifndef ATTICSCOPE_CHOICES_H
#define ATTICSCOPE_CHOICES_H

#include "engine/repair/repair.h"

#include <stddef.h>

struct app;

#define CHOICES_MAX 2

struct choice {
	enum repair action;
	char key;		/* that plans it */
	char meaning[128];	/* in words, where there are two */
	char figures[256];	/* what it keeps and loses; empty until it was planned */
};

struct choices {
	struct choice rows[CHOICES_MAX];
	size_t count;		/* 0: nothing is recommended, or not verified yet */
};

/* Find them anew for app->session; verification is done. Where there are two both are planned in
 * the background, so that what they keep and lose can be laid side by side. */
void choices_find(struct app *app);

#endif

/* ui/app/reread.h - read the repository again, and verify it. */
#ifndef ATTICSCOPE_REREAD_H
#define ATTICSCOPE_REREAD_H

#include <stdbool.h>

struct app;

enum after_reading {
	AFTER_READING_NOTHING,
	AFTER_READING_VERIFY,		/* what earlier runs did not find intact */
	AFTER_READING_VERIFY_ALL
};

/* Read the repository again in the background, and then do what @after says. */
void app_read_again(struct app *app, enum after_reading after);

/* Verify the repository. It is read again first if it changed or was verified before. @whole: read
 * everything, whatever earlier runs found. */
void app_verify(struct app *app, bool whole);

#endif

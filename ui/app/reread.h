/* ui/app/reread.h - read the repository again, and verify it. */
#ifndef ATTICSCOPE_REREAD_H
#define ATTICSCOPE_REREAD_H

#include <stdbool.h>

struct app;
struct call;

/* Read the repository again, and then verify it. @whole: read everything, whatever earlier runs
 * found. */
void app_read_and_verify(struct app *app, bool whole);

/* Verify the repository. It is read again first if it changed or was verified before. */
void app_verify(struct app *app, bool whole);

/* Command behind a key. */
void app_read_again(struct app *app, const struct call *call);

#endif

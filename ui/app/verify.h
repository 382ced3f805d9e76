/* ui/app/verify.h - the job that verifies the repository. */
#ifndef ATTICSCOPE_UI_VERIFY_H
#define ATTICSCOPE_UI_VERIFY_H

#include <stdbool.h>

struct app;

/* Begin to verify the session, which is not verified yet. In read-only mode what earlier runs found
 * whole is believed, unless @whole; in repair mode everything is read. */
void app_start_verify(struct app *app, bool whole);

#endif

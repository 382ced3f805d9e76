/* ui/app/verify.h - the job that verifies the repository. Commands call app_verify in reread.h. */
#ifndef ATTICSCOPE_UI_VERIFY_H
#define ATTICSCOPE_UI_VERIFY_H

#include <stdbool.h>

struct app;

/* Start to verify the session, which is not verified yet. What earlier runs found intact is
 * skipped, unless @whole or in repair mode. */
void app_start_verify(struct app *app, bool whole);

#endif

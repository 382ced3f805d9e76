/* ui/app/verify.h - the job that verifies the repository. */
#ifndef ATTICSCOPE_UI_VERIFY_H
#define ATTICSCOPE_UI_VERIFY_H

struct app;

/* Begin to verify the session, which is not verified yet. In the read-only mode what earlier runs
 * found whole is believed, unless verify_whole is set; in repair mode nothing is. */
void verifying_start(struct app *app);

#endif

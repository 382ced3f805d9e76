/* ui/verifying.h - the job that verifies the repository. */
#ifndef ATTICSCOPE_VERIFYING_H
#define ATTICSCOPE_VERIFYING_H

struct app;

/* Begin to verify the session, which is not verified yet. In the read-only mode what earlier runs
 * found whole is believed, unless verify_whole is set; in repair mode nothing is. */
void verifying_start(struct app *app);

#endif

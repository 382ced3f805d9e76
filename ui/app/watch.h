/* ui/app/watch.h - check every two seconds whether another program has changed or locked the
 * repository. */
#ifndef ATTICSCOPE_WATCH_H
#define ATTICSCOPE_WATCH_H

struct app;

/* Watch app->session: set session->changed and session->holders, and wake the main loop when one
 * changes. */
void watch_start(struct app *app);

#endif

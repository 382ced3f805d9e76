/* ui/app/watch.h - looks every two seconds whether somebody else changed or locked the repository.
 * */
#ifndef ATTICSCOPE_WATCH_H
#define ATTICSCOPE_WATCH_H

struct app;

/* Watch app->session from now on. Sets session->changed and session->holders and wakes the main
 * loop. */
void watch_start(struct app *app);

#endif

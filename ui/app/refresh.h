/* ui/app/refresh.h - bring the screens up to date. */
#ifndef ATTICSCOPE_REFRESH_H
#define ATTICSCOPE_REFRESH_H

struct app;

/* More is known: collect the findings so far, diagnose, and refresh every screen. */
void app_refresh(struct app *app);

#endif

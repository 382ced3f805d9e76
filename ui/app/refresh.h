/* ui/app/refresh.h - look again at what is known. */
#ifndef ATTICSCOPE_REFRESH_H
#define ATTICSCOPE_REFRESH_H

struct app;

/* What is known grew: every screen looks again. */
void app_refresh(struct app *app);

#endif

/* ui/app/reread.h - read the repository again, and verify it. */
#ifndef ATTICSCOPE_REREAD_H
#define ATTICSCOPE_REREAD_H

struct app;
struct call;

/* Read the repository again, and then verify it. */
void app_read_and_verify(struct app *app);

/* Commands behind keys. */
void app_read_again(struct app *app, const struct call *call);
void app_verify(struct app *app, const struct call *call);
void app_verify_whole(struct app *app, const struct call *call);

#endif

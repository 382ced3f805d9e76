/* ui/repair/repair_mode.h - the ways into repair mode and out of it: the exclusive lock. */
#ifndef ATTICSCOPE_REPAIR_MODE_H
#define ATTICSCOPE_REPAIR_MODE_H

struct app;
struct call;

/* What a repair key says without it. */
#define REPAIR_MODE_MISSING "repairs need the exclusive lock: u asks for it"

/* Commands behind keys. */
void repair_mode_enter(struct app *app, const struct call *call);
void repair_mode_leave(struct app *app, const struct call *call);

#endif

/* ui/repair/repair_mode.h - enter and leave repair mode, in which the lock is exclusive. */
#ifndef ATTICSCOPE_REPAIR_MODE_H
#define ATTICSCOPE_REPAIR_MODE_H

struct app;
struct call;

/* The message of a repair key outside of repair mode. */
#define REPAIR_MODE_MISSING "repairs need the exclusive lock: u asks for it"

/* Commands behind keys. */
void repair_mode_enter(struct app *app, const struct call *call);
void repair_mode_leave(struct app *app, const struct call *call);

#endif

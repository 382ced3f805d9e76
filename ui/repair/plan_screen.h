/* ui/repair/plan_screen.h - the screen that shows a plan, and the keys that plan a repair. */
#ifndef ATTICSCOPE_PLAN_SCREEN_H
#define ATTICSCOPE_PLAN_SCREEN_H

struct app;
struct call;
struct screen_ops;

extern const struct screen_ops plan_screen;

/* Command behind the keys of repairs; call->value is the repair or ACTION_UNDO. On the plan of
 * that it asks for the confirmation. */
void plan_key(struct app *app, const struct call *call);

/* Command behind the keys of a plan; call->value says which choice to change. It plans again. */
enum plan_switch {
	SWITCH_TAIL, SWITCH_SUSPECTS, SWITCH_OLDER, SWITCH_MANIFEST,
	SWITCH_READABLE		/* give up objects that can be read */
};
void plan_switch(struct app *app, const struct call *call);

#endif

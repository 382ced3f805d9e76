/* ui/repair/plan_screen.h - the screen of a plan, and the keys that plan a repair. */
#ifndef ATTICSCOPE_PLAN_SCREEN_H
#define ATTICSCOPE_PLAN_SCREEN_H

struct app;
struct call;
struct screen_ops;

extern const struct screen_ops plan_screen;

/* Command behind the keys of repairs: call->value is the repair. On its own plan it leads to the
 * confirmation. */
void plan_key(struct app *app, const struct call *call);

/* Command behind the keys of a plan: plan it again with another choice of this kind. */
enum plan_switch {
	SWITCH_TAIL, SWITCH_SUSPECTS, SWITCH_OLDER, SWITCH_MANIFEST,
	SWITCH_READABLE		/* give up objects that can be read */
};
void plan_switch(struct app *app, const struct call *call);

#endif

/* ui/repair/plan_screen.h - the screen of a plan, and the keys that plan a repair. */
#ifndef ATTICSCOPE_PLAN_SCREEN_H
#define ATTICSCOPE_PLAN_SCREEN_H

struct app;
struct call;
struct screen_ops;

extern const struct screen_ops plan_screen;

/* Commands behind keys: call->value is the repair. On its own plan it leads to the confirmation. */
void proposal_key(struct app *app, const struct call *call);
void proposal_switch_tail(struct app *app, const struct call *call);
void proposal_switch_suspects(struct app *app, const struct call *call);
void proposal_switch_older(struct app *app, const struct call *call);
void proposal_switch_manifest(struct app *app, const struct call *call);
void proposal_drop_readable(struct app *app, const struct call *call);

#endif

/* ui/app/action_log.h - what was done in this session, as lines: upgrades of the lock, plans,
 * repairs. */
#ifndef ATTICSCOPE_ACTION_LOG_H
#define ATTICSCOPE_ACTION_LOG_H

#include "term/term.h"

struct app;
struct screen_ops;

extern const struct screen_ops log_screen;

/* Note, with the time, that @what came out as @format says. */
void action_log_add(struct app *app, enum style style, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

/* ui/app/action_log.h - the log of what was done since the program started: upgrades of the lock,
 * plans, repairs. */
#ifndef ATTICSCOPE_ACTION_LOG_H
#define ATTICSCOPE_ACTION_LOG_H

#include "term/term.h"

struct app;
struct screen_ops;

extern const struct screen_ops log_screen;

/* Add a line with the time: the result of @what, in the words of @format. */
void action_log_add(struct app *app, enum style style, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

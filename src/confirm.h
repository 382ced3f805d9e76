/* src/confirm.h - the question that repairs and undo ask before they change anything. */
#ifndef ATTICSCOPE_CONFIRM_H
#define ATTICSCOPE_CONFIRM_H

#include "src/command.h"

/* Can the person be asked, or is that not called for (--yes, --dry-run)? False: @name says on
 * standard error what to add. */
bool confirm_is_possible(const struct request *request, const char *name);

/* Will the person be asked? */
bool confirm_is_wanted(const struct request *request);

/* Ask for @word to be typed. False: something else was, or nothing. */
bool confirm_ask(struct request *request, const char *word);

#endif

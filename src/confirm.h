/* src/confirm.h - the question that repairs and undo ask before they change anything. */
#ifndef ATTICSCOPE_CONFIRM_H
#define ATTICSCOPE_CONFIRM_H

#include "src/command.h"

/* Can the person be asked, or is that not called for (--yes, --dry-run)? False: @name says on
 * standard error what to add. */
bool mend_can_ask(const struct request *request, const char *name);

/* Will the person be asked? */
bool mend_asks(const struct request *request);

/* Ask for @word to be typed. False: something else was, or nothing. */
bool mend_is_confirmed(struct request *request, const char *word);

#endif

/* src/confirm.h - the question that repairs and undo ask before they change anything. */
#ifndef ATTICSCOPE_CONFIRM_H
#define ATTICSCOPE_CONFIRM_H

#include "src/command.h"

/* Can the person be asked, or is no question needed (--yes, --dry-run)? False: a message says which
 * option command @name needs. */
bool confirm_is_possible(const struct request *request, const char *name);

/* Will the person be asked? */
bool confirm_is_wanted(const struct request *request);

/* Ask the person to type @word. False: they typed something else, or nothing. */
bool confirm_ask(struct request *request, const char *word);

#endif

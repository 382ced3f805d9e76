/* ui/repair/plan_options.h - the options of a plan as words, in the prompt and in the plan's title.
 * Pure. */
#ifndef ATTICSCOPE_PLAN_OPTIONS_H
#define ATTICSCOPE_PLAN_OPTIONS_H

#include "engine/repair/repair.h"

/* Set the options that the words of @text name, with or without their dashes, as the command line
 * has them. False: one of them is not an option of @action (enum repair or ACTION_UNDO), or two
 * exclude each other. */
bool plan_options_parse(unsigned action, const char *text, struct repair_options *options);

/* Write ", tail kept, with suspects", or nothing if no option is set. @size counts the NUL. */
void plan_options_text(const struct repair_options *options, char *out, size_t size);

#endif

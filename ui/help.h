/* ui/help.h - the help screen, which lists the keys of the screen below it. */
#ifndef ATTICSCOPE_HELP_H
#define ATTICSCOPE_HELP_H

struct screen_ops;

extern const struct screen_ops help_screen;

#endif

/* ui/screen_table.h - the one table of screens. Adding a screen is adding a row. */
#ifndef ATTICSCOPE_SCREEN_TABLE_H
#define ATTICSCOPE_SCREEN_TABLE_H

#include "app/screen.h"

extern const struct screen_ops *const screen_table[SCREEN_KINDS];

#endif

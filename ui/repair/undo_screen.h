/* ui/repair/undo_screen.h - the undo folders: what repairs have set aside, and whether there is a
 * way back. */
#ifndef ATTICSCOPE_UNDO_SCREEN_H
#define ATTICSCOPE_UNDO_SCREEN_H

#include "app/screen.h"

#include "engine/repair/undo.h"

extern const struct screen_ops undos_screen;

/* What the cursor of @screen, one of the kind SCREEN_UNDOS, is on; *@behind counts the older ones
 * that can be taken back only after it. NULL: nothing. */
const struct undo_entry *undos_selected(const struct screen *screen, size_t *behind);

#endif

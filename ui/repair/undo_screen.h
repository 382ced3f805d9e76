/* ui/repair/undo_screen.h - the list of undo folders: what repairs set aside, and whether it can be
 * put back. */
#ifndef ATTICSCOPE_UNDO_SCREEN_H
#define ATTICSCOPE_UNDO_SCREEN_H

#include "app/screen.h"

#include "engine/repair/undo.h"

extern const struct screen_ops undos_screen;

/* The entry under the cursor of @screen, which is of the kind SCREEN_UNDOS; NULL: none. *@behind
 * counts the older ones that can be taken back only after it. */
const struct undo_entry *undos_selected(const struct screen *screen, size_t *behind);

#endif

/* src/interrupt.h - Ctrl-C during a command ends it at the next safe point. */
#ifndef ATTICSCOPE_INTERRUPT_H
#define ATTICSCOPE_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP only takes note; a second one kills as ever. */
void interrupt_catch(void);

/* Was there one? */
bool interrupt_came(void);

/* Set *@cancel when one comes, or at once when it came already. NULL: no longer. */
void interrupt_watch(_Atomic bool *cancel);

#endif

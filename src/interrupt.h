/* src/interrupt.h - Ctrl-C during a command ends it at the next safe point. */
#ifndef ATTICSCOPE_INTERRUPT_H
#define ATTICSCOPE_INTERRUPT_H

#include <stdatomic.h>
#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP is only remembered; a second one kills. */
void interrupt_catch(void);

/* Has an interrupt come? */
bool interrupt_came(void);

/* Set *@cancel when an interrupt comes, or now if it has come. NULL: stop watching. */
void interrupt_watch(_Atomic bool *cancel);

#endif

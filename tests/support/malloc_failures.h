/* tests/support/malloc_failures.h - memory that runs out at a chosen call.
 *
 * For programs that are linked with $(MALLOC_WRAP). Every call for memory, or for a thread, from
 * code that is linked statically, the engine above all, is counted from malloc_failures_arm to
 * malloc_failures_disarm, and one can fail. Calls inside the system's libraries are not counted. */
#ifndef ATTICSCOPE_TESTS_MALLOC_FAILURES_H
#define ATTICSCOPE_TESTS_MALLOC_FAILURES_H

#include <stdbool.h>

/* Fail call number @at, counted from 1, and with @for_good all after it. 0: none. */
void malloc_failures_arm(unsigned at, bool for_good);
/* Stop failing calls; returns how many there were. */
unsigned malloc_failures_disarm(void);

/* The number of memory maps made and not removed since the program began. */
int malloc_failures_mapped(void);

/* Has memory leaked? Always false where the program has no leak checker. */
bool malloc_failures_leaked(void);

#endif

/* tests/malloc_failures.h - memory that runs out when it is told to.
 *
 * For programs that are linked with $(MALLOC_WRAP): every call for memory, or for a thread, from
 * what is linked in statically, the engine above all, is counted from malloc_failures_arm to
 * malloc_failures_disarm, and one can be refused. What the system's libraries ask for inside a call
 * goes uncounted. */
#ifndef ATTICSCOPE_TESTS_MALLOC_FAILURES_H
#define ATTICSCOPE_TESTS_MALLOC_FAILURES_H

#include <stdbool.h>

/* Refuse the call number @at, counted from 1, and with @for_good all after it. 0: none. */
void malloc_failures_arm(unsigned at, bool for_good);
/* Refuse nothing any more; so many calls there were. */
unsigned malloc_failures_disarm(void);

/* Maps that were made and not removed, since the program began. */
int malloc_failures_mapped(void);

/* Is memory lost that nothing points to? Never, where the program has no leak checker. */
bool malloc_failures_leaked(void);

#endif

/* tests/allocs.h - memory that runs out when it is told to.
 *
 * For programs that are linked with $(ALLOCS_WRAP): every call for memory, or for a thread, from
 * what is linked in statically, the engine above all, is counted from allocs_arm to allocs_disarm,
 * and one can be refused. What the system's libraries ask for inside a call goes uncounted. */
#ifndef ATTICSCOPE_TESTS_ALLOCS_H
#define ATTICSCOPE_TESTS_ALLOCS_H

#include <stdbool.h>

/* Refuse the call number @at, counted from 1, and with @for_good all after it. 0: none. */
void allocs_arm(unsigned at, bool for_good);
/* Refuse nothing any more; so many calls there were. */
unsigned allocs_disarm(void);

/* Maps that were made and not removed, since the program began. */
int allocs_mapped(void);

/* Is memory lost that nothing points to? Never, where the program has no leak checker. */
bool allocs_leaked(void);

#endif

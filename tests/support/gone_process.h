/* tests/support/gone_process.h - every lock that this program leaves is one of a process that is
 * gone.
 *
 * A lock in a folder names its process. One that a fault has left there must be that of a process
 * of the past when the next one looks, and both are this program: it runs under a number that the
 * system gives to no process. Linked with -Wl,--wrap=getpid. */
#ifndef ATTICSCOPE_TESTS_GONE_PROCESS_H
#define ATTICSCOPE_TESTS_GONE_PROCESS_H

#include <sys/types.h>

/* Above the highest that Linux allows, 2^22. */
#define GONE_PROCESS 2000000000

pid_t __wrap_getpid(void);

#endif

/* engine/base/machine.h - this machine and its processes, as the locks of a repository name them.
 *
 * Source of the name: Borg 1.1.8 and later, platform/base.py, getfqdn and hostid. */
#ifndef ATTICSCOPE_MACHINE_H
#define ATTICSCOPE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The longest name that a file can be called after, and its NUL. */
#define MACHINE_NAME_SIZE 256

/* The name of this machine: BORG_HOST_ID from the environment; where that is not set or empty, the
 * full host name, '@' and the hardware address as a decimal number. A machine without a hardware
 * address has another name each time; with Borg it has another in each process. False: the name
 * does not fit. May ask the name service and wait for it, so the thread that draws must not call
 * it. */
bool machine_name(char out[MACHINE_NAME_SIZE]);

/* Does no process @pid exist on this machine? Where the system does not say, it exists. */
bool process_is_gone(pid_t pid);

/* The name of the program that process @pid runs, into @out. False: unknown, and @out is empty.
 * Mask before showing. */
bool process_name(pid_t pid, char *out, size_t size);

/* When process @pid began, in seconds since 1970, give or take one. False: unknown. */
bool process_start(pid_t pid, int64_t *start);

#endif

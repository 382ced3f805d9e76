/* engine/repo/lock_holder.h - a process that holds a lock, and how a person reads who that is. */
#ifndef ATTICSCOPE_LOCK_HOLDER_H
#define ATTICSCOPE_LOCK_HOLDER_H

#include "base/machine.h"
#include "format/roster.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lock_life {
	LOCK_LIFE_UNKNOWN,	/* it runs, or ran, where this machine cannot look */
	LOCK_LIFE_ALIVE,
	LOCK_LIFE_GONE		/* no process of this machine has its number */
};

struct lock_holder {
	bool known;
	/* 0 where the system does not say (another machine, or an OFD lock of an unseen process) */
	pid_t pid;
	char program[64];	/* from /proc/PID/comm; may be empty. Mask before showing. */
	bool exclusive;
	enum lock_life life;
	/* What follows is known only where the lock itself names its holder. */
	struct lock_id id;	/* the host is empty otherwise. Mask before showing. */
	bool is_elsewhere;	/* the host is not this machine */
	int64_t since;		/* seconds since 1970; 0 unknown */
	/* The process that has the number now began after the lock was taken. */
	bool is_reused;
};

/* Who process @pid of this machine is. One that is gone stays unknown. */
struct lock_holder lock_holder_of_process(pid_t pid, bool exclusive);

/* Who @id is, as seen from the machine called @machine; NULL: its name is not known. The lock was
 * taken at @latest or before; 0: unknown. As with Borg, only a process of this machine whose thread
 * is 0 can be known as gone. */
struct lock_holder lock_holder_of_id(const struct lock_id *id, bool exclusive, const char *machine,
				     int64_t latest);

/* "process 4711 (borg), since 2026-11-30 14:33:05", "process 4711 on elsewhere@17", "process 4711,
 * which is gone"; "another process, perhaps on another machine" where nothing is known. */
#define LOCK_HOLDER_TEXT 448
void lock_holder_text(const struct lock_holder *holder, char out[LOCK_HOLDER_TEXT]);

#endif

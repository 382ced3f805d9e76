#include "build-config.h"

#include "repo/lock_holder.h"

#include "base/text.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CLOCK_SLACK 5	/* seconds by which the clocks of a disk and of this machine may differ */

struct lock_holder lock_holder_of_process(pid_t pid, bool exclusive)
{
	struct lock_holder holder = { .exclusive = exclusive };
	if (pid <= 0 || !process_name(pid, holder.program, sizeof(holder.program)))
		return holder;
	holder.known = true;
	holder.pid = pid;
	holder.life = LOCK_LIFE_ALIVE;
	return holder;
}

struct lock_holder lock_holder_of_id(const struct lock_id *id, bool exclusive, const char *machine,
				     int64_t latest)
{
	struct lock_holder holder = { .known = true, .exclusive = exclusive, .id = *id };
	int64_t start;
	holder.is_elsewhere = !machine || strcmp(machine, id->host) != 0;
	if (id->pid > 0 && id->pid <= INT_MAX)
		holder.pid = (pid_t)id->pid;
	if (holder.is_elsewhere || id->thread != 0 || holder.pid == 0)
		return holder;
	if (process_is_gone(holder.pid)) {
		holder.life = LOCK_LIFE_GONE;
		return holder;
	}
	holder.life = LOCK_LIFE_ALIVE;
	process_name(holder.pid, holder.program, sizeof(holder.program));
	holder.is_reused = latest > 0 && process_start(holder.pid, &start) &&
			   start > latest + CLOCK_SLACK;
	return holder;
}

void lock_holder_text(const struct lock_holder *holder, char out[LOCK_HOLDER_TEXT])
{
	const int64_t pid = holder->id.host[0] ? holder->id.pid : holder->pid;
	const time_t since = (time_t)holder->since;
	struct tm tm;
	char when[32];
	if (!holder->known || (pid <= 0 && !holder->is_elsewhere)) {
		snprintf(out, LOCK_HOLDER_TEXT, "another process, perhaps on another machine");
		return;
	}
	snprintf(out, LOCK_HOLDER_TEXT, "process %" PRId64, pid);
	if (holder->is_elsewhere)
		buffer_append(out, LOCK_HOLDER_TEXT, " on %s", holder->id.host);
	else if (holder->life == LOCK_LIFE_GONE)
		buffer_append(out, LOCK_HOLDER_TEXT, ", which is gone");
	else
		buffer_append(out, LOCK_HOLDER_TEXT, " (%s)",
			      holder->program[0] ? holder->program : "name unknown");
	if (holder->since > 0 && localtime_r(&since, &tm) &&
	    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buffer_append(out, LOCK_HOLDER_TEXT, ", since %s", when);
}

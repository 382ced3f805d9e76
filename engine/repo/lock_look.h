/* engine/repo/lock_look.h - who holds the lock that is made of lock.exclusive/ and lock.roster.
 *
 * Nothing is written. What is damaged or hostile there has a name, and costs a fixed amount of
 * memory at most: LOCK_NAMES_MAX names and ROSTER_MAX bytes are read. */
#ifndef ATTICSCOPE_LOCK_LOOK_H
#define ATTICSCOPE_LOCK_LOOK_H

#include "base/io.h"
#include "repo/lock_holder.h"

#define LOCK_NAMES_MAX 256	/* names in lock.exclusive/; Borg makes one */
#define LOCK_DAMAGE_TEXT 160

/* All in all, the strongest that is there. */
enum lock_standing {
	STANDING_FREE,		/* nothing is there */
	STANDING_STALE,		/* what is there is of processes of this machine that are gone */
	STANDING_DAMAGED,	/* something there names nobody: see damage */
	STANDING_UNKNOWN,	/* a process that cannot be seen from here, as on another machine */
	STANDING_HELD		/* a process of this machine that is alive */
};

struct lock_look {
	/* Those that keep others away first: unknown and alive before gone, exclusive before
	 * shared. One that is in folder and roster is one row. */
	struct lock_holder *rows;
	size_t count, capacity;
	bool has_folder, has_roster;
	size_t names;		/* in the folder; not above LOCK_NAMES_MAX + 1 */
	bool is_empty;		/* the folder holds no name: being made, or left by a crash */
	struct timespec folder_time;	/* its last change */
	bool is_damaged;
	bool is_denied;		/* ... because this user may not look */
	char damage[LOCK_DAMAGE_TEXT];	/* "lock.roster: is no regular file"; may hold bytes from
					 * the disk: mask before showing */
};

/* Look into the repository folder @repo_fd. May ask the name service, as machine_name does.
 * AS_ERR_MEMORY: @look is empty. */
enum as_err lock_look(const struct io *io, int repo_fd, struct lock_look *look);
void lock_look_free(struct lock_look *look);

enum lock_standing lock_look_standing(const struct lock_look *look);

/* Read lock.roster. A roster that is not there is empty. Other codes than AS_OK: why it cannot be
 * used; *@damage says it in words (AS_ERR_MEMORY has none). */
enum as_err lock_roster_read(const struct io *io, int repo_fd, struct roster *roster,
			     bool *is_there, char damage[LOCK_DAMAGE_TEXT]);

#endif

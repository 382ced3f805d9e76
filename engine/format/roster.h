/* engine/format/roster.h - who holds a lock that is made of a folder and a list: the names in
 * REPO/lock.exclusive/ and the bytes of REPO/lock.roster. Reads and writes no file.
 *
 * Source: borg/locking.py, ExclusiveLock and LockRoster.
 *   lock.exclusive/HOST.PID-THREAD   an empty file; PID is decimal, THREAD hexadecimal
 *   lock.roster                      {"exclusive": [[HOST, PID, THREAD], ...], "shared": [...]}
 *                                    in JSON; either list may be absent. */
#ifndef ATTICSCOPE_ROSTER_H
#define ATTICSCOPE_ROSTER_H

#include "base/error.h"
#include "base/machine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCK_FOLDER "lock.exclusive"
#define LOCK_ROSTER "lock.roster"

#define ROSTER_MAX (64u * 1024u)	/* bytes; several hundred holders */
#define LOCK_NAME_SIZE 256		/* of a file, its NUL included */

/* One holder. @host may hold any bytes: mask before showing. */
struct lock_id {
	char host[MACHINE_NAME_SIZE];
	int64_t pid, thread;		/* 0 and more */
};

/* Read the name of a file in lock.exclusive/. False: it names no holder. */
bool lock_id_parse(const char *name, struct lock_id *id);

/* The name of @id's file in lock.exclusive/. False: no file can be called so. */
bool lock_id_name(const struct lock_id *id, char out[LOCK_NAME_SIZE]);

bool lock_id_is_same(const struct lock_id *a, const struct lock_id *b);

struct roster_row {
	struct lock_id id;
	bool exclusive;		/* else shared */
};

/* All zero is empty. */
struct roster {
	struct roster_row *rows;
	size_t count, capacity;
	bool is_no_json;	/* the bytes were no JSON: Borg takes that for an empty list */
};

/* Read the @len bytes of a roster. AS_ERR_INTEGRITY: JSON, but no roster; Borg fails at it.
 * AS_ERR_LIMIT: more than ROSTER_MAX bytes. AS_ERR_MEMORY. After an error @roster is empty. */
enum as_err roster_parse(const void *data, size_t len, struct roster *roster);
void roster_free(struct roster *roster);

/* Add a row, unless there is one like it. AS_ERR_MEMORY. */
enum as_err roster_add(struct roster *roster, const struct lock_id *id, bool exclusive);

/* Remove the row like this, if there is one. */
void roster_remove(struct roster *roster, const struct lock_id *id, bool exclusive);

/* The bytes of the roster, as Python's json.dump writes them; the caller frees them. A list without
 * rows is left out. AS_ERR_MEMORY; AS_ERR_USAGE: a host is not UTF-8. */
enum as_err roster_print(const struct roster *roster, char **text);

#endif

#include "build-config.h"

#include "repo/lock_look.h"

#include "base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lock_look_free(struct lock_look *look)
{
	free(look->rows);
	*look = (struct lock_look){ .rows = NULL };
}

/* The first damage is the one that is named. */
static void note_damage(struct lock_look *look, const char *name, const char *why)
{
	if (!look->is_damaged)
		snprintf(look->damage, sizeof(look->damage), "%.100s: %s", name, why);
	look->is_damaged = true;
}

static enum as_err add_holder(struct lock_look *look, const struct lock_holder *holder)
{
	for (size_t i = 0; i < look->count; i++)
		if (look->rows[i].exclusive == holder->exclusive &&
		    lock_id_is_same(&look->rows[i].id, &holder->id))
			return AS_OK;
	if (!ARRAY_RESERVE(look->rows, look->count, look->capacity))
		return AS_ERR_MEMORY;
	look->rows[look->count++] = *holder;
	return AS_OK;
}

/* ---- the folder ---- */

struct names {
	struct lock_look *look;
	const struct io *io;
	int fd;			/* of lock.exclusive/ */
	const char *machine;
	size_t count;
};

static enum as_err see_name(void *context, const char *name, enum io_kind kind)
{
	struct names *names = context;
	struct lock_id id;
	struct stat st;
	char path[sizeof(LOCK_FOLDER) + 256];
	snprintf(path, sizeof(path), LOCK_FOLDER "/%s", name);
	if (++names->count > LOCK_NAMES_MAX) {
		note_damage(names->look, LOCK_FOLDER, "holds more names than a lock has");
		return AS_END;
	}
	if (!lock_id_parse(name, &id) || (kind != IO_KIND_FILE && kind != IO_KIND_UNKNOWN)) {
		note_damage(names->look, path, "names no process");
		return AS_OK;
	}
	const bool is_dated =
		names->io->fstatat(names->io, names->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	const int64_t since = is_dated ? (int64_t)st.st_mtime : 0;
	struct lock_holder holder = lock_holder_of_id(&id, true, names->machine, since);
	holder.since = since;
	return add_holder(names->look, &holder);
}

static enum as_err look_into_folder(const struct io *io, int repo_fd, const char *machine,
				    struct lock_look *look)
{
	struct names names = { .look = look, .io = io, .machine = machine };
	struct stat st;
	enum as_err err = io_open_folder(io, repo_fd, LOCK_FOLDER, &names.fd);
	if (err == AS_ERR_DOES_NOT_EXIST)
		return AS_OK;
	look->has_folder = true;
	if (err != AS_OK) {
		look->is_denied = err == AS_ERR_DENIED;
		note_damage(look, LOCK_FOLDER,
			    err == AS_ERR_NOT_REGULAR ? "is not a folder" : as_err_text(err));
		return AS_OK;
	}
	if (io->fstat(io, names.fd, &st) == 0)
		look->folder_time = st.st_mtim;
	err = io_list(io, names.fd, see_name, &names);
	io_close(io, names.fd);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK && err != AS_END)
		note_damage(look, LOCK_FOLDER, as_err_text(err));
	look->names = names.count;
	look->is_empty = names.count == 0 && err == AS_OK;
	return AS_OK;
}

/* ---- the roster ---- */

enum as_err lock_roster_read(const struct io *io, int repo_fd, struct roster *roster,
			     bool *is_there, char damage[LOCK_DAMAGE_TEXT])
{
	uint8_t *data = NULL;
	size_t len;
	*roster = (struct roster){ .rows = NULL };
	enum as_err err = io_read_file(io, repo_fd, LOCK_ROSTER, ROSTER_MAX, &data, &len);
	*is_there = err != AS_ERR_DOES_NOT_EXIST;
	if (!*is_there)
		return AS_OK;
	if (err == AS_OK)
		err = roster_parse(data, len, roster);
	free(data);
	if (err == AS_OK || err == AS_ERR_MEMORY)
		return err;
	const char *why = as_err_text(err);
	if (err == AS_ERR_NOT_REGULAR)
		why = "is no regular file";
	else if (err == AS_ERR_LIMIT)
		why = "is longer than a list of locks can be";
	else if (err == AS_ERR_INTEGRITY)
		why = "is no list of locks";
	snprintf(damage, LOCK_DAMAGE_TEXT, LOCK_ROSTER ": %s", why);
	return err;
}

static enum as_err look_into_roster(const struct io *io, int repo_fd, const char *machine,
				    struct lock_look *look)
{
	struct roster roster;
	char damage[LOCK_DAMAGE_TEXT];
	struct stat st;
	const bool is_dated =
		io->fstatat(io, repo_fd, LOCK_ROSTER, &st, AT_SYMLINK_NOFOLLOW) == 0;
	enum as_err err = lock_roster_read(io, repo_fd, &roster, &look->has_roster, damage);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK) {
		if (!look->is_damaged)
			memcpy(look->damage, damage, sizeof(damage));
		look->is_denied = look->is_denied || err == AS_ERR_DENIED;
		look->is_damaged = true;
		return AS_OK;
	}
	for (size_t i = 0; err == AS_OK && i < roster.count; i++) {
		const struct roster_row *row = &roster.rows[i];
		const struct lock_holder holder =
			lock_holder_of_id(&row->id, row->exclusive, machine,
					  is_dated ? (int64_t)st.st_mtime : 0);
		err = add_holder(look, &holder);
	}
	roster_free(&roster);
	return err;
}

/* ---- both ---- */

static int rank_of(const struct lock_holder *holder)
{
	const int blocks = holder->life != LOCK_LIFE_GONE;
	return 4 * blocks + 2 * holder->exclusive + (holder->life == LOCK_LIFE_ALIVE);
}

static int compare_holders(const void *a, const void *b)
{
	return rank_of(b) - rank_of(a);
}

enum as_err lock_look(const struct io *io, int repo_fd, struct lock_look *look)
{
	char machine[MACHINE_NAME_SIZE];
	struct stat st;
	bool is_there[2] = { false, false };
	*look = (struct lock_look){ .rows = NULL };
	/* The name of the machine may take long to find: not where there is no lock. */
	if (io_ask(io, repo_fd, LOCK_FOLDER, &is_there[0], &st) == AS_OK &&
	    io_ask(io, repo_fd, LOCK_ROSTER, &is_there[1], &st) == AS_OK && !is_there[0] &&
	    !is_there[1])
		return AS_OK;
	const char *name = machine_name(machine) ? machine : NULL;
	enum as_err err = look_into_folder(io, repo_fd, name, look);
	if (err == AS_OK)
		err = look_into_roster(io, repo_fd, name, look);
	if (err != AS_OK)
		lock_look_free(look);
	array_sort(look->rows, look->count, sizeof(look->rows[0]), compare_holders);
	return err;
}

enum lock_standing lock_look_standing(const struct lock_look *look)
{
	const struct lock_holder *first = look->count > 0 ? &look->rows[0] : NULL;
	if (first && first->life == LOCK_LIFE_ALIVE)
		return STANDING_HELD;
	if (first && first->life == LOCK_LIFE_UNKNOWN)
		return STANDING_UNKNOWN;
	if (look->is_damaged)
		return STANDING_DAMAGED;
	return first || look->is_empty ? STANDING_STALE : STANDING_FREE;
}

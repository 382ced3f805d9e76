#include "build-config.h"

#include "repo/lock_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

/* Borg 1.1 makes the folder first and then the file in it: one that is empty for longer than this
 * was left by a crash. */
#define EMPTY_MS 10000
#define TEMPORARY_SIZE sizeof(LOCK_FOLDER ".XXXXXXXX.tmp")
#define PATH_SIZE (TEMPORARY_SIZE + LOCK_NAME_SIZE)

struct attempt {
	struct lock_folder *lock;
	const struct permit *permit;
	const char *path;
	struct as_error *error;
	struct lock_timer timer;
	char name[LOCK_NAME_SIZE];	/* of this process's file */
	char temporary[TEMPORARY_SIZE];	/* the folder to be renamed; empty: not made yet */
	int64_t made_ms;		/* when, by the timer ... */
	struct timespec made;		/* ... and by the clock of the file system */
	/* No other lock of this process is on the repository, so that an entry with its number is
	 * this lock's own, or of an older process that had the number. */
	bool is_alone;
	bool has_folder;
};

static enum as_err fail(const struct attempt *attempt, enum as_err err, const char *name)
{
	const int sys = err == AS_ERR_MEMORY ? 0 : errno;
	return as_fail(attempt->error, err, sys, "%s/%s: cannot take the lock", attempt->path,
		       name);
}

static enum as_err fail_in_progress(const struct attempt *attempt)
{
	return as_fail(attempt->error, AS_ERR_LOCK_FAILED, 0,
		       "%s: another process is taking the lock right now", attempt->path);
}

static enum as_err fail_held(const char *path, const struct lock_holder *holder,
			     struct as_error *error)
{
	char who[LOCK_HOLDER_TEXT];
	lock_holder_text(holder, who);
	return as_fail(error, AS_ERR_LOCK_FAILED, 0, "%s: %s lock is held by %s%s%s", path,
		       holder->exclusive ? "the exclusive" : "a shared", who,
		       holder->is_elsewhere ? "; only there can be seen whether it is alive" : "",
		       holder->is_reused ? "; that process began after the lock was taken" : "");
}

/* Look at the locks of others. AS_ERR_LOCK_FAILED: some are not known to be gone. */
static enum as_err look_at_others(const struct attempt *attempt, struct lock_look *look)
{
	enum as_err err = lock_look(io_of(attempt->permit), io_folder_of(attempt->permit), look);
	size_t kept = 0;
	if (err != AS_OK)
		return fail(attempt, err, LOCK_FOLDER);
	for (size_t i = 0; i < look->count; i++)
		if (!(attempt->is_alone || attempt->has_folder) ||
		    !lock_id_is_same(&look->rows[i].id, &attempt->lock->id))
			look->rows[kept++] = look->rows[i];
	look->count = kept;
	const enum lock_standing standing = lock_look_standing(look);
	if (standing == STANDING_FREE || standing == STANDING_STALE)
		return AS_OK;
	if (standing == STANDING_DAMAGED)
		err = as_fail(attempt->error, AS_ERR_LOCK_FAILED, 0,
			      "%s/%s: nobody can tell whether the repository is in use",
			      attempt->path, look->damage);
	else
		err = fail_held(attempt->path, &look->rows[0], attempt->error);
	lock_look_free(look);
	return err;
}

/* ---- removing what others have left ---- */

struct removal {
	const struct permit *permit;
	const struct lock_id *own;	/* NULL: remove everything, not only what is gone */
};

static enum as_err remove_name(void *context, const char *name, enum io_kind kind)
{
	const struct removal *removal = context;
	const struct lock_id *own = removal->own;
	struct lock_id id;
	char path[sizeof(LOCK_FOLDER "/") + LOCK_NAME_SIZE];
	(void)kind;
	if (own && (!lock_id_parse(name, &id) ||
		    (!lock_id_is_same(&id, own) &&
		     lock_holder_of_id(&id, true, own->host, 0).life != LOCK_LIFE_GONE)))
		return AS_OK;
	snprintf(path, sizeof(path), LOCK_FOLDER "/%s", name);
	const enum as_err err = io_remove_file(removal->permit, path);
	return err == AS_ERR_DOES_NOT_EXIST ? AS_OK : err;
}

/* Remove the files in lock.exclusive/, and the folder unless somebody else has put one there. */
static enum as_err remove_folder(const struct permit *permit, const struct lock_id *own)
{
	struct removal removal = { .permit = permit, .own = own };
	const struct io *io = io_of(permit);
	int fd;
	enum as_err err = io_open_folder(io, io_folder_of(permit), LOCK_FOLDER, &fd);
	if (err == AS_ERR_NOT_REGULAR && !own)
		return io_remove_file(permit, LOCK_FOLDER);
	if (err != AS_OK)
		return err == AS_ERR_DOES_NOT_EXIST ? AS_OK : err;
	err = io_list(io, fd, remove_name, &removal);
	io_close(io, fd);
	if (err != AS_OK)
		return err;
	err = io_remove_folder(permit, LOCK_FOLDER);
	if (err == AS_OK || err == AS_ERR_DOES_NOT_EXIST ||
	    (own && (errno == ENOTEMPTY || errno == EEXIST)))
		return AS_OK;
	return err;
}

/* ---- the folder ---- */

static void remove_temporary(struct attempt *attempt)
{
	char path[PATH_SIZE];
	const int sys = errno;
	if (!attempt->temporary[0])
		return;
	snprintf(path, sizeof(path), "%s/%s", attempt->temporary, attempt->name);
	io_remove_file(attempt->permit, path);
	io_remove_folder(attempt->permit, attempt->temporary);
	attempt->temporary[0] = '\0';
	errno = sys;
}

/* Make a folder of a name that no other process chooses. */
static enum as_err make_folder(struct attempt *attempt)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
	uint8_t bytes[8];
	enum as_err err = AS_ERR_ALREADY_EXISTS;
	for (int tries = 0; err == AS_ERR_ALREADY_EXISTS && tries < 100; tries++) {
		char text[sizeof(bytes) + 1] = "";
		if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
			return AS_ERR_IO;
		for (size_t i = 0; i < sizeof(bytes); i++)
			text[i] = letters[bytes[i] % 32];
		snprintf(attempt->temporary, sizeof(attempt->temporary), LOCK_FOLDER ".%s.tmp",
			 text);
		err = io_make_folder(attempt->permit, attempt->temporary);
	}
	if (err != AS_OK)
		attempt->temporary[0] = '\0';
	return err;
}

/* Make the whole lock under another name, durably: no crash may leave a lock without a holder. */
static enum as_err make_temporary(struct attempt *attempt)
{
	const struct permit *permit = attempt->permit;
	const struct io *io = io_of(permit);
	char path[PATH_SIZE];
	struct stat st;
	int fd;
	if (attempt->temporary[0])
		return AS_OK;
	enum as_err err = make_folder(attempt);
	if (err != AS_OK)
		return fail(attempt, err, LOCK_FOLDER);
	snprintf(path, sizeof(path), "%s/%s", attempt->temporary, attempt->name);
	err = io_create_file(permit, path, &fd);
	if (err != AS_OK)
		return fail(attempt, err, path);
	err = io_sync(permit, fd);
	if (err == AS_OK && io->fstat(io, fd, &st) != 0)
		err = AS_ERR_IO;
	io_close(io, fd);
	if (err == AS_OK)
		err = io_sync_folder(permit, attempt->temporary);
	if (err != AS_OK)
		return fail(attempt, err, path);
	attempt->made = st.st_mtim;
	attempt->made_ms = lock_timer_passed(&attempt->timer);
	return AS_OK;
}

/* Put the folder in its place. The system does that only where there is none, or an empty one. */
static enum as_err take_folder(struct attempt *attempt, const struct lock_look *look)
{
	enum as_err err = make_temporary(attempt);
	if (err != AS_OK)
		return err;
	/* An empty folder that was made a moment ago is of a process that has yet to put its file
	 * there. Both times are of the same clock. */
	const int64_t age = ((int64_t)attempt->made.tv_sec - look->folder_time.tv_sec) * 1000 +
			    (attempt->made.tv_nsec - look->folder_time.tv_nsec) / 1000000 +
			    lock_timer_passed(&attempt->timer) - attempt->made_ms;
	if (look->is_empty && age < EMPTY_MS)
		return fail_in_progress(attempt);
	if (look->has_folder && !look->is_empty) {
		err = remove_folder(attempt->permit, &attempt->lock->id);
		if (err != AS_OK)
			return fail(attempt, err, LOCK_FOLDER);
	}
	err = io_rename(attempt->permit, attempt->temporary, LOCK_FOLDER);
	if (err != AS_OK && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR))
		return fail_in_progress(attempt);
	if (err != AS_OK)
		return fail(attempt, err, LOCK_FOLDER);
	attempt->temporary[0] = '\0';
	attempt->has_folder = true;
	err = io_sync_folder(attempt->permit, ".");
	return err == AS_OK ? AS_OK : fail(attempt, err, LOCK_FOLDER);
}

static void leave_folder(const struct permit *permit, const char *name)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof(path), LOCK_FOLDER "/%s", name);
	if (io_remove_file(permit, path) == AS_OK)
		io_remove_folder(permit, LOCK_FOLDER);
}

/* ---- the roster ---- */

static enum as_err write_roster(const struct permit *permit, const struct roster *roster)
{
	char *text;
	enum as_err err = roster_print(roster, &text);
	if (err != AS_OK)
		return err;
	err = io_replace_bytes(permit, LOCK_ROSTER, LOCK_ROSTER ".tmp", text, strlen(text));
	free(text);
	return err;
}

/* While the folder is held: the holders that are still in the roster are known to be gone. */
static enum as_err enter_roster(struct attempt *attempt)
{
	struct roster roster = { .rows = NULL };
	struct lock_look look;
	enum as_err err = look_at_others(attempt, &look);
	if (err != AS_OK)
		return err;
	/* A second name there: a process of Borg 1.1 has found the folder empty before. */
	if (look.names != 1)
		err = fail_in_progress(attempt);
	lock_look_free(&look);
	if (err != AS_OK)
		return err;
	err = roster_add(&roster, &attempt->lock->id, true);
	if (err == AS_OK)
		err = write_roster(attempt->permit, &roster);
	roster_free(&roster);
	return err == AS_OK ? AS_OK : fail(attempt, err, LOCK_ROSTER);
}

static void leave_roster(const struct permit *permit, const struct lock_id *id)
{
	struct roster roster;
	bool is_there;
	char damage[LOCK_DAMAGE_TEXT];
	if (lock_roster_read(io_of(permit), io_folder_of(permit), &roster, &is_there, damage) !=
		    AS_OK ||
	    !is_there)
		return;
	roster_remove(&roster, id, true);
	if (roster.count == 0)
		io_remove_file(permit, LOCK_ROSTER);
	else
		write_roster(permit, &roster);
	roster_free(&roster);
}

/* ---- taking and leaving ---- */

/* AS_ERR_LOCK_FAILED: it is worth another attempt. */
static enum as_err try_once(struct attempt *attempt)
{
	struct lock_look look;
	/* Some file systems have no flock on folders: there only what lies in them counts. */
	const bool is_busy = !attempt->is_alone &&
			     flock(io_folder_of(attempt->permit), LOCK_EX | LOCK_NB) != 0;
	const bool is_taken = is_busy && errno == EWOULDBLOCK;
	attempt->is_alone = !is_busy;
	enum as_err err = look_at_others(attempt, &look);
	if (err != AS_OK)
		return err;
	attempt->lock->stale_count = look.count;
	if (look.count > 0)
		attempt->lock->stale = look.rows[0];
	err = is_taken ? fail_in_progress(attempt) : take_folder(attempt, &look);
	lock_look_free(&look);
	if (err == AS_OK)
		err = enter_roster(attempt);
	if (err != AS_OK && attempt->has_folder) {
		leave_folder(attempt->permit, attempt->name);
		attempt->has_folder = false;
	}
	return err;
}

enum as_err lock_folder_take(struct lock_folder *lock, const struct permit *permit,
			     const char *path, const struct lock_wait *wait,
			     struct as_error *error)
{
	struct attempt attempt = {
		.lock = lock, .permit = permit, .path = path, .error = error,
		.timer = lock_timer_begin(wait),
	};
	enum as_err err = AS_OK;
	*lock = (struct lock_folder){ .id.pid = getpid() };
	if (!machine_name(lock->id.host) || !lock_id_name(&lock->id, attempt.name))
		err = as_fail(error, AS_ERR_USAGE, 0,
			      "%s: the name of this machine, perhaps from BORG_HOST_ID, cannot be "
			      "part of the lock's name", path);
	while (err == AS_OK) {
		err = try_once(&attempt);
		if (err != AS_ERR_LOCK_FAILED)
			break;
		const enum as_err pause = lock_timer_pause(&attempt.timer);
		if (pause == AS_ERR_CANCELLED)
			err = as_fail(error, pause, 0, "%s: %s", path, as_err_text(pause));
		if (pause == AS_OK)
			err = AS_OK;
	}
	remove_temporary(&attempt);
	if (err != AS_OK) {
		flock(io_folder_of(permit), LOCK_UN);
		*lock = (struct lock_folder){ .stale_count = 0 };
	}
	return err;
}

void lock_folder_leave(struct lock_folder *lock, const struct permit *permit)
{
	char name[LOCK_NAME_SIZE];
	if (lock_folder_is_held(lock, io_of(permit), io_folder_of(permit)) &&
	    lock_id_name(&lock->id, name)) {
		leave_roster(permit, &lock->id);
		leave_folder(permit, name);
	}
	flock(io_folder_of(permit), LOCK_UN);
	*lock = (struct lock_folder){ .stale_count = 0 };
}

bool lock_folder_is_held(const struct lock_folder *lock, const struct io *io, int repo_fd)
{
	char name[LOCK_NAME_SIZE], path[PATH_SIZE];
	struct stat st;
	if (lock->id.pid == 0 || !lock_id_name(&lock->id, name))
		return false;
	snprintf(path, sizeof(path), LOCK_FOLDER "/%s", name);
	return io->fstatat(io, repo_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

enum as_err lock_folder_break(const struct permit *permit, const char *path,
			      struct as_error *error)
{
	struct lock_look look;
	enum as_err err = lock_look(io_of(permit), io_folder_of(permit), &look);
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s: out of memory", path);
	for (size_t i = 0; err == AS_OK && i < look.count; i++)
		if (look.rows[i].life == LOCK_LIFE_ALIVE && !look.rows[i].is_reused)
			err = fail_held(path, &look.rows[i], error);
	lock_look_free(&look);
	if (err != AS_OK)
		return err;
	err = io_remove_file(permit, LOCK_ROSTER);
	if (err == AS_OK || err == AS_ERR_DOES_NOT_EXIST)
		err = remove_folder(permit, NULL);
	return err == AS_OK ? AS_OK
			    : as_fail(error, err, errno, "%s: cannot remove the lock", path);
}

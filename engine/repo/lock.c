#include "build-config.h"

#include "repo/lock.h"

#include "base/owner.h"
#include "format/config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 20u	/* between two tries of an upgrade */

static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
}

/* Fill in who process @pid is. A process that is gone, or not of this machine, stays unknown. */
static struct lock_holder holder_of(pid_t pid, bool exclusive)
{
	struct lock_holder holder = { .exclusive = exclusive };
	if (pid <= 0)
		return holder;
	char path[40];
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return holder;
	holder.known = true;
	holder.pid = pid;
	if (fgets(holder.program, sizeof(holder.program), file))
		holder.program[strcspn(holder.program, "\n")] = '\0';
	fclose(file);
	return holder;
}

/* One lock as a line of /proc/locks or of a /proc/PID/fdinfo file tells of it, see proc(5). */
struct held {
	bool is_ofd;
	bool exclusive;
	pid_t pid;	/* -1 for open-file-description locks */
};

/* Does @line, "1: POSIX  ADVISORY  WRITE 4711 fd:01:12345 0 EOF", tell of a lock that is held on
 * the file @st? Locks that are only waited for have "->" in the place of the kind. */
static bool parse_held(const char *line, const struct stat *st, struct held *held)
{
	char kind[16], mode[16];
	int pid;
	unsigned major_number, minor_number;
	unsigned long long inode;
	if (sscanf(line, "%*d: %15s %*15s %15s %d %x:%x:%llu", kind, mode, &pid, &major_number,
		   &minor_number, &inode) != 6)
		return false;
	held->is_ofd = strcmp(kind, "OFDLCK") == 0;
	held->exclusive = strcmp(mode, "WRITE") == 0;
	held->pid = pid;
	return (held->is_ofd || strcmp(kind, "POSIX") == 0) && inode == st->st_ino &&
	       major_number == major(st->st_dev) && minor_number == minor(st->st_dev);
}

/* Rows that the caller asked for, and the count of all. */
struct rows {
	struct lock_holder *rows;
	size_t max, count;
};

static void add_row(struct rows *rows, struct lock_holder holder)
{
	if (rows->count < rows->max)
		rows->rows[rows->count] = holder;
	rows->count++;
}

/* Does process @pid hold an open-file-description lock on the file? */
static bool has_ofd_lock(const char *pid, const struct stat *st, struct held *held)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%.20s/fdinfo", pid);
	DIR *folder = opendir(path);
	if (!folder)
		return false;
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	for (const struct dirent *entry; !found && (entry = readdir(folder));) {
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.200s", pid, entry->d_name);
		FILE *file = isdigit((unsigned char)entry->d_name[0]) ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		while (!found && getline(&line, &size, file) > 0)
			found = strncmp(line, "lock:", 5) == 0 &&
				parse_held(line + 5, st, held) && held->is_ofd;
		fclose(file);
	}
	free(line);
	closedir(folder);
	return found;
}

/* The system does not say who holds an open-file-description lock: any process that has the
 * description does. Look through those that may be looked at for up to @count of them. */
static void add_ofd_holders(struct rows *rows, const struct stat *st, size_t count, bool exclusive)
{
	DIR *folder = opendir("/proc");
	for (const struct dirent *entry; folder && count > 0 && (entry = readdir(folder));) {
		struct held held;
		const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 0 || pid == getpid() || !has_ofd_lock(entry->d_name, st, &held))
			continue;
		add_row(rows, holder_of(pid, held.exclusive));
		count--;
	}
	if (folder)
		closedir(folder);
	for (; count > 0; count--)
		add_row(rows, holder_of(0, exclusive));
}

/* Go through /proc/locks. What it holds of our own is left out. */
static void add_from_proc(const struct lock *lock, const struct stat *st, struct rows *rows)
{
	FILE *file = fopen("/proc/locks", "re");
	if (!file)
		return;
	size_t ofd_count = 0;
	bool ofd_exclusive = false;
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, file) > 0) {
		struct held held;
		if (!parse_held(line, st, &held) || held.pid == getpid())
			continue;
		if (held.is_ofd) {
			ofd_count++;
			ofd_exclusive = ofd_exclusive || held.exclusive;
		} else {
			add_row(rows, holder_of(held.pid, held.exclusive));
		}
	}
	free(line);
	fclose(file);
	const bool is_held = lock->state == LOCK_SHARED || lock->state == LOCK_EXCLUSIVE;
	if (is_held && ofd_count > 0)
		ofd_count--;
	if (ofd_count > 0)
		add_ofd_holders(rows, st, ofd_count, ofd_exclusive);
}

size_t lock_holders(const struct lock *lock, struct lock_holder *rows, size_t max)
{
	struct rows found = { .rows = rows, .max = max };
	struct stat st;
	if (lock->fd < 0 || fstat(lock->fd, &st) != 0)
		return 0;
	add_from_proc(lock, &st, &found);
	if (found.count > 0)
		return found.count;
	/* Some file systems are listed in /proc/locks under another device than stat tells. */
	struct flock conflict = whole_file(F_WRLCK);
	if (fcntl(lock->fd, F_OFD_GETLK, &conflict) == 0 && conflict.l_type != F_UNLCK)
		add_row(&found, holder_of(conflict.l_pid, conflict.l_type == F_WRLCK));
	return found.count;
}

/* Find who holds the exclusive lock. False when nobody does any more. */
static bool find_blocker(struct lock *lock)
{
	struct flock conflict = whole_file(F_RDLCK);
	if (fcntl(lock->fd, F_OFD_GETLK, &conflict) != 0)
		return true;
	if (conflict.l_type == F_UNLCK)
		return false;
	lock->holder = holder_of(conflict.l_pid, true);
	struct lock_holder rows[8];
	const size_t count = lock->holder.known ? 0 : lock_holders(lock, rows, 8);
	for (size_t i = 0; i < count && i < 8; i++)
		if (rows[i].known && rows[i].exclusive)
			lock->holder = rows[i];
	return true;
}

static void give_up(const struct io *io, struct lock *lock, enum lock_state state, int sys)
{
	io_close(io, lock->fd);
	lock->fd = -1;
	lock->state = state;
	lock->sys = sys;
}

void lock_take_shared(const struct io *io, int repo_fd, bool may_write, struct lock *lock)
{
	*lock = (struct lock){ .fd = -1, .may_write = may_write };
	if (io_open_for_lock(io, repo_fd, CONFIG_NAME, &lock->may_write, &lock->fd) != AS_OK) {
		lock->fd = -1;
		lock->state = LOCK_IMPOSSIBLE;
		lock->sys = errno;
		return;
	}
	/* The holder may let go between the refusal and the question who it is: try again then. */
	for (int tries = 0; tries < 3; tries++) {
		struct flock shared = whole_file(F_RDLCK);
		if (fcntl(lock->fd, F_OFD_SETLK, &shared) == 0) {
			lock->state = LOCK_SHARED;
			return;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EACCES) {
			give_up(io, lock, LOCK_IMPOSSIBLE, errno);
			return;
		}
		if (find_blocker(lock))
			break;
	}
	give_up(io, lock, LOCK_REFUSED, 0);
}

void lock_look_on(const struct io *io, int repo_fd, struct lock *lock)
{
	*lock = (struct lock){ .fd = -1 };
	if (io_open_file(io, repo_fd, CONFIG_NAME, &lock->fd, NULL) != AS_OK) {
		lock->fd = -1;
		return;
	}
	lock_look_again(lock);
}

void lock_look_again(struct lock *lock)
{
	if (lock->fd >= 0 && !lock->holder.exclusive)
		find_blocker(lock);
}

/* ---- upgrading ---- */

/* Get a descriptor of config that can carry an exclusive lock, with the shared lock on it before
 * the old one goes: the two get on with each other. */
static enum as_err make_upgradable(const struct io *io, int repo_fd, const char *path,
				   struct lock *lock, struct as_error *error)
{
	int fd;
	bool may_write = true;
	struct flock shared = whole_file(F_RDLCK);
	if (lock->may_write)
		return AS_OK;
	enum as_err err = io_open_for_lock(io, repo_fd, CONFIG_NAME, &may_write, &fd);
	const int sys = errno;
	if (err != AS_OK) {
		as_fail(error, err, sys, "%s/" CONFIG_NAME ": cannot open", path);
		return owner_explain(io, repo_fd, CONFIG_NAME, err, error);
	}
	if (!may_write) {
		io_close(io, fd);
		err = as_code_of_errno(sys);
		if (err == AS_OK)
			err = AS_ERR_DENIED;
		as_fail(error, err, sys, "%s/" CONFIG_NAME ": cannot open it for writing", path);
		return owner_explain(io, repo_fd, CONFIG_NAME, err, error);
	}
	if (fcntl(fd, F_OFD_SETLK, &shared) != 0) {
		err = as_fail(error, AS_ERR_NO_LOCK, errno, "%s/" CONFIG_NAME ": cannot lock",
			      path);
		io_close(io, fd);
		return err;
	}
	io_close(io, lock->fd);
	lock->fd = fd;
	lock->may_write = true;
	return AS_OK;
}

static enum as_err fail_held(const struct lock *lock, const char *path, struct as_error *error)
{
	struct lock_holder rows[8] = { { .known = false } };
	const size_t count = lock_holders(lock, rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < count && i < ARRAY_SIZE(rows); i++)
		if (rows[i].known && rows[i].pid > 0)
			return as_fail(error, AS_ERR_LOCK_FAILED, 0,
				       "%s: process %ld (%s) holds a lock on it", path,
				       (long)rows[i].pid,
				       rows[i].program[0] ? rows[i].program : "name unknown");
	return as_fail(error, AS_ERR_LOCK_FAILED, 0,
		       "%s: another process, perhaps on another machine, holds a lock on it", path);
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Try until the exclusive lock is there, or the time is over. */
static enum as_err wait_for_exclusive(const char *path, struct lock *lock,
				      const struct lock_wait *wait, struct as_error *error)
{
	const int64_t until = now_ms() + wait->ms;
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * 1000000L };
	for (;;) {
		struct flock exclusive = whole_file(F_WRLCK);
		if (fcntl(lock->fd, F_OFD_SETLK, &exclusive) == 0)
			return AS_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return as_fail(error, AS_ERR_NO_LOCK, errno, "%s/" CONFIG_NAME
				       ": cannot lock", path);
		if (wait->interrupt && wait->interrupt(wait->context))
			return as_fail(error, AS_ERR_CANCELLED, 0, "%s: %s", path,
				       as_err_text(AS_ERR_CANCELLED));
		if (now_ms() >= until)
			return fail_held(lock, path, error);
		nanosleep(&step, NULL);
	}
}

enum as_err lock_upgrade(const struct io *io, int repo_fd, const char *path, struct lock *lock,
			 const struct lock_wait *wait, struct permit **permit,
			 struct as_error *error)
{
	struct stat st;
	*permit = NULL;
	if (lock->refusal)
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s: %s", path, lock->refusal);
	if (lock->state != LOCK_SHARED)
		return as_fail(error, AS_ERR_NO_LOCK, lock->sys,
			       "%s: without a lock nothing can be changed", path);
	enum as_err err = make_upgradable(io, repo_fd, path, lock, error);
	if (err != AS_OK)
		return err;
	/* Where flock does not work on folders (some network file systems) the wait has its end. */
	if (flock(repo_fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return as_fail(error, AS_ERR_LOCK_FAILED, 0,
			       "%s: another process is about to write, and waits until this one "
			       "lets go: try again when it is done", path);
	err = wait_for_exclusive(path, lock, wait, error);
	if (err == AS_OK && io->fstat(io, lock->fd, &st) != 0)
		err = as_fail(error, AS_ERR_IO, errno, "%s/" CONFIG_NAME, path);
	if (err == AS_OK) {
		*permit = io_grant_permit(io, repo_fd, st.st_mode);
		if (!*permit)
			err = as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", path);
		else if (geteuid() == 0)
			io_give_to(*permit, &st);
	}
	lock->state = LOCK_EXCLUSIVE;
	if (err != AS_OK)
		lock_lower(repo_fd, lock, NULL);
	return err;
}

void lock_lower(int repo_fd, struct lock *lock, struct permit *permit)
{
	struct flock shared = whole_file(F_RDLCK);
	io_revoke_permit(permit);
	if (lock->state != LOCK_EXCLUSIVE)
		return;
	fcntl(lock->fd, F_OFD_SETLK, &shared);
	flock(repo_fd, LOCK_UN);
	lock->state = LOCK_SHARED;
}

void lock_release(const struct io *io, struct lock *lock)
{
	if (lock->fd >= 0)
		io_close(io, lock->fd);	/* the last descriptor of the description: this unlocks */
	*lock = (struct lock){ .fd = -1 };
}

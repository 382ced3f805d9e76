#include "build-config.h"

#include "repo/lock.h"

#include "base/owner.h"
#include "format/config.h"
#include "repo/lock_folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct lock {
	atomic_uint refs;
	const struct io *io;
	char *path;		/* of the repository, for messages */
	enum lock_use use;
	_Atomic(enum lock_kind) kind;
	int folder;		/* of the repository, which the permit borrows; -1 where none */
	pid_t pid;		/* of the process that took the lock */
	int sys;		/* errno behind LOCK_IMPOSSIBLE */
	atomic_int state;	/* enum lock_state */
	/* What follows. An upgrade exchanges the descriptor, which lock_holders must not meet. */
	pthread_mutex_t mutex;
	int fd;			/* of config; -1 where none */
	bool may_write;		/* fd was opened for writing too: it can be upgraded */
	struct lock_holder writer;	/* seen with LOCK_TO_LOOK */
	struct lock_folder held;	/* of LOCK_KIND_FOLDER, while it is exclusive */
	const char *refusal;	/* NULL, or why the lock is never upgraded */
	struct permit *permit;	/* NULL unless exclusive */
};

static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
}

/* One lock, from a line of /proc/locks or of a /proc/PID/fdinfo file; see proc(5). */
struct held {
	bool is_ofd;
	bool exclusive;
	pid_t pid;	/* -1 for open-file-description locks */
};

/* Is @line, "1: POSIX  ADVISORY  WRITE 4711 fd:01:12345 0 EOF", a lock that is held on the file
 * @st? Locks that a process only waits for have "->" in the place of the kind. */
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
		add_row(rows, lock_holder_of_process(pid, held.exclusive));
		count--;
	}
	if (folder)
		closedir(folder);
	for (; count > 0; count--)
		add_row(rows, lock_holder_of_process(0, exclusive));
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
			add_row(rows, lock_holder_of_process(held.pid, held.exclusive));
		}
	}
	free(line);
	fclose(file);
	const enum lock_state state = lock_state(lock, NULL);
	if ((state == LOCK_SHARED || state == LOCK_EXCLUSIVE) && ofd_count > 0)
		ofd_count--;
	if (ofd_count > 0)
		add_ofd_holders(rows, st, ofd_count, ofd_exclusive);
}

enum lock_state lock_state(const struct lock *lock, int *sys)
{
	if (sys)
		*sys = lock->sys;
	return (enum lock_state)atomic_load(&lock->state);
}

/* lock_holders of a file, while the mutex is held or the lock is not shared yet. */
static size_t find_holders(const struct lock *lock, struct lock_holder *rows, size_t max)
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
		add_row(&found, lock_holder_of_process(conflict.l_pid, conflict.l_type == F_WRLCK));
	return found.count;
}

static bool is_of_folder(const struct lock *lock)
{
	return atomic_load(&lock->kind) == LOCK_KIND_FOLDER;
}

/* Look at a folder lock, without what is held of it here. */
static enum as_err look_at_folder(const struct lock *lock, struct lock_look *look)
{
	const enum as_err err = lock_look(lock->io, lock->folder, look);
	size_t kept = 0;
	for (size_t i = 0; err == AS_OK && i < look->count; i++)
		if (lock->held.id.pid == 0 ||
		    !lock_id_is_same(&look->rows[i].id, &lock->held.id))
			look->rows[kept++] = look->rows[i];
	look->count = kept;
	return err;
}

static size_t find_folder_holders(const struct lock *lock, struct lock_holder *rows, size_t max)
{
	struct rows found = { .rows = rows, .max = max };
	struct lock_look look;
	if (look_at_folder(lock, &look) != AS_OK)
		return 0;
	for (size_t i = 0; i < look.count && look.rows[i].life != LOCK_LIFE_GONE; i++)
		add_row(&found, look.rows[i]);
	lock_look_free(&look);
	return found.count;
}

size_t lock_holders(struct lock *lock, struct lock_holder *rows, size_t max)
{
	pthread_mutex_lock(&lock->mutex);
	const size_t count = is_of_folder(lock) ? find_folder_holders(lock, rows, max)
						: find_holders(lock, rows, max);
	pthread_mutex_unlock(&lock->mutex);
	return count;
}

/* Find the process that holds the exclusive lock. False when there is none. */
static bool find_writer(const struct lock *lock, struct lock_holder *writer)
{
	struct flock conflict = whole_file(F_RDLCK);
	if (fcntl(lock->fd, F_OFD_GETLK, &conflict) != 0)
		return true;
	if (conflict.l_type == F_UNLCK)
		return false;
	*writer = lock_holder_of_process(conflict.l_pid, true);
	struct lock_holder rows[8];
	const size_t count = writer->known ? 0 : find_holders(lock, rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < count && i < ARRAY_SIZE(rows); i++)
		if (rows[i].known && rows[i].exclusive)
			*writer = rows[i];
	return true;
}

bool lock_find_writer(struct lock *lock, struct lock_holder *writer)
{
	pthread_mutex_lock(&lock->mutex);
	*writer = (struct lock_holder){ .known = false };
	if (is_of_folder(lock)) {
		/* An exclusive one comes first. */
		if (find_folder_holders(lock, writer, 1) == 0 || !writer->exclusive)
			*writer = (struct lock_holder){ .known = false };
	} else {
		if (lock->fd >= 0 && lock_state(lock, NULL) == LOCK_NONE &&
		    !lock->writer.exclusive)
			find_writer(lock, &lock->writer);
		*writer = lock->writer;
	}
	pthread_mutex_unlock(&lock->mutex);
	return writer->exclusive;
}

enum as_err lock_see(struct lock *lock, struct lock_seen *seen)
{
	struct lock_look look = { .rows = NULL };
	enum as_err err = AS_OK;
	*seen = (struct lock_seen){ .standing = STANDING_FREE };
	if (!is_of_folder(lock)) {
		if (lock_holders(lock, &seen->holder, 1) > 0)
			seen->standing = seen->holder.known ? STANDING_HELD : STANDING_UNKNOWN;
		return AS_OK;
	}
	pthread_mutex_lock(&lock->mutex);
	err = look_at_folder(lock, &look);
	pthread_mutex_unlock(&lock->mutex);
	if (err != AS_OK)
		return err;
	seen->standing = lock_look_standing(&look);
	if (look.count > 0)
		seen->holder = look.rows[0];
	seen->has_folder = look.has_folder;
	seen->has_roster = look.has_roster;
	memcpy(seen->damage, look.damage, sizeof(seen->damage));
	seen->is_denied = look.is_denied;
	lock_look_free(&look);
	return AS_OK;
}

static enum as_err fail_held(const struct lock *lock, const struct lock_holder *holder,
			     const char *what, struct as_error *error)
{
	char who[LOCK_HOLDER_TEXT];
	lock_holder_text(holder, who);
	return as_fail(error, AS_ERR_LOCK_FAILED, 0, "%s: %s holds %s", lock->path, who, what);
}

/* ---- taking and giving back ---- */

static enum as_err take_shared(struct lock *lock, int repo_fd, struct as_error *error)
{
	atomic_store(&lock->state, LOCK_IMPOSSIBLE);
	if (io_open_for_lock(lock->io, repo_fd, CONFIG_NAME, &lock->may_write, &lock->fd) !=
	    AS_OK) {
		lock->fd = -1;
		lock->sys = errno;
		return AS_OK;
	}
	/* The holder may let go between the refusal and the question who it is: try again then. */
	struct lock_holder writer = { .known = false };
	for (int tries = 0; tries < 3; tries++) {
		struct flock shared = whole_file(F_RDLCK);
		if (fcntl(lock->fd, F_OFD_SETLK, &shared) == 0) {
			atomic_store(&lock->state, LOCK_SHARED);
			return AS_OK;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN && errno != EACCES) {
			lock->sys = errno;
			io_close(lock->io, lock->fd);
			lock->fd = -1;
			return AS_OK;
		}
		if (find_writer(lock, &writer))
			break;
	}
	return fail_held(lock, &writer, "the exclusive lock", error);
}

enum as_err lock_open(const struct io *io, int repo_fd, const char *path, enum lock_use use,
		      struct lock **out, struct as_error *error)
{
	enum as_err err = AS_OK;
	struct lock *lock = calloc(1, sizeof(*lock));
	*out = NULL;
	if (lock)
		lock->path = strdup(path);
	if (!lock || !lock->path) {
		free(lock);
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", path);
	}
	atomic_store(&lock->refs, 1);
	lock->io = io;
	lock->folder = lock->fd = -1;
	lock->pid = getpid();
	lock->use = use;
	lock->may_write = use == LOCK_TO_WRITE;
	pthread_mutex_init(&lock->mutex, NULL);
	if (use != LOCK_TO_LOOK) {
		err = take_shared(lock, repo_fd, error);
	} else if (io_open_file(io, repo_fd, CONFIG_NAME, &lock->fd, NULL) == AS_OK) {
		find_writer(lock, &lock->writer);
	} else {
		lock->fd = -1;
	}
	if (lock_state(lock, NULL) == LOCK_SHARED) {
		err = io_open_folder(io, repo_fd, ".", &lock->folder);
		if (err != AS_OK)
			as_fail(error, err, errno, "%s: cannot open", path);
	}
	if (err != AS_OK) {
		lock_release(lock);
		return err;
	}
	*out = lock;
	return AS_OK;
}

enum as_err lock_choose(struct lock *lock, int repo_fd, enum lock_kind kind,
			struct as_error *error)
{
	enum as_err err = AS_OK;
	if (atomic_load(&lock->kind) == kind)
		return AS_OK;
	/* A lock begins as one of a file, and changes once at most. */
	if (kind != LOCK_KIND_FOLDER || lock_state(lock, NULL) == LOCK_EXCLUSIVE)
		return as_fail(error, AS_ERR_CHANGED, 0,
			       "%s: another program's repository stands in its place", lock->path);
	pthread_mutex_lock(&lock->mutex);
	if (lock->folder < 0)
		err = io_open_folder(lock->io, repo_fd, ".", &lock->folder);
	if (err == AS_OK) {
		if (lock->fd >= 0)
			io_close(lock->io, lock->fd);
		lock->fd = -1;
		lock->sys = 0;
		atomic_store(&lock->kind, kind);
		atomic_store(&lock->state, lock->use == LOCK_TO_LOOK ? LOCK_NONE : LOCK_DEFERRED);
	} else {
		as_fail(error, err, errno, "%s: cannot open", lock->path);
	}
	pthread_mutex_unlock(&lock->mutex);
	return err;
}

struct lock *lock_hold(struct lock *lock)
{
	atomic_fetch_add(&lock->refs, 1);
	return lock;
}

void lock_release(struct lock *lock)
{
	if (!lock || atomic_fetch_sub(&lock->refs, 1) != 1)
		return;
	if (lock->pid == getpid())
		lock_lower(lock);
	io_revoke_permit(lock->permit);
	if (lock->fd >= 0)	/* the last descriptor of the description: this unlocks */
		io_close(lock->io, lock->fd);
	if (lock->folder >= 0)
		io_close(lock->io, lock->folder);
	pthread_mutex_destroy(&lock->mutex);
	free(lock->path);
	free(lock);
}

bool lock_is_on(struct lock *lock, int repo_fd)
{
	const struct io *io = lock->io;
	struct stat own, other;
	if (lock->folder < 0 || io->fstat(io, lock->folder, &own) != 0 ||
	    io->fstat(io, repo_fd, &other) != 0 || own.st_dev != other.st_dev ||
	    own.st_ino != other.st_ino)
		return false;
	const bool is_folder = is_of_folder(lock);
	pthread_mutex_lock(&lock->mutex);
	const bool is_there = is_folder ? lock_folder_is_held(&lock->held, io, lock->folder)
					: io->fstat(io, lock->fd, &own) == 0;
	pthread_mutex_unlock(&lock->mutex);
	if (is_folder || !is_there)
		return is_there;
	return io->fstatat(io, repo_fd, CONFIG_NAME, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* ---- upgrading ---- */

void lock_refuse(struct lock *lock, const char *why)
{
	pthread_mutex_lock(&lock->mutex);
	lock->refusal = why;
	pthread_mutex_unlock(&lock->mutex);
}

const struct permit *lock_permit(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	const struct permit *permit = lock->permit;
	pthread_mutex_unlock(&lock->mutex);
	return permit;
}

/* May it be upgraded at all? */
static enum as_err check_upgrade(struct lock *lock, struct as_error *error)
{
	const enum lock_state state = lock_state(lock, NULL);
	pthread_mutex_lock(&lock->mutex);
	const char *refusal = lock->refusal;
	pthread_mutex_unlock(&lock->mutex);
	if (refusal)
		return as_fail(error, AS_ERR_INVALID_REPOSITORY, 0, "%s: %s", lock->path, refusal);
	if (state != LOCK_SHARED && state != LOCK_DEFERRED)
		return as_fail(error, AS_ERR_NO_LOCK, lock->sys,
			       "%s: without a lock nothing can be changed", lock->path);
	return AS_OK;
}

/* Get a descriptor of config that can carry an exclusive lock, with the shared lock on it before
 * the old one goes: the two get on with each other. */
static enum as_err make_upgradable(struct lock *lock, struct as_error *error)
{
	const struct io *io = lock->io;
	int fd;
	bool may_write = true;
	struct flock shared = whole_file(F_RDLCK);
	if (lock->may_write)
		return AS_OK;
	enum as_err err = io_open_for_lock(io, lock->folder, CONFIG_NAME, &may_write, &fd);
	const int sys = errno;
	if (err != AS_OK) {
		as_fail(error, err, sys, "%s/" CONFIG_NAME ": cannot open", lock->path);
		return owner_explain(io, lock->folder, CONFIG_NAME, err, error);
	}
	if (!may_write) {
		io_close(io, fd);
		err = as_code_of_errno(sys);
		if (err == AS_OK)
			err = AS_ERR_DENIED;
		as_fail(error, err, sys, "%s/" CONFIG_NAME ": cannot open it for writing",
			lock->path);
		return owner_explain(io, lock->folder, CONFIG_NAME, err, error);
	}
	if (fcntl(fd, F_OFD_SETLK, &shared) != 0) {
		err = as_fail(error, AS_ERR_NO_LOCK, errno, "%s/" CONFIG_NAME ": cannot lock",
			      lock->path);
		io_close(io, fd);
		return err;
	}
	io_close(io, lock->fd);
	lock->fd = fd;
	lock->may_write = true;
	return AS_OK;
}

/* Try until the exclusive lock is there, or the time is over. */
static enum as_err wait_for_exclusive(struct lock *lock, const struct lock_wait *wait,
				      struct as_error *error)
{
	const struct lock_timer timer = lock_timer_begin(wait);
	for (;;) {
		struct flock exclusive = whole_file(F_WRLCK);
		if (fcntl(lock->fd, F_OFD_SETLK, &exclusive) == 0)
			return AS_OK;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return as_fail(error, AS_ERR_NO_LOCK, errno, "%s/" CONFIG_NAME
				       ": cannot lock", lock->path);
		const enum as_err pause = lock_timer_pause(&timer);
		if (pause == AS_ERR_CANCELLED)
			return as_fail(error, pause, 0, "%s: %s", lock->path, as_err_text(pause));
		if (pause != AS_OK)
			break;
	}
	struct lock_holder rows[8] = { { .known = false } };
	lock_holders(lock, rows, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].known && rows[i].pid > 0)
			return fail_held(lock, &rows[i], "a lock on it", error);
	return fail_held(lock, &rows[0], "a lock on it", error);
}

/* The right to change the repository, which is made of its config's mode and owner. */
static enum as_err make_permit(const struct lock *lock, const struct stat *config,
			       struct permit **permit, struct as_error *error)
{
	*permit = io_grant_permit(lock->io, lock->folder, config->st_mode);
	if (!*permit)
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", lock->path);
	if (geteuid() == 0)
		io_give_to(*permit, config);
	return AS_OK;
}

/* The same while no lock is held, for the making of one. Where config is lost, the folder's mode
 * and owner serve. */
static enum as_err make_early_permit(const struct lock *lock, struct permit **permit,
				     struct as_error *error)
{
	const struct io *io = lock->io;
	struct stat st;
	if ((io->fstatat(io, lock->folder, CONFIG_NAME, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	     !S_ISREG(st.st_mode)) &&
	    io->fstat(io, lock->folder, &st) != 0)
		return as_fail(error, AS_ERR_IO, errno, "%s", lock->path);
	return make_permit(lock, &st, permit, error);
}

static void publish(struct lock *lock, struct permit *permit, const struct lock_folder *held)
{
	pthread_mutex_lock(&lock->mutex);
	lock->permit = permit;
	lock->held = *held;
	pthread_mutex_unlock(&lock->mutex);
	atomic_store(&lock->state, LOCK_EXCLUSIVE);
}

static enum as_err upgrade_folder(struct lock *lock, const struct lock_wait *wait,
				  struct as_error *error)
{
	struct lock_folder held;
	struct permit *permit;
	enum as_err err = make_early_permit(lock, &permit, error);
	if (err != AS_OK)
		return err;
	err = lock_folder_take(&held, permit, lock->path, wait, error);
	if (err != AS_OK) {
		io_revoke_permit(permit);
		return owner_explain(lock->io, lock->folder, ".", err, error);
	}
	publish(lock, permit, &held);
	return AS_OK;
}

size_t lock_count_stale(struct lock *lock, struct lock_holder *one)
{
	pthread_mutex_lock(&lock->mutex);
	const size_t count = lock->held.stale_count;
	*one = lock->held.stale;
	pthread_mutex_unlock(&lock->mutex);
	return count;
}

enum as_err lock_break(struct lock *lock, struct as_error *error)
{
	struct permit *permit;
	enum as_err err = check_upgrade(lock, error);
	if (err != AS_OK)
		return err;
	if (!is_of_folder(lock))
		return as_fail(error, AS_ERR_USAGE, 0, "%s: this kind of lock cannot be broken; it "
			       "ends with the process that holds it", lock->path);
	err = make_early_permit(lock, &permit, error);
	if (err != AS_OK)
		return err;
	err = lock_folder_break(permit, lock->path, error);
	io_revoke_permit(permit);
	return owner_explain(lock->io, lock->folder, ".", err, error);
}

enum as_err lock_upgrade(struct lock *lock, const struct lock_wait *wait, struct as_error *error)
{
	const struct lock_folder none = { .stale_count = 0 };
	struct permit *permit = NULL;
	struct stat st;
	enum as_err err = check_upgrade(lock, error);
	if (err != AS_OK)
		return err;
	if (is_of_folder(lock))
		return upgrade_folder(lock, wait, error);
	pthread_mutex_lock(&lock->mutex);
	err = make_upgradable(lock, error);
	pthread_mutex_unlock(&lock->mutex);
	if (err != AS_OK)
		return err;
	/* Some network file systems have no flock on folders: there only the wait ends it. */
	if (flock(lock->folder, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return as_fail(error, AS_ERR_LOCK_FAILED, 0,
			       "%s: another process is about to write, and waits until this one "
			       "lets go: try again when it is done", lock->path);
	err = wait_for_exclusive(lock, wait, error);
	if (err == AS_OK && lock->io->fstat(lock->io, lock->fd, &st) != 0)
		err = as_fail(error, AS_ERR_IO, errno, "%s/" CONFIG_NAME, lock->path);
	if (err == AS_OK)
		err = make_permit(lock, &st, &permit, error);
	publish(lock, permit, &none);
	if (err != AS_OK)
		lock_lower(lock);
	return err;
}

void lock_lower(struct lock *lock)
{
	struct flock shared = whole_file(F_RDLCK);
	pthread_mutex_lock(&lock->mutex);
	if (lock_state(lock, NULL) == LOCK_EXCLUSIVE && is_of_folder(lock)) {
		lock_folder_leave(&lock->held, lock->permit);
		atomic_store(&lock->state, LOCK_DEFERRED);
	}
	io_revoke_permit(lock->permit);
	lock->permit = NULL;
	if (lock_state(lock, NULL) == LOCK_EXCLUSIVE) {
		fcntl(lock->fd, F_OFD_SETLK, &shared);
		flock(lock->folder, LOCK_UN);
		atomic_store(&lock->state, LOCK_SHARED);
	}
	pthread_mutex_unlock(&lock->mutex);
}

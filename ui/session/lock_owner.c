#include "build-config.h"

#include "session/lock_owner.h"

#include "engine/format/config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct keeper {
	atomic_uint refs;
	const struct io *io;
	int folder;		/* of the repository; the permit borrows it */
	enum lock_state taken;
	int sys;
	/* Who asks for holders must not meet a descriptor that is just being exchanged. */
	pthread_mutex_t mutex;
	struct lock lock;
	struct permit *permit;
};

struct keeper *keeper_new(struct view *view)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	const int folder = keeper ? fcntl(view->fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (folder < 0) {
		free(keeper);
		return NULL;
	}
	atomic_store(&keeper->refs, 1);
	keeper->io = view->io;
	keeper->folder = folder;
	keeper->taken = view->lock.state;
	keeper->sys = view->lock.sys;
	keeper->lock = view->lock;
	view->lock.fd = -1;
	pthread_mutex_init(&keeper->mutex, NULL);
	return keeper;
}

struct keeper *keeper_hold(struct keeper *keeper)
{
	atomic_fetch_add(&keeper->refs, 1);
	return keeper;
}

void keeper_release(struct keeper *keeper)
{
	if (!keeper || atomic_fetch_sub(&keeper->refs, 1) != 1)
		return;
	keeper_lower(keeper);
	lock_release(keeper->io, &keeper->lock);
	io_close(keeper->io, keeper->folder);
	pthread_mutex_destroy(&keeper->mutex);
	free(keeper);
}

enum lock_state keeper_taken(const struct keeper *keeper, int *sys)
{
	*sys = keeper->sys;
	return keeper->taken;
}

size_t keeper_holders(struct keeper *keeper, struct lock_holder *rows, size_t max)
{
	pthread_mutex_lock(&keeper->mutex);
	const size_t count = lock_holders(&keeper->lock, rows, max);
	pthread_mutex_unlock(&keeper->mutex);
	return count;
}

/* The first try exchanges the descriptor, without waiting, under the mutex. A wait works on a copy,
 * so that the holders can be looked at meanwhile. */
enum as_err keeper_upgrade(struct keeper *keeper, const char *path, const struct lock_wait *wait,
			   struct as_error *error)
{
	struct lock_wait none = { 0 };
	struct permit *permit;
	pthread_mutex_lock(&keeper->mutex);
	enum as_err err = lock_upgrade(keeper->io, keeper->folder, path, &keeper->lock, &none,
				       &permit, error);
	struct lock copy = keeper->lock;
	pthread_mutex_unlock(&keeper->mutex);
	if (err == AS_ERR_LOCK_FAILED && wait->ms > 0)
		err = lock_upgrade(keeper->io, keeper->folder, path, &copy, wait, &permit, error);
	pthread_mutex_lock(&keeper->mutex);
	keeper->lock = copy;
	keeper->permit = permit;
	pthread_mutex_unlock(&keeper->mutex);
	return err;
}

void keeper_lower(struct keeper *keeper)
{
	pthread_mutex_lock(&keeper->mutex);
	if (keeper->permit)
		lock_lower(keeper->folder, &keeper->lock, keeper->permit);
	keeper->permit = NULL;
	pthread_mutex_unlock(&keeper->mutex);
}

const struct permit *keeper_permit(const struct keeper *keeper)
{
	return keeper->permit;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool keeper_is_of(const struct keeper *keeper, const struct view *view)
{
	const struct io *io = keeper->io;
	struct stat folder, config, other;
	return io->fstat(io, keeper->folder, &folder) == 0 &&
	       io->fstat(io, view->fd, &other) == 0 && is_same_file(&folder, &other) &&
	       io->fstat(io, keeper->lock.fd, &config) == 0 &&
	       io->fstatat(io, view->fd, CONFIG_NAME, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_same_file(&config, &other);
}

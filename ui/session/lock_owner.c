#include "build-config.h"

#include "session/lock_owner.h"

#include "engine/format/config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct lock_owner {
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

struct lock_owner *lock_owner_new(struct repo *repo)
{
	struct lock_owner *owner = calloc(1, sizeof(*owner));
	const int folder = owner ? fcntl(repo->fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (folder < 0) {
		free(owner);
		return NULL;
	}
	atomic_store(&owner->refs, 1);
	owner->io = repo->io;
	owner->folder = folder;
	owner->taken = repo->lock.state;
	owner->sys = repo->lock.sys;
	owner->lock = repo->lock;
	repo->lock.fd = -1;
	pthread_mutex_init(&owner->mutex, NULL);
	return owner;
}

struct lock_owner *lock_owner_hold(struct lock_owner *owner)
{
	atomic_fetch_add(&owner->refs, 1);
	return owner;
}

void lock_owner_release(struct lock_owner *owner)
{
	if (!owner || atomic_fetch_sub(&owner->refs, 1) != 1)
		return;
	lock_owner_lower(owner);
	lock_release(owner->io, &owner->lock);
	io_close(owner->io, owner->folder);
	pthread_mutex_destroy(&owner->mutex);
	free(owner);
}

enum lock_state lock_owner_state_at_open(const struct lock_owner *owner, int *sys)
{
	*sys = owner->sys;
	return owner->taken;
}

size_t lock_owner_holders(struct lock_owner *owner, struct lock_holder *rows, size_t max)
{
	pthread_mutex_lock(&owner->mutex);
	const size_t count = lock_holders(&owner->lock, rows, max);
	pthread_mutex_unlock(&owner->mutex);
	return count;
}

/* The first try exchanges the descriptor, without waiting, under the mutex. A wait works on a copy,
 * so that the holders can be looked at meanwhile. */
enum as_err lock_owner_upgrade(struct lock_owner *owner, const char *path,
			       const struct lock_wait *wait, struct as_error *error)
{
	struct lock_wait none = { 0 };
	struct permit *permit;
	pthread_mutex_lock(&owner->mutex);
	enum as_err err = lock_upgrade(owner->io, owner->folder, path, &owner->lock, &none,
				       &permit, error);
	struct lock copy = owner->lock;
	pthread_mutex_unlock(&owner->mutex);
	if (err == AS_ERR_LOCK_FAILED && wait->ms > 0)
		err = lock_upgrade(owner->io, owner->folder, path, &copy, wait, &permit, error);
	pthread_mutex_lock(&owner->mutex);
	owner->lock = copy;
	owner->permit = permit;
	pthread_mutex_unlock(&owner->mutex);
	return err;
}

void lock_owner_lower(struct lock_owner *owner)
{
	pthread_mutex_lock(&owner->mutex);
	if (owner->permit)
		lock_lower(owner->folder, &owner->lock, owner->permit);
	owner->permit = NULL;
	pthread_mutex_unlock(&owner->mutex);
}

const struct permit *lock_owner_permit(const struct lock_owner *owner)
{
	return owner->permit;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool lock_owner_is_of(const struct lock_owner *owner, const struct repo *repo)
{
	const struct io *io = owner->io;
	struct stat folder, config, other;
	return io->fstat(io, owner->folder, &folder) == 0 &&
	       io->fstat(io, repo->fd, &other) == 0 && is_same_file(&folder, &other) &&
	       io->fstat(io, owner->lock.fd, &config) == 0 &&
	       io->fstatat(io, repo->fd, CONFIG_NAME, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
	       is_same_file(&config, &other);
}

#include "build-config.h"

#include "tests/support/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *path_of(int fd, char name[PATH_MAX])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	const ssize_t len = readlink(link, name, PATH_MAX - 1);
	name[len > 0 ? len : 0] = '\0';
	return len > 0 ? name : "?";
}

static bool is_counted(const struct fault *fault, enum fault_change kind)
{
	if (fault->fail_kind != FAULT_ANY && fault->fail_kind != kind)
		return false;
	switch (fault->scope) {
	case FAULT_CHANGES:
		return kind < FAULT_OPEN;
	case FAULT_CALLS:
		return true;
	case FAULT_INTERRUPTIBLE:
		return kind == FAULT_OPEN || kind == FAULT_READ || kind == FAULT_CREATE ||
		       kind == FAULT_WRITE || kind == FAULT_TRUNCATE || kind == FAULT_SYNC;
	case FAULT_TRANSFERS:
		return kind == FAULT_READ || kind == FAULT_WRITE;
	}
	return false;
}

static bool is_due(struct fault *fault, enum fault_change kind)
{
	if (!is_counted(fault, kind))
		return false;
	const unsigned number = ++fault->changes;
	return fault->fail_at && number >= fault->fail_at &&
	       (number == fault->fail_at || fault->fail_for_good);
}

static void record_failed(struct fault *fault, enum fault_change kind, int fd, const char *path)
{
	static const char *const names[] = {
		[FAULT_CREATE] = "create", [FAULT_WRITE] = "pwrite", [FAULT_TRUNCATE] = "ftruncate",
		[FAULT_SYNC] = "fsync", [FAULT_FOLDER] = "mkdirat", [FAULT_RENAME] = "renameat",
		[FAULT_LINK] = "linkat", [FAULT_REMOVE] = "unlinkat", [FAULT_OPEN] = "open",
		[FAULT_READ] = "pread", [FAULT_ASK] = "stat", [FAULT_LIST] = "getdents64",
	};
	char name[PATH_MAX] = "";
	snprintf(fault->failed, sizeof(fault->failed), "%s %.100s", names[kind],
		 path ? path : path_of(fd, name));
}

/* Should this call on @path, or on the open file @fd, fail? It may also be cut short: then @len, if
 * not NULL, is lowered. */
static bool must_fail(struct fault *fault, enum fault_change kind, int fd, const char *path,
		      size_t *len)
{
	if (!is_due(fault, kind))
		return false;
	record_failed(fault, kind, fd, path);
	if (fault->scope == FAULT_TRANSFERS) {
		*len -= *len / 2;
		return false;
	}
	errno = fault->fail_error ? fault->fail_error : EIO;
	return true;
}

static int fault_open(const struct io *io, int dirfd, const char *path, int flags)
{
	struct fault *fault = io->context;

	if (must_fail(fault, FAULT_OPEN, -1, path, NULL))
		return -1;
	if (fault->owns_nothing && flags & O_NOATIME) {
		errno = EPERM;
		return -1;
	}
	if (fault->open_error && (!fault->open_path || !strcmp(fault->open_path, path))) {
		errno = fault->open_error;
		return -1;
	}
	const int fd = io_system.open(&io_system, dirfd, path, flags);
	if (fd >= 0)
		fault->opens++;
	return fd;
}

static int fault_close(const struct io *io, int fd)
{
	struct fault *fault = io->context;

	fault->closes++;
	return io_system.close(&io_system, fd);
}

static ssize_t fault_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct fault *fault = io->context;
	const off_t bad_end = fault->bad_offset + fault->bad_length;

	fault->preads++;
	if (must_fail(fault, FAULT_READ, fd, NULL, &len))
		return -1;
	if (fault->interrupts &&
	    fault->interrupted++ % (fault->interrupts + 1) < fault->interrupts) {
		errno = EINTR;
		return -1;
	}
	if (fault->read_max && len > fault->read_max)
		len = fault->read_max;
	if (offset < bad_end && offset + (off_t)len > fault->bad_offset) {
		if (offset >= fault->bad_offset) {
			errno = EIO;
			return -1;
		}
		len = (size_t)(fault->bad_offset - offset);
	}
	return io_system.pread(&io_system, fd, buffer, len, offset);
}

static int fault_fstat(const struct io *io, int fd, struct stat *st)
{
	if (must_fail(io->context, FAULT_ASK, fd, NULL, NULL))
		return -1;
	return io_system.fstat(&io_system, fd, st);
}

static int fault_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st,
			 int flags)
{
	struct fault *fault = io->context;

	fault->fstatats++;
	if (must_fail(fault, FAULT_ASK, -1, path, NULL))
		return -1;
	if (fault->fstatat_error) {
		errno = fault->fstatat_error;
		return -1;
	}
	if (fault->pretended) {
		*st = *fault->pretended;
		return 0;
	}
	return io_system.fstatat(&io_system, dirfd, path, st, flags);
}

static void hide_types(char *buffer, ssize_t len)
{
	for (ssize_t at = 0; at < len;) {
		struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + at);

		entry->d_type = DT_UNKNOWN;
		at += entry->d_reclen;
	}
}

static void reverse(char *buffer, ssize_t len)
{
	char *copy = malloc((size_t)len);
	if (!copy)
		abort();
	for (ssize_t at = 0; at < len;) {
		const struct dirent64 *entry = (struct dirent64 *)(void *)(buffer + at);
		const size_t size = entry->d_reclen;

		at += (ssize_t)size;
		memcpy(copy + len - at, entry, size);
	}
	memcpy(buffer, copy, (size_t)len);
	free(copy);
}

static ssize_t fault_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	struct fault *fault = io->context;

	if (must_fail(fault, FAULT_LIST, fd, NULL, NULL))
		return -1;
	if (++fault->listings >= fault->bad_listing && fault->bad_listing) {
		errno = EIO;
		return -1;
	}
	const ssize_t got = io_system.getdents64(&io_system, fd, buffer, len);
	if (fault->hides_types)
		hide_types(buffer, got);
	if (fault->reverses_listings && got > 0)
		reverse(buffer, got);
	return got;
}

/* Should this change to @path, or to the open file @fd, fail? */
static bool refuses(struct fault *fault, enum fault_change kind, int fd, const char *path,
		    size_t *len)
{
	char name[PATH_MAX];

	if (must_fail(fault, kind, fd, path, len))
		return true;
	if (!fault->watch)
		return false;
	fault->watch(fault->watch_context, kind, path ? path : path_of(fd, name));
	return false;
}

static int fault_create(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	struct fault *fault = io->context;

	if (refuses(fault, FAULT_CREATE, -1, path, NULL))
		return -1;
	const int fd = io_system.create(&io_system, dirfd, path, mode);
	if (fd >= 0)
		fault->opens++;
	return fd;
}

static ssize_t fault_pwrite(const struct io *io, int fd, const void *data, size_t len, off_t offset)
{
	const struct fault *fault = io->context;

	if (refuses(io->context, FAULT_WRITE, fd, NULL, &len))
		return -1;
	if (fault->small_write_max && len < 4096 && len > fault->small_write_max)
		len = fault->small_write_max;
	if (fault->write_max && len > fault->write_max)
		len = fault->write_max;
	return io_system.pwrite(&io_system, fd, data, len, offset);
}

static int fault_ftruncate(const struct io *io, int fd, off_t len)
{
	if (refuses(io->context, FAULT_TRUNCATE, fd, NULL, NULL))
		return -1;
	return io_system.ftruncate(&io_system, fd, len);
}

/* Never done: real syncs would make the tests slow, and no test loses power here. */
static int fault_fsync(const struct io *io, int fd)
{
	return refuses(io->context, FAULT_SYNC, fd, NULL, NULL) ? -1 : 0;
}

static int fault_mkdirat(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	if (refuses(io->context, FAULT_FOLDER, -1, path, NULL))
		return -1;
	return io_system.mkdirat(&io_system, dirfd, path, mode);
}

static int fault_renameat(const struct io *io, int dirfd, const char *from, const char *to)
{
	if (refuses(io->context, FAULT_RENAME, -1, to, NULL))
		return -1;
	return io_system.renameat(&io_system, dirfd, from, to);
}

static int fault_linkat(const struct io *io, int dirfd, const char *from, const char *to)
{
	if (refuses(io->context, FAULT_LINK, -1, to, NULL))
		return -1;
	return io_system.linkat(&io_system, dirfd, from, to);
}

static int fault_unlinkat(const struct io *io, int dirfd, const char *path, int flags)
{
	if (refuses(io->context, FAULT_REMOVE, -1, path, NULL))
		return -1;
	return io_system.unlinkat(&io_system, dirfd, path, flags);
}

static int fault_fstatvfs(const struct io *io, int fd, struct statvfs *st)
{
	struct fault *fault = io->context;

	if (must_fail(fault, FAULT_ASK, fd, NULL, NULL))
		return -1;
	const int result = io_system.fstatvfs(&io_system, fd, st);

	if (fault->has_free_blocks)
		st->f_bavail = fault->free_blocks;
	return result;
}

void fault_init(struct fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	fault->io = (struct io){
		.open = fault_open,
		.close = fault_close,
		.pread = fault_pread,
		.fstat = fault_fstat,
		.fstatat = fault_fstatat,
		.getdents64 = fault_getdents64,
		.create = fault_create,
		.pwrite = fault_pwrite,
		.ftruncate = fault_ftruncate,
		.fsync = fault_fsync,
		.mkdirat = fault_mkdirat,
		.renameat = fault_renameat,
		.linkat = fault_linkat,
		.unlinkat = fault_unlinkat,
		.fstatvfs = fault_fstatvfs,
		.context = fault,
	};
}

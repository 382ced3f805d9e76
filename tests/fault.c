#include "build-config.h"

#include "tests/fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static int fault_open(const struct io *io, int dirfd, const char *path, int flags)
{
	struct fault *fault = io->context;

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
	(void)io;
	return io_system.fstat(&io_system, fd, st);
}

static int fault_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st,
			 int flags)
{
	struct fault *fault = io->context;

	fault->fstatats++;
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

static ssize_t fault_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	struct fault *fault = io->context;

	if (++fault->listings >= fault->bad_listing && fault->bad_listing) {
		errno = EIO;
		return -1;
	}
	const ssize_t got = io_system.getdents64(&io_system, fd, buffer, len);
	if (fault->hides_types)
		hide_types(buffer, got);
	return got;
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
		.context = fault,
	};
}

#include "build-config.h"

#include "tests/support/memory_io.h"

#include <errno.h>
#include <string.h>

#define MEMORY_FD 1000

static int open_memory(const struct io *io, int dirfd, const char *path, int flags)
{
	(void)io, (void)dirfd, (void)path, (void)flags;
	return MEMORY_FD;
}

static int close_memory(const struct io *io, int fd)
{
	(void)io, (void)fd;
	return 0;
}

static ssize_t pread_memory(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	struct memory_file *file = io->context;
	const uint64_t from = (uint64_t)offset;
	(void)fd;
	const uint8_t *bytes =
		file->first_bytes &&
				(file->reads == 0 || (file->alternates && file->reads % 2 == 0))
			? file->first_bytes : file->bytes;
	file->reads++;
	if (file->reads >= file->refused_from &&
	    file->reads - file->refused_from < file->refused_count) {
		errno = EIO;
		return -1;
	}
	if (from >= file->len)
		return 0;
	if (len > file->len - from)
		len = (size_t)(file->len - from);
	if (file->read_max && len > file->read_max)
		len = file->read_max;
	if (file->bad_length && (!file->bad_reads || file->refused < file->bad_reads) &&
	    from < file->bad_offset + file->bad_length &&
	    from + len > file->bad_offset) {
		if (from >= file->bad_offset) {
			file->refused++;
			errno = EIO;
			return -1;
		}
		len = (size_t)(file->bad_offset - from);
	}
	memcpy(buffer, bytes + from, len);
	file->bytes_read += len;
	return (ssize_t)len;
}

static int fstat_memory(const struct io *io, int fd, struct stat *st)
{
	const struct memory_file *file = io->context;
	(void)fd;
	*st = (struct stat){ .st_mode = S_IFREG | 0600, .st_size = (off_t)file->len };
	return 0;
}

static int fstatat_memory(const struct io *io, int dirfd, const char *path, struct stat *st,
			  int flags)
{
	(void)dirfd, (void)path, (void)flags;
	return fstat_memory(io, MEMORY_FD, st);
}

struct io memory_io(struct memory_file *file)
{
	struct io io = io_system;
	io.open = open_memory;
	io.close = close_memory;
	io.pread = pread_memory;
	io.fstat = fstat_memory;
	io.fstatat = fstatat_memory;
	io.context = file;
	return io;
}

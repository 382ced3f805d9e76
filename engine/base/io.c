#include "build-config.h"

#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST_BUFFER (32u * 1024u)	/* bytes of names asked from the system at a time */
#define INTERRUPTS_MAX 1000		/* in a row; after that something else is wrong */

/* Set @result to that of @call, which is made again where a signal interrupted it. */
#define PATIENTLY(result, call) \
	for (int left = INTERRUPTS_MAX; ((result) = (call)) < 0 && errno == EINTR && left > 0;) \
		left--

/* O_NONBLOCK and O_NOCTTY matter only when something else takes the file's place after fstatat. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static void leave(int dirfd, int at)
{
	const int kept = errno;

	if (at != dirfd && at >= 0)
		close(at);
	errno = kept;
}

/* The folder of the first @len bytes of @path, one component after the other: -1 where one is none,
 * but a link perhaps. */
static int walk(int dirfd, const char *path, size_t len)
{
	struct stat st;
	int at = dirfd;

	for (size_t done = 0; done < len;) {
		char component[NAME_MAX + 1];
		const size_t size = strcspn(path + done, "/");

		snprintf(component, sizeof(component), "%.*s", (int)size, path + done);
		const int next = openat(at, component,
					O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		/* A link is no folder, and not nothing either. */
		if (next < 0 && errno == ENOTDIR)
			errno = fstatat(at, component, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
		leave(dirfd, at);
		if (next < 0)
			return -1;
		at = next;
		done += size + 1;
	}
	return at;
}

/* The same in one call, where the system has it (Linux 5.6). */
static int walk_at_once(int dirfd, const char *path, size_t len)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", (int)len, path);
	return (int)syscall(SYS_openat2, dirfd, folder, &how, sizeof(how));
}

/* Is a component of @path ".." or too long to be a name? */
static bool leads_nowhere(const char *path)
{
	for (const char *name = path; *name; name += strspn(name, "/")) {
		const size_t len = strcspn(name, "/");

		if (len > NAME_MAX || (len == 2 && !memcmp(name, "..", 2)))
			return true;
		name += len;
	}
	return strlen(path) >= PATH_MAX;
}

/* The folder of the last component of @path, which becomes *@name: -1 where one on the way there is
 * no folder, but a link perhaps. The system follows those itself, and another process can put one
 * in a folder's place at any time. To be given back with leave. What a person named, relative to
 * the current folder, is followed wherever it leads. */
static int enter(int dirfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');

	*name = path;
	if (dirfd == AT_FDCWD || !slash)
		return dirfd;
	if (leads_nowhere(path)) {
		errno = ENOENT;
		return -1;
	}
	const size_t len = (size_t)(slash - path);
	*name = slash + 1;
	const int at = walk_at_once(dirfd, path, len);
	if (at >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
		return at;
	return walk(dirfd, path, len);
}

static int system_open(const struct io *io, int dirfd, const char *path, int flags)
{
	const char *name;
	const int at = enter(dirfd, path, &name);
	const int result = at == -1 ? -1 : openat(at, name, flags);

	(void)io;
	leave(dirfd, at);
	return result;
}

static int system_close(const struct io *io, int fd)
{
	(void)io;
	return close(fd);
}

static ssize_t system_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	(void)io;
	return pread(fd, buffer, len, offset);
}

static int system_fstat(const struct io *io, int fd, struct stat *st)
{
	(void)io;
	return fstat(fd, st);
}

static int system_fstatat(const struct io *io, int dirfd, const char *path, struct stat *st,
			  int flags)
{
	const char *name;
	const int at = enter(dirfd, path, &name);
	const int result = at == -1 ? -1 : fstatat(at, name, st, flags);

	(void)io;
	leave(dirfd, at);
	return result;
}

static ssize_t system_getdents64(const struct io *io, int fd, void *buffer, size_t len)
{
	(void)io;
	return getdents64(fd, buffer, len);
}

static int system_create(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	const char *name;
	const int at = enter(dirfd, path, &name);
	const int result = at == -1 ? -1 : openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
						   O_NOFOLLOW, mode);

	(void)io;
	leave(dirfd, at);
	return result;
}

static ssize_t system_pwrite(const struct io *io, int fd, const void *data, size_t len,
			     off_t offset)
{
	(void)io;
	return pwrite(fd, data, len, offset);
}

static int system_ftruncate(const struct io *io, int fd, off_t len)
{
	(void)io;
	return ftruncate(fd, len);
}

static void system_begin_sync(const struct io *io, int fd)
{
	(void)io;
#ifdef SYNC_FILE_RANGE_WRITE
	sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
#endif
}

/* The owner first: a change of it takes rights away. */
static void system_own(const struct io *io, int fd, const struct stat *st, mode_t mode)
{
	const int kept = errno;

	(void)io;
	if (fchown(fd, st->st_uid, st->st_gid) == 0)
		fchmod(fd, mode);
	errno = kept;
}

static int system_fsync(const struct io *io, int fd)
{
	(void)io;
	return fsync(fd);
}

static int system_mkdirat(const struct io *io, int dirfd, const char *path, mode_t mode)
{
	const char *name;
	const int at = enter(dirfd, path, &name);
	const int result = at == -1 ? -1 : mkdirat(at, name, mode);

	(void)io;
	leave(dirfd, at);
	return result;
}

static int system_renameat(const struct io *io, int dirfd, const char *from, const char *to)
{
	const char *old, *new;
	const int at_old = enter(dirfd, from, &old);
	const int at_new = at_old == -1 ? -1 : enter(dirfd, to, &new);
	const int result = at_new == -1 ? -1 : renameat(at_old, old, at_new, new);

	(void)io;
	leave(dirfd, at_old);
	leave(dirfd, at_new);
	return result;
}

static int system_linkat(const struct io *io, int dirfd, const char *from, const char *to)
{
	const char *old, *new;
	const int at_old = enter(dirfd, from, &old);
	const int at_new = at_old == -1 ? -1 : enter(dirfd, to, &new);
	const int result = at_new == -1 ? -1 : linkat(at_old, old, at_new, new, 0);

	(void)io;
	leave(dirfd, at_old);
	leave(dirfd, at_new);
	return result;
}

static int system_unlinkat(const struct io *io, int dirfd, const char *path, int flags)
{
	const char *name;
	const int at = enter(dirfd, path, &name);
	const int result = at == -1 ? -1 : unlinkat(at, name, flags);

	(void)io;
	leave(dirfd, at);
	return result;
}

static int system_fstatvfs(const struct io *io, int fd, struct statvfs *st)
{
	(void)io;
	return fstatvfs(fd, st);
}

const struct io io_system = {
	.open = system_open,
	.close = system_close,
	.pread = system_pread,
	.fstat = system_fstat,
	.fstatat = system_fstatat,
	.getdents64 = system_getdents64,
	.create = system_create,
	.pwrite = system_pwrite,
	.ftruncate = system_ftruncate,
	.fsync = system_fsync,
	.begin_sync = system_begin_sync,
	.own = system_own,
	.mkdirat = system_mkdirat,
	.renameat = system_renameat,
	.linkat = system_linkat,
	.unlinkat = system_unlinkat,
	.fstatvfs = system_fstatvfs,
	.context = NULL,
};

static int open_patiently(const struct io *io, int dirfd, const char *path, int flags)
{
	int fd;

	PATIENTLY(fd, io->open(io, dirfd, path, flags));
	return fd;
}

/* O_NOATIME is for the owner only; the others are answered with EPERM. */
static int open_quietly(const struct io *io, int dirfd, const char *path, int flags)
{
	const int fd = open_patiently(io, dirfd, path, flags | O_NOATIME);

	return fd < 0 && errno == EPERM ? open_patiently(io, dirfd, path, flags) : fd;
}

static enum as_err not_regular(void)
{
	errno = 0;
	return AS_ERR_NOT_REGULAR;
}

enum as_err io_open_file(const struct io *io, int dirfd, const char *path, int *fd,
			 struct stat *st)
{
	struct stat state;

	/* Opening a device or FIFO can have a side effect, so look before touching it. */
	if (io->fstatat(io, dirfd, path, &state, AT_SYMLINK_NOFOLLOW))
		return as_code_of_errno(errno);
	if (!S_ISREG(state.st_mode))
		return not_regular();
	const int opened = open_quietly(io, dirfd, path, OPEN_FLAGS);
	if (opened < 0)
		return errno == ELOOP ? not_regular() : as_code_of_errno(errno);
	if (io->fstat(io, opened, &state)) {
		io_close(io, opened);
		return as_code_of_errno(errno);
	}
	if (!S_ISREG(state.st_mode)) {
		io_close(io, opened);
		return not_regular();
	}
	if (st)
		*st = state;
	*fd = opened;
	return AS_OK;
}

enum as_err io_open_for_lock(const struct io *io, int dirfd, const char *path, bool *may_write,
			     int *fd)
{
	const enum as_err err = io_open_file(io, dirfd, path, fd, NULL);

	if (err || !*may_write)
		return err;
	const int both = open_patiently(io, dirfd, path, (OPEN_FLAGS & ~O_ACCMODE) | O_RDWR);
	*may_write = both >= 0;
	if (both >= 0) {
		io_close(io, *fd);
		*fd = both;
	}
	return AS_OK;
}

enum as_err io_open_repository(const struct io *io, const char *path, int *fd)
{
	*fd = open_patiently(io, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return errno == ENOTDIR ? not_regular() : as_code_of_errno(errno);
	return AS_OK;
}

enum as_err io_open_folder(const struct io *io, int dirfd, const char *path, int *fd)
{
	const int opened = open_quietly(io, dirfd, path, OPEN_FLAGS | O_DIRECTORY);

	if (opened < 0) {
		if (errno == ENOTDIR || errno == ELOOP)
			return not_regular();
		return as_code_of_errno(errno);
	}
	*fd = opened;
	return AS_OK;
}

enum as_err io_ask(const struct io *io, int dirfd, const char *path, bool *is_there,
		   struct stat *st)
{
	*is_there = io->fstatat(io, dirfd, path, st, AT_SYMLINK_NOFOLLOW) == 0;
	const enum as_err err = *is_there ? AS_OK : as_code_of_errno(errno);
	return err == AS_ERR_DOES_NOT_EXIST ? AS_OK : err;
}

void io_close(const struct io *io, int fd)
{
	const int kept = errno;

	/* Not repeated after EINTR: the descriptor is gone and may be somebody else's by now. */
	io->close(io, fd);
	errno = kept;
}

enum as_err io_read_at(const struct io *io, int fd, void *buffer, size_t len, uint64_t offset,
		       size_t *got)
{
	size_t done = 0;
	int interrupts = 0;

	*got = 0;
	if (offset >= INT64_MAX)
		return AS_OK;	/* no file reaches that far */
	if (len > INT64_MAX - offset)
		len = (size_t)(INT64_MAX - offset);
	while (done < len) {
		const ssize_t n = io->pread(io, fd, (uint8_t *)buffer + done, len - done,
					    (off_t)(offset + done));

		if (n == 0)
			break;
		if (n < 0 && errno == EINTR && interrupts++ < INTERRUPTS_MAX)
			continue;
		if (n < 0)
			return AS_ERR_IO;
		interrupts = 0;
		done += (size_t)n;
		*got = done;
	}
	return AS_OK;
}

enum as_err io_read_twice(const struct io *io, int fd, void *buffer, size_t len, uint64_t offset,
			  size_t *got, uint64_t *doubt)
{
	size_t more;
	enum as_err err = io_read_at(io, fd, buffer, len, offset, got);

	while (err) {
		const uint64_t refused = offset + *got;

		err = io_read_at(io, fd, (uint8_t *)buffer + *got, len - *got, refused, &more);
		*got += more;
		if (err && more == 0)
			return err;
		if (refused < *doubt)
			*doubt = refused;
	}
	return AS_OK;
}

enum as_err io_read_file(const struct io *io, int dirfd, const char *path, size_t max,
			 uint8_t **data, size_t *len)
{
	int fd;
	struct stat st;
	uint8_t *bytes = NULL;

	enum as_err err = io_open_file(io, dirfd, path, &fd, &st);
	if (err)
		return err;
	const size_t size = (size_t)st.st_size;
	if ((uint64_t)st.st_size > max)
		err = AS_ERR_LIMIT;
	else if (!(bytes = malloc(size + 1)))
		err = AS_ERR_MEMORY;
	else
		err = io_read_at(io, fd, bytes, size, 0, len);
	io_close(io, fd);
	if (err) {
		free(bytes);
		return err;
	}
	bytes[*len] = 0;
	*data = bytes;
	return AS_OK;
}

static enum io_kind kind_of_name(const struct io *io, int fd, const struct dirent64 *entry)
{
	mode_t mode = (mode_t)DTTOIF(entry->d_type);
	struct stat st;

	if (entry->d_type == DT_UNKNOWN) {
		if (io->fstatat(io, fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return IO_KIND_UNKNOWN;
		mode = st.st_mode;
	}
	if (S_ISREG(mode))
		return IO_KIND_FILE;
	return S_ISDIR(mode) ? IO_KIND_FOLDER : IO_KIND_OTHER;
}

static enum as_err list_opened(const struct io *io, int fd,
			       enum as_err (*each)(void *context, const char *name,
						   enum io_kind kind),
			       void *context)
{
	_Alignas(struct dirent64) char buffer[LIST_BUFFER];
	ssize_t len;

	while ((len = io->getdents64(io, fd, buffer, sizeof(buffer))) > 0) {
		const struct dirent64 *entry;

		for (ssize_t at = 0; at < len; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)(buffer + at);
			if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
				continue;
			const enum io_kind kind = kind_of_name(io, fd, entry);
			const enum as_err err = each(context, entry->d_name, kind);
			if (err)
				return err;
		}
	}
	return len < 0 ? AS_ERR_IO : AS_OK;
}

enum as_err io_list(const struct io *io, int fd,
		    enum as_err (*each)(void *context, const char *name, enum io_kind kind),
		    void *context)
{
	/* A duplicate would share the place in the listing with @fd; a new one does not. */
	const int own = open_quietly(io, fd, ".", OPEN_FLAGS | O_DIRECTORY);

	if (own < 0)
		return AS_ERR_IO;
	const enum as_err err = list_opened(io, own, each, context);
	io_close(io, own);
	return err;
}

enum as_err io_free_space(const struct io *io, int fd, uint64_t *bytes)
{
	struct statvfs st;

	if (io->fstatvfs(io, fd, &st))
		return AS_ERR_IO;
	if (st.f_blocks == 0) {
		errno = ENOTSUP;
		return AS_ERR_IO;
	}
	*bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return AS_OK;
}

/* ---- changing ---- */

struct permit {
	const struct io *io;
	int repo_fd;
	mode_t file_mode, folder_mode;
	bool gives;		/* what is made, to the owner and group in: */
	struct stat owner;
};

struct permit *io_grant_permit(const struct io *io, int repo_fd, mode_t file_mode)
{
	struct permit *permit = malloc(sizeof(*permit));
	if (!permit)
		return NULL;
	file_mode &= 0666;
	/* Who may read a folder may search it. */
	*permit = (struct permit){
		.io = io, .repo_fd = repo_fd, .file_mode = file_mode | 0600,
		.folder_mode = file_mode | (file_mode & 0444) >> 2 | 0700,
	};
	return permit;
}

void io_give_to(struct permit *permit, const struct stat *st)
{
	permit->gives = permit->io->own != NULL;
	permit->owner = *st;
}

void io_revoke_permit(struct permit *permit)
{
	free(permit);
}

const struct io *io_of(const struct permit *permit)
{
	return permit->io;
}

int io_folder_of(const struct permit *permit)
{
	return permit->repo_fd;
}

static enum as_err code_of(int result)
{
	return result < 0 ? as_code_of_errno(errno) : AS_OK;
}

enum as_err io_create_file(const struct permit *permit, const char *path, int *fd)
{
	const struct io *io = permit->io;

	PATIENTLY(*fd, io->create(io, permit->repo_fd, path, permit->file_mode));
	if (*fd >= 0 && permit->gives)
		io->own(io, *fd, &permit->owner, permit->file_mode);
	return code_of(*fd);
}

enum as_err io_reopen_file(const struct permit *permit, const char *path, int *fd)
{
	const struct io *io = permit->io;
	struct stat state;

	/* As io_open_file: look before touching what may be no file. */
	*fd = -1;
	if (io->fstatat(io, permit->repo_fd, path, &state, AT_SYMLINK_NOFOLLOW))
		return as_code_of_errno(errno);
	if (!S_ISREG(state.st_mode))
		return not_regular();
	*fd = open_patiently(io, permit->repo_fd, path,
			     O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	return code_of(*fd);
}

enum as_err io_write_at(const struct permit *permit, int fd, const void *data, size_t len,
			uint64_t offset)
{
	const struct io *io = permit->io;
	size_t done = 0;
	int interrupts = 0;

	while (done < len) {
		const ssize_t n = io->pwrite(io, fd, (const uint8_t *)data + done, len - done,
					     (off_t)(offset + done));

		if (n < 0 && errno == EINTR && interrupts++ < INTERRUPTS_MAX)
			continue;
		if (n == 0)
			errno = ENOSPC;	/* no system says so, and none may make this a loop */
		if (n <= 0)
			return as_code_of_errno(errno);
		interrupts = 0;
		done += (size_t)n;
	}
	return AS_OK;
}

enum as_err io_truncate(const struct permit *permit, int fd, uint64_t len)
{
	int result;

	PATIENTLY(result, permit->io->ftruncate(permit->io, fd, (off_t)len));
	return code_of(result);
}

enum as_err io_sync(const struct permit *permit, int fd)
{
	int result;

	PATIENTLY(result, permit->io->fsync(permit->io, fd));
	return code_of(result);
}

void io_begin_sync(const struct permit *permit, int fd)
{
	if (permit->io->begin_sync)
		permit->io->begin_sync(permit->io, fd);
}

enum as_err io_sync_folder(const struct permit *permit, const char *path)
{
	int fd;

	enum as_err err = io_open_folder(permit->io, permit->repo_fd, path, &fd);
	if (err)
		return err;
	err = io_sync(permit, fd);
	if (err && (errno == EINVAL || errno == ENOTSUP || errno == ENOSYS))
		err = AS_OK;
	io_close(permit->io, fd);
	return err;
}

enum as_err io_make_folder(const struct permit *permit, const char *path)
{
	const struct io *io = permit->io;
	const enum as_err err =
		code_of(io->mkdirat(io, permit->repo_fd, path, permit->folder_mode));
	int fd;

	if (!err && permit->gives && !io_open_folder(io, permit->repo_fd, path, &fd)) {
		io->own(io, fd, &permit->owner, permit->folder_mode);
		io_close(io, fd);
	}
	return err;
}

enum as_err io_rename(const struct permit *permit, const char *from, const char *to)
{
	return code_of(permit->io->renameat(permit->io, permit->repo_fd, from, to));
}

enum as_err io_link(const struct permit *permit, const char *from, const char *to)
{
	return code_of(permit->io->linkat(permit->io, permit->repo_fd, from, to));
}

enum as_err io_remove_file(const struct permit *permit, const char *path)
{
	return code_of(permit->io->unlinkat(permit->io, permit->repo_fd, path, 0));
}

enum as_err io_remove_folder(const struct permit *permit, const char *path)
{
	return code_of(permit->io->unlinkat(permit->io, permit->repo_fd, path, AT_REMOVEDIR));
}

bool io_clear_way(const struct permit *permit, const char *path)
{
	const int code = errno;
	const bool is_refused = code == EEXIST || code == EPERM || code == EACCES ||
				code == EINVAL || code == EIO || code == EMLINK ||
				code == ENOTSUP || code == ENOSYS;
	struct stat st;
	bool is_there;
	const bool is_cleared =
		is_refused &&
		!io_ask(permit->io, permit->repo_fd, path, &is_there, &st) && is_there &&
		S_ISREG(st.st_mode) && !io_remove_file(permit, path);

	errno = code;
	return is_cleared;
}

/* Remove what a failure left, as far as that is possible; errno stays that of the failure. */
static void remove_rest(const struct permit *permit, const char *path)
{
	const int kept = errno;
	io_remove_file(permit, path);
	errno = kept;
}

enum as_err io_write_file(const struct permit *permit, const char *path,
			  enum as_err (*write)(void *context, const struct permit *permit,
					       int fd),
			  void *context)
{
	int fd;
	enum as_err err = io_create_file(permit, path, &fd);
	if (err == AS_ERR_ALREADY_EXISTS) {
		err = io_remove_file(permit, path);
		if (!err)
			err = io_create_file(permit, path, &fd);
	}
	if (err)
		return err;
	err = write(context, permit, fd);
	if (!err)
		err = io_sync(permit, fd);
	io_close(permit->io, fd);
	if (err)
		remove_rest(permit, path);
	return err;
}

enum as_err io_replace_file(const struct permit *permit, const char *path, const char *temporary,
			    enum as_err (*write)(void *context, const struct permit *permit,
						 int fd),
			    void *context)
{
	enum as_err err = io_write_file(permit, temporary, write, context);
	if (err)
		return err;
	err = io_rename(permit, temporary, path);
	if (err)
		remove_rest(permit, temporary);
	return err;
}

struct bytes {
	const void *bytes;
	size_t len;
};

static enum as_err write_bytes(void *context, const struct permit *permit, int fd)
{
	const struct bytes *all = context;

	return io_write_at(permit, fd, all->bytes, all->len, 0);
}

enum as_err io_write_bytes(const struct permit *permit, const char *path, const void *bytes,
			   size_t len)
{
	struct bytes all = { bytes, len };

	return io_write_file(permit, path, write_bytes, &all);
}

enum as_err io_replace_bytes(const struct permit *permit, const char *path, const char *temporary,
			     const void *bytes, size_t len)
{
	struct bytes all = { bytes, len };

	return io_replace_file(permit, path, temporary, write_bytes, &all);
}

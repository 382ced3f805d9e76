/* engine/base/io.h - the one seam between the engine and the system.
 *
 * Every access to a repository goes through a struct io, so that a test can put another one
 * there: one that refuses a range of a file, cuts reads short, fails the n-th change, or counts.
 * This is also the only module that changes a file, and it does so only for who holds a permit.
 *
 * Files are read with pread, never through a memory map: a bad sector is then an EIO at a
 * known offset and not a SIGBUS.
 *
 * No link is followed below a repository's folder, in no component of a path, also when it is put
 * there a moment before: another process that may write there cannot lead the program elsewhere.
 */
#ifndef ATTICSCOPE_IO_H
#define ATTICSCOPE_IO_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

/* The system calls, replaceable. Each behaves as the call of its name, errno included.
 * All are called from several threads at once. */
struct io {
	int (*open)(const struct io *io, int dirfd, const char *path, int flags);
	int (*close)(const struct io *io, int fd);
	ssize_t (*pread)(const struct io *io, int fd, void *buffer, size_t len, off_t offset);
	int (*fstat)(const struct io *io, int fd, struct stat *st);
	int (*fstatat)(const struct io *io, int dirfd, const char *path, struct stat *st,
		       int flags);
	ssize_t (*getdents64)(const struct io *io, int fd, void *buffer, size_t len);

	/* What changes something. create is openat with O_CREAT | O_EXCL | O_RDWR. */
	int (*create)(const struct io *io, int dirfd, const char *path, mode_t mode);
	ssize_t (*pwrite)(const struct io *io, int fd, const void *data, size_t len, off_t offset);
	int (*ftruncate)(const struct io *io, int fd, off_t len);
	int (*fsync)(const struct io *io, int fd);
	int (*mkdirat)(const struct io *io, int dirfd, const char *path, mode_t mode);
	int (*renameat)(const struct io *io, int dirfd, const char *from, const char *to);
	int (*linkat)(const struct io *io, int dirfd, const char *from, const char *to);
	int (*unlinkat)(const struct io *io, int dirfd, const char *path, int flags);
	int (*fstatvfs)(const struct io *io, int fd, struct statvfs *st);
	/* Aids that promise nothing; may be NULL. own gives an open file or folder to @st's owner
	 * and group, with the rights in @mode. */
	void (*begin_sync)(const struct io *io, int fd);
	void (*own)(const struct io *io, int fd, const struct stat *st, mode_t mode);
	void *context;		/* belongs to the maker of this struct */
};

/* The real system. Lives for ever. */
extern const struct io io_system;

/* Open the regular file @path below @dirfd for reading and store its descriptor in *@fd (the
 * caller closes it with io_close) and, unless @st is NULL, its state. Links are not followed,
 * nothing that could block or have a side effect is opened, and the access time is left alone where
 * the system allows it.
 * AS_ERR_DOES_NOT_EXIST, AS_ERR_DENIED, AS_ERR_NOT_REGULAR, AS_ERR_IO. errno says why; it is 0
 * with AS_ERR_NOT_REGULAR, where the system refused nothing. */
enum as_err io_open_file(const struct io *io, int dirfd, const char *path, int *fd,
			 struct stat *st);

/* The same, also for writing where @may_write and the system allows it (*@may_write says so then):
 * an exclusive lock needs such a descriptor. Nothing is ever written through it. */
enum as_err io_open_for_lock(const struct io *io, int dirfd, const char *path, bool *may_write,
			     int *fd);

/* Open the folder @path that the person gave, as it is given: the way to it may lead through links.
 * AS_ERR_NOT_REGULAR: it is no folder. */
enum as_err io_open_repository(const struct io *io, const char *path, int *fd);

/* The same as io_open_file for a folder; a link to a folder is refused (AS_ERR_NOT_REGULAR). */
enum as_err io_open_folder(const struct io *io, int dirfd, const char *path, int *fd);

void io_close(const struct io *io, int fd);

/* Does @path exist? Links are not followed. AS_OK sets *@is_there, and *@st where it exists; any
 * other code (AS_ERR_IO, AS_ERR_DENIED) means unknown, not absent. */
enum as_err io_ask(const struct io *io, int dirfd, const char *path, bool *is_there,
		   struct stat *st);

/* Read @len bytes at @offset, through interrupted and short reads, until @len are there, the
 * file ends or reading fails. *@got is the number of good bytes in @buffer in every case.
 * AS_OK: all, or fewer because the file ends. AS_ERR_IO: the byte at @offset + *@got could not be
 * read; errno says why. */
enum as_err io_read_at(const struct io *io, int fd, void *buffer, size_t len, uint64_t offset,
		       size_t *got);

/* The same, but where reading fails the place is read a second time. Where the second reading gives
 * what the first did not, *@doubt becomes that offset, unless it is lower already. */
enum as_err io_read_twice(const struct io *io, int fd, void *buffer, size_t len, uint64_t offset,
			  size_t *got, uint64_t *doubt);
#define IO_NO_DOUBT UINT64_MAX

/* Read a whole small file (config, hints) into fresh memory that the caller frees; one NUL is put
 * behind it and not counted. AS_ERR_LIMIT when it is larger than @max bytes, else as io_open_file
 * and io_read_at, AS_ERR_MEMORY. */
enum as_err io_read_file(const struct io *io, int dirfd, const char *path, size_t max,
			 uint8_t **data, size_t *len);

/* Kinds of folder entries, as far as the listing itself tells. */
enum io_kind { IO_KIND_UNKNOWN, IO_KIND_FILE, IO_KIND_FOLDER, IO_KIND_OTHER };

/* Call @each for every name in the open folder @fd but "." and "..", in the system's order. May be
 * called for one @fd again and again, and by several threads: each call has a place of its own in
 * the listing. A non-zero return of @each ends the walk and is returned. The kind is asked from the
 * system only when the listing does not carry it. AS_ERR_IO when the folder cannot be read (to its
 * end); errno says why. */
enum as_err io_list(const struct io *io, int fd,
		    enum as_err (*each)(void *context, const char *name, enum io_kind kind),
		    void *context);

/* Bytes that can still be written to the file system of the open @fd, by who asks. AS_ERR_IO: it
 * cannot be known. Some file systems (rclone, other FUSE) give 0 blocks of 0. */
enum as_err io_free_space(const struct io *io, int fd, uint64_t *bytes);

/* ---- changing ----
 *
 * The right to change what lies below one repository folder. Code without a permit cannot call what
 * follows. The upgrade of the lock (repo/lock.h) gives one, and the making of a new repository;
 * nobody else does. Paths are relative to the repository folder. No function follows a link, or
 * replaces what it did not name. Nothing is durable before a sync says so.
 *
 * All return the code of as_code_of_errno, with errno. */
struct permit;

/* For repo/lock.c and repo/create.c alone. @repo_fd stays the caller's and must outlive the permit.
 * New files and folders get at most the rights in @file_mode (0666 and less) and those that follow
 * from it for a folder. NULL: out of memory. */
struct permit *io_grant_permit(const struct io *io, int repo_fd, mode_t file_mode);
/* Give what is made to the owner and group in @st, with exactly the rights of the permit, as far as
 * the file system allows it. For repo/lock.c, where root changes what may be another user's. */
void io_give_to(struct permit *permit, const struct stat *st);
void io_revoke_permit(struct permit *permit);

/* The io behind @permit, for reading. */
const struct io *io_of(const struct permit *permit);
int io_folder_of(const struct permit *permit);	/* the repository folder */

/* Make a new empty file, open for reading and writing: *@fd is the caller's to close. What is
 * already there, whatever it is, is an error: AS_ERR_ALREADY_EXISTS. */
enum as_err io_create_file(const struct permit *permit, const char *path, int *fd);

/* Open a regular file that is there for reading and writing. */
enum as_err io_reopen_file(const struct permit *permit, const char *path, int *fd);

/* Write all @len bytes at @offset, through interrupted and short writes. After an error any part of
 * them may have been written; the same call may be tried again. */
enum as_err io_write_at(const struct permit *permit, int fd, const void *data, size_t len,
			uint64_t offset);

enum as_err io_truncate(const struct permit *permit, int fd, uint64_t len);

/* Make the file's bytes and length durable. After an error nothing is known of either, and a second
 * call proves nothing. */
enum as_err io_sync(const struct permit *permit, int fd);

/* Have the disk begin with what io_sync will wait for, as far as the system can. Whatever goes
 * wrong io_sync tells. */
void io_begin_sync(const struct permit *permit, int fd);

/* Make the names in a folder durable; "." is the repository folder. A file system that does not
 * know the call (EINVAL, ENOTSUP, ENOSYS) has nothing better to offer: that is no error. */
enum as_err io_sync_folder(const struct permit *permit, const char *path);

enum as_err io_make_folder(const struct permit *permit, const char *path);
enum as_err io_rename(const struct permit *permit, const char *from, const char *to);
enum as_err io_link(const struct permit *permit, const char *from, const char *to);
enum as_err io_remove_file(const struct permit *permit, const char *path);
enum as_err io_remove_folder(const struct permit *permit, const char *path);

/* After a failed call that renames a file to @path: some file systems (sshfs to a server without
 * posix-rename, other FUSE) refuse that where a file of this name is there. If it was that, by
 * errno, remove the file at @path and return true: the same call may be tried again. A crash
 * between the two leaves no file at @path. Else errno is kept. */
bool io_clear_way(const struct permit *permit, const char *path);

/* Make the file @path and have @write put the bytes into it; they are durable then, the name is not
 * before a sync of the folder. A file that is there is removed first. After an error there is none,
 * as far as that is possible. */
enum as_err io_write_file(const struct permit *permit, const char *path,
			  enum as_err (*write)(void *context, const struct permit *permit,
					       int fd),
			  void *context);

/* The same, where all of the file is the @len bytes @bytes. */
enum as_err io_write_bytes(const struct permit *permit, const char *path, const void *bytes,
			   size_t len);

/* io_write_file of @temporary, which then takes the place of @path by its name. */
enum as_err io_replace_file(const struct permit *permit, const char *path, const char *temporary,
			    enum as_err (*write)(void *context, const struct permit *permit,
						 int fd),
			    void *context);

/* The same, where all of the file is the @len bytes @bytes. */
enum as_err io_replace_bytes(const struct permit *permit, const char *path, const char *temporary,
			     const void *bytes, size_t len);

#endif

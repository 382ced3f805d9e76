/* engine/io.h - the one seam between the engine and the system.
 *
 * Every access to a repository goes through a struct io, so that a test can put another one
 * there: one that refuses a range of a file, cuts reads short, or counts them. This is also
 * the only module that will ever change a file; today it has no function that does.
 *
 * Files are read with pread, never through a memory map: a bad sector is then an EIO at a
 * known offset and not a SIGBUS.
 */
#ifndef ATTICSCOPE_IO_H
#define ATTICSCOPE_IO_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
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
	void *context;		/* belongs to whoever made this struct */
};

/* The real system. Lives for ever. */
extern const struct io io_system;

/* Open the regular file @path below @dirfd for reading and store its descriptor in *@fd (the
 * caller closes it with io_close) and, unless @st is NULL, its state. Links are not followed in
 * the last component, nothing that could block or have a side effect is opened, and the access
 * time is left alone where the system allows it.
 * AS_ERR_DOES_NOT_EXIST, AS_ERR_DENIED, AS_ERR_NOT_REGULAR, AS_ERR_IO. errno says why; it is 0
 * with AS_ERR_NOT_REGULAR, where the system refused nothing. */
enum as_err io_open_file(const struct io *io, int dirfd, const char *path, int *fd,
			 struct stat *st);

/* The same for a folder; a link to a folder is refused (AS_ERR_NOT_REGULAR). */
enum as_err io_open_folder(const struct io *io, int dirfd, const char *path, int *fd);

void io_close(const struct io *io, int fd);

/* Read @len bytes at @offset, through interrupted and short reads, until @len are there, the
 * file ends or the system refuses. *@got is the number of good bytes in @buffer in every case.
 * AS_OK: all, or fewer because the file ends. AS_ERR_IO: the byte at @offset + *@got could not be
 * read; errno says why. */
enum as_err io_read_at(const struct io *io, int fd, void *buffer, size_t len, uint64_t offset,
		       size_t *got);

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

#endif

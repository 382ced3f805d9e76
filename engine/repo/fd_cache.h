/* engine/repo/fd_cache.h - segment files kept open for reading: at most a fixed number; the least
 * recently used is closed first.
 *
 * Source: attic/lrucache.py and LoggedIO.get_fd. Unlike there a file that was deleted or replaced
 * since it was opened is never served: each use asks the system whether the file still has a name.
 */
#ifndef ATTICSCOPE_FD_CACHE_H
#define ATTICSCOPE_FD_CACHE_H

#include "base/io.h"

#define FD_CACHE_DEFAULT 100u	/* LoggedIO's capacity */

struct cached_fd {
	uint32_t segment;
	int fd;
	uint64_t used;		/* when, in uses */
};

struct fd_cache {
	const struct io *io;
	struct cached_fd *rows;
	size_t count, capacity;
	uint64_t uses;
};

/* At most @capacity open files; 0: FD_CACHE_DEFAULT. AS_ERR_MEMORY. */
enum as_err fd_cache_init(struct fd_cache *cache, const struct io *io, unsigned capacity);
void fd_cache_free(struct fd_cache *cache);

/* A descriptor of segment @number, the file @path below @dirfd, and its length in bytes now. It is
 * lent until the next call. Codes of io_open_file, AS_ERR_IO. */
enum as_err fd_cache_get(struct fd_cache *cache, int dirfd, const char *path, uint32_t number,
			 int *fd, uint64_t *length);

/* Close what is open of segment @number. */
void fd_cache_close(struct fd_cache *cache, uint32_t number);

#endif

/* engine/repo/fd_cache.h - segment files kept open for reading: a bounded number, the longest
 * unused goes first.
 *
 * Source: attic/lrucache.py and LoggedIO.get_fd. Unlike there a file that was deleted or replaced
 * since it was opened is never served: each use asks the system whether the file still has a name.
 */
#ifndef ATTICSCOPE_FD_CACHE_H
#define ATTICSCOPE_FD_CACHE_H

#include "base/io.h"

#define DESCRIPTORS_DEFAULT 100u	/* LoggedIO's capacity */

struct descriptor {
	uint32_t segment;
	int fd;
	uint64_t used;		/* when, in uses */
};

struct descriptors {
	const struct io *io;
	struct descriptor *rows;
	size_t count, capacity;
	uint64_t uses;
};

/* At most @capacity open files; 0: DESCRIPTORS_DEFAULT. AS_ERR_MEMORY. */
enum as_err descriptors_init(struct descriptors *descriptors, const struct io *io,
			     unsigned capacity);
void descriptors_free(struct descriptors *descriptors);

/* A descriptor of segment @number, the file @path below @dirfd, and its length in bytes now. It is
 * lent until the next call. Codes of io_open_file, AS_ERR_IO. */
enum as_err descriptors_get(struct descriptors *descriptors, int dirfd, const char *path,
			    uint32_t number, int *fd, uint64_t *length);

/* Close what is open of segment @number. */
void descriptors_drop(struct descriptors *descriptors, uint32_t number);

#endif

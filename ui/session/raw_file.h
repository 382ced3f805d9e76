/* ui/session/raw_file.h - the bytes of a segment or of the index as they are on the disk, through
 * the repo's struct io. It may wait for a disk, so the thread that draws must not call it. */
#ifndef ATTICSCOPE_RAW_FILE_H
#define ATTICSCOPE_RAW_FILE_H

#include "engine/repo/repo.h"

struct raw {
	const struct io *io;
	int fd;
	bool borrowed;		/* fd belongs to the repo */
	uint64_t length;	/* bytes */
};

/* Open the segment at @position of the listing or, at RAW_INDEX, use the index file that the repo
 * has open. AS_ERR_DOES_NOT_EXIST: there is no usable index. Close it with raw_close. */
#define RAW_INDEX (LISTING_NONE - 1)
enum as_err raw_open(const struct repo *repo, size_t position, struct raw *raw);
void raw_close(struct raw *raw);

/* Read bytes at @offset. Returns how many are good: fewer than @len at the end of the file or
 * before a bad sector. */
size_t raw_read(const struct raw *raw, uint64_t offset, void *buffer, size_t len);

/* Read the header at @offset of an entry that is known to be intact. Checks only that there are as
 * many bytes as its tag requires. */
bool raw_read_header(const struct raw *raw, uint64_t offset, struct segment_entry *entry);

#endif

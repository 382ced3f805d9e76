/* ui/session/raw_file.h - the bytes of a segment or of the index as they lie on the disk, through
 * the repo's struct io. May wait for a disk: not for the thread that draws. */
#ifndef ATTICSCOPE_RAW_FILE_H
#define ATTICSCOPE_RAW_FILE_H

#include "engine/repo/repo.h"

struct raw {
	const struct io *io;
	int fd;
	bool borrowed;		/* fd is the repo's own */
	uint64_t length;	/* bytes */
};

/* Open the segment at @position of the listing; raw_close ends it. */
enum as_err raw_open(const struct repo *repo, size_t position, struct raw *raw);

/* The index file, which the repo has open. AS_ERR_DOES_NOT_EXIST: it is not usable. */
enum as_err raw_open_index(const struct repo *repo, struct raw *raw);
void raw_close(struct raw *raw);

/* Good bytes at @offset, fewer than @len at the end of the file or before a bad sector. */
size_t raw_read(const struct raw *raw, uint64_t offset, void *buffer, size_t len);

/* The header at @offset, of an entry that is known to be whole: nothing is checked again but that
 * there are as many bytes as its tag asks for. */
bool raw_read_header(const struct raw *raw, uint64_t offset, struct segment_entry *entry);

#endif

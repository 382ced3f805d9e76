/* tests/fuzz/archive.h - a repository in one piece: all of its files, one behind the other.
 *
 *   u8 length of the path, path, u24le length of the bytes, bytes
 *
 * What does not fit any more is cut off: all bytes are an archive. */
#ifndef ATTICSCOPE_TESTS_ARCHIVE_H
#define ATTICSCOPE_TESTS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_HEAD(path_len) (1 + (size_t)(path_len) + 3)

struct archive_file {
	char path[256];
	size_t begin;		/* of the file's record, from the beginning of the archive */
	size_t bytes;		/* of its bytes, likewise */
	size_t len;
};

/* The file whose record begins at *@at, which is moved behind it. False at the end. */
bool archive_next(const uint8_t *data, size_t size, size_t *at, struct archive_file *file);

/* Write the head of a record to @out, which has room for it; the bytes go behind. */
size_t archive_write_head(const char *path, size_t len, uint8_t *out);

#endif

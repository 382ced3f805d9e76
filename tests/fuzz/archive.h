/* tests/fuzz/archive.h - a repository in one piece: all of its files, one after the other.
 *
 *   u8 length of the path, path, u24le length of the bytes, bytes
 *
 * A record that does not fit is cut off, so that any bytes are an archive. */
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

/* Read the file whose record begins at *@at, and move *@at behind it. False at the end. */
bool archive_next(const uint8_t *data, size_t size, size_t *at, struct archive_file *file);

/* Write the head of a record to @out, which has room for it; the bytes follow it. */
size_t archive_write_head(const char *path, size_t len, uint8_t *out);

#endif

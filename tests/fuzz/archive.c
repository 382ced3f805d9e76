#include "build-config.h"

#include "tests/fuzz/archive.h"

#include <string.h>

bool archive_next(const uint8_t *data, size_t size, size_t *at, struct archive_file *file)
{
	const size_t left = *at < size ? size - *at : 0;
	if (left == 0 || left < ARCHIVE_HEAD(data[*at]))
		return false;
	const uint8_t *head = data + *at;
	const size_t path_len = head[0];
	const uint8_t *len = head + 1 + path_len;
	*file = (struct archive_file){ .begin = *at };
	memcpy(file->path, head + 1, path_len);
	file->bytes = *at + ARCHIVE_HEAD(path_len);
	file->len = (size_t)len[0] | (size_t)len[1] << 8 | (size_t)len[2] << 16;
	if (file->len > size - file->bytes)
		file->len = size - file->bytes;
	*at = file->bytes + file->len;
	return true;
}

size_t archive_write_head(const char *path, size_t len, uint8_t *out)
{
	const size_t path_len = strlen(path);
	out[0] = (uint8_t)path_len;
	memcpy(out + 1, path, path_len);
	for (unsigned i = 0; i < 3; i++)
		out[1 + path_len + i] = (uint8_t)(len >> 8 * i);
	return ARCHIVE_HEAD(path_len);
}

#include "build-config.h"

#include "session/raw_file.h"

#include <string.h>

enum as_err raw_open(const struct repo *repo, size_t position, struct raw *raw)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	*raw = (struct raw){ .io = repo->io, .fd = -1 };
	if (position == RAW_INDEX) {
		raw->fd = repo->index.fd;
		raw->borrowed = true;
		raw->length = repo->index.length;
		return raw->fd >= 0 ? AS_OK : AS_ERR_DOES_NOT_EXIST;
	}
	listing_path(&repo->listing, position, path);
	const enum as_err err = io_open_file(repo->io, repo->fd, path, &raw->fd, &st);
	if (err == AS_OK)
		raw->length = (uint64_t)st.st_size;
	return err;
}

void raw_close(struct raw *raw)
{
	if (raw->fd >= 0 && !raw->borrowed)
		io_close(raw->io, raw->fd);
	raw->fd = -1;
}

size_t raw_read(const struct raw *raw, uint64_t offset, void *buffer, size_t len)
{
	size_t got;
	io_read_at(raw->io, raw->fd, buffer, len, offset, &got);
	return got;
}

bool raw_read_header(const struct raw *raw, uint64_t offset, struct segment_entry *entry)
{
	uint8_t bytes[SEGMENT_KEYED];
	const size_t got = raw_read(raw, offset, bytes, sizeof(bytes));
	if (got < SEGMENT_HEADER)
		return false;
	*entry = (struct segment_entry){
		.offset = offset, .has_header = true, .crc_stored = get_u32le(bytes),
		.crc_computed = get_u32le(bytes), .size = get_u32le(bytes + 4),
		.raw_size = get_u32le(bytes + 4), .tag = bytes[8], .raw_tag = bytes[8],
	};
	entry->has_key = entry->tag != SEGMENT_COMMIT && got == sizeof(bytes);
	if (entry->has_key)
		memcpy(entry->key, bytes + SEGMENT_HEADER, KEY_SIZE);
	return entry->has_key || entry->tag == SEGMENT_COMMIT;
}

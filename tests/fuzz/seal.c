#include "build-config.h"

#include "tests/fuzz/seal.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#define MAGIC 8u
#define HEADER 9u
#define INDEX_START 18u
#define BUCKET 40u

uint32_t seal_read(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void seal_write(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

uint32_t seal_crc(const uint8_t *bytes, size_t len)
{
	return (uint32_t)crc32(0, bytes, (uInt)len);
}

size_t seal_entry_size(const uint8_t *bytes, size_t len, size_t at)
{
	if (at > len || len - at < HEADER)
		return 0;
	const uint32_t size = seal_read(bytes + at + 4);
	return size >= HEADER && size <= len - at ? size : 0;
}

void seal_segment(uint8_t *bytes, size_t len)
{
	size_t size;
	for (size_t at = MAGIC; (size = seal_entry_size(bytes, len, at)) > 0; at += size)
		seal_write(bytes + at, seal_crc(bytes + at + 4, size - 4));
}

void seal_index(uint8_t *bytes, size_t len)
{
	if (len < INDEX_START + BUCKET)
		return;
	const uint32_t buckets = (uint32_t)((len - INDEX_START) / BUCKET);
	uint32_t used = 0;
	for (uint32_t i = 0; i < buckets; i++)
		used += seal_read(bytes + INDEX_START + i * BUCKET + 32) < 0xfffffffe;
	memcpy(bytes, "ATTICIDX", 8);
	seal_write(bytes + 8, used);
	seal_write(bytes + 12, buckets);
	bytes[16] = 32;
	bytes[17] = 8;
}

void seal_manifest(uint8_t *bytes, size_t len)
{
	static const char first[] = "atticscope-undo 1\n";
	char last[sizeof("end 01234567\n")];
	const size_t end = sizeof(last) - 1;
	if (len < sizeof(first) - 1 + end)
		return;
	memcpy(bytes, first, sizeof(first) - 1);
	snprintf(last, sizeof(last), "end %08x\n", (unsigned)seal_crc(bytes, len - end));
	memcpy(bytes + len - end, last, end);
}

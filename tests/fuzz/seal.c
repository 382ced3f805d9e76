#include "build-config.h"

#include "tests/fuzz/seal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
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
	if (memcmp(bytes, "BORG_IDX", 8) != 0)
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

/* The 16 digits behind @label, the first from @from on. */
static void write_digest(uint8_t *bytes, size_t size, size_t from, const char *label,
			 XXH64_hash_t digest)
{
	char text[17];
	uint8_t *at = from < size ? memmem(bytes + from, size - from, label, strlen(label)) : NULL;
	if (!at || (size_t)(bytes + size - at) < strlen(label) + 16)
		return;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)digest);
	memcpy(at + strlen(label), text, 16);
}

void seal_digests(uint8_t *bytes, size_t size, const char *name, const uint8_t *file, size_t len)
{
	const bool is_index = strncmp(name, "index", 5) == 0;
	const char *part = is_index ? "\xa5index" : "\xa5hints";
	const uint8_t *begin = memmem(bytes, size, part, strlen(part));
	const size_t head = is_index && len > INDEX_START ? INDEX_START : 0;
	XXH64_state_t *hash = XXH64_createState();
	char text[64];
	if (hash && begin) {
		const size_t from = (size_t)(begin - bytes);
		XXH64_reset(hash, 0);
		snprintf(text, sizeof(text), "%10zu%.40s", strlen(name), name);
		XXH64_update(hash, text, strlen(text));
		XXH64_update(hash, file, head);
		if (is_index) {
			XXH64_update(hash, "        10HashHeader18", 22);
			write_digest(bytes, size, from, "HashHeader\": \"", XXH64_digest(hash));
		}
		XXH64_update(hash, file + head, len - head);
		snprintf(text, sizeof(text), "         5final%zu", len);
		XXH64_update(hash, text, strlen(text));
		write_digest(bytes, size, from, "final\": \"", XXH64_digest(hash));
	}
	XXH64_freeState(hash);
}

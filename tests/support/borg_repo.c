#include "build-config.h"

#include "tests/support/borg_repo.h"

#include "tests/support/borg_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void path_of(const struct builder *builder, const char *name, char out[BUILDER_PATH])
{
	char file[48];
	snprintf(file, sizeof(file), "%s.%u", name, builder_head(builder));
	builder_path(builder, file, out);
}

void borg_repo_config(const struct builder *builder, const char *lines)
{
	char path[BUILDER_PATH], text[1024];
	size_t len;
	builder_path(builder, "config", path);
	uint8_t *bytes = builder_read_file(path, &len);
	bytes[len] = '\0';
	char *end = strstr((char *)bytes, "id = ");
	end = end ? strchr(end, '\n') : NULL;
	if (!end)
		abort();
	*end = '\0';
	snprintf(text, sizeof(text), "%s\n%s", (char *)bytes, lines);
	builder_write_file(path, text, strlen(text));
	free(bytes);
}

/* A number below 2^32 in msgpack, five bytes long: every reader takes it. */
static size_t pack(uint8_t *out, uint32_t number)
{
	out[0] = 0xce;
	for (unsigned i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(number >> (24 - 8 * i));
	return 5;
}

/* The compact list of version 1 ends the file: an array becomes a map, of 1000 bytes each. */
static size_t copy_compact(uint8_t *out, const uint8_t *list, const uint8_t *end)
{
	size_t count = *list & 0x0f, len = 3;
	if (*list == 0xdc) {
		count = (size_t)list[1] << 8 | list[2];
		list += 2;
	}
	list++;
	out[0] = 0xde;
	out[1] = (uint8_t)(count >> 8);
	out[2] = (uint8_t)count;
	while (list < end) {
		const size_t size = *list < 0x80 ? 1 : *list == 0xcc ? 2 : *list == 0xcd ? 3 : 5;
		memcpy(out + len, list, size);
		len += size;
		list += size;
		len += pack(out + len, 1000);
	}
	return len;
}

/* Write the hints of version 1 that are there in version 2. */
static void write_hints(const struct builder *builder, uint32_t quota_use, const uint8_t *shadow)
{
	static const char compact[] = "\xa7" "compact", quota[] = "\xb1" "storage_quota_use",
			  index[] = "\xac" "shadow_index";
	char path[BUILDER_PATH];
	size_t len, at;
	path_of(builder, "hints", path);
	uint8_t *bytes = builder_read_file(path, &len), *out = malloc(10 * len + 256);
	if (!out)
		abort();
	const uint8_t *list = memmem(bytes, len, compact, sizeof(compact) - 1);
	if (!list || bytes[0] != 0x83 || bytes[9] != 1)
		abort();
	list += sizeof(compact) - 1;
	at = (size_t)(list - bytes);
	memcpy(out, bytes, at);
	out[0] = 0x85;
	out[9] = 2;
	at += copy_compact(out + at, list, bytes + len);
	memcpy(out + at, quota, sizeof(quota) - 1);
	at += sizeof(quota) - 1;
	at += pack(out + at, quota_use);
	memcpy(out + at, index, sizeof(index) - 1);
	at += sizeof(index) - 1;
	out[at++] = shadow ? 0x81 : 0x80;
	if (shadow) {
		memcpy(out + at, "\xda\x00\x20", 3);
		memcpy(out + at + 3, shadow, BUILDER_KEY);
		at += 3 + BUILDER_KEY;
		out[at++] = 0x90;
	}
	builder_write_file(path, out, at);
	free(out);
	free(bytes);
}

void borg_repo_seal(const struct builder *builder)
{
	char path[BUILDER_PATH];
	builder_path(builder, "", path);
	borg_seal(path, builder_head(builder));
}

void borg_repo_make_with(const struct builder *builder, uint32_t quota_use, const uint8_t *shadow)
{
	static const char readme[] = "This is a Borg Backup repository.\n";
	char path[BUILDER_PATH];
	for (uint32_t i = 0; i <= builder_head(builder); i++) {
		builder_segment_path(builder, i, path);
		if (access(path, F_OK) == 0)
			builder_patch(path, 0, "BORG_SEG", 8);
	}
	path_of(builder, "index", path);
	builder_patch(path, 0, "BORG_IDX", 8);
	builder_path(builder, "README", path);
	builder_write_file(path, readme, sizeof(readme) - 1);
	borg_repo_config(builder, "append_only = 0\nstorage_quota = 0\n");
	write_hints(builder, quota_use, shadow);
	borg_repo_seal(builder);
}

void borg_repo_make(const struct builder *builder)
{
	borg_repo_make_with(builder, 0, NULL);
}

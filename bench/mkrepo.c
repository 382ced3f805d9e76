/* bench/mkrepo.c - write a large whole repository, as Attic would after one backup.
 *
 * mkrepo FOLDER OBJECTS SIZE: OBJECTS objects of SIZE bytes of payload in segments of 5 MiB, one
 * commit, index and hints. Keys and payloads are pseudo-random and the same in every run. */
#include "build-config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define KEY 32u
#define SEGMENT_MAX (5u * 1024u * 1024u)
#define SEGMENTS_PER_DIR 10000u
#define LOAD_MAX 0.9

struct place {
	uint8_t key[KEY];
	uint32_t segment, offset;
};

struct writer {
	const char *folder;
	FILE *file;
	uint32_t segment, offset;
	uint32_t *counts;		/* live PUTs of each segment */
	uint32_t capacity;
};

static void die(const char *what)
{
	fprintf(stderr, "mkrepo: %s: %s\n", what, strerror(errno));
	exit(1);
}

static FILE *create(const char *folder, const char *format, ...)
{
	char path[4096];
	va_list args;
	size_t len = (size_t)snprintf(path, sizeof(path), "%s/", folder);
	va_start(args, format);
	vsnprintf(path + len, sizeof(path) - len, format, args);
	va_end(args);
	FILE *file = fopen(path, "wb");
	if (!file)
		die(path);
	return file;
}

static void make_folder(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		die(path);
}

static void put_u32(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill(uint8_t *bytes, size_t len, uint64_t *state)
{
	for (size_t i = 0; i < len; i += 8) {
		const uint64_t word = next_random(state);
		memcpy(bytes + i, &word, len - i < 8 ? len - i : 8);
	}
}

static void write_all(FILE *file, const void *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, file) != len)
		die("write");
}

static void open_segment(struct writer *w)
{
	char folder[32];
	snprintf(folder, sizeof(folder), "data/%" PRIu32, w->segment / SEGMENTS_PER_DIR);
	make_folder(w->folder, folder);
	w->file = create(w->folder, "%s/%" PRIu32, folder, w->segment);
	write_all(w->file, "ATTICSEG", 8);
	w->offset = 8;
	if (w->segment >= w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 1024;
		w->counts = realloc(w->counts, w->capacity * sizeof(*w->counts));
		if (!w->counts)
			die("memory");
	}
	w->counts[w->segment] = 0;
}

/* Write an entry whose bytes behind the CRC are already there. */
static void write_entry(struct writer *w, uint8_t *entry, uint32_t size)
{
	if (w->file && w->offset > SEGMENT_MAX) {
		if (fclose(w->file) != 0)
			die("close");
		w->file = NULL;
		w->segment++;
	}
	if (!w->file)
		open_segment(w);
	put_u32(entry, (uint32_t)crc32(0, entry + 4, size - 4));
	write_all(w->file, entry, size);
	w->offset += size;
}

static void write_objects(struct writer *w, struct place *places, uint32_t objects,
			  uint32_t payload)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	const uint32_t size = 9 + KEY + payload;
	uint8_t *entry = malloc(size + 8);
	if (!entry)
		die("memory");
	fill(entry + 9 + KEY, payload, &state);
	for (uint32_t i = 0; i < objects; i++) {
		put_u32(entry + 4, size);
		entry[8] = 0;
		fill(entry + 9, KEY, &state);
		/* A new beginning is enough for bytes that no two objects share. */
		fill(entry + 9 + KEY, payload < 64 ? payload : 64, &state);
		write_entry(w, entry, size);
		memcpy(places[i].key, entry + 9, KEY);
		places[i].segment = w->segment;
		places[i].offset = w->offset - size;
		w->counts[w->segment]++;
	}
	put_u32(entry + 4, 9);
	entry[8] = 2;
	put_u32(entry, (uint32_t)crc32(0, entry + 4, 5));
	if (!w->file)
		open_segment(w);
	write_all(w->file, entry, 9);
	if (fclose(w->file) != 0)
		die("close");
	free(entry);
}

static void write_index(const struct writer *w, const struct place *places, uint32_t objects)
{
	uint32_t buckets = 1024;
	while ((double)objects > LOAD_MAX * (double)buckets)
		buckets *= 2;
	uint8_t *table = calloc(buckets, 40);
	uint8_t header[18] = "ATTICIDX";
	if (!table)
		die("memory");
	for (uint32_t i = 0; i < buckets; i++)
		memset(table + (size_t)i * 40 + KEY, 0xff, 4);
	for (uint32_t i = 0; i < objects; i++) {
		uint32_t home;
		memcpy(&home, places[i].key, 4);
		uint8_t *bucket = table + (size_t)(home % buckets) * 40;
		while (memcmp(bucket + KEY, "\xff\xff\xff\xff", 4) != 0) {
			bucket += 40;
			if (bucket == table + (size_t)buckets * 40)
				bucket = table;
		}
		memcpy(bucket, places[i].key, KEY);
		put_u32(bucket + KEY, places[i].segment);
		put_u32(bucket + KEY + 4, places[i].offset);
	}
	put_u32(header + 8, objects);
	put_u32(header + 12, buckets);
	header[16] = KEY;
	header[17] = 8;
	FILE *file = create(w->folder, "index.%" PRIu32, w->segment);
	write_all(file, header, sizeof(header));
	write_all(file, table, (size_t)buckets * 40);
	if (fclose(file) != 0)
		die("close");
	free(table);
}

/* msgpack: a raw string of up to 31 bytes, and an unsigned number in five bytes. */
static void write_name(FILE *file, const char *name)
{
	fputc(0xa0 | (int)strlen(name), file);
	fputs(name, file);
}

static void write_number(FILE *file, uint8_t type, uint32_t value)
{
	const uint8_t bytes[5] = { type, (uint8_t)(value >> 24), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 8), (uint8_t)value };
	write_all(file, bytes, sizeof(bytes));
}

static void write_hints(const struct writer *w)
{
	FILE *file = create(w->folder, "hints.%" PRIu32, w->segment);
	fputc(0x83, file);
	write_name(file, "version");
	fputc(1, file);
	write_name(file, "segments");
	write_number(file, 0xdf, w->segment + 1);	/* map32 */
	for (uint32_t i = 0; i <= w->segment; i++) {
		write_number(file, 0xce, i);		/* uint32 */
		write_number(file, 0xce, w->counts[i]);
	}
	write_name(file, "compact");
	fputc(0x90, file);
	if (fclose(file) != 0)
		die("close");
}

static void write_config(const char *folder)
{
	FILE *file = create(folder, "config");
	fprintf(file,
		"[repository]\nversion = 1\nsegments_per_dir = %u\nmax_segment_size = %u\nid = ",
		SEGMENTS_PER_DIR, SEGMENT_MAX);
	for (unsigned i = 0; i < KEY; i++)
		fprintf(file, "%02x", i);
	fprintf(file, "\n\n");
	if (fclose(file) != 0)
		die("close");
	file = create(folder, "README");
	fprintf(file, "This is an Attic repository\n");
	if (fclose(file) != 0)
		die("close");
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: mkrepo FOLDER OBJECTS SIZE\n");
		return 16;
	}
	const uint32_t objects = (uint32_t)strtoul(argv[2], NULL, 10);
	const uint32_t payload = (uint32_t)strtoul(argv[3], NULL, 10);
	struct writer w = { .folder = argv[1] };
	struct place *places = calloc(objects ? objects : 1, sizeof(*places));
	if (!places)
		die("memory");
	make_folder(w.folder, "");
	make_folder(w.folder, "data");
	write_config(w.folder);
	write_objects(&w, places, objects, payload);
	write_index(&w, places, objects);
	write_hints(&w);
	free(places);
	free(w.counts);
	return 0;
}

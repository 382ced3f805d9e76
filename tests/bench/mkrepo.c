/* tests/bench/mkrepo.c - write a large whole repository, as Attic would after one backup.
 *
 * mkrepo FOLDER OBJECTS SIZE: OBJECTS objects of SIZE bytes of payload in segments of 5 MiB, one
 * commit, index and hints. Keys and payloads are pseudo-random and the same in every run.
 *
 * mkrepo --sparse FOLDER SEGMENTS OBJECTS: for commands that read no data. Each segment is a file
 * of 5 MiB with one block on the disk: one whole PUT of zeros. Index and hints list OBJECTS
 * objects, spread evenly over the segments; only the first of each segment exists. */
#include "build-config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define KEY 32u
#define SEGMENT_MAX (5u * 1024u * 1024u)
#define SEGMENTS_PER_DIR 10000u
#define LOAD_MAX 0.9
#define SPARSE_STEP 40000u	/* bytes from one object to the next in a sparse index */

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

static void close_file(FILE *file)
{
	if (fclose(file) != 0)
		die("close");
}

static FILE *create_segment(const struct writer *w, uint32_t segment)
{
	char folder[32];
	snprintf(folder, sizeof(folder), "data/%" PRIu32, segment / SEGMENTS_PER_DIR);
	if (segment % SEGMENTS_PER_DIR == 0)
		make_folder(w->folder, folder);
	FILE *file = create(w->folder, "%s/%" PRIu32, folder, segment);
	write_all(file, "ATTICSEG", 8);
	return file;
}

static void open_segment(struct writer *w)
{
	w->file = create_segment(w, w->segment);
	w->offset = 8;
	if (w->segment >= w->capacity) {
		w->capacity = w->capacity ? w->capacity * 2 : 1024;
		w->counts = realloc(w->counts, w->capacity * sizeof(*w->counts));
		if (!w->counts)
			die("memory");
	}
	w->counts[w->segment] = 0;
}

/* Write an entry; its bytes after the CRC are already there. */
static void write_entry(struct writer *w, uint8_t *entry, uint32_t size)
{
	if (w->file && w->offset > SEGMENT_MAX) {
		close_file(w->file);
		w->file = NULL;
		w->segment++;
	}
	if (!w->file)
		open_segment(w);
	put_u32(entry, (uint32_t)crc32(0, entry + 4, size - 4));
	write_all(w->file, entry, size);
	w->offset += size;
}

static void write_commit(FILE *file)
{
	uint8_t entry[9] = { 0, 0, 0, 0, 9, 0, 0, 0, 2 };
	put_u32(entry, (uint32_t)crc32(0, entry + 4, 5));
	write_all(file, entry, sizeof(entry));
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
		/* No two objects share bytes: a new beginning is enough. */
		fill(entry + 9 + KEY, payload < 64 ? payload : 64, &state);
		write_entry(w, entry, size);
		memcpy(places[i].key, entry + 9, KEY);
		places[i].segment = w->segment;
		places[i].offset = w->offset - size;
		w->counts[w->segment]++;
	}
	free(entry);
	if (!w->file)
		open_segment(w);
	write_commit(w->file);
	close_file(w->file);
}

static uint32_t buckets_for(uint32_t objects)
{
	uint32_t buckets = 1024;
	while ((double)objects > LOAD_MAX * (double)buckets)
		buckets *= 2;
	return buckets;
}

/* The index's header. */
static FILE *begin_index(const struct writer *w, uint32_t objects, uint32_t buckets)
{
	uint8_t header[18] = "ATTICIDX";
	FILE *file = create(w->folder, "index.%" PRIu32, w->segment);
	put_u32(header + 8, objects);
	put_u32(header + 12, buckets);
	header[16] = KEY;
	header[17] = 8;
	write_all(file, header, sizeof(header));
	return file;
}

static void write_index(const struct writer *w, const struct place *places, uint32_t objects)
{
	const uint32_t buckets = buckets_for(objects);
	uint8_t *table = calloc(buckets, 40);
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
	FILE *file = begin_index(w, objects, buckets);
	write_all(file, table, (size_t)buckets * 40);
	close_file(file);
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
	close_file(file);
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
	close_file(file);
	file = create(folder, "README");
	fprintf(file, "This is an Attic repository\n");
	close_file(file);
}

static void make_repository(const char *folder)
{
	make_folder(folder, "");
	make_folder(folder, "data");
	write_config(folder);
}

static void make_whole(const char *folder, uint32_t objects, uint32_t payload)
{
	struct writer w = { .folder = folder };
	struct place *places = calloc(objects ? objects : 1, sizeof(*places));
	if (!places)
		die("memory");
	make_repository(folder);
	write_objects(&w, places, objects, payload);
	write_index(&w, places, objects);
	write_hints(&w);
	free(places);
	free(w.counts);
}

/* ---- sparse ---- */

static void fill_bucket(uint8_t bucket[40], uint32_t home, uint32_t buckets, uint64_t *state)
{
	const uint32_t turns = UINT32_MAX / buckets;
	fill(bucket, KEY, state);
	put_u32(bucket, home + buckets * (uint32_t)(next_random(state) % turns));
}

/* Every object is in its home bucket, so the table is written from end to end, and in any segment,
 * as keys that are hashes would be. The key of the first object of each segment, which exists, goes
 * to @firsts. */
static void write_sparse_index(const struct writer *w, uint32_t objects, uint8_t (*firsts)[KEY])
{
	const uint32_t buckets = buckets_for(objects);
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	FILE *file = begin_index(w, objects, buckets);
	for (uint64_t i = 0; i < buckets; i++) {
		uint8_t bucket[40] = { 0 };
		memset(bucket + KEY, 0xff, 4);
		if ((i + 1) * objects / buckets > i * objects / buckets) {
			const uint32_t segment =
				(uint32_t)(next_random(&state) % (w->segment + 1));
			const uint32_t nth = w->counts[segment]++;
			fill_bucket(bucket, (uint32_t)i, buckets, &state);
			put_u32(bucket + KEY, segment);
			put_u32(bucket + KEY + 4, 8 + nth * SPARSE_STEP);
			if (nth == 0)
				memcpy(firsts[segment], bucket, KEY);
		}
		write_all(file, bucket, sizeof(bucket));
	}
	close_file(file);
}

/* A PUT of @size bytes, zeros after its key. Its checksum is combined from that of its head and
 * @zeros, that of the rest. */
static void write_hollow_put(FILE *file, const uint8_t key[KEY], uint32_t size, uint32_t zeros)
{
	uint8_t head[9 + KEY];
	put_u32(head + 4, size);
	head[8] = 0;
	memcpy(head + 9, key, KEY);
	const uLong crc = crc32(0, head + 4, sizeof(head) - 4);
	put_u32(head, (uint32_t)crc32_combine(crc, zeros, (z_off_t)(size - sizeof(head))));
	write_all(file, head, sizeof(head));
	if (fflush(file) != 0 || ftruncate(fileno(file), 8 + (off_t)size) != 0 ||
	    fseeko(file, 0, SEEK_END) != 0)
		die("write");
}

static uint32_t crc_of_zeros(size_t len)
{
	void *zeros = calloc(1, len);
	if (!zeros)
		die("memory");
	const uLong crc = crc32(0, zeros, (uInt)len);
	free(zeros);
	return (uint32_t)crc;
}

static void write_sparse_segments(struct writer *w, uint8_t (*keys)[KEY])
{
	const uint32_t size = SEGMENT_MAX - 8;
	const uint32_t zeros = crc_of_zeros(size - 9 - KEY);
	for (uint32_t i = 0; i <= w->segment; i++) {
		FILE *file = create_segment(w, i);
		write_hollow_put(file, keys[i], size, zeros);
		if (i == w->segment)
			write_commit(file);
		close_file(file);
	}
}

static void make_sparse(const char *folder, uint32_t segments, uint32_t objects)
{
	struct writer w = { .folder = folder, .segment = segments - 1 };
	uint8_t (*keys)[KEY] = calloc(segments, sizeof(*keys));
	w.counts = calloc(segments, sizeof(*w.counts));
	if (!keys || !w.counts)
		die("memory");
	make_repository(folder);
	write_sparse_index(&w, objects, keys);
	write_sparse_segments(&w, keys);
	write_hints(&w);
	free(keys);
	free(w.counts);
}

int main(int argc, char **argv)
{
	const bool sparse = argc > 1 && strcmp(argv[1], "--sparse") == 0;
	if (argc != 4 + sparse) {
		fprintf(stderr, "usage: mkrepo FOLDER OBJECTS SIZE\n"
				"       mkrepo --sparse FOLDER SEGMENTS OBJECTS\n");
		return 16;
	}
	const uint32_t first = (uint32_t)strtoul(argv[2 + sparse], NULL, 10);
	const uint32_t second = (uint32_t)strtoul(argv[3 + sparse], NULL, 10);
	(sparse ? make_sparse : make_whole)(argv[1 + sparse], first, second);
	return 0;
}

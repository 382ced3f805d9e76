#include "build-config.h"

#include "tests/support/builder.h"

#include "tests/support/borg_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define NOT_LIVE UINT32_MAX

struct object {
	uint8_t key[BUILDER_KEY];
	uint32_t segment;	/* of the live PUT, or NOT_LIVE */
	uint32_t offset, size;
};

struct segment {
	uint32_t live;		/* live PUTs */
	uint32_t freeable;	/* bytes that a compaction frees */
	bool is_known;		/* has a row in the hints */
	bool is_compact;	/* holds something superseded */
};

struct builder {
	char path[BUILDER_PATH - 64];
	bool is_borg;
	uint32_t put_bytes;	/* of all PUTs in the log */
	uint32_t segments_per_dir, max_segment_size;
	uint32_t segment, head;
	FILE *file;		/* of the open segment */
	uint32_t offset;
	struct object *objects;
	size_t object_count, object_capacity;
	struct segment *segments;
	size_t segment_capacity;
};

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "builder: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

static void *grow(void *rows, size_t *capacity, size_t wanted, size_t row_size)
{
	if (wanted <= *capacity)
		return rows;
	const size_t before = *capacity;
	*capacity = wanted + wanted / 2 + 16;
	char *grown = realloc(rows, *capacity * row_size);
	if (!grown)
		fail("grow", "");
	memset(grown + before * row_size, 0, (*capacity - before) * row_size);
	return grown;
}

static void put_u32(uint8_t *out, uint32_t number)
{
	for (size_t i = 0; i < 4; i++)
		out[i] = (uint8_t)(number >> 8 * i);
}

void builder_write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		fail("write", path);
}

uint8_t *builder_read_file(const char *path, size_t *len)
{
	struct stat st;
	FILE *file = fopen(path, "rb");
	if (!file || fstat(fileno(file), &st) != 0)
		fail("open", path);
	*len = (size_t)st.st_size;
	uint8_t *bytes = malloc(*len + 1);
	if (!bytes || fread(bytes, 1, *len, file) != *len || fclose(file) != 0)
		fail("read", path);
	return bytes;
}

void builder_path(const struct builder *builder, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%s/%.60s", builder->path, name);
}

void builder_segment_path(const struct builder *builder, uint32_t segment, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%s/data/%u/%u", builder->path,
		 segment / builder->segments_per_dir, segment);
}

static void write_config(const struct builder *builder)
{
	char text[256], path[BUILDER_PATH];
	size_t len = (size_t)snprintf(text, sizeof(text),
				      "[repository]\nversion = 1\nsegments_per_dir = %u\n"
				      "max_segment_size = %u\n%sid = ",
				      builder->segments_per_dir, builder->max_segment_size,
				      builder->is_borg ? "append_only = 0\nstorage_quota = 0\n"
						       : "");
	for (unsigned i = 0; i < 32; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%02x", i);
	len += (size_t)snprintf(text + len, sizeof(text) - len, "\n\n");
	builder_path(builder, "config", path);
	builder_write_file(path, text, len);
}

static void write_readme(const struct builder *builder, const char *text)
{
	char path[BUILDER_PATH];
	builder_path(builder, "README", path);
	builder_write_file(path, text, strlen(text));
}

struct builder *builder_new(const char *path, uint32_t segments_per_dir, uint32_t max_segment_size)
{
	struct builder *builder = calloc(1, sizeof(*builder));
	if (!builder)
		fail("allocate", path);
	snprintf(builder->path, sizeof(builder->path), "%s", path);
	builder->segments_per_dir = segments_per_dir;
	builder->max_segment_size = max_segment_size;
	char name[BUILDER_PATH];
	builder_path(builder, "data", name);
	if ((mkdir(path, 0777) != 0 && errno != EEXIST) || mkdir(name, 0777) != 0)
		fail("make", name);
	write_readme(builder, "This is an Attic repository\n");
	write_config(builder);
	return builder;
}

void builder_use_borg(struct builder *builder)
{
	builder->is_borg = true;
	write_readme(builder, "This is a Borg Backup repository.\n"
			      "See https://borgbackup.readthedocs.io/\n");
	write_config(builder);
}

void builder_close_segment(struct builder *builder)
{
	if (!builder->file)
		return;
	if (fclose(builder->file) != 0)
		fail("close", builder->path);
	builder->file = NULL;
	builder->segment++;
}

void builder_free(struct builder *builder)
{
	builder_close_segment(builder);
	free(builder->objects);
	free(builder->segments);
	free(builder);
}

static struct segment *segment_row(struct builder *builder, uint32_t number)
{
	builder->segments = grow(builder->segments, &builder->segment_capacity, (size_t)number + 1,
				 sizeof(*builder->segments));
	builder->segments[number].is_known = true;
	return &builder->segments[number];
}

void builder_append(struct builder *builder, const void *bytes, size_t len)
{
	const char *magic = builder->is_borg ? "BORG_SEG" : "ATTICSEG";
	char path[BUILDER_PATH];
	builder_segment_path(builder, builder->segment, path);
	if (!builder->file) {
		*strrchr(path, '/') = '\0';
		if (mkdir(path, 0777) != 0 && errno != EEXIST)
			fail("make", path);
		builder_segment_path(builder, builder->segment, path);
		builder->file = fopen(path, "wbx");
		if (!builder->file || fwrite(magic, 1, 8, builder->file) != 8)
			fail("write", path);
		builder->offset = 8;
	}
	if (len > 0 && fwrite(bytes, 1, len, builder->file) != len)
		fail("write", path);
	if (fflush(builder->file) != 0)
		fail("write", path);
	builder->offset += (uint32_t)len;
}

size_t builder_encode(uint8_t tag, const uint8_t *key, const void *data, size_t len, uint8_t *out)
{
	size_t size = 9;
	if (tag != BUILDER_COMMIT) {
		memcpy(out + size, key, BUILDER_KEY);
		size += BUILDER_KEY;
	}
	if (tag == BUILDER_PUT && len > 0) {
		memcpy(out + size, data, len);
		size += len;
	}
	put_u32(out + 4, (uint32_t)size);
	out[8] = tag;
	put_u32(out, (uint32_t)crc32(0, out + 4, (uInt)size - 4));
	return size;
}

/* Append an entry where Attic would, and return its offset. */
static uint32_t append_entry(struct builder *builder, uint8_t tag, const uint8_t *key,
			     const void *data, size_t len)
{
	if (tag != BUILDER_COMMIT && builder->file && builder->offset > builder->max_segment_size)
		builder_close_segment(builder);
	uint8_t *bytes = malloc(41 + len);
	if (!bytes)
		fail("allocate", builder->path);
	const size_t size = builder_encode(tag, key, data, len, bytes);
	builder_append(builder, NULL, 0);
	const uint32_t offset = builder->offset;
	builder_append(builder, bytes, size);
	free(bytes);
	return offset;
}

static struct object *find_object(const struct builder *builder, const uint8_t *key)
{
	for (size_t i = 0; i < builder->object_count; i++)
		if (memcmp(builder->objects[i].key, key, BUILDER_KEY) == 0)
			return &builder->objects[i];
	return NULL;
}

static void append_delete(struct builder *builder, struct object *object)
{
	struct segment *old = segment_row(builder, object->segment);
	old->live--;
	old->is_compact = true;
	old->freeable += object->size;
	append_entry(builder, BUILDER_DELETE, object->key, NULL, 0);
	struct segment *row = segment_row(builder, builder->segment);
	row->is_compact = true;
	row->freeable += 41;
	object->segment = NOT_LIVE;
}

void builder_delete(struct builder *builder, const uint8_t *key)
{
	struct object *object = find_object(builder, key);
	if (!object || object->segment == NOT_LIVE) {
		errno = ENOENT;
		fail("delete in", builder->path);
	} else {
		append_delete(builder, object);
	}
}

void builder_put(struct builder *builder, const uint8_t *key, const void *data, size_t len)
{
	struct object *object = find_object(builder, key);
	if (!object) {
		builder->objects = grow(builder->objects, &builder->object_capacity,
					builder->object_count + 1, sizeof(*builder->objects));
		object = &builder->objects[builder->object_count++];
		memcpy(object->key, key, BUILDER_KEY);
	} else if (object->segment != NOT_LIVE) {
		append_delete(builder, object);
	}
	object->offset = append_entry(builder, BUILDER_PUT, key, data, len);
	object->segment = builder->segment;
	object->size = (uint32_t)(41 + len);
	builder->put_bytes += object->size;
	segment_row(builder, builder->segment)->live++;
}

void builder_put_some(struct builder *builder, const uint8_t *key, size_t len)
{
	uint8_t *data = malloc(len + 1);
	if (!data)
		fail("allocate", builder->path);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(key[i % BUILDER_KEY] + 7 * i + i / 256);
	builder_put(builder, key, data, len);
	free(data);
}

void builder_commit(struct builder *builder)
{
	if (builder->is_borg) {
		builder_close_segment(builder);
		struct segment *row = segment_row(builder, builder->segment);
		row->is_compact = true;
		row->freeable += 9;
	}
	append_entry(builder, BUILDER_COMMIT, NULL, NULL, 0);
	builder->head = builder->segment;
	builder_close_segment(builder);
}

static uint32_t live_count(const struct builder *builder)
{
	uint32_t count = 0;
	for (size_t i = 0; i < builder->object_count; i++)
		count += builder->objects[i].segment != NOT_LIVE;
	return count;
}

static void insert_bucket(uint8_t *buckets, uint32_t count, const struct object *object)
{
	const uint8_t *key = object->key;
	uint32_t at = ((uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 |
		       (uint32_t)key[3] << 24) % count;
	while (buckets[at * 40 + 32] != 0xff || buckets[at * 40 + 35] != 0xff)
		at = at + 1 < count ? at + 1 : 0;
	memcpy(buckets + at * 40, key, BUILDER_KEY);
	put_u32(buckets + at * 40 + 32, object->segment);
	put_u32(buckets + at * 40 + 36, object->offset);
}

static uint32_t least_buckets(const struct builder *builder, uint32_t used)
{
	static const uint32_t borg_sizes[] = { 1031, 2053, 4099, 8209, 16411, 32771, 65537 };
	uint32_t buckets = 1024;
	for (size_t i = 0; builder->is_borg && i < sizeof(borg_sizes) / sizeof(*borg_sizes); i++)
		if (used * 4ull <= borg_sizes[i] * 3ull)
			return borg_sizes[i];
	while (used * 10ull > buckets * 9ull)
		buckets *= 2;
	return buckets;
}

/* Borg's digests, where both files are there. */
static void seal(const struct builder *builder, uint32_t transaction)
{
	char name[32], path[BUILDER_PATH];
	bool has_both = builder->is_borg;
	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s.%u", i == 0 ? "index" : "hints", transaction);
		builder_path(builder, name, path);
		has_both = has_both && access(path, F_OK) == 0;
	}
	if (has_both)
		borg_seal(builder->path, transaction);
}

void builder_write_index(struct builder *builder, uint32_t transaction, uint32_t buckets)
{
	const uint32_t used = live_count(builder);
	if (buckets == 0)
		buckets = least_buckets(builder, used);
	if (used >= buckets) {
		errno = ENOSPC;
		fail("index of", builder->path);
	}
	const size_t size = 18 + (size_t)buckets * 40;
	uint8_t *bytes = calloc(1, size);
	if (!bytes)
		fail("allocate", builder->path);
	memcpy(bytes, builder->is_borg ? "BORG_IDX" : "ATTICIDX", 8);
	put_u32(bytes + 8, used);
	put_u32(bytes + 12, buckets);
	bytes[16] = 32;
	bytes[17] = 8;
	for (uint32_t i = 0; i < buckets; i++)
		memset(bytes + 18 + (size_t)i * 40 + 32, 0xff, 4);
	for (size_t i = 0; i < builder->object_count; i++)
		if (builder->objects[i].segment != NOT_LIVE)
			insert_bucket(bytes + 18, buckets, &builder->objects[i]);
	char name[32], path[BUILDER_PATH];
	snprintf(name, sizeof(name), "index.%u", transaction);
	builder_path(builder, name, path);
	builder_write_file(path, bytes, size);
	free(bytes);
	seal(builder, transaction);
}

/* msgpack's number, in its shortest form. */
static void pack_number(FILE *file, uint32_t number)
{
	if (number > 0xffff)
		fprintf(file, "%c%c%c%c%c", 0xce, number >> 24, number >> 16 & 0xff,
			number >> 8 & 0xff, number & 0xff);
	else if (number > 0xff)
		fprintf(file, "%c%c%c", 0xcd, number >> 8, number & 0xff);
	else if (number > 0x7f)
		fprintf(file, "%c%c", 0xcc, number);
	else
		fputc((int)number, file);
}

/* The head of a map (@fix 0x80, @wide 0xde) or an array (0x90, 0xdc) of @count. */
static void pack_head(FILE *file, unsigned fix, unsigned wide, uint32_t count)
{
	if (count < 16)
		fputc((int)(fix | count), file);
	else if (count <= 0xffff)
		fprintf(file, "%c%c%c", wide, count >> 8, count & 0xff);
	else
		fprintf(file, "%c%c%c%c%c", wide + 1, count >> 24, count >> 16 & 0xff,
			count >> 8 & 0xff, count & 0xff);
}

static void pack_name(FILE *file, const char *name)
{
	fprintf(file, "%c%s", (int)(0xa0 | strlen(name)), name);
}

void builder_write_hints(struct builder *builder, uint32_t transaction)
{
	char name[32], path[BUILDER_PATH];
	snprintf(name, sizeof(name), "hints.%u", transaction);
	builder_path(builder, name, path);
	FILE *file = fopen(path, "wb");
	if (!file)
		fail("write", path);
	uint32_t known = 0, compact = 0;
	for (size_t i = 0; i < builder->segment_capacity; i++) {
		known += builder->segments[i].is_known;
		compact += builder->segments[i].is_compact;
	}
	pack_head(file, 0x80, 0xde, builder->is_borg ? 5 : 3);
	pack_name(file, "version");
	pack_number(file, builder->is_borg ? 2 : 1);
	pack_name(file, "segments");
	pack_head(file, 0x80, 0xde, known);
	for (uint32_t i = 0; i < builder->segment_capacity; i++)
		if (builder->segments[i].is_known) {
			pack_number(file, i);
			pack_number(file, builder->segments[i].live);
		}
	pack_name(file, "compact");
	pack_head(file, builder->is_borg ? 0x80 : 0x90, builder->is_borg ? 0xde : 0xdc, compact);
	for (uint32_t i = 0; i < builder->segment_capacity; i++) {
		if (!builder->segments[i].is_compact)
			continue;
		pack_number(file, i);
		if (builder->is_borg)
			pack_number(file, builder->segments[i].freeable);
	}
	if (builder->is_borg) {
		pack_name(file, "storage_quota_use");
		pack_number(file, builder->put_bytes);
		pack_name(file, "shadow_index");
		pack_head(file, 0x80, 0xde, 0);
	}
	if (fclose(file) != 0)
		fail("write", path);
	seal(builder, transaction);
}

void builder_transaction(struct builder *builder)
{
	char name[32], path[BUILDER_PATH];
	const uint32_t before = builder->head;
	builder_commit(builder);
	builder_write_hints(builder, builder->head);
	builder_write_index(builder, builder->head, 0);
	if (builder->head == before)
		return;
	static const char *const parts[] = { "index", "hints", "integrity" };
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s.%u", parts[i], before);
		builder_path(builder, name, path);
		if (unlink(path) != 0 && errno != ENOENT)
			fail("remove", path);
	}
}

uint32_t builder_head(const struct builder *builder)
{
	return builder->head;
}

uint32_t builder_segment(const struct builder *builder)
{
	return builder->segment;
}

bool builder_find(const struct builder *builder, const uint8_t *key, uint32_t *segment,
		  uint32_t *offset)
{
	const struct object *object = find_object(builder, key);
	if (!object || object->segment == NOT_LIVE)
		return false;
	*segment = object->segment;
	*offset = object->offset;
	return true;
}

void builder_key(unsigned number, uint8_t key[BUILDER_KEY])
{
	uint64_t state = number;
	for (size_t i = 0; i < BUILDER_KEY; i += 8) {
		state += 0x9e3779b97f4a7c15u;	/* splitmix64 */
		uint64_t mixed = state;
		mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
		mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
		mixed ^= mixed >> 31;
		put_u32(key + i, (uint32_t)mixed);
		put_u32(key + i + 4, (uint32_t)(mixed >> 32));
	}
}

void builder_patch(const char *path, uint64_t offset, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "r+b");
	if (!file || fseeko(file, (off_t)offset, SEEK_SET) != 0 ||
	    fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		fail("patch", path);
}

void builder_flip(const char *path, uint64_t offset, uint8_t mask)
{
	FILE *file = fopen(path, "r+b");
	if (!file || fseeko(file, (off_t)offset, SEEK_SET) != 0)
		fail("open", path);
	const int byte = fgetc(file);
	if (byte == EOF || fclose(file) != 0)
		fail("read", path);
	const uint8_t flipped = (uint8_t)(byte ^ mask);
	builder_patch(path, offset, &flipped, 1);
}

void builder_zero(const char *path, uint64_t offset, size_t len)
{
	uint8_t *zeros = calloc(1, len);
	if (!zeros)
		fail("allocate", path);
	builder_patch(path, offset, zeros, len);
	free(zeros);
}

void builder_truncate(const char *path, uint64_t len)
{
	if (truncate(path, (off_t)len) != 0)
		fail("cut", path);
}

void builder_make_folder(char out[BUILDER_PATH])
{
	const char *base = getenv("TMPDIR");
	snprintf(out, BUILDER_PATH - 64, "%s/atticscope-test-XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(out))
		fail("make", out);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	return remove(path);
}

void builder_remove_folder(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		fail("remove", path);
}

/* ---- a copy of a folder ---- */

/* nftw passes no context to its callback. */
static _Thread_local const char *copy_to;
static _Thread_local size_t copy_base;

static void copy_file(const char *from, const char *to, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };
	char bytes[65536];
	ssize_t len;
	const int in = open(from, O_RDONLY | O_CLOEXEC);
	const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		fail("copy", from);
	while ((len = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, (size_t)len) != len)
			fail("write", to);
	if (len < 0 || fchmod(out, st->st_mode & 07777) != 0 || futimens(out, times) != 0)
		fail("copy", from);
	close(in);
	close(out);
}

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
	char to[PATH_MAX], target[PATH_MAX] = "";
	(void)place;
	if (snprintf(to, sizeof(to), "%s%s", copy_to, path + copy_base) >= (int)sizeof(to))
		fail("name", to);
	if (type == FTW_D && mkdir(to, st->st_mode & 07777) != 0)
		fail("make", to);
	if (type == FTW_SL &&
	    (readlink(path, target, sizeof(target) - 1) < 0 || symlink(target, to) != 0))
		fail("copy", path);
	if (type == FTW_F)
		copy_file(path, to, st);
	return type == FTW_DNR || type == FTW_NS;
}

void builder_copy_folder(const char *from, const char *to)
{
	copy_to = to;
	copy_base = strlen(from);
	if (nftw(from, copy_one, 16, FTW_PHYS) != 0)
		fail("copy", from);
}

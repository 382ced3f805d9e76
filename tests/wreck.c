#include "build-config.h"

#include "tests/wreck.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static uint32_t pick(struct wreck *wreck, size_t below)
{
	wreck->random =
		wreck->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((wreck->random >> 33) % below);
}

/* ---- the repository ---- */

static void load(struct wreck *wreck, const char *path, int64_t segment)
{
	struct wreck_file *file = &wreck->files[wreck->count++];
	struct stat st;
	assert_true(wreck->count <= WRECK_FILES);
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->segment = segment;
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	assert_int_equal(fstat(fileno(in), &st), 0);
	file->len = (size_t)st.st_size;
	file->bytes = malloc(file->len + 1);
	assert_non_null(file->bytes);
	assert_int_equal(fread(file->bytes, 1, file->len, in), file->len);
	fclose(in);
}

static void write_history(struct wreck *wreck, struct builder *builder)
{
	for (unsigned i = 0; i < WRECK_OBJECTS; i++) {
		builder_key(i, wreck->objects[i].key);
		builder_put_some(builder, wreck->objects[i].key, 20 + i * 7);
		if (i % 25 == 24)
			builder_commit(builder);
	}
	for (unsigned i = 3; i < WRECK_OBJECTS; i += 9)
		builder_delete(builder, wreck->objects[i].key);
	builder_commit(builder);
	for (unsigned i = 5; i < WRECK_OBJECTS; i += 9)
		builder_put_some(builder, wreck->objects[i].key, 90 + i);
	builder_transaction(builder);
}

int wreck_setup(void **state)
{
	struct wreck *wreck = calloc(1, sizeof(*wreck));
	char path[BUILDER_PATH], name[32];
	assert_non_null(wreck);
	builder_make_folder(wreck->folder);
	snprintf(wreck->repo, sizeof(wreck->repo), "%.400s/repo", wreck->folder);
	struct builder *builder = builder_new(wreck->repo, 5, 4000);
	write_history(wreck, builder);
	for (uint32_t i = 0; i <= builder_head(builder); i++) {
		builder_segment_path(builder, i, path);
		load(wreck, path, i);
	}
	wreck->segments = wreck->count;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), i ? "hints.%u" : "index.%u", builder_head(builder));
		builder_path(builder, name, path);
		load(wreck, path, -1);
	}
	for (unsigned i = 0; i < WRECK_OBJECTS; i++) {
		struct wreck_object *object = &wreck->objects[i];
		object->is_live =
			builder_find(builder, object->key, &object->segment, &object->offset);
		if (object->is_live)
			memcpy(&object->size,
			       wreck->files[object->segment].bytes + object->offset + 4, 4);
	}
	builder_free(builder);
	*state = wreck;
	return 0;
}

int wreck_teardown(void **state)
{
	struct wreck *wreck = *state;
	for (size_t i = 0; i < wreck->count; i++)
		free(wreck->files[i].bytes);
	builder_remove_folder(wreck->folder);
	free(wreck);
	return 0;
}

/* ---- the damage ---- */

static void tell(struct wreck *wreck, const char *what, const struct wreck_file *file, size_t at)
{
	const size_t len = strlen(wreck->story);
	wreck->files[file - wreck->files].is_touched = true;
	snprintf(wreck->story + len, sizeof(wreck->story) - len, " %s %s:%zu", what,
		 strrchr(file->path, '/') + 1, at);
}

/* One that is still there, and not cut to nothing. */
static const struct wreck_file *any_segment(struct wreck *wreck)
{
	for (;;) {
		const struct wreck_file *file = &wreck->files[pick(wreck, wreck->segments)];
		struct stat st;
		if (stat(file->path, &st) == 0 && (size_t)st.st_size == file->len)
			return file;
	}
}

static void flip(struct wreck *wreck)
{
	const struct wreck_file *file = any_segment(wreck);
	const size_t at = pick(wreck, file->len);
	builder_flip(file->path, at, (uint8_t)(1u << pick(wreck, 8)));
	tell(wreck, "flip", file, at);
}

static void zero(struct wreck *wreck)
{
	const struct wreck_file *file = any_segment(wreck);
	const size_t at = pick(wreck, file->len) / 512 * 512;
	const size_t len = file->len - at < 512 ? file->len - at : 512;
	builder_zero(file->path, at, len);
	tell(wreck, "zero", file, at);
}

static void repeat(struct wreck *wreck)
{
	const struct wreck_file *file = any_segment(wreck);
	const size_t from = pick(wreck, file->len) / 512 * 512,
		     to = pick(wreck, file->len) / 512 * 512;
	const size_t end = from > to ? from : to;
	const size_t len = file->len - end < 512 ? file->len - end : 512;
	builder_patch(file->path, to, file->bytes + from, len);
	tell(wreck, "repeat", file, to);
}

static void cut(struct wreck *wreck)
{
	const struct wreck_file *file = any_segment(wreck);
	const size_t at = pick(wreck, file->len);
	builder_truncate(file->path, at);
	tell(wreck, "cut", file, at);
}

static void lose(struct wreck *wreck)
{
	const struct wreck_file *file = any_segment(wreck);
	unlink(file->path);
	tell(wreck, "lose", file, 0);
}

static void lose_index(struct wreck *wreck)
{
	unlink(wreck->files[wreck->segments].path);
	tell(wreck, "lose", &wreck->files[wreck->segments], 0);
}

static void lose_hints(struct wreck *wreck)
{
	unlink(wreck->files[wreck->segments + 1].path);
	tell(wreck, "lose", &wreck->files[wreck->segments + 1], 0);
}

static void flip_index(struct wreck *wreck)
{
	const struct wreck_file *file = &wreck->files[wreck->segments];
	const size_t at = pick(wreck, file->len);
	if (access(file->path, F_OK) != 0)
		return;
	builder_flip(file->path, at, (uint8_t)(1u << pick(wreck, 8)));
	tell(wreck, "flip", file, at);
}

/* ---- what moves files about; each is put back by writing everything anew ---- */

/* The file of segment @number that lies in folder @folder. */
static void path_in(const struct wreck *wreck, unsigned folder, int64_t number,
		    char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/data/%u", wreck->repo, folder);
	mkdir(out, 0700);
	snprintf(out, BUILDER_PATH, "%.400s/data/%u/%lld", wreck->repo, folder, (long long)number);
}

static void swap_segments(struct wreck *wreck)
{
	const struct wreck_file *a = any_segment(wreck), *b = any_segment(wreck);
	builder_write_file(a->path, b->bytes, b->len);
	builder_write_file(b->path, a->bytes, a->len);
	tell(wreck, "swap", a, b->segment >= 0 ? (size_t)b->segment : 0);
	tell(wreck, "with", b, 0);
	wreck->is_scattered = true;
}

static void double_segment(struct wreck *wreck)
{
	char path[BUILDER_PATH];
	const struct wreck_file *file = any_segment(wreck);
	path_in(wreck, 9, file->segment, path);
	builder_write_file(path, file->bytes, file->len);
	tell(wreck, "double", file, 9);
	wreck->is_scattered = true;
}

static void misplace(struct wreck *wreck)
{
	char path[BUILDER_PATH];
	const struct wreck_file *file = any_segment(wreck);
	path_in(wreck, 9, file->segment, path);
	if (rename(file->path, path) == 0)
		tell(wreck, "misplace", file, 9);
	wreck->is_scattered = true;
}

static void leave_tail(struct wreck *wreck)
{
	char path[BUILDER_PATH];
	uint8_t entry[200], key[BUILDER_KEY];
	const struct wreck_file *last = &wreck->files[wreck->segments - 1];
	path_in(wreck, (unsigned)(last->segment + 1) / 5, last->segment + 1, path);
	builder_key(5000, key);
	memcpy(entry, "ATTICSEG", 8);
	const size_t size = builder_encode(BUILDER_PUT, key, "unfinished", 10, entry + 8);
	builder_write_file(path, entry, 8 + size - pick(wreck, 2) * 5);
	tell(wreck, "tail", last, 0);
	wreck->is_scattered = true;
}

/* Index or hints of another transaction's number. */
static void rename_index(struct wreck *wreck)
{
	char path[BUILDER_PATH];
	const unsigned which = pick(wreck, 2);
	const struct wreck_file *file = &wreck->files[wreck->segments + which];
	snprintf(path, sizeof(path), "%.400s/%s.%u", wreck->repo, which ? "hints" : "index",
		 (unsigned)wreck->segments - 2 + pick(wreck, 3));
	if (rename(file->path, path) == 0)
		tell(wreck, "rename", file, 0);
	wreck->is_scattered = true;
}

/* An index of another repository: whole, and wrong in every bucket. */
static void foreign_index(struct wreck *wreck)
{
	const struct wreck_file *file = &wreck->files[wreck->segments];
	uint8_t *bytes = malloc(file->len);
	assert_non_null(bytes);
	memcpy(bytes, file->bytes, file->len);
	for (size_t at = 18; at + 40 <= file->len; at += 40)
		if (bytes[at + 35] != 0xff)
			bytes[at + 17] ^= 0x5a;
	builder_write_file(file->path, bytes, file->len);
	free(bytes);
	tell(wreck, "foreign", file, 0);
}

static void (*const damages[])(struct wreck *) = {
	flip, flip, flip, zero, repeat, cut, lose, lose_index, lose_hints, flip_index,
	swap_segments, double_segment, misplace, leave_tail, rename_index, foreign_index,
};
#define PLAIN_DAMAGES 10u

void wreck_seed(struct wreck *wreck, unsigned seed)
{
	wreck->random = seed + 1;
	snprintf(wreck->story, sizeof(wreck->story), " seed %u:", seed);
}

void wreck_damage(struct wreck *wreck)
{
	damages[pick(wreck, PLAIN_DAMAGES)](wreck);
}

void wreck_damage_more(struct wreck *wreck)
{
	damages[pick(wreck, ARRAY_SIZE(damages))](wreck);
}

void wreck_restore(struct wreck *wreck)
{
	if (wreck->is_scattered) {
		scratch_run("rm -rf '%s'/data/* '%s'/index.* '%s'/hints.* '%s'/undo", wreck->repo,
			    wreck->repo, wreck->repo, wreck->repo);
		for (size_t i = 0; i < wreck->count; i++) {
			char *slash = strrchr(wreck->files[i].path, '/');
			*slash = '\0';
			mkdir(wreck->files[i].path, 0700);
			*slash = '/';
			wreck->files[i].is_touched = true;
		}
		wreck->is_scattered = false;
	}
	for (size_t i = 0; i < wreck->count; i++) {
		if (wreck->files[i].is_touched)
			builder_write_file(wreck->files[i].path, wreck->files[i].bytes,
					   wreck->files[i].len);
		wreck->files[i].is_touched = false;
	}
	wreck->story[0] = '\0';
}

/* Do the bytes of the object's PUT still stand where they stood? */
bool wreck_survives(const struct wreck *wreck, const struct wreck_object *object)
{
	const struct wreck_file *file = &wreck->files[object->segment];
	uint8_t *bytes = malloc(object->size);
	assert_non_null(bytes);
	FILE *in = fopen(file->path, "rb");
	const bool same = in && fseek(in, (long)object->offset, SEEK_SET) == 0 &&
			  fread(bytes, 1, object->size, in) == object->size &&
			  memcmp(bytes, file->bytes + object->offset, object->size) == 0;
	if (in)
		fclose(in);
	free(bytes);
	return same;
}

const uint8_t *wreck_value(const struct wreck *wreck, const struct wreck_object *object)
{
	return wreck->files[object->segment].bytes + object->offset + 41;
}

bool wreck_reads_right(const struct wreck *wreck, const struct view *view,
		       const struct wreck_object *object, const struct replay_event *place)
{
	uint8_t *data;
	size_t len;
	if (view_get_at(view, object->key, place->segment, place->offset, &data, &len, NULL) !=
	    AS_OK)
		return false;
	const bool is_same = len == object->size - 41 &&
			     memcmp(data, wreck_value(wreck, object), len) == 0;
	free(data);
	return is_same;
}

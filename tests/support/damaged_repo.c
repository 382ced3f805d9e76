#include "build-config.h"

#include "tests/support/damaged_repo.h"

#include "engine/repo/object.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static uint32_t pick(struct damaged_repo *damaged, size_t below)
{
	damaged->random =
		damaged->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((damaged->random >> 33) % below);
}

/* ---- the repository ---- */

static void load(struct damaged_repo *damaged, const char *path, int64_t segment)
{
	struct damaged_file *file = &damaged->files[damaged->count++];
	assert_true(damaged->count <= DAMAGED_FILES);
	snprintf(file->path, sizeof(file->path), "%s", path);
	file->segment = segment;
	file->bytes = builder_read_file(path, &file->len);
}

static void write_history(struct damaged_repo *damaged, struct builder *builder)
{
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++) {
		builder_key(i, damaged->objects[i].key);
		builder_put_some(builder, damaged->objects[i].key, 20 + i * 7);
		if (i % 25 == 24)
			builder_commit(builder);
	}
	for (unsigned i = 3; i < DAMAGED_OBJECTS; i += 9)
		builder_delete(builder, damaged->objects[i].key);
	builder_commit(builder);
	for (unsigned i = 5; i < DAMAGED_OBJECTS; i += 9)
		builder_put_some(builder, damaged->objects[i].key, 90 + i);
	builder_transaction(builder);
}

static int setup(void **state, bool is_borg)
{
	static const char *const parts[] = { "index", "hints", "integrity" };
	struct damaged_repo *damaged = calloc(1, sizeof(*damaged));
	char path[BUILDER_PATH], name[32];
	assert_non_null(damaged);
	builder_make_folder(damaged->folder);
	snprintf(damaged->repo, sizeof(damaged->repo), "%.400s/repo", damaged->folder);
	struct builder *builder = builder_new(damaged->repo, 5, 4000);
	damaged->is_borg = is_borg;
	if (is_borg)
		builder_use_borg(builder);
	write_history(damaged, builder);
	for (uint32_t i = 0; i <= builder_head(builder); i++) {
		builder_segment_path(builder, i, path);
		load(damaged, path, i);
	}
	damaged->segments = damaged->count;
	for (unsigned i = 0; i < (is_borg ? 3 : 2); i++) {
		snprintf(name, sizeof(name), "%s.%u", parts[i], builder_head(builder));
		builder_path(builder, name, path);
		load(damaged, path, -1);
	}
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++) {
		struct damaged_object *object = &damaged->objects[i];
		object->is_live =
			builder_find(builder, object->key, &object->segment, &object->offset);
		if (object->is_live)
			memcpy(&object->size,
			       damaged->files[object->segment].bytes + object->offset + 4, 4);
	}
	builder_free(builder);
	*state = damaged;
	return 0;
}

int damaged_repo_setup(void **state)
{
	return setup(state, false);
}

int damaged_repo_setup_borg(void **state)
{
	return setup(state, true);
}

int damaged_repo_teardown(void **state)
{
	struct damaged_repo *damaged = *state;
	for (size_t i = 0; i < damaged->count; i++)
		free(damaged->files[i].bytes);
	builder_remove_folder(damaged->folder);
	free(damaged);
	return 0;
}

int damaged_repo_setup_both(void **state)
{
	struct damaged_pair *pair = calloc(1, sizeof(*pair));
	assert_non_null(pair);
	for (unsigned i = 0; i < 2; i++) {
		void *repo;
		setup(&repo, i == 1);
		pair->repos[i] = repo;
	}
	*state = pair;
	return 0;
}

int damaged_repo_teardown_both(void **state)
{
	struct damaged_pair *pair = *state;
	for (unsigned i = 0; i < 2; i++) {
		void *repo = pair->repos[i];
		damaged_repo_teardown(&repo);
	}
	free(pair);
	return 0;
}

const struct damaged_file *damaged_repo_data(const struct damaged_repo *damaged, size_t n)
{
	for (size_t i = 0; i < damaged->segments; i++)
		if (damaged->files[i].len > 17 && n-- == 0)
			return &damaged->files[i];
	fail_msg("so many segments are not there");
	return NULL;
}

/* ---- the damage ---- */

static void record(struct damaged_repo *damaged, const char *what, const struct damaged_file *file,
		   size_t at)
{
	const size_t len = strlen(damaged->story);
	damaged->files[file - damaged->files].is_touched = true;
	snprintf(damaged->story + len, sizeof(damaged->story) - len, " %s %s:%zu", what,
		 strrchr(file->path, '/') + 1, at);
}

/* A segment that exists and has its full length. */
static const struct damaged_file *any_segment(struct damaged_repo *damaged)
{
	for (;;) {
		const struct damaged_file *file = &damaged->files[pick(damaged, damaged->segments)];
		struct stat st;
		if (stat(file->path, &st) == 0 && (size_t)st.st_size == file->len)
			return file;
	}
}

static void flip(struct damaged_repo *damaged)
{
	const struct damaged_file *file = any_segment(damaged);
	const size_t at = pick(damaged, file->len);
	builder_flip(file->path, at, (uint8_t)(1u << pick(damaged, 8)));
	record(damaged, "flip", file, at);
}

static void zero(struct damaged_repo *damaged)
{
	const struct damaged_file *file = any_segment(damaged);
	const size_t at = pick(damaged, file->len) / 512 * 512;
	const size_t len = file->len - at < 512 ? file->len - at : 512;
	builder_zero(file->path, at, len);
	record(damaged, "zero", file, at);
}

static void repeat(struct damaged_repo *damaged)
{
	const struct damaged_file *file = any_segment(damaged);
	const size_t from = pick(damaged, file->len) / 512 * 512,
		     to = pick(damaged, file->len) / 512 * 512;
	const size_t end = from > to ? from : to;
	const size_t len = file->len - end < 512 ? file->len - end : 512;
	builder_patch(file->path, to, file->bytes + from, len);
	record(damaged, "repeat", file, to);
}

static void cut(struct damaged_repo *damaged)
{
	const struct damaged_file *file = any_segment(damaged);
	const size_t at = pick(damaged, file->len);
	builder_truncate(file->path, at);
	record(damaged, "cut", file, at);
}

static void lose(struct damaged_repo *damaged)
{
	const struct damaged_file *file = any_segment(damaged);
	unlink(file->path);
	record(damaged, "lose", file, 0);
}

static void lose_index(struct damaged_repo *damaged)
{
	unlink(damaged->files[damaged->segments].path);
	record(damaged, "lose", &damaged->files[damaged->segments], 0);
}

static void lose_hints(struct damaged_repo *damaged)
{
	unlink(damaged->files[damaged->segments + 1].path);
	record(damaged, "lose", &damaged->files[damaged->segments + 1], 0);
}

static void flip_index(struct damaged_repo *damaged)
{
	const struct damaged_file *file = &damaged->files[damaged->segments];
	const size_t at = pick(damaged, file->len);
	if (access(file->path, F_OK) != 0)
		return;
	builder_flip(file->path, at, (uint8_t)(1u << pick(damaged, 8)));
	record(damaged, "flip", file, at);
}

static void lose_integrity(struct damaged_repo *damaged)
{
	unlink(damaged->files[damaged->segments + 2].path);
	record(damaged, "lose", &damaged->files[damaged->segments + 2], 0);
}

/* Empty, half, or with a wrong bit. */
static void damage_integrity(struct damaged_repo *damaged)
{
	const struct damaged_file *file = &damaged->files[damaged->segments + 2];
	const uint32_t kind = pick(damaged, 3);
	const size_t at = kind == 0 ? 0 : pick(damaged, file->len);
	struct stat st;
	if (stat(file->path, &st) != 0 || (size_t)st.st_size != file->len)
		return;
	if (kind == 2)
		builder_flip(file->path, at, (uint8_t)(1u << pick(damaged, 8)));
	else
		builder_truncate(file->path, at);
	record(damaged, kind == 2 ? "flip" : "cut", file, at);
}

/* ---- damage that moves files; damaged_repo_restore rewrites all of them ---- */

/* The path of segment @number in folder @folder, which is made. */
static void path_in(const struct damaged_repo *damaged, unsigned folder, int64_t number,
		    char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/data/%u", damaged->repo, folder);
	mkdir(out, 0700);
	snprintf(out, BUILDER_PATH, "%.400s/data/%u/%lld", damaged->repo, folder,
		 (long long)number);
}

static void swap_segments(struct damaged_repo *damaged)
{
	const struct damaged_file *a = any_segment(damaged), *b = any_segment(damaged);
	builder_write_file(a->path, b->bytes, b->len);
	builder_write_file(b->path, a->bytes, a->len);
	record(damaged, "swap", a, b->segment >= 0 ? (size_t)b->segment : 0);
	record(damaged, "with", b, 0);
	damaged->is_scattered = true;
}

static void double_segment(struct damaged_repo *damaged)
{
	char path[BUILDER_PATH];
	const struct damaged_file *file = any_segment(damaged);
	path_in(damaged, 9, file->segment, path);
	builder_write_file(path, file->bytes, file->len);
	record(damaged, "double", file, 9);
	damaged->is_scattered = true;
}

static void misplace(struct damaged_repo *damaged)
{
	char path[BUILDER_PATH];
	const struct damaged_file *file = any_segment(damaged);
	path_in(damaged, 9, file->segment, path);
	if (rename(file->path, path) == 0)
		record(damaged, "misplace", file, 9);
	damaged->is_scattered = true;
}

static void leave_tail(struct damaged_repo *damaged)
{
	char path[BUILDER_PATH];
	uint8_t entry[200], key[BUILDER_KEY];
	const struct damaged_file *last = &damaged->files[damaged->segments - 1];
	path_in(damaged, (unsigned)(last->segment + 1) / 5, last->segment + 1, path);
	builder_key(5000, key);
	memcpy(entry, damaged->is_borg ? "BORG_SEG" : "ATTICSEG", 8);
	const size_t size = builder_encode(BUILDER_PUT, key, "unfinished", 10, entry + 8);
	builder_write_file(path, entry, 8 + size - pick(damaged, 2) * 5);
	record(damaged, "tail", last, 0);
	damaged->is_scattered = true;
}

/* Give index or hints the number of another transaction. */
static void rename_index(struct damaged_repo *damaged)
{
	char path[BUILDER_PATH];
	const unsigned which = pick(damaged, 2);
	const struct damaged_file *file = &damaged->files[damaged->segments + which];
	snprintf(path, sizeof(path), "%.400s/%s.%u", damaged->repo, which ? "hints" : "index",
		 (unsigned)damaged->segments - 2 + pick(damaged, 3));
	if (rename(file->path, path) == 0)
		record(damaged, "rename", file, 0);
	damaged->is_scattered = true;
}

/* An index of another repository: undamaged, but wrong in every bucket. */
static void foreign_index(struct damaged_repo *damaged)
{
	const struct damaged_file *file = &damaged->files[damaged->segments];
	uint8_t *bytes = malloc(file->len);
	assert_non_null(bytes);
	memcpy(bytes, file->bytes, file->len);
	for (size_t at = 18; at + 40 <= file->len; at += 40)
		if (bytes[at + 35] != 0xff)
			bytes[at + 17] ^= 0x5a;
	builder_write_file(file->path, bytes, file->len);
	free(bytes);
	record(damaged, "foreign", file, 0);
}

static void (*const damages[])(struct damaged_repo *) = {
	flip, flip, flip, zero, repeat, cut, lose, lose_index, lose_hints, flip_index,
	swap_segments, double_segment, misplace, leave_tail, rename_index, foreign_index,
};
#define PLAIN_DAMAGES 10u

static void (*const borg_damages[])(struct damaged_repo *) = { lose_integrity, damage_integrity };

/* One of the first @count, or of Borg's own. */
static void do_one_of(struct damaged_repo *damaged, size_t count)
{
	const size_t all = count + (damaged->is_borg ? ARRAY_SIZE(borg_damages) : 0);
	const uint32_t which = pick(damaged, all);
	if (which < count)
		damages[which](damaged);
	else
		borg_damages[which - count](damaged);
}

void damaged_repo_seed(struct damaged_repo *damaged, unsigned seed)
{
	damaged->random = seed + 1;
	snprintf(damaged->story, sizeof(damaged->story), " seed %u:", seed);
}

void damaged_repo_damage(struct damaged_repo *damaged)
{
	do_one_of(damaged, PLAIN_DAMAGES);
}

void damaged_repo_damage_more(struct damaged_repo *damaged)
{
	do_one_of(damaged, ARRAY_SIZE(damages));
}

/* Remove all but config, README and data/ itself. */
static void remove_files(const struct damaged_repo *damaged)
{
	static const char *const patterns[] = {
		"data/*", "index.*", "hints.*", "integrity.*", "undo"
	};
	char pattern[BUILDER_PATH];
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		glob_t found = { .gl_pathc = 0 };
		snprintf(pattern, sizeof(pattern), "%.400s/%s", damaged->repo, patterns[i]);
		const int err = glob(pattern, 0, NULL, &found);
		assert_true(err == 0 || err == GLOB_NOMATCH);
		for (size_t j = 0; j < found.gl_pathc; j++)
			builder_remove_folder(found.gl_pathv[j]);
		globfree(&found);
	}
}

void damaged_repo_restore(struct damaged_repo *damaged)
{
	if (damaged->is_scattered) {
		remove_files(damaged);
		for (size_t i = 0; i < damaged->count; i++) {
			char *slash = strrchr(damaged->files[i].path, '/');
			*slash = '\0';
			mkdir(damaged->files[i].path, 0700);
			*slash = '/';
			damaged->files[i].is_touched = true;
		}
		damaged->is_scattered = false;
	}
	for (size_t i = 0; i < damaged->count; i++) {
		if (damaged->files[i].is_touched)
			builder_write_file(damaged->files[i].path, damaged->files[i].bytes,
					   damaged->files[i].len);
		damaged->files[i].is_touched = false;
	}
	damaged->story[0] = '\0';
}

/* Do the bytes of the object's PUT still stand where they stood? */
bool damaged_repo_survives(const struct damaged_repo *damaged, const struct damaged_object *object)
{
	const struct damaged_file *file = &damaged->files[object->segment];
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

const uint8_t *damaged_repo_value(const struct damaged_repo *damaged,
				  const struct damaged_object *object)
{
	return damaged->files[object->segment].bytes + object->offset + 41;
}

bool damaged_repo_reads_right(const struct damaged_repo *damaged, const struct repo *opened,
			      const struct damaged_object *object, const struct replay_event *place)
{
	uint8_t *data;
	size_t len;
	const struct object_place at = { .segment = place->segment, .offset = place->offset };
	if (object_read(opened, object->key, &at, &data, &len, NULL) != AS_OK)
		return false;
	const bool is_same = len == object->size - 41 &&
			     memcmp(data, damaged_repo_value(damaged, object), len) == 0;
	free(data);
	return is_same;
}

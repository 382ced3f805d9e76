/* Random damage, alone and in pairs: what the log and the index together say of each object is held
 * against what was written. Nothing whose bytes survive is given up, and nothing deleted or
 * replaced comes back. */
#include "build-config.h"

#include "engine/diagnose.h"
#include "tests/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OBJECTS 120u
#define SEEDS 600u
#define FILES_MAX 64u

struct object {
	uint8_t key[BUILDER_KEY];
	bool is_live;
	uint32_t segment, offset, size; /* of its PUT, when it is live */
	bool survives;                  /* the bytes of that PUT, after the damage */
};

struct file {
	char path[BUILDER_PATH];
	int64_t segment; /* -1: index or hints */
	uint8_t *bytes;
	size_t len;
	bool is_touched; /* and must be written anew */
};

struct world {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	struct object objects[OBJECTS];
	struct file files[FILES_MAX];
	size_t count, segments; /* segments come first in files */
	uint64_t random;
	char story[256]; /* what was done to it */
};

static uint32_t pick(struct world *world, size_t below)
{
	world->random =
		world->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((world->random >> 33) % below);
}

/* ---- the repository ---- */

static void load(struct world *world, const char *path, int64_t segment)
{
	struct file *file = &world->files[world->count++];
	struct stat st;
	assert_true(world->count <= FILES_MAX);
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

static void write_history(struct world *world, struct builder *builder)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		builder_key(i, world->objects[i].key);
		builder_put_some(builder, world->objects[i].key, 20 + i * 7);
		if (i % 25 == 24)
			builder_commit(builder);
	}
	for (unsigned i = 3; i < OBJECTS; i += 9)
		builder_delete(builder, world->objects[i].key);
	builder_commit(builder);
	for (unsigned i = 5; i < OBJECTS; i += 9)
		builder_put_some(builder, world->objects[i].key, 90 + i);
	builder_transaction(builder);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char path[BUILDER_PATH], name[32];
	assert_non_null(world);
	builder_make_folder(world->folder);
	snprintf(world->repo, sizeof(world->repo), "%.400s/repo", world->folder);
	struct builder *builder = builder_new(world->repo, 5, 4000);
	write_history(world, builder);
	for (uint32_t i = 0; i <= builder_head(builder); i++) {
		builder_segment_path(builder, i, path);
		load(world, path, i);
	}
	world->segments = world->count;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), i ? "hints.%u" : "index.%u", builder_head(builder));
		builder_path(builder, name, path);
		load(world, path, -1);
	}
	for (unsigned i = 0; i < OBJECTS; i++) {
		struct object *object = &world->objects[i];
		object->is_live =
			builder_find(builder, object->key, &object->segment, &object->offset);
		if (object->is_live)
			memcpy(&object->size,
			       world->files[object->segment].bytes + object->offset + 4, 4);
	}
	builder_free(builder);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	for (size_t i = 0; i < world->count; i++)
		free(world->files[i].bytes);
	builder_remove_folder(world->folder);
	free(world);
	return 0;
}

/* ---- the damage ---- */

static void tell(struct world *world, const char *what, const struct file *file, size_t at)
{
	const size_t len = strlen(world->story);
	world->files[file - world->files].is_touched = true;
	snprintf(world->story + len, sizeof(world->story) - len, " %s %s:%zu", what,
		 strrchr(file->path, '/') + 1, at);
}

/* One that is still there, and not cut to nothing. */
static const struct file *any_segment(struct world *world)
{
	for (;;) {
		const struct file *file = &world->files[pick(world, world->segments)];
		struct stat st;
		if (stat(file->path, &st) == 0 && (size_t)st.st_size == file->len)
			return file;
	}
}

static void flip(struct world *world)
{
	const struct file *file = any_segment(world);
	const size_t at = pick(world, file->len);
	builder_flip(file->path, at, (uint8_t)(1u << pick(world, 8)));
	tell(world, "flip", file, at);
}

static void zero(struct world *world)
{
	const struct file *file = any_segment(world);
	const size_t at = pick(world, file->len) / 512 * 512;
	const size_t len = file->len - at < 512 ? file->len - at : 512;
	builder_zero(file->path, at, len);
	tell(world, "zero", file, at);
}

static void repeat(struct world *world)
{
	const struct file *file = any_segment(world);
	const size_t from = pick(world, file->len) / 512 * 512,
		     to = pick(world, file->len) / 512 * 512;
	const size_t end = from > to ? from : to;
	const size_t len = file->len - end < 512 ? file->len - end : 512;
	builder_patch(file->path, to, file->bytes + from, len);
	tell(world, "repeat", file, to);
}

static void cut(struct world *world)
{
	const struct file *file = any_segment(world);
	const size_t at = pick(world, file->len);
	builder_truncate(file->path, at);
	tell(world, "cut", file, at);
}

static void lose(struct world *world)
{
	const struct file *file = any_segment(world);
	unlink(file->path);
	tell(world, "lose", file, 0);
}

static void lose_index(struct world *world)
{
	unlink(world->files[world->segments].path);
	tell(world, "lose", &world->files[world->segments], 0);
}

static void lose_hints(struct world *world)
{
	unlink(world->files[world->segments + 1].path);
	tell(world, "lose", &world->files[world->segments + 1], 0);
}

static void flip_index(struct world *world)
{
	const struct file *file = &world->files[world->segments];
	const size_t at = pick(world, file->len);
	if (access(file->path, F_OK) != 0)
		return;
	builder_flip(file->path, at, (uint8_t)(1u << pick(world, 8)));
	tell(world, "flip", file, at);
}

static void (*const damages[])(struct world *) = {
	flip, flip, flip, zero, repeat, cut, lose, lose_index, lose_hints, flip_index,
};

static void restore(struct world *world)
{
	for (size_t i = 0; i < world->count; i++) {
		if (world->files[i].is_touched)
			builder_write_file(world->files[i].path, world->files[i].bytes,
					   world->files[i].len);
		world->files[i].is_touched = false;
	}
	world->story[0] = '\0';
}

/* Do the bytes of the object's PUT still stand where they stood? */
static bool survives(const struct world *world, const struct object *object)
{
	const struct file *file = &world->files[object->segment];
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

/* ---- the judgement ---- */

struct tally {
	unsigned given_up, come_back, replaced, unnamed;
};

static bool is_named_lost(const struct verify *verify, const uint8_t *key)
{
	for (size_t i = 0; i < verify->findings.count; i++)
		if (verify->findings.rows[i].problem == PROBLEM_OBJECT_LOST &&
		    memcmp(verify->findings.rows[i].key, key, BUILDER_KEY) == 0)
			return true;
	return false;
}

/* Does @place hold the payload that the object was last written with? */
static bool is_right(const struct world *world, const struct view *view,
		     const struct object *object, const struct replay_event *place)
{
	struct as_error error;
	uint8_t *data;
	size_t len;
	if (view_get_at(view, object->key, place->segment, place->offset, &data, &len, &error) !=
	    AS_OK)
		return false;
	const uint8_t *truth = world->files[object->segment].bytes + object->offset + 41;
	const bool same = len == object->size - 41 && memcmp(data, truth, len) == 0;
	free(data);
	return same;
}

static void judge(const struct world *world, const struct verify *verify,
		  const struct object *object, struct tally *tally)
{
	struct replay_event place;
	const bool is_found = verify_lookup(verify, object->key, &place);
	/* Where neither index nor DELETE is left, nobody can know what was deleted or replaced. */
	const bool has_witness = verify->index_is_intact && verify->log_has_gaps;
	if (!object->is_live) {
		tally->come_back += is_found && has_witness;
		return;
	}
	const bool found_right = is_found && is_right(world, verify->view, object, &place);
	if (survives(world, object))
		tally->given_up += !found_right;
	else if (is_found)
		tally->replaced += !found_right && has_witness;
	else
		tally->unnamed += verify->index_was_compared && !is_named_lost(verify, object->key);
}

static struct tally judge_all(struct world *world)
{
	const struct view_options options = { .no_lock = true };
	struct verify_progress progress = { 0 };
	struct as_error error;
	struct view *view;
	struct verify *verify;
	struct tally tally = { 0 };
	assert_int_equal(view_open(world->repo, &options, &view, &error), AS_OK);
	assert_int_equal(verify_run(view, 1, &progress, &verify), AS_OK);
	for (unsigned i = 0; i < OBJECTS; i++)
		judge(world, verify, &world->objects[i], &tally);
	verify_free(verify);
	view_close(view);
	return tally;
}

static struct tally run_seeds(struct world *world, unsigned how_many)
{
	struct tally sum = { 0 };
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		world->random = seed + 1;
		for (unsigned i = 0; i < how_many; i++)
			damages[pick(world, ARRAY_SIZE(damages))](world);
		const struct tally tally = judge_all(world);
		if (tally.given_up || tally.come_back || tally.replaced || tally.unnamed)
			print_message("# seed %u:%s: given up %u, come back %u, replaced %u, "
				      "unnamed %u\n",
				      seed, world->story, tally.given_up, tally.come_back,
				      tally.replaced, tally.unnamed);
		sum.given_up += tally.given_up;
		sum.come_back += tally.come_back;
		sum.replaced += tally.replaced;
		sum.unnamed += tally.unnamed;
		restore(world);
	}
	return sum;
}

static void the_whole_repository_is_judged_right(void **state)
{
	const struct tally tally = judge_all(*state);
	assert_int_equal(tally.given_up + tally.come_back + tally.replaced + tally.unnamed, 0);
}

static void one_damage_is_judged_right(void **state)
{
	const struct tally tally = run_seeds(*state, 1);
	assert_int_equal(tally.given_up, 0);
	assert_int_equal(tally.come_back, 0);
	assert_int_equal(tally.replaced, 0);
	assert_int_equal(tally.unnamed, 0);
}

static void two_damages_are_judged_right(void **state)
{
	const struct tally tally = run_seeds(*state, 2);
	assert_int_equal(tally.given_up, 0);
	assert_int_equal(tally.come_back, 0);
	assert_int_equal(tally.replaced, 0);
	assert_int_equal(tally.unnamed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_repository_is_judged_right),
		cmocka_unit_test(one_damage_is_judged_right),
		cmocka_unit_test(two_damages_are_judged_right),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

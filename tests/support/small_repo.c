#include "build-config.h"

#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct small_repo *small_repo_new(void **state, uint32_t segments_per_dir,
				  uint32_t max_segment_size, unsigned objects)
{
	struct small_repo *world = calloc(1, sizeof(*world));
	uint8_t key[BUILDER_KEY];
	assert_non_null(world);
	builder_make_folder(world->folder);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->folder);
	world->builder = builder_new(world->path, segments_per_dir, max_segment_size);
	for (unsigned i = 0; i < objects; i++) {
		builder_key(i, key);
		builder_put_some(world->builder, key, 200);
	}
	*state = world;
	return world;
}

int small_repo_setup(void **state)
{
	struct small_repo *world = small_repo_new(state, 3, 1000, 20);
	uint8_t key[BUILDER_KEY];
	builder_commit(world->builder);
	builder_key(5, key);
	builder_delete(world->builder, key);
	builder_key(6, key);
	builder_put(world->builder, key, "second", 6);
	builder_transaction(world->builder);
	return 0;
}

int small_repo_teardown(void **state)
{
	struct small_repo *world = *state;
	repo_close(world->repo);
	builder_free(world->builder);
	builder_remove_folder(world->folder);
	free(world);
	return 0;
}

enum as_err small_repo_open(struct small_repo *world, const struct io *io)
{
	const struct repo_options options = { .io = io, .no_lock = true };
	repo_close(world->repo);
	return repo_open(world->path, &options, &world->repo, &world->error);
}

struct key_prefix small_repo_prefix(unsigned number, unsigned nibbles)
{
	uint8_t key[BUILDER_KEY];
	char hex[KEY_HEX_SIZE];
	struct key_prefix prefix;
	builder_key(number, key);
	key_to_hex(key, hex);
	hex[nibbles] = '\0';
	assert_true(key_prefix_parse(hex, &prefix));
	return prefix;
}

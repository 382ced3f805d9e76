#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/repo/create.h"
#include "tests/support/write_hints.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int make_world(void **state, enum as_dialect dialect)
{
	const struct as_settings settings = {
		.segments_per_dir = 4, .max_segment_size = 1000, .dialect = dialect,
	};
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	snprintf(world->repo, sizeof(world->repo), "%.400s/repo", world->scratch->path);
	fault_init(&world->fault);
	assert_int_equal(store_create(world->repo, &settings, &world->fault.io, NULL), AS_OK);
	assert_int_equal(store_open(world->repo, NULL, &world->fault.io, &world->store, NULL),
			 AS_OK);
	*state = world;
	return 0;
}

int setup(void **state)
{
	return make_world(state, AS_DIALECT_ATTIC);
}

int setup_borg(void **state)
{
	return make_world(state, AS_DIALECT_BORG);
}

int teardown(void **state)
{
	struct world *world = *state;
	as_close(world->store);
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

void close_store(struct world *world)
{
	as_close(world->store);
	world->store = NULL;
}

void reopen(struct world *world)
{
	as_close(world->store);
	const enum as_err err = store_open(world->repo, NULL, &world->fault.io, &world->store,
					   &world->error);
	if (err != AS_OK)
		fail_msg("%s", world->error.message);
}

void put(struct world *world, unsigned number, size_t size, unsigned seed)
{
	expected_put(&world->expected, world->store, number, size, seed);
}

void delete(struct world *world, unsigned number)
{
	expected_delete(&world->expected, world->store, number);
}

void commit(struct world *world)
{
	expected_commit(world->store);
}

void check(struct world *world)
{
	expected_check(&world->expected, world->store);
}

void check_repo(struct world *world)
{
	close_store(world);
	expected_check_repo(&world->expected, world->repo);
	reopen(world);
}

struct as_state state_of(const struct world *world)
{
	struct as_state state;
	as_get_state(world->store, &state);
	return state;
}

void path_of(const struct world *world, const char *name, char out[BUILDER_PATH])
{
	snprintf(out, BUILDER_PATH, "%.400s/%.100s", world->repo, name);
}

bool is_there(const struct world *world, const char *name)
{
	char path[BUILDER_PATH];
	struct stat st;
	path_of(world, name, path);
	return lstat(path, &st) == 0;
}

unsigned count_segments(const struct world *world)
{
	unsigned count = 0;
	char name[64];
	for (unsigned i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "data/%u/%u", i / 4, i);
		count += is_there(world, name);
	}
	return count;
}

void damage_segment(struct world *world, const char *name, uint64_t offset)
{
	char path[BUILDER_PATH];
	path_of(world, name, path);
	builder_flip(path, offset, 1);
}

void lose(struct world *world, const char *name)
{
	char path[BUILDER_PATH];
	path_of(world, name, path);
	assert_int_equal(unlink(path), 0);
}

void fill_two_transactions(struct world *world)
{
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 5; i < 12; i++)
		put(world, i, 100, i + 70);
	delete(world, 0);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
}

void expect_refusals(struct world *world, enum as_err refusal, enum as_err reading)
{
	uint8_t key[BUILDER_KEY];
	void *value;
	size_t size;
	builder_key(1, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), refusal);
	assert_int_equal(as_delete(world->store, key, 32, NULL), refusal);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), refusal);
	assert_int_equal(as_get(world->store, key, 32, &value, &size, NULL), reading);
	free(value);
}

void keep_index(const struct world *world)
{
	scratch_run("cp '%s'/index.* '%s'/hints.* '%s'", world->repo, world->repo,
		    world->scratch->path);
}

void bring_back_index(const struct world *world)
{
	scratch_run("rm -f '%s'/index.* '%s'/hints.* && mv '%s'/index.* '%s'/hints.* '%s'",
		    world->repo, world->repo, world->scratch->path, world->scratch->path,
		    world->repo);
}

void add_ghost(struct world *world, uint32_t live, bool compact)
{
	struct hints usage = { .count = 0 };
	const uint32_t last = state_of(world).transaction;
	close_store(world);
	const int fd = open(world->repo, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(hints_load(&usage, &world->fault.io, fd, &dialect_attic, last), AS_OK);
	struct hints_segment *row = hints_add(&usage, 300);
	assert_non_null(row);
	row->live = live;
	row->is_compact = compact;
	struct permit *permit = io_grant_permit(&world->fault.io, fd, 0600);
	assert_int_equal(write_hints(&usage, permit, last), AS_OK);
	io_revoke_permit(permit);
	hints_free(&usage);
	close(fd);
	reopen(world);
}

void expect_no_ghost(struct world *world)
{
	struct repo *opened;
	close_store(world);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_true(opened->hints.usable);
	assert_null(hints_find(&opened->hints, 300));
	assert_false(hints_is_compact(&opened->hints, 300));
	repo_close(opened);
	reopen(world);
}

int say_stop(void *context)
{
	unsigned *left = context;
	return *left == 0 || --*left == 0;
}

void number_index(const struct world *world, uint32_t last)
{
	scratch_run("cd '%s' && mv index.* index.%u && mv hints.* hints.%u", world->repo, last,
		    last);
}

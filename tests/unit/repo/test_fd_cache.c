/* Segment files kept open: how many, which is closed first, and never a file that is gone. */
#include "build-config.h"

#include "engine/repo/fd_cache.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A cache of two files, and the files 0 to 4, each as long as its number. */
struct world {
	struct scratch *scratch;
	struct fault fault;
	struct fd_cache cache;
	uint64_t length;	/* as it was said last */
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char name[8];
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%u", i);
		scratch_file(world->scratch, name, "xxxxx", i);
	}
	fault_init(&world->fault);
	assert_int_equal(fd_cache_init(&world->cache, &world->fault.io, 2), AS_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	fd_cache_free(&world->cache);
	const bool is_balanced = world->fault.opens == world->fault.closes;
	scratch_teardown((void **)&world->scratch);
	free(world);
	return is_balanced ? 0 : -1;
}

/* Get file @number, and say whether it had to be opened. The descriptor must be that file's. */
static bool opens(struct world *world, uint32_t number)
{
	const unsigned before = world->fault.opens;
	char name[8], bytes[8];
	int fd = -1;
	snprintf(name, sizeof(name), "%u", number);
	assert_int_equal(fd_cache_get(&world->cache, world->scratch->fd, name, number, &fd,
				      &world->length), AS_OK);
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), (ssize_t)world->length);
	return world->fault.opens > before;
}

static enum as_err refused(struct world *world, uint32_t number)
{
	char name[8];
	int fd;
	snprintf(name, sizeof(name), "%u", number);
	return fd_cache_get(&world->cache, world->scratch->fd, name, number, &fd, &world->length);
}

static void a_file_is_opened_once(void **state)
{
	struct world *world = *state;
	assert_true(opens(world, 3));
	assert_int_equal(world->length, 3);
	assert_false(opens(world, 3));
	assert_int_equal(world->length, 3);
	scratch_run("echo -n more >> %s/3", world->scratch->path);
	assert_false(opens(world, 3));
	assert_int_equal(world->length, 7);
}

static void the_least_recently_used_is_closed_first(void **state)
{
	struct world *world = *state;
	opens(world, 1);
	opens(world, 2);
	opens(world, 1);
	assert_int_equal(world->fault.closes, 0);
	assert_true(opens(world, 3));		/* in the place of 2 */
	assert_int_equal(world->fault.closes, 1);
	assert_false(opens(world, 1));
	assert_false(opens(world, 3));
	assert_true(opens(world, 2));		/* in the place of 1 */
	assert_false(opens(world, 3));
	assert_true(opens(world, 1));
	assert_int_equal(world->cache.count, 2);
}

static void a_file_that_was_removed_or_replaced_is_not_served(void **state)
{
	struct world *world = *state;
	opens(world, 3);
	opens(world, 4);
	scratch_run("cd %s && rm 3 && mv 1 4", world->scratch->path);
	assert_true(opens(world, 4));
	assert_int_equal(world->length, 1);
	assert_int_equal(refused(world, 3), AS_ERR_DOES_NOT_EXIST);
	assert_int_equal(world->cache.count, 1);
	assert_false(opens(world, 4));
}

/* What cannot be opened costs no other file its place. */
static void a_refusal_changes_nothing(void **state)
{
	struct world *world = *state;
	opens(world, 1);
	opens(world, 2);
	assert_int_equal(refused(world, 9), AS_ERR_DOES_NOT_EXIST);
	world->fault.open_error = EACCES;
	assert_int_equal(refused(world, 3), AS_ERR_DENIED);
	assert_false(opens(world, 1));
	assert_false(opens(world, 2));
}

static void a_file_can_be_closed_early(void **state)
{
	struct world *world = *state;
	opens(world, 1);
	opens(world, 2);
	fd_cache_close(&world->cache, 7);
	assert_int_equal(world->fault.closes, 0);
	fd_cache_close(&world->cache, 1);
	assert_int_equal(world->fault.closes, 1);
	assert_false(opens(world, 2));
	assert_true(opens(world, 1));
}

static void the_size_is_a_hundred_where_none_is_said(void **state)
{
	struct fd_cache cache;
	assert_int_equal(fd_cache_init(&cache, &io_system, 0), AS_OK);
	assert_int_equal(cache.capacity, 100);
	fd_cache_free(&cache);
	assert_int_equal(cache.count, 0);
	assert_null(cache.rows);
	(void)state;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_opened_once),
		TEST(the_least_recently_used_is_closed_first),
		TEST(a_file_that_was_removed_or_replaced_is_not_served),
		TEST(a_refusal_changes_nothing),
		TEST(a_file_can_be_closed_early),
		cmocka_unit_test(the_size_is_a_hundred_where_none_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a replay of the log would lose: recovering refuses it. */
#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Attic's compaction moves a DELETE so: index and hints know the PUT before it as live. */
static void move_a_delete(struct world *world, unsigned number)
{
	uint8_t key[BUILDER_KEY], bytes[64] = "ATTICSEG";
	char name[LISTING_PATH_MAX], path[BUILDER_PATH];
	const uint32_t next = state_of(world).transaction + 1;
	log_segment_path(state_of(world).segments_per_dir, next, name);
	close_store(world);
	builder_key(number, key);
	const size_t size = builder_encode(BUILDER_DELETE, key, NULL, 0, bytes + 8);
	builder_encode(BUILDER_COMMIT, NULL, NULL, 0, bytes + 8 + size);
	path_of(world, name, path);
	builder_write_file(path, bytes, 8 + size + 9);
	number_index(world, next);
	reopen(world);
}

static void a_moved_delete_is_no_reason_to_refuse(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	move_a_delete(world, 3);
	assert_false(state_of(world).needs_recover);
	check(world);
	put(world, 20, 100, 20);
	commit(world);
	check(world);
	/* The segment of the DELETE went, since nothing in it is live: the log alone is right. */
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_OK);
	check_repo(world);
}

static void recovering_refuses_to_lose_what_a_moved_delete_hides(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	commit(world);
	move_a_delete(world, 3);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_INTEGRITY);
	assert_non_null(strstr(world->error.message, "atticscope check"));
	assert_false(state_of(world).needs_recover);
	check(world);
	reopen(world);
	check(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_moved_delete_is_no_reason_to_refuse),
		TEST(recovering_refuses_to_lose_what_a_moved_delete_hides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

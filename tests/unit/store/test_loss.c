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

/* The log is whole as far as it is there; that a segment is missing, index and hints alone know. */
static void recovering_refuses_to_forget_what_only_the_index_names(void **state)
{
	struct world *world = *state;
	char name[32];
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 400, i);		/* three to a segment */
	commit(world);
	const uint32_t transaction = state_of(world).transaction;
	close_store(world);
	lose(world, "data/0/1");
	reopen(world);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_ERR_INTEGRITY);
	assert_non_null(strstr(world->error.message, "does not give 0 objects that can be read, "
			       "nor name 3 that are lost: 'atticscope check' says what saves"));
	snprintf(name, sizeof(name), "index.%u", transaction);
	assert_true(is_there(world, name));
	/* Without a witness nobody knows of it. */
	close_store(world);
	lose(world, name);
	snprintf(name, sizeof(name), "hints.%u", transaction);
	lose(world, name);
	reopen(world);
	assert_int_equal(as_recover(world->store, AS_FULL, &world->error), AS_OK);
	for (unsigned i = 3; i < 6; i++)
		world->expected.objects[i].is_there = false;
	check_repo(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_moved_delete_is_no_reason_to_refuse),
		TEST(recovering_refuses_to_lose_what_a_moved_delete_hides),
		TEST(recovering_refuses_to_forget_what_only_the_index_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

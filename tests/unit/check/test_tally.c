/* Where there is no index, the objects are counted from the log alone. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A log of the segments 3 and 7, and events of keys that begin with their number. */
struct world {
	struct listing_segment segments[2];
	struct segment_facts facts[2];
	struct repo repo;
	struct verify verify;
	struct verify_run run;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->segments[0].number = 3;
	world->segments[1].number = 7;
	world->repo.listing = (struct listing){ .segments = world->segments, .count = 2 };
	world->verify = (struct verify){
		.repo = &world->repo, .facts = world->facts, .replay = replay_new(),
		.mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	assert_non_null(world->verify.replay);
	world->run = (struct verify_run){ .verify = &world->verify, .repo = &world->repo };
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	replay_free(world->verify.replay);
	free(world);
	return 0;
}

static void add(const struct world *world, uint8_t key_start, uint32_t segment, uint32_t size,
		bool is_put)
{
	const uint8_t key[KEY_SIZE] = { key_start };
	const struct replay_event event = {
		.segment = segment, .offset = 8, .size = size, .is_put = is_put,
	};
	assert_int_equal(replay_add(world->verify.replay, key, &event), AS_OK);
}

static uint64_t sum_of_keys(const uint8_t *starts, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += key_value((uint8_t[KEY_SIZE]){ starts[i] });
	return sum;
}

static void each_put_that_is_newest_is_an_object_of_its_segment(void **state)
{
	static const uint8_t objects[] = { 1, 2, 200 };
	struct world *world = *state;
	add(world, 1, 3, 100, true);
	add(world, 2, 7, 41, true);
	add(world, 200, 7, 5000, true);
	add(world, 4, 3, 300, true);
	add(world, 4, 7, 41, false);		/* a DELETE after it */
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		world->run.threads = threads;
		assert_int_equal(replay_merge(world->verify.replay, threads), AS_OK);
		assert_int_equal(verify_tally_log(&world->run), AS_OK);
		assert_int_equal(world->verify.objects, 3);
		assert_int_equal(world->verify.key_sum, sum_of_keys(objects, 3));
		assert_int_equal(world->facts[0].live, 1);
		assert_int_equal(world->facts[0].live_bytes, 100);
		assert_int_equal(world->facts[1].live, 2);
		assert_int_equal(world->facts[1].live_bytes, 5041);
	}
}

/* A file beside the log has it: see check/copies.c. */
static void an_object_without_a_segment_counts_as_one_and_for_no_other(void **state)
{
	static const uint8_t objects[] = { 1, 2 };
	struct world *world = *state;
	add(world, 1, 5, 100, true);
	add(world, 2, 9, 100, true);
	world->run.threads = 1;
	assert_int_equal(verify_tally_log(&world->run), AS_OK);
	assert_int_equal(world->verify.objects, 2);
	assert_int_equal(world->verify.key_sum, sum_of_keys(objects, 2));
	assert_int_equal(world->facts[0].live, 0);
	assert_int_equal(world->facts[1].live, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_put_that_is_newest_is_an_object_of_its_segment),
		TEST(an_object_without_a_segment_counts_as_one_and_for_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

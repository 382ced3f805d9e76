#include "build-config.h"

#include "engine/check/replay.h"
#include "tests/support/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct replay *replay;

static int setup(void **state)
{
	(void)state;
	replay = replay_new();
	return replay ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	replay_free(replay);
	return 0;
}

static void add(unsigned number, struct replay_event event)
{
	uint8_t key[KEY_SIZE];

	builder_key(number, key);
	assert_int_equal(replay_add(replay, key, &event), AS_OK);
}

static void expect(unsigned number, struct replay_event wanted)
{
	uint8_t key[KEY_SIZE];
	struct replay_event event;

	builder_key(number, key);
	assert_true(replay_find(replay, key, &event));
	assert_int_equal(event.segment, wanted.segment);
	assert_int_equal(event.offset, wanted.offset);
	assert_int_equal(event.size, wanted.size);
	assert_int_equal(event.is_put, wanted.is_put);
}

static enum as_err count_key(void *context, const uint8_t key[KEY_SIZE],
			     const struct replay_event *event)
{
	size_t *count = context;

	(void)key;
	(void)event;
	++*count;
	return AS_OK;
}

static void an_empty_replay_knows_nothing(void **state)
{
	static const uint8_t key[KEY_SIZE] = { 0 };
	struct replay_event event;
	size_t count = 0;

	assert_int_equal(replay_count(replay), 0);
	assert_false(replay_find(replay, key, &event));
	assert_int_equal(replay_each(replay, count_key, &count), AS_OK);
	assert_int_equal(count, 0);
	replay_free(NULL);
	(void)state;
}

static void the_newest_event_wins_in_every_order(void **state)
{
	/* Newer by segment though not by offset, newer by offset, and the one that wins. */
	static const struct replay_event events[3] = {
		{ 3, 900, 50, true }, { 4, 8, 41, false }, { 4, 100, 60, true },
	};
	static const unsigned char orders[6][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};

	for (unsigned i = 0; i < 6; i++) {
		for (unsigned j = 0; j < 3; j++)
			add(i, events[orders[i][j]]);
		expect(i, events[2]);
	}
	assert_int_equal(replay_count(replay), 6);
	(void)state;
}

static void a_delete_that_is_newer_hides_a_put(void **state)
{
	add(1, (struct replay_event){ 7, 8, 100, true });
	add(1, (struct replay_event){ 7, 108, 41, false });
	expect(1, (struct replay_event){ 7, 108, 41, false });
	add(2, (struct replay_event){ 7, 108, 41, false });
	add(2, (struct replay_event){ 7, 8, 100, true });
	expect(2, (struct replay_event){ 7, 108, 41, false });
	(void)state;
}

static void the_same_event_twice_changes_nothing(void **state)
{
	for (int i = 0; i < 2; i++)
		add(1, (struct replay_event){ 7, 8, 100, true });
	expect(1, (struct replay_event){ 7, 8, 100, true });
	assert_int_equal(replay_count(replay), 1);
	(void)state;
}

static void the_edges_of_all_numbers_are_kept(void **state)
{
	add(1, (struct replay_event){ 0, 0, 0, false });
	add(2, (struct replay_event){ 0, 0, 0, true });
	add(3, (struct replay_event){ UINT32_MAX, UINT32_MAX, 20971520, true });
	add(4, (struct replay_event){ UINT32_MAX, 0, 1073741823, false });
	expect(1, (struct replay_event){ 0, 0, 0, false });
	expect(2, (struct replay_event){ 0, 0, 0, true });
	expect(3, (struct replay_event){ UINT32_MAX, UINT32_MAX, 20971520, true });
	expect(4, (struct replay_event){ UINT32_MAX, 0, 1073741823, false });
	(void)state;
}

static void keys_of_all_zeros_and_all_ones_are_keys(void **state)
{
	uint8_t zeros[KEY_SIZE], ones[KEY_SIZE];
	struct replay_event event = { 1, 8, 41, true };

	memset(zeros, 0, sizeof(zeros));
	memset(ones, 0xff, sizeof(ones));
	assert_false(replay_find(replay, zeros, &event));
	assert_int_equal(replay_add(replay, zeros, &event), AS_OK);
	assert_false(replay_find(replay, ones, &event));
	event.segment = 2;
	assert_int_equal(replay_add(replay, ones, &event), AS_OK);
	assert_true(replay_find(replay, zeros, &event));
	assert_int_equal(event.segment, 1);
	assert_true(replay_find(replay, ones, &event));
	assert_int_equal(event.segment, 2);
	(void)state;
}

static void many_keys_are_all_found_again(void **state)
{
	enum { KEYS = 200000 };
	size_t count = 0, in_parts = 0;

	for (unsigned i = 0; i < KEYS; i++)
		add(i, (struct replay_event){ i / 100, i, 41, i % 2 });
	assert_int_equal(replay_count(replay), KEYS);
	for (unsigned i = 0; i < KEYS; i++)
		expect(i, (struct replay_event){ i / 100, i, 41, i % 2 });
	assert_int_equal(replay_each(replay, count_key, &count), AS_OK);
	assert_int_equal(count, KEYS);
	for (unsigned part = 0; part < REPLAY_PARTS; part++) {
		count = 0;
		assert_int_equal(replay_each_of(replay, part, count_key, &count), AS_OK);
		assert_in_range(count, KEYS / REPLAY_PARTS * 9 / 10, KEYS / REPLAY_PARTS * 11 / 10);
		in_parts += count;
	}
	assert_int_equal(in_parts, KEYS);
	for (unsigned i = KEYS; i < KEYS + 1000; i++) {
		uint8_t key[KEY_SIZE];
		struct replay_event event;

		builder_key(i, key);
		assert_false(replay_find(replay, key, &event));
	}
	(void)state;
}

/* Were some of the keys' own bytes the hash, all of these would collide: 10^10 steps. */
static void keys_that_differ_in_one_place_only_are_no_slower(void **state)
{
	enum { KEYS = 100000 };
	uint8_t key[KEY_SIZE];

	for (unsigned place = 0; place <= KEY_SIZE - 4; place += 4) {
		memset(key, 0xaa, sizeof(key));
		for (uint32_t i = 0; i < KEYS; i++) {
			const struct replay_event event = { i, place, 41, true };

			memcpy(key + place, &i, sizeof(i));
			assert_int_equal(replay_add(replay, key, &event), AS_OK);
		}
	}
	assert_int_equal(replay_count(replay), (KEY_SIZE / 4) * KEYS);
	(void)state;
}

static enum as_err stop_at_ten(void *context, const uint8_t key[KEY_SIZE],
			       const struct replay_event *event)
{
	size_t *count = context;

	(void)key;
	(void)event;
	return ++*count == 10 ? AS_ERR_CANCELLED : AS_OK;
}

static void a_walk_ends_when_the_caller_has_enough(void **state)
{
	size_t count = 0;

	for (unsigned i = 0; i < 1000; i++)
		add(i, (struct replay_event){ 0, 8, 41, true });
	assert_int_equal(replay_each(replay, stop_at_ten, &count), AS_ERR_CANCELLED);
	assert_int_equal(count, 10);
	(void)state;
}

/* The model: events in the order of time, of few keys, so that the last of a key is its newest. */
enum { MODEL_EVENTS = 80000, MODEL_KEYS = 5000, MODEL_THREADS = 4 };
struct model_event {
	unsigned number;	/* of the key */
	struct replay_event event;
};
static struct model_event model[MODEL_EVENTS];
static struct replay_event newest[MODEL_KEYS];
static bool known[MODEL_KEYS];

static uint32_t next_random(uint64_t *random)
{
	*random = *random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*random >> 33);
}

static void make_model(uint64_t random)
{
	memset(known, 0, sizeof(known));
	for (uint32_t i = 0; i < MODEL_EVENTS; i++) {
		model[i].number = next_random(&random) % MODEL_KEYS;
		model[i].event = (struct replay_event){ i / 50, i % 50 * 41 + 8, 41, i % 3 != 0 };
		newest[model[i].number] = model[i].event;
		known[model[i].number] = true;
	}
	for (uint32_t i = MODEL_EVENTS - 1; i; i--) {
		const uint32_t j = next_random(&random) % (i + 1);
		const struct model_event swapped = model[i];

		model[i] = model[j];
		model[j] = swapped;
	}
}

/* One share appends all its events, one adds all of them, and the others do both. */
static bool is_appended(size_t share, size_t i)
{
	return share == 0 || (share != 1 && i / MODEL_THREADS % 3 != 0);
}

static void *add_share(void *context)
{
	const size_t share = *(const size_t *)context;
	struct replay_batch batch = { .counts = { 0 } };
	enum as_err err = AS_OK;

	for (size_t i = share; i < MODEL_EVENTS && !err; i += MODEL_THREADS) {
		uint8_t key[KEY_SIZE];

		builder_key(model[i].number, key);
		err = is_appended(share, i) ? replay_append(replay, &batch, key, &model[i].event)
					    : replay_add(replay, key, &model[i].event);
	}
	if (!err)
		err = replay_hand_over(replay, &batch);
	return err ? context : NULL;
}

static void threads_that_add_in_any_order_agree_with_a_simple_model(void **state)
{
	pthread_t threads[MODEL_THREADS];
	size_t first[MODEL_THREADS];
	size_t keys = 0;

	make_model(20140312);
	for (size_t i = 0; i < MODEL_THREADS; i++) {
		first[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, add_share, &first[i]), 0);
	}
	for (size_t i = 0; i < MODEL_THREADS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(replay_merge(replay, MODEL_THREADS), AS_OK);
	for (unsigned i = 0; i < MODEL_KEYS; i++) {
		keys += known[i];
		if (known[i])
			expect(i, newest[i]);
	}
	assert_int_equal(replay_count(replay), keys);
	(void)state;
}

/* More than is ever left unmerged, all of one part: each key comes three times, the second time in
 * the newest event. */
static void many_events_of_one_part_are_merged_on_the_way(void **state)
{
	enum { KEYS = 60000 };
	struct replay_batch batch = { .counts = { 0 } };
	uint8_t key[KEY_SIZE];
	struct replay_event event;

	memset(key, 0xaa, sizeof(key));
	for (uint32_t segment = 0; segment < 3; segment++)
		for (uint32_t i = 0; i < KEYS; i++) {
			event = (struct replay_event){ segment == 1 ? 7 : segment, i, 41, true };
			memcpy(key + 12, &i, sizeof(i));
			assert_int_equal(replay_append(replay, &batch, key, &event), AS_OK);
		}
	assert_int_equal(replay_hand_over(replay, &batch), AS_OK);
	assert_int_equal(replay_merge(replay, MODEL_THREADS), AS_OK);
	assert_int_equal(replay_count(replay), KEYS);
	for (uint32_t i = 0; i < KEYS; i++) {
		memcpy(key + 12, &i, sizeof(i));
		assert_true(replay_find(replay, key, &event));
		assert_int_equal(event.segment, 7);
		assert_int_equal(event.offset, i);
	}
	(void)state;
}

/* The rows of a part are handed over when there are enough, the others when the caller says so. */
static void a_batch_is_known_once_it_was_handed_over_and_merged(void **state)
{
	struct replay_batch batch = { .counts = { 0 } };
	struct replay_event event = { .segment = 1, .size = 41, .is_put = true };
	uint8_t key[KEY_SIZE] = { 0 };

	for (event.offset = 0; event.offset < REPLAY_BATCH + 3; event.offset++) {
		key[KEY_SIZE - 1] = (uint8_t)event.offset;
		assert_int_equal(replay_append(replay, &batch, key, &event), AS_OK);
	}
	assert_int_equal(replay_merge(replay, 1), AS_OK);
	assert_int_equal(replay_count(replay), REPLAY_BATCH);
	assert_int_equal(replay_hand_over(replay, &batch), AS_OK);
	assert_int_equal(replay_merge(replay, 1), AS_OK);
	assert_int_equal(replay_count(replay), REPLAY_BATCH + 3);
	assert_true(replay_find(replay, key, &event));
	assert_int_equal(event.offset, REPLAY_BATCH + 2);
	assert_int_equal(replay_hand_over(replay, &batch), AS_OK);
	assert_int_equal(replay_merge(replay, 1), AS_OK);
	assert_int_equal(replay_count(replay), REPLAY_BATCH + 3);
	(void)state;
}

static void a_merged_replay_can_be_added_to(void **state)
{
	size_t share = 0;

	make_model(20200101);
	add(0, (struct replay_event){ 0, 8, 41, true });
	for (share = 0; share < MODEL_THREADS; share++) {
		assert_null(add_share(&share));
		assert_int_equal(replay_merge(replay, MODEL_THREADS), AS_OK);
	}
	for (unsigned number = 0; number < MODEL_KEYS; number++)
		if (known[number])
			expect(number, newest[number]);
	(void)state;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_empty_replay_knows_nothing),
		CASE(the_newest_event_wins_in_every_order),
		CASE(a_delete_that_is_newer_hides_a_put),
		CASE(the_same_event_twice_changes_nothing),
		CASE(the_edges_of_all_numbers_are_kept),
		CASE(keys_of_all_zeros_and_all_ones_are_keys),
		CASE(many_keys_are_all_found_again),
		CASE(keys_that_differ_in_one_place_only_are_no_slower),
		CASE(a_walk_ends_when_the_caller_has_enough),
		CASE(threads_that_add_in_any_order_agree_with_a_simple_model),
		CASE(many_events_of_one_part_are_merged_on_the_way),
		CASE(a_batch_is_known_once_it_was_handed_over_and_merged),
		CASE(a_merged_replay_can_be_added_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

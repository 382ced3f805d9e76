#include "build-config.h"

#include "engine/base/parallel.h"
#include "engine/format/index_fill.h"
#include "engine/format/index_table_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 3u

static struct index_fill *fill;
static struct index_table *table;

static int setup(void **state)
{
	(void)state;
	fill = NULL;
	table = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	index_fill_free(fill);
	index_table_free(table);
	return 0;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Key @number, which begins with @start. */
static void make_key(uint32_t start, uint32_t number, uint8_t key[KEY_SIZE])
{
	memset(key, 0x5a, KEY_SIZE);
	put_u32le(key, start);
	put_u32le(key + 28, number);
}

static uint32_t start_anywhere(uint32_t number)
{
	return (uint32_t)mix(number + 1);
}

/* Where most find their stripe full as far as its end. */
static uint32_t start_at_the_end_of_a_stripe(uint32_t number)
{
	return ((uint32_t)mix(number / 100 + 1) | (INDEX_STRIPE - 1)) - number % 20;
}

static uint32_t start_at_the_end_of_all(uint32_t number)
{
	return UINT32_MAX - number % 20;
}

struct keys {
	uint32_t expected, count;
	uint32_t (*start)(uint32_t number);
	_Atomic bool failed;
};

/* Every key twice: the second time with its number as the offset. */
static bool put_twice(struct index_filler *filler, const uint8_t key[KEY_SIZE], uint32_t number)
{
	return index_filler_put(filler, key, 7, UINT32_MAX) == AS_OK &&
	       index_filler_put(filler, key, 3, number) == AS_OK;
}

static void fill_groups(void *context)
{
	struct keys *keys = context;
	const unsigned groups = index_fill_groups(fill);
	struct index_filler filler;
	unsigned group;
	while (index_filler_begin(&filler, fill, &group)) {
		for (uint32_t i = 0; i < keys->count; i++) {
			uint8_t key[KEY_SIZE];
			make_key(keys->start(i), i, key);
			if (index_part(key) % groups == group && !put_twice(&filler, key, i))
				keys->failed = true;
		}
		if (index_filler_end(&filler) != AS_OK)
			keys->failed = true;
	}
}

static const struct dialect *dialect = &dialect_attic;

static void make_table(struct keys *keys, unsigned threads)
{
	fill = index_fill_new(dialect, keys->expected);
	assert_non_null(fill);
	parallel_run(threads, fill_groups, keys);
	assert_false(keys->failed);
	struct index_fill *ended = fill;
	fill = NULL;
	assert_int_equal(index_fill_end(ended, &table), AS_OK);
	assert_non_null(table);
}

static void expect_keys(const struct keys *keys)
{
	uint32_t segment, offset;
	uint8_t key[KEY_SIZE];
	for (uint32_t i = 0; i < keys->count; i++) {
		make_key(keys->start(i), i, key);
		assert_true(index_table_get(table, key, &segment, &offset));
		assert_int_equal(segment, 3);
		assert_int_equal(offset, i);
	}
	for (uint32_t i = keys->count; i < keys->count + 100; i++) {
		make_key(keys->start(i), i, key);
		assert_false(index_table_get(table, key, &segment, &offset));
	}
}

/* Used buckets by walking, which sees one that was never made empty. */
static uint32_t count_by_walking(void)
{
	struct index_bucket bucket;
	uint32_t count = 0;
	for (uint32_t from = 0; index_table_next(table, from, &bucket); from = bucket.number + 1)
		count++;
	return count;
}

static void keys_of_every_kind_are_where_they_were_put_last(void **state)
{
	static struct keys kinds[] = {
		{ 0, 0, start_anywhere, false },
		{ 1, 1, start_anywhere, false },
		{ 920, 920, start_anywhere, false },
		{ 29000, 29000, start_anywhere, false },	/* one stripe */
		{ 58000, 58000, start_anywhere, false },	/* two */
		{ 200000, 200000, start_anywhere, false },
		{ 1500000, 5000, start_anywhere, false },	/* as many as parts */
		{ 3000000, 5000, start_anywhere, false },	/* more */
		{ 200000, 3000, start_at_the_end_of_a_stripe, false },
		{ 3000000, 3000, start_at_the_end_of_a_stripe, false },
		{ 3000, 3000, start_at_the_end_of_all, false },
		{ 200000, 500, start_at_the_end_of_all, false },
		{ 0, 1500, start_anywhere, false },		/* more than were expected */
		{ 29000, 31000, start_anywhere, false },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		make_table(&kinds[i], THREADS);
		assert_int_equal(index_table_count(table), kinds[i].count);
		assert_int_equal(count_by_walking(), kinds[i].count);
		if (kinds[i].count <= kinds[i].expected)
			assert_int_equal(table->image.buckets,
					 index_table_buckets_for(dialect, kinds[i].expected));
		expect_keys(&kinds[i]);
		index_table_free(table);
		table = NULL;
	}
}

/* Its sizes are no multiple of a stripe. */
static void so_are_those_of_borg(void **state)
{
	dialect = &dialect_borg;
	keys_of_every_kind_are_where_they_were_put_last(state);
	dialect = &dialect_attic;
	fill = index_fill_new(&dialect_borg, 1000000);
	assert_non_null(fill);
	assert_int_equal(index_fill_groups(fill), 1);
	index_fill_free(fill);
	fill = NULL;
}

static void groups_are_as_many_as_stripes_and_no_more_than_parts(void **state)
{
	static const struct { uint64_t keys; unsigned groups; } sizes[] = {
		{ 0, 1 }, { 29000, 1 }, { 30000, 2 }, { 200000, 8 }, { 1000000, 64 },
		{ 3000000, 64 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill = index_fill_new(&dialect_attic, sizes[i].keys);
		assert_non_null(fill);
		assert_int_equal(index_fill_groups(fill), sizes[i].groups);
		index_fill_free(fill);
		fill = NULL;
	}
	assert_null(index_fill_new(&dialect_attic, UINT64_MAX));
}

static void what_was_filled_goes_on_as_any_other_table(void **state)
{
	struct keys keys = { 200000, 3000, start_at_the_end_of_a_stripe, false };
	uint8_t key[KEY_SIZE];
	(void)state;
	make_table(&keys, 1);
	for (uint32_t i = 0; i < keys.count; i++) {
		make_key(keys.start(i), i, key);
		assert_true(index_table_remove(table, key));
	}
	assert_int_equal(index_table_count(table), 0);
	assert_int_equal(count_by_walking(), 0);
	assert_int_equal(index_table_put(table, key, 1, 8), AS_OK);
	assert_int_equal(index_table_count(table), 1);
}

/* All of these want the same bucket: the time to put them grows with the square of their number. */
static void keys_that_collide_are_refused_before_they_crawl(void **state)
{
	enum { COLLIDING = 100000 };
	struct index_filler filler;
	enum as_err err = AS_OK;
	uint32_t count = 0;
	unsigned group;
	(void)state;
	fill = index_fill_new(&dialect_attic, COLLIDING);
	assert_non_null(fill);
	assert_true(index_filler_begin(&filler, fill, &group));
	while (group != 0) {
		assert_int_equal(index_filler_end(&filler), AS_OK);
		assert_true(index_filler_begin(&filler, fill, &group));
	}
	for (; err == AS_OK && count < COLLIDING; count++) {
		uint8_t key[KEY_SIZE];
		make_key(7, count, key);
		err = index_filler_put(&filler, key, 1, 8);
	}
	assert_int_equal(err, AS_ERR_COLLISION);
	assert_in_range(count, 8192, 32768);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(keys_of_every_kind_are_where_they_were_put_last),
		CASE(so_are_those_of_borg),
		CASE(groups_are_as_many_as_stripes_and_no_more_than_parts),
		CASE(what_was_filled_goes_on_as_any_other_table),
		CASE(keys_that_collide_are_refused_before_they_crawl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

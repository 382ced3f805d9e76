#include "build-config.h"

#include "engine/format/index_load.h"
#include "engine/format/index_table_internal.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define KEYS_MAX 6000u	/* of a model */
#define NUMBER 5u	/* of the transaction in most tests */

static struct scratch *scratch;
static struct permit *permit;
static struct fault fault;
static struct findings findings;
static struct index_file file;
static struct index_table *table;

static int setup(void **state)
{
	fault_init(&fault);
	findings_init(&findings);
	file.fd = -1;
	table = NULL;
	scratch_setup(state);
	scratch = *state;
	permit = io_grant_permit(&io_system, scratch->fd, 0644);
	return permit ? 0 : -1;
}

static int teardown(void **state)
{
	index_table_free(table);
	index_close(&file);
	findings_free(&findings);
	io_revoke_permit(permit);
	return scratch_teardown(state) || fault.opens != fault.closes;
}

/* ---- random numbers and keys ---- */

static uint64_t random_state;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint32_t random_below(uint32_t end)
{
	random_state += 0x9e3779b97f4a7c15u;
	return (uint32_t)(mix(random_state) % end);
}

/* Key @number, which begins with @start. */
static const uint8_t *key_of(uint32_t start, uint32_t number)
{
	static uint8_t key[KEY_SIZE];

	memset(key, 0x5a, sizeof(key));
	put_u32le(key, start);
	put_u32le(key + 28, number);
	return key;
}

/* Ways to spread keys over the table, by what they begin with. Sizes are mostly powers of two, so
 * that all of a number's high bits set is the end of the table. */
static uint32_t start_anywhere(uint32_t number)
{
	return (uint32_t)mix(number + 1);
}

static uint32_t start_in_a_row(uint32_t number)
{
	return number;
}

static uint32_t start_at_few(uint32_t number)
{
	return (uint32_t)mix(number % 150 + 1);
}

static uint32_t start_at_the_end(uint32_t number)
{
	return UINT32_MAX - number % 20;
}

/* At the end of the smallest table; at the end of either half of the next; and so on. */
static uint32_t start_at_every_end(uint32_t number)
{
	return ((uint32_t)mix(number / 8 + 1) | 1023u) - number % 5;
}

static uint32_t (*const starts[])(uint32_t number) = {
	start_anywhere, start_in_a_row, start_at_few, start_at_the_end, start_at_every_end,
};

/* ---- a model: what the table should hold, and how large it should be ---- */

static struct {
	uint32_t (*start)(uint32_t number);
	struct {
		bool is_there;
		uint32_t segment, offset;
	} rows[KEYS_MAX];
	uint32_t keys;		/* that may be there; the last is nobody's but the test's */
	uint32_t count, buckets;
} model;

static const uint8_t *model_key(uint32_t number)
{
	return key_of(model.start(number), number);
}

static void model_begin(uint32_t (*start)(uint32_t number), uint32_t keys, uint32_t buckets)
{
	memset(&model, 0, sizeof(model));
	model.start = start;
	model.keys = keys;
	model.buckets = buckets;
}

static void put(uint32_t number, uint32_t segment, uint32_t offset)
{
	assert_int_equal(index_table_put(table, model_key(number), segment, offset), AS_OK);
	if (!model.rows[number].is_there) {
		if (model.count > model.buckets * .90)
			model.buckets *= 2;
		model.count++;
	}
	model.rows[number].is_there = true;
	model.rows[number].segment = segment;
	model.rows[number].offset = offset;
}

static void take(uint32_t number)
{
	const bool was_there = model.rows[number].is_there;

	assert_int_equal(index_table_remove(table, model_key(number)), was_there);
	model.rows[number].is_there = false;
	if (!was_there)
		return;
	model.count--;
	if (model.count < model.buckets * .25 && model.buckets > 1024)
		model.buckets /= 2;
}

static void look(uint32_t number)
{
	uint32_t segment, offset;
	const bool is_there =
		index_table_get(table, model_key(number), &segment, &offset);

	assert_int_equal(is_there, model.rows[number].is_there);
	if (!is_there)
		return;
	assert_int_equal(segment, model.rows[number].segment);
	assert_int_equal(offset, model.rows[number].offset);
}

static void compare_sizes(void)
{
	assert_int_equal(index_table_count(table), model.count);
	assert_int_equal(table->image.buckets, model.buckets);
}

/* Every key of the model is found, in a bucket that no other has, and nothing else is. */
static void compare_keys(void)
{
	struct index_bucket bucket;
	uint32_t walked = 0;

	for (uint32_t i = 0; i < model.keys; i++)
		look(i);
	for (uint32_t from = 0; index_table_next(table, from, &bucket); from = bucket.number + 1) {
		assert_true(bucket.number >= from);
		assert_int_equal(index_table_find(table, bucket.key), bucket.number);
		walked++;
	}
	assert_int_equal(walked, model.count);
	assert_int_equal(index_table_count(table), model.count);
}

static void compare(void)
{
	compare_sizes();
	compare_keys();
}

/* ---- files ---- */

static void open_index(uint32_t transaction)
{
	index_close(&file);
	assert_int_equal(index_open(&fault.io, scratch->fd, &dialect_attic, transaction, &file,
				    &findings), AS_OK);
}

/* Write the table, and let what reads and judges indexes say that it is sound and free of deleted
 * buckets. */
static void write_and_judge(void)
{
	struct index_image image;
	struct index_census census;

	assert_int_equal(index_table_write(table, permit, "index.5"), AS_OK);
	open_index(NUMBER);
	assert_int_equal(file.used, index_table_count(table));
	assert_int_equal(file.buckets, table->image.buckets);
	assert_int_equal(index_load(&file, 0, NULL, &image), AS_OK);
	assert_int_equal(index_census(&file, &image, 0, &census, &findings), AS_OK);
	index_image_free(&image);
	assert_int_equal(findings.count, 0);
	assert_int_equal(census.used, index_table_count(table));
	assert_int_equal(census.deleted, 0);
	assert_int_equal(census.unreachable, 0);
	assert_int_equal(census.duplicates, 0);
}

static bool exists(const char *name)
{
	return faccessat(scratch->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The bytes of an index as Attic would make it, deleted buckets and all; any number of them. */
static struct {
	uint8_t bytes[18 + 40 * 20000];
	uint32_t buckets, used;
} attic;

static uint8_t *attic_bucket(uint32_t number)
{
	return attic.bytes + 18 + (size_t)number * 40;
}

static void attic_begin(uint32_t buckets)
{
	attic.buckets = buckets;
	attic.used = 0;
	memset(attic.bytes, 0, sizeof(attic.bytes));
	for (uint32_t i = 0; i < buckets; i++)
		put_u32le(attic_bucket(i) + 32, INDEX_EMPTY);
}

static uint32_t attic_put(const uint8_t *key, uint32_t segment, uint32_t offset)
{
	uint32_t number = get_u32le(key) % attic.buckets;

	while (get_u32le(attic_bucket(number) + 32) < INDEX_DELETED)
		number = (number + 1) % attic.buckets;
	memcpy(attic_bucket(number), key, KEY_SIZE);
	put_u32le(attic_bucket(number) + 32, segment);
	put_u32le(attic_bucket(number) + 36, offset);
	attic.used++;
	return number;
}

static void attic_delete(uint32_t number)
{
	put_u32le(attic_bucket(number) + 32, INDEX_DELETED);
	attic.used--;
}

/* Write the file and open it. */
static void attic_open(void)
{
	memcpy(attic.bytes, "ATTICIDX", 8);
	put_u32le(attic.bytes + 8, attic.used);
	put_u32le(attic.bytes + 12, attic.buckets);
	attic.bytes[16] = 32;
	attic.bytes[17] = 8;
	scratch_file(scratch, "index.9", attic.bytes, 18 + (size_t)attic.buckets * 40);
	open_index(9);
}

static void attic_load(void)
{
	attic_open();
	assert_int_equal(index_table_load(&file, &table), AS_OK);
}

/* A file with the first @used keys of a model, which takes note of them. @deleted buckets more were
 * used once. */
static void attic_fill(uint32_t (*start)(uint32_t number), uint32_t buckets, uint32_t used,
		       uint32_t deleted)
{
	uint32_t left = deleted;

	model_begin(start, used + deleted + 1, buckets);
	attic_begin(buckets);
	for (uint32_t i = 0; i < used + deleted; i++) {
		const uint32_t number = attic_put(model_key(i), i, i + 1);

		if (left > 0 && random_below(used + deleted - i) < left) {
			/* Never to be taken by a later key, or fewer were deleted in the end. */
			memset(attic_bucket(number), 0xdd, KEY_SIZE);
			model.rows[i].segment = number;
			left--;
			continue;
		}
		model.rows[i].is_there = true;
		model.rows[i].segment = i;
		model.rows[i].offset = i + 1;
		model.count++;
	}
	for (uint32_t i = 0; i < used + deleted; i++)
		if (!model.rows[i].is_there)
			attic_delete(model.rows[i].segment);
}

/* ---- tests ---- */

static void a_new_table_is_empty_and_of_the_smallest_size(void **state)
{
	struct index_bucket bucket;
	uint32_t segment, offset;

	table = index_table_new(&dialect_attic, 0);
	assert_non_null(table);
	assert_int_equal(index_table_count(table), 0);
	assert_int_equal(table->image.buckets, 1024);
	assert_int_equal(table->mapped, 1024 * 40);
	assert_false(index_table_get(table, key_of(0, 0), &segment, &offset));
	assert_false(index_table_remove(table, key_of(0, 0)));
	assert_false(index_table_next(table, 0, &bucket));
	(void)state;
}

static void keys_of_all_zeros_and_all_ones_are_keys_like_others(void **state)
{
	uint8_t zeros[KEY_SIZE], ones[KEY_SIZE];
	uint32_t segment, offset;

	memset(zeros, 0, sizeof(zeros));
	memset(ones, 0xff, sizeof(ones));
	table = index_table_new(&dialect_attic, 0);
	assert_int_equal(index_table_put(table, zeros, 0, 0), AS_OK);
	assert_false(index_table_get(table, ones, &segment, &offset));
	assert_int_equal(index_table_put(table, ones, INDEX_DELETED - 1, UINT32_MAX), AS_OK);
	assert_true(index_table_get(table, zeros, &segment, &offset));
	assert_int_equal(segment, 0);
	assert_int_equal(offset, 0);
	assert_true(index_table_get(table, ones, &segment, &offset));
	assert_int_equal(segment, INDEX_DELETED - 1);
	assert_int_equal(offset, UINT32_MAX);
	assert_true(index_table_remove(table, zeros));
	assert_false(index_table_remove(table, zeros));
	assert_int_equal(index_table_count(table), 1);
	assert_int_equal(index_table_find(table, ones), 1023);
	(void)state;
}

static void the_table_doubles_with_the_key_that_finds_more_than_90_percent_used(void **state)
{
	/* The last number of keys that Attic leaves in a table of so many buckets. */
	static const struct { uint32_t buckets, keys; } steps[] = {
		{ 1024, 922 }, { 2048, 1844 }, { 4096, 3687 },
	};
	uint32_t next = 0;

	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		while (next < steps[i].keys) {
			put(next++, 1, 1);
			assert_int_equal(table->image.buckets, steps[i].buckets);
		}
		put(0, 2, 2);		/* no new key, no growth */
		take(1);
		put(1, 2, 2);
		assert_int_equal(table->image.buckets, steps[i].buckets);
		put(next++, 1, 1);
		assert_int_equal(table->image.buckets, 2 * steps[i].buckets);
	}
	compare();
	(void)state;
}

static void a_table_for_so_many_keys_is_the_one_that_grew_with_them(void **state)
{
	static const uint32_t counts[] = { 0, 1, 921, 922, 923, 1844, 1845, 3687, 3688, 4000 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		model_begin(start_anywhere, KEYS_MAX, 1024);
		table = index_table_new(&dialect_attic, 0);
		for (uint32_t key = 0; key < counts[i]; key++)
			put(key, 1, 1);
		const uint32_t grown = table->image.buckets;
		index_table_free(table);

		model_begin(start_anywhere, KEYS_MAX, grown);
		table = index_table_new(&dialect_attic, counts[i]);
		assert_non_null(table);
		assert_int_equal(index_table_buckets_for(&dialect_attic, counts[i]), grown);
		assert_int_equal(table->image.buckets, grown);
		for (uint32_t key = 0; key < counts[i]; key++)
			put(key, 1, 1);
		assert_int_equal(table->image.buckets, grown);
		compare();
		index_table_free(table);
		table = NULL;
	}
	assert_true(index_table_buckets_for(&dialect_attic, UINT64_C(1) << 40) > INT32_MAX);
	assert_null(index_table_new(&dialect_attic, UINT64_C(1) << 40));
	(void)state;
}

/* Every one of the sizes is a prime. */
static void borgs_table_has_borgs_sizes_and_magic(void **state)
{
	uint8_t header[INDEX_HEADER];
	uint32_t segment, offset;

	(void)state;
	table = index_table_new(&dialect_borg, 0);
	assert_non_null(table);
	assert_int_equal(table->image.buckets, 1031);
	for (uint32_t i = 0; i < 775; i++) {
		assert_int_equal(table->image.buckets, 1031);
		assert_int_equal(index_table_put(table, key_of(i * 77777, i), 1, i), AS_OK);
	}
	assert_int_equal(table->image.buckets, 2053);
	for (uint32_t i = 0; i < 775; i++) {
		assert_true(index_table_get(table, key_of(i * 77777, i), &segment, &offset));
		assert_int_equal(offset, i);
	}
	for (uint32_t i = 0; i < 262; i++) {
		assert_int_equal(table->image.buckets, 2053);
		assert_true(index_table_remove(table, key_of(i * 77777, i)));
	}
	assert_int_equal(index_table_count(table), 513);
	assert_true(index_table_remove(table, key_of(262 * 77777, 262)));
	assert_int_equal(table->image.buckets, 1031);
	for (uint32_t i = 0; i < 775; i++)
		assert_int_equal(index_table_get(table, key_of(i * 77777, i), &segment, &offset),
				 i > 262);
	index_encode_header(table->dialect, 512, 1031, header);
	assert_memory_equal(header, "BORG_IDX", 8);
}

/* All of these want the same bucket: the time to put them grows with the square of their number. */
#define COLLIDING 100000u

static void keys_that_collide_are_refused_before_they_crawl(void **state)
{
	uint32_t count = 0;
	enum as_err err = AS_OK;

	(void)state;
	table = index_table_new(&dialect_attic, 0);
	assert_non_null(table);
	while (err == AS_OK && count < COLLIDING) {
		const enum as_err reserved = index_table_reserve(table);

		err = index_table_put(table, key_of(7, count++), 1, 8);
		assert_int_equal(err, reserved);
	}
	assert_int_equal(err, AS_ERR_COLLISION);
	assert_int_equal(index_table_count(table), count - 1);
	assert_in_range(count, 8192, 16384);
	assert_int_equal(index_table_reserve(table), AS_ERR_COLLISION);
	for (uint32_t i = 0; i < count - 1; i += 100) {
		assert_int_not_equal(index_table_find(table, key_of(7, i)), INDEX_EMPTY);
		assert_int_equal(index_table_put(table, key_of(7, i), 2, 8), AS_OK);
	}
}

static void a_large_table_is_empty_in_every_bucket(void **state)
{
	struct index_bucket bucket;

	(void)state;
	table = index_table_new(&dialect_attic, 400000);
	assert_non_null(table);
	assert_int_equal(table->image.buckets, 524288);
	for (uint32_t number = 0; number < 524288; number++)
		assert_int_equal(index_table_find(table, key_of(number, 1)), INDEX_EMPTY);
	assert_false(index_table_next(table, 0, &bucket));
}

static void the_table_halves_when_a_removal_leaves_less_than_25_percent(void **state)
{
	static const struct { uint32_t buckets, keys; } steps[] = {
		{ 4096, 1024 }, { 2048, 512 }, { 1024, 0 },
	};
	uint32_t left = 3000;

	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < left; i++)
		put(i, 1, 1);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		while (left > steps[i].keys) {
			take(--left);
			if (left >= steps[i].keys)
				assert_int_equal(table->image.buckets, steps[i].buckets);
		}
		assert_int_equal(table->mapped, steps[i].buckets * 40);
		take(model.keys - 1);	/* not there: no removal */
		compare();
		if (left > 0)
			take(--left);
	}
	assert_int_equal(index_table_count(table), 0);
	(void)state;
}

static void a_reserved_place_is_there_and_costs_nothing_twice(void **state)
{
	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 922; i++) {
		assert_int_equal(index_table_reserve(table), AS_OK);
		assert_int_equal(table->image.buckets, 1024);
		put(i, i, i);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(index_table_reserve(table), AS_OK);
		assert_int_equal(table->image.buckets, 2048);
	}
	compare_keys();
	put(922, 1, 1);
	compare();
	(void)state;
}

/* 200,000 operations with phases that fill and phases that empty. */
static void operate(uint32_t (*start)(uint32_t number), uint32_t keys, uint64_t seed)
{
	random_state = seed;
	model_begin(start, keys, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (unsigned i = 0; i < 200000; i++) {
		const uint32_t number = random_below(model.keys);
		const bool is_filling = i / 25000 % 2 == 0;
		const uint32_t chance = random_below(100);

		if (chance < 10)
			look(number);
		else if (chance < (is_filling ? 75u : 25u))
			put(number, random_below(INDEX_DELETED), random_below(UINT32_MAX));
		else
			take(number);
		compare_sizes();
		if (i % 5000 == 4999)
			compare_keys();
		if (i % 50000 == 24999)
			write_and_judge();
	}
	index_table_free(table);
	table = NULL;
}

static void random_operations_agree_with_a_model(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		for (uint64_t seed = 1; seed <= 3; seed++)
			operate(starts[i], starts[i] == start_at_the_end ? 1500 : KEYS_MAX, seed);
	(void)state;
}

/* Sizes that are not a power of two, runs of any length wherever they lie, deleted buckets among
 * them. */
static void a_crowded_table_of_any_size_grows(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		random_state = seed;
		const uint32_t buckets = 1024 + random_below(100);
		const uint32_t used = buckets * 9 / 10 + 1 + random_below(20);
		const uint32_t deleted = random_below(buckets - used);

		attic_fill(starts[seed % ARRAY_SIZE(starts)], buckets, used, deleted);
		attic_load();
		compare();
		put(model.keys - 1, 7, 7);
		assert_int_equal(table->image.buckets, 2 * buckets);
		compare();
		write_and_judge();
		index_table_free(table);
		table = NULL;
	}
	(void)state;
}

static void the_first_change_sweeps_deleted_buckets_out(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++) {
		random_state = seed;
		const uint32_t buckets = 1024 + random_below(100);
		const uint32_t used = 300 + random_below(600);
		const uint32_t deleted = 1 + random_below(buckets - used - 1);

		attic_fill(starts[seed % ARRAY_SIZE(starts)], buckets, used, deleted);
		attic_load();
		compare();
		if (seed % 3 == 0)
			put(model.keys - 1, 7, 7);
		else if (seed % 3 == 1)
			take(model.keys - 1);
		else
			assert_int_equal(index_table_reserve(table), AS_OK);
		assert_int_equal(table->image.buckets, buckets);
		compare();
		write_and_judge();
		index_table_free(table);
		table = NULL;
	}
	(void)state;
}

/* Below the smallest size, without an empty bucket, or both; the first change makes it regular. */
static void a_table_of_any_size_is_brought_within_the_limits(void **state)
{
	static const struct { uint32_t buckets, used, deleted, wanted; } cases[] = {
		{ 1, 0, 0, 1024 },	 { 1, 1, 0, 1024 },	  { 1, 0, 1, 1024 },
		{ 2, 1, 1, 1024 },	 { 50, 49, 1, 1024 },	  { 500, 20, 100, 1024 },
		{ 921, 921, 0, 1024 },	 { 1023, 922, 101, 2048 },
		{ 1023, 1023, 0, 2048 }, { 1024, 921, 103, 1024 },
		{ 1024, 922, 102, 2048 }, { 1024, 1024, 0, 2048 },
		{ 1024, 0, 1024, 1024 }, { 1500, 300, 1200, 1500 }, { 1500, 1500, 0, 3000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
			attic_fill(starts[k], cases[i].buckets, cases[i].used, cases[i].deleted);
			attic_load();
			compare();
			assert_int_equal(index_table_reserve(table), AS_OK);
			assert_int_equal(table->image.buckets, cases[i].wanted);
			model.buckets = cases[i].wanted;
			compare();
			write_and_judge();
			index_table_free(table);

			attic_load();
			put(model.keys - 1, 7, 7);
			compare();
			take(0);
			take(model.keys - 1);
			compare_keys();
			write_and_judge();
			index_table_free(table);
			table = NULL;
		}
	(void)state;
}

static void a_sparse_table_halves_with_each_removal_as_attics_does(void **state)
{
	attic_fill(start_anywhere, 8192, 10, 3);
	attic_load();
	put(model.keys - 1, 7, 7);
	assert_int_equal(table->image.buckets, 8192);
	for (uint32_t i = 0; i < model.keys; i++)
		if (model.rows[i].is_there) {
			take(i);
			compare();
		}
	assert_int_equal(table->image.buckets, 1024);
	(void)state;
}

static void what_is_written_is_the_buckets_behind_a_header(void **state)
{
	static uint8_t bytes[18 + 40 * 2048 + 1];
	struct index_bucket bucket;

	scratch_file(scratch, "index.5", "old", 3);
	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 1500; i++)
		put(i, i * 3, i * 5);
	write_and_judge();
	const int fd = openat(scratch->fd, "index.5", O_RDONLY);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 18 + 40 * 2048);
	close(fd);
	assert_memory_equal(bytes, "ATTICIDX\xdc\x05\0\0\0\x08\0\0\x20\x08", 18);
	for (uint32_t i = 0, from = 0; i < 2048; i++) {
		const uint8_t *p = bytes + 18 + (size_t)i * 40;

		if (get_u32le(p + 32) == INDEX_EMPTY)
			continue;
		assert_true(index_table_next(table, from, &bucket));
		assert_int_equal(bucket.number, i);
		assert_memory_equal(p, bucket.key, KEY_SIZE);
		assert_int_equal(get_u32le(p + 32), bucket.segment);
		assert_int_equal(get_u32le(p + 36), bucket.offset);
		from = i + 1;
	}
	(void)state;
}

static void a_table_read_back_is_the_same_and_can_go_on(void **state)
{
	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 5000; i++)
		put(i, i * 3, i * 5);
	write_and_judge();
	index_table_free(table);
	assert_int_equal(index_table_load(&file, &table), AS_OK);
	compare();
	for (uint32_t i = 0; i < 5000; i++)
		take(i);
	compare();
	(void)state;
}

/* A struct io that writes so many bytes and then has no space left. */
static size_t space;

static ssize_t pwrite_until_full(const struct io *io, int fd, const void *data, size_t len,
				 off_t offset)
{
	(void)io;
	if (len > space)
		len = space;
	space -= len;
	if (len == 0) {
		errno = ENOSPC;
		return -1;
	}
	return io_system.pwrite(&io_system, fd, data, len, offset);
}

static int fsync_badly(const struct io *io, int fd)
{
	(void)io;
	(void)fd;
	errno = EIO;
	return -1;
}

static void expect_no_write(struct io *io, enum as_err expected)
{
	struct permit *poor = io_grant_permit(io, scratch->fd, 0644);
	struct stat st;

	assert_non_null(poor);
	assert_int_equal(index_table_write(table, poor, "index.tmp"), expected);
	io_revoke_permit(poor);
	assert_false(exists("index.tmp"));
	assert_int_equal(fstatat(scratch->fd, "index.5", &st, 0), 0);
	assert_int_equal(st.st_size, 3);
}

static void a_failed_write_leaves_the_old_index_and_no_rest(void **state)
{
	static const size_t spaces[] = { 0, 17, 18, 5000, 18 + 1024 * 40 - 1 };
	struct io io = io_system;

	scratch_file(scratch, "index.5", "old", 3);
	table = index_table_new(&dialect_attic, 0);
	io.pwrite = pwrite_until_full;
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		space = spaces[i];
		expect_no_write(&io, AS_ERR_NO_SPACE);
	}
	io = io_system;
	io.fsync = fsync_badly;
	expect_no_write(&io, AS_ERR_IO);
	write_and_judge();
	(void)state;
}

static void expect_refused(enum as_err expected)
{
	struct index_table *loaded = (struct index_table *)&attic;

	assert_int_equal(index_table_load(&file, &loaded), expected);
	assert_null(loaded);
}

static void a_table_that_is_not_sound_is_refused(void **state)
{
	attic_fill(start_anywhere, 1024, 100, 5);
	attic.used++;
	attic_open();
	expect_refused(AS_ERR_INTEGRITY);
	attic.used--;

	const uint8_t *key = attic_bucket(attic_put(key_of(5, 5), 1, 1));
	attic_open();
	assert_int_equal(index_table_load(&file, &table), AS_OK);
	attic_put(key, 1, 1);		/* twice */
	attic_open();
	expect_refused(AS_ERR_INTEGRITY);

	attic_begin(1024);
	attic_put(key_of(5, 5), 1, 1);
	memcpy(attic_bucket(5), key_of(9, 5), KEY_SIZE);
	attic_open();
	expect_refused(AS_ERR_INTEGRITY);	/* out of reach */

	attic_begin(20000);
	for (uint32_t i = 0; i < 20000; i++)
		put_u32le(attic_bucket(i) + 32, INDEX_DELETED);
	attic_open();
	expect_refused(AS_ERR_INTEGRITY);	/* every look-up goes all round */
	(void)state;
}

static void a_table_that_cannot_be_read_is_refused(void **state)
{
	attic_fill(start_anywhere, 1024, 100, 5);
	attic_open();
	fault.bad_offset = 18 + 1000 * 40;
	fault.bad_length = 1;
	expect_refused(AS_ERR_IO);
	assert_int_equal(errno, EIO);
	(void)state;
}

/* 80 GiB that lie in a file of nothing but holes. */
static void an_index_larger_than_the_machine_is_refused_before_it_is_read(void **state)
{
	attic_begin(1);
	attic.buckets = INT32_MAX;
	memset(attic.bytes + 18, 0, 40);
	const int fd = openat(scratch->fd, "index.5", O_RDWR | O_CREAT, 0600);
	memcpy(attic.bytes, "ATTICIDX\xff\xff\xff\x7f\xff\xff\xff\x7f\x20\x08", 18);
	assert_int_equal(write(fd, attic.bytes, 18), 18);
	const int refused = ftruncate(fd, 18 + (off_t)INT32_MAX * 40);
	close(fd);
	if (refused || index_fits_memory(INT32_MAX))
		skip();
	open_index(5);
	const unsigned before = fault.preads;
	expect_refused(AS_ERR_MEMORY);
	assert_int_equal(fault.preads, before);
	(void)state;
}

/* ---- without memory ---- */

static struct rlimit memory_before;

static void forbid_memory(void)
{
	assert_int_equal(getrlimit(RLIMIT_AS, &memory_before), 0);
	const struct rlimit none = { 4096, memory_before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
}

static void allow_memory(void)
{
	assert_int_equal(setrlimit(RLIMIT_AS, &memory_before), 0);
}

static void a_table_that_cannot_grow_is_as_before(void **state)
{
	static uint8_t key[KEY_SIZE];

	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 922; i++)
		put(i, i, i);
	memcpy(key, model_key(922), KEY_SIZE);
	forbid_memory();
	const enum as_err reserved = index_table_reserve(table);
	const enum as_err made = index_table_put(table, key, 1, 1);
	memcpy(key, model_key(3), KEY_SIZE);
	const enum as_err changed = index_table_put(table, key, 3, 3);
	allow_memory();
	assert_int_equal(reserved, AS_ERR_MEMORY);
	assert_int_equal(made, AS_ERR_MEMORY);
	assert_int_equal(changed, AS_OK);
	compare();
	put(922, 1, 1);
	compare();
	(void)state;
}

static void a_table_shrinks_without_memory(void **state)
{
	model_begin(start_at_every_end, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 5000; i++)
		put(i, i, i);
	forbid_memory();
	for (uint32_t i = 0; i < 4900; i++)
		take(i);
	allow_memory();
	assert_int_equal(table->image.buckets, 1024);
	compare();
	(void)state;
}

static void a_full_table_without_memory_can_still_lose_and_change_keys(void **state)
{
	attic_fill(start_at_the_end, 1500, 1500, 0);
	attic_load();
	forbid_memory();
	for (uint32_t i = 0; i < 1000; i++)
		take(i);
	const enum as_err reserved = index_table_reserve(table);
	put(1400, 7, 7);
	allow_memory();
	assert_int_equal(reserved, AS_ERR_MEMORY);
	compare();
	put(0, 8, 8);
	compare();
	write_and_judge();
	(void)state;
}

static void the_buckets_take_no_more_memory_than_the_file(void **state)
{
	table = index_table_new(&dialect_attic, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		assert_int_equal(index_table_put(table, key_of(start_anywhere(i), i), i, i), AS_OK);
		assert_int_equal(table->mapped, (size_t)table->image.buckets * 40);
	}
	(void)state;
}

static void prefetching_any_key_changes_nothing(void **state)
{
	model_begin(start_anywhere, KEYS_MAX, 1024);
	table = index_table_new(&dialect_attic, 0);
	put(1, 1, 1);
	for (uint32_t i = 0; i < model.keys; i++)
		index_table_prefetch(table, key_of(UINT32_MAX - i, i));
	compare();
	(void)state;
}

/* ---- indexes that Attic itself wrote ---- */

/* The folder of the corpus, or false where it is not there. */
static bool find_corpus(char path[BUILDER_PATH])
{
	const char *shared = getenv("SHARED");
	const char *source = getenv("srcdir");

	if (shared)
		snprintf(path, BUILDER_PATH, "%s/corpus", shared);
	else
		snprintf(path, BUILDER_PATH, "%s/../shared/corpus", source ? source : ".");
	return access(path, R_OK | X_OK) == 0;
}

/* Put what the newest index of one of the corpus' repositories holds into "index.9". */
static void unpack_index(const char *corpus, const char *name)
{
	char command[3 * BUILDER_PATH];

	snprintf(command, sizeof(command),
		 "tar -xzOf '%s/%s.tar.gz' --wildcards 'repo/index.[0-9]*' > '%s/index.9'", corpus,
		 name, scratch->path);
	assert_int_equal(system(command), 0);
	open_index(9);
}

/* Put, change and take keys of our own beside those that are there. */
static void extend_and_reduce(void)
{
	const uint32_t before = index_table_count(table);

	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(index_table_put(table, key_of(start_anywhere(i), i), i, i), AS_OK);
	assert_int_equal(index_table_count(table), before + 3000);
	write_and_judge();
	for (uint32_t i = 0; i < 3000; i++)
		assert_true(index_table_remove(table, key_of(start_anywhere(i), i)));
	assert_int_equal(index_table_count(table), before);
	assert_int_equal(table->image.buckets, 1024);
	write_and_judge();
}

/* The buckets of the open file, for the caller to free. */
static struct index_bucket *all_buckets(void)
{
	struct index_bucket *rows = calloc(file.buckets, sizeof(*rows));
	uint32_t got;

	assert_non_null(rows);
	assert_int_equal(index_read(&file, 0, file.buckets, rows, &got), AS_OK);
	assert_int_equal(got, file.buckets);
	return rows;
}

static void expect_all_keys_of(const struct index_bucket *rows, uint32_t count)
{
	uint32_t segment, offset, used = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!index_bucket_is_used(&rows[i]))
			continue;
		used++;
		assert_true(index_table_get(table, rows[i].key, &segment, &offset));
		assert_int_equal(segment, rows[i].segment);
		assert_int_equal(offset, rows[i].offset);
	}
	assert_int_equal(index_table_count(table), used);
}

static void attics_own_indexes_are_loaded_extended_and_written(void **state)
{
	static const char *const names[] = {
		"clean", "clean-many-dirs", "compact-pending", "nested-entries", "zeroed-page",
	};
	char corpus[BUILDER_PATH];

	if (!find_corpus(corpus))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		unpack_index(corpus, names[i]);
		struct index_bucket *rows = all_buckets();
		const uint32_t count = file.buckets;
		assert_int_equal(index_table_load(&file, &table), AS_OK);
		expect_all_keys_of(rows, count);
		extend_and_reduce();
		expect_all_keys_of(rows, count);
		free(rows);
		index_table_free(table);
		table = NULL;
	}
	unpack_index(corpus, "index-lost-buckets");
	expect_refused(AS_ERR_INTEGRITY);
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_table_is_empty_and_of_the_smallest_size),
		TEST(keys_of_all_zeros_and_all_ones_are_keys_like_others),
		TEST(the_table_doubles_with_the_key_that_finds_more_than_90_percent_used),
		TEST(a_table_for_so_many_keys_is_the_one_that_grew_with_them),
		TEST(borgs_table_has_borgs_sizes_and_magic),
		TEST(keys_that_collide_are_refused_before_they_crawl),
		TEST(a_large_table_is_empty_in_every_bucket),
		TEST(the_table_halves_when_a_removal_leaves_less_than_25_percent),
		TEST(a_reserved_place_is_there_and_costs_nothing_twice),
		TEST(random_operations_agree_with_a_model),
		TEST(a_crowded_table_of_any_size_grows),
		TEST(the_first_change_sweeps_deleted_buckets_out),
		TEST(a_table_of_any_size_is_brought_within_the_limits),
		TEST(a_sparse_table_halves_with_each_removal_as_attics_does),
		TEST(what_is_written_is_the_buckets_behind_a_header),
		TEST(a_table_read_back_is_the_same_and_can_go_on),
		TEST(a_failed_write_leaves_the_old_index_and_no_rest),
		TEST(a_table_that_is_not_sound_is_refused),
		TEST(a_table_that_cannot_be_read_is_refused),
		TEST(an_index_larger_than_the_machine_is_refused_before_it_is_read),
		TEST(a_table_that_cannot_grow_is_as_before),
		TEST(a_table_shrinks_without_memory),
		TEST(a_full_table_without_memory_can_still_lose_and_change_keys),
		TEST(the_buckets_take_no_more_memory_than_the_file),
		TEST(prefetching_any_key_changes_nothing),
		TEST(attics_own_indexes_are_loaded_extended_and_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A whole index in memory: read by any number of threads, and what is counted on the way. */
#include "build-config.h"

#include "tests/unit/format/index_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Whether short or whole, the rows say what the file says. */
static void expect_rows_of_the_table(void)
{
	for (uint32_t i = 0; i < image.buckets; i++) {
		struct index_bucket bucket;

		if (table_segment(i) >= DELETED)
			continue;
		assert_int_equal(index_image_bucket(&image, &file, i, &bucket), AS_OK);
		assert_memory_equal(bucket.key, table.bytes + 18 + (size_t)i * 40, KEY_SIZE);
		assert_int_equal(bucket.segment, table_segment(i));
		assert_int_equal(index_image_find(&image, bucket.key), i);
	}
}

static void loading_gives_the_same_with_any_number_of_threads(void **state)
{
	static const unsigned threads[] = { 0, 1, 2, 7, 1000 };
	const uint32_t buckets = 100000;	/* three slices, and a piece of one */

	table_new(buckets);
	for (unsigned i = 0; i < 60000; i++) {
		uint8_t key[KEY_SIZE];

		builder_key(i, key);
		table_insert(key, i, 8);
	}
	table_write();
	assert_int_equal(open_index(), AS_OK);
	fault.read_max = 100003;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(index_load(&file, threads[i], NULL, &image), AS_OK);
		assert_int_equal(image.buckets, buckets);
		assert_int_equal(image.used, 60000);
		expect_rows_of_the_table();
		index_image_free(&image);
	}
	(void)state;
}

/* 80 GiB that lie in a file of nothing but holes. */
static void an_index_larger_than_the_machine_is_refused_before_it_is_read(void **state)
{
	table_new(0);
	put_u32(12, INT32_MAX);
	table_write();
	const int fd = openat(scratch->fd, "index.5", O_WRONLY);
	const int refused = ftruncate(fd, 18 + (off_t)INT32_MAX * 40);
	close(fd);
	if (refused || (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) >
			       (uint64_t)INT32_MAX * 40)
		skip();
	assert_int_equal(open_index(), AS_OK);
	const unsigned before = fault.preads;
	assert_int_equal(index_load(&file, 2, NULL, &image), AS_ERR_MEMORY);
	assert_int_equal(fault.preads, before);
	(void)state;
}

static void a_bucket_that_cannot_be_read_again_or_has_changed_keeps_its_place_alone(void **state)
{
	struct index_bucket bucket = { 0 };

	table_new(64);
	table_insert(key_of(9, 1), 4, 800);
	use_table();
	fault.bad_offset = 18 + 9 * 40;
	fault.bad_length = 40;
	assert_int_equal(index_image_bucket(&image, &file, 9, &bucket), AS_ERR_IO);
	assert_int_equal(bucket.segment, 4);
	assert_int_equal(bucket.offset, 800);
	fault.bad_length = 0;
	assert_int_equal(index_image_bucket(&image, &file, 9, &bucket), AS_OK);
	table_set(9, key_of(9, 1), 4, 808);
	table_write();
	index_close(&file);
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(index_image_bucket(&image, &file, 9, &bucket), AS_ERR_IO);
	assert_int_equal(bucket.offset, 800);
	(void)state;
}

/* From behind an EMPTY bucket once round. */
static uint64_t squares_of_runs(uint32_t buckets)
{
	uint64_t sum = 0, run = 0;
	uint32_t begin = 0;

	while (begin < buckets && table_segment(begin) != EMPTY)
		begin++;
	if (begin == buckets)
		return (uint64_t)buckets * buckets;
	for (uint32_t i = 1; i <= buckets; i++) {
		if (table_segment((begin + i) % buckets) != EMPTY) {
			run++;
			continue;
		}
		sum += run * run;
		run = 0;
	}
	return sum;
}

/* The tables are loaded in several pieces, by several threads. */
static void the_runs_of_an_image_are_those_of_the_plainest_walk(void **state)
{
	enum { BUCKETS = 300001, PIECE = 8192, TURN = 131072 };
	static const struct { uint32_t first, end, share; } filled[] = {
		{ 0, 0, 5 }, { 0, 0, 0 }, { 0, BUCKETS, 0 }, { 1, BUCKETS, 0 },
		{ 0, BUCKETS - 1, 0 }, { PIECE - 1, PIECE, 0 }, { PIECE, 2 * PIECE, 0 },
		{ PIECE - 5, 3 * PIECE + 5, 3 }, { TURN, 2 * TURN, 0 }, { TURN - 1, TURN + 1, 0 },
		{ 2 * TURN, BUCKETS, 4 }, { 0, TURN + 7, 4 }, { 100, 2 * TURN + 1, 6 },
	};
	uint64_t random = 20261123;

	(void)state;
	for (size_t round = 0; round < ARRAY_SIZE(filled); round++) {
		uint32_t used = 0, deleted = 0;

		table_new(BUCKETS);
		for (uint32_t i = 0; i < BUCKETS; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			const uint32_t r = (uint32_t)(random >> 33) % 8;

			if ((i >= filled[round].first && i < filled[round].end) ||
			    r < filled[round].share) {
				table_set(i, key_of(i, 1), r == 0 ? DELETED : 1, 8);
				used += r != 0;
				deleted += r == 0;
			}
		}
		use_table();
		assert_int_equal(image.used, used);
		assert_int_equal(image.deleted, deleted);
		assert_int_equal(image.passed, squares_of_runs(BUCKETS) / 2);
		index_image_free(&image);
		index_close(&file);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(loading_gives_the_same_with_any_number_of_threads),
		CASE(an_index_larger_than_the_machine_is_refused_before_it_is_read),
		CASE(a_bucket_that_cannot_be_read_again_or_has_changed_keeps_its_place_alone),
		CASE(the_runs_of_an_image_are_those_of_the_plainest_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

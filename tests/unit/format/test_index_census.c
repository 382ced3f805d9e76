/* What a walk over all buckets counts, and which it names as wrong. */
#include "build-config.h"

#include "tests/unit/format/index_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>

static struct index_census census;

static void take_census(void)
{
	use_table();
	assert_int_equal(index_census(&file, &image, 0, &census, &findings), AS_OK);
}

static void the_census_of_a_sound_table_finds_nothing(void **state)
{
	table_new(1024);
	for (unsigned i = 0; i < 900; i++) {
		uint8_t key[KEY_SIZE];

		builder_key(i, key);
		table_insert(key, i, 8);
	}
	for (uint32_t i = 0; i < 1024; i += 16)
		if (table_segment(i) < DELETED)
			table_delete(i);
	take_census();
	assert_int_equal(census.used + census.deleted, 900);
	assert_int_equal(census.used, get_u32le(table.bytes + 8));
	assert_int_equal(census.unreachable, 0);
	assert_int_equal(census.duplicates, 0);
	assert_false(census.degenerate);
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void the_census_counts_what_the_header_does_not(void **state)
{
	table_new(10);
	table_insert(key_of(1, 1), 3, 8);
	table_insert(key_of(2, 1), 3, 8);
	put_u32(8, 5);
	take_census();
	assert_int_equal(census.used, 2);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, PROBLEM_INDEX_COUNT);
	assert_string_equal(findings.rows[0].detail, "the header of index.5 counts 5, 2 are there");
	(void)state;
}

static void the_census_names_keys_that_probing_does_not_reach(void **state)
{
	table_new(100);
	table_set(20, key_of(20, 1), 4, 8);
	table_set(22, key_of(20, 2), 5, 80);	/* bucket 21 is empty */
	table_set(40, key_of(41, 3), 6, 800);	/* a whole turn but for one: 42 is empty */
	take_census();
	assert_int_equal(census.unreachable, 2);
	assert_int_equal(census.longest, 99);
	assert_int_equal(findings.count, 2);
	assert_int_equal(findings.total[PROBLEM_INDEX_UNREACHABLE], 2);
	const struct finding *finding = &findings.rows[0];
	assert_true(finding->has_key);
	assert_memory_equal(finding->key, key_of(20, 2), KEY_SIZE);
	assert_int_equal(finding->segment, 5);
	assert_int_equal(finding->offset, 80);
	assert_string_equal(finding->detail,
			    "bucket 22, but probing from bucket 20 ends before it");
	(void)state;
}

static void the_census_follows_probing_round_the_end(void **state)
{
	table_new(100);
	for (uint8_t i = 0; i < 6; i++)
		table_insert(key_of(97, i), i, 8);	/* 97 to 2 */
	table_set(4, key_of(97, 9), 9, 8);		/* 3 is empty */
	take_census();
	assert_int_equal(census.unreachable, 1);
	assert_int_equal(census.longest, 7);
	(void)state;
}

/* No bucket is empty, so probing ends only where it began, and reaches all of them. */
static void the_census_of_a_full_table_reaches_every_key(void **state)
{
	table_new(50);
	for (uint32_t i = 0; i < 50; i++)
		table_set(i, key_of(i + 1, (uint8_t)i), i, 8);
	table_delete(10);
	take_census();
	assert_int_equal(census.used, 49);
	assert_int_equal(census.deleted, 1);
	assert_int_equal(census.longest, 49);
	assert_int_equal(census.unreachable, 0);
	assert_int_equal(census.duplicates, 0);
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void the_census_names_keys_that_stand_twice(void **state)
{
	table_new(100);
	table_insert(key_of(20, 1), 4, 8);
	table_insert(key_of(20, 2), 5, 80);
	table_insert(key_of(20, 1), 6, 800);
	take_census();
	assert_int_equal(census.duplicates, 1);
	assert_int_equal(census.unreachable, 0);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, PROBLEM_INDEX_DUPLICATE);
	assert_memory_equal(findings.rows[0].key, key_of(20, 1), KEY_SIZE);
	assert_int_equal(findings.rows[0].segment, 6);
	assert_int_equal(findings.rows[0].offset, 800);
	assert_string_equal(findings.rows[0].detail, "buckets 20 and 22");
	(void)state;
}

static void the_census_does_not_take_a_tombstone_for_a_duplicate(void **state)
{
	table_new(100);
	table_set(20, key_of(20, 1), 4, 8);
	table_set(21, key_of(20, 1), 5, 8);
	table_delete(20);
	take_census();
	assert_int_equal(census.duplicates, 0);
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void a_table_without_an_end_to_probing_is_called_degenerate(void **state)
{
	const uint32_t buckets = 200000;

	table_new(buckets);
	for (uint32_t i = 0; i < buckets; i++)
		table_set(i, key_of(0, 1), i, 8);
	take_census();
	assert_true(census.degenerate);
	assert_int_equal(census.used, buckets);
	assert_int_equal(census.duplicates, 0);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, PROBLEM_INDEX_DEGENERATE);
	assert_string_equal(findings.rows[0].detail,
			    "a look-up that finds nothing passes 100000 of 200000 buckets on "
			    "average");
	(void)state;
}

static void the_census_works_without_a_list_of_findings(void **state)
{
	table_new(100);
	table_insert(key_of(20, 1), 4, 8);
	table_insert(key_of(20, 1), 5, 8);
	table_set(23, key_of(20, 1), 6, 8);
	put_u32(8, 0);
	use_table();
	assert_int_equal(index_census(&file, &image, 0, &census, NULL), AS_OK);
	assert_int_equal(census.used, 3);
	assert_int_equal(census.unreachable, 1);
	assert_int_equal(census.duplicates, 2);
	(void)state;
}

/* Hold the census against the plainest way to find out: probing for each bucket from its home. */
static void the_census_agrees_with_probing_on_random_damage(void **state)
{
	uint64_t random = 20140312;

	for (int round = 0; round < 200; round++) {
		uint64_t unreachable = 0;

		table_new(64);
		for (uint32_t i = 0; i < 64; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			const uint32_t r = (uint32_t)(random >> 33);

			if (r % 8 < 5)
				table_set(i, key_of(i + 64 - r / 8 % 6, (uint8_t)i), i, 8);
			else if (r % 8 == 5)
				table_set(i, key_of(i, 0), DELETED, 0);
		}
		take_census();
		for (uint32_t i = 0; i < 64; i++)
			unreachable += table_segment(i) < DELETED &&
				       index_image_find_again(&image, i) != i;
		assert_int_equal(census.unreachable, unreachable);
		assert_int_equal(findings.total[PROBLEM_INDEX_UNREACHABLE], unreachable);
		findings_free(&findings);
		findings_init(&findings);
		index_image_free(&image);
		index_close(&file);
	}
	(void)state;
}

/* Large enough for several threads: what they judge begins and ends within runs, or a run is longer
 * than that, or goes round the end. */
static void a_census_by_any_number_of_threads_agrees_with_probing(void **state)
{
	enum { BUCKETS = 50001 };
	static const struct { uint32_t first, end; bool is_degenerate; } filled[] = {
		{ 0, 0, false }, { 10000, 40000, true }, { 0, 16384, false },
		{ 16384, 32768, false }, { 16385, BUCKETS, true }, { 0, BUCKETS, true },
	};
	uint64_t random = 20140312;

	(void)state;
	for (size_t round = 0; round < ARRAY_SIZE(filled); round++) {
		uint32_t used = 0, unreachable = 0;

		table_new(BUCKETS);
		for (uint32_t i = 0; i < BUCKETS; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			const uint32_t r = (uint32_t)(random >> 33);

			if (r % 8 < 5 || (i >= filled[round].first && i < filled[round].end))
				table_set(i, key_of((i + BUCKETS - r / 8 % 6) % BUCKETS,
						    (uint8_t)i), i, 8);
		}
		use_table();
		for (uint32_t i = 0; i < BUCKETS; i++) {
			used += table_segment(i) < DELETED;
			unreachable += table_segment(i) < DELETED &&
				       index_image_find_again(&image, i) != i;
		}
		for (unsigned threads = 1; threads <= 7; threads += 3) {
			assert_int_equal(index_census(&file, &image, threads, &census, &findings),
					 AS_OK);
			assert_int_equal(census.used, used);
			assert_int_equal(census.unreachable, unreachable);
			assert_int_equal(findings.total[PROBLEM_INDEX_UNREACHABLE], unreachable);
			assert_int_equal(census.duplicates, 0);
			assert_int_equal(census.longest, 5);
			assert_int_equal(census.degenerate, filled[round].is_degenerate);
			findings_free(&findings);
			findings_init(&findings);
		}
		index_image_free(&image);
		index_close(&file);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_census_of_a_sound_table_finds_nothing),
		CASE(the_census_counts_what_the_header_does_not),
		CASE(the_census_names_keys_that_probing_does_not_reach),
		CASE(the_census_follows_probing_round_the_end),
		CASE(the_census_of_a_full_table_reaches_every_key),
		CASE(the_census_names_keys_that_stand_twice),
		CASE(the_census_does_not_take_a_tombstone_for_a_duplicate),
		CASE(a_table_without_an_end_to_probing_is_called_degenerate),
		CASE(the_census_works_without_a_list_of_findings),
		CASE(the_census_agrees_with_probing_on_random_damage),
		CASE(a_census_by_any_number_of_threads_agrees_with_probing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "tests/unit/format/index_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opening fails with one finding, of @problem. */
static void expect_refusal(enum problem problem, enum as_err err)
{
	assert_int_equal(open_index(), err);
	assert_int_equal(file.fd, -1);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, problem);
	findings_free(&findings);
	findings_init(&findings);
}

static void opening_reads_the_header_and_nothing_else(void **state)
{
	table_new(100);
	table_insert(key_of(7, 1), 3, 8);
	table_write();
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(file.transaction, 5);
	assert_int_equal(file.buckets, 100);
	assert_int_equal(file.used, 1);
	assert_int_equal(file.length, 4018);
	assert_int_equal(fault.preads, 1);
	assert_int_equal(findings.count, 0);
	index_close(&file);
	assert_int_equal(file.fd, -1);
	(void)state;
}

static void a_missing_index_is_a_finding_of_its_own(void **state)
{
	expect_refusal(PROBLEM_INDEX_MISSING, AS_ERR_DOES_NOT_EXIST);
	(void)state;
}

static void an_index_that_cannot_be_opened_or_read_is_unreadable(void **state)
{
	table_new(10);
	table_write();
	fault.open_path = "index.5";
	fault.open_error = EACCES;
	expect_refusal(PROBLEM_INDEX_UNREADABLE, AS_ERR_INTEGRITY);
	fault.open_path = "another";
	fault.bad_offset = 17;
	fault.bad_length = 1;
	expect_refusal(PROBLEM_INDEX_UNREADABLE, AS_ERR_INTEGRITY);
	(void)state;
}

static void what_is_no_file_in_the_place_of_the_index_is_not_opened(void **state)
{
	scratch_fifo(scratch, "index.5");
	expect_refusal(PROBLEM_INDEX_UNREADABLE, AS_ERR_INTEGRITY);
	assert_int_equal(unlinkat(scratch->fd, "index.5", 0), 0);
	table_new(10);
	scratch_file(scratch, "elsewhere", table.bytes, table.len);
	scratch_link(scratch, "index.5", "elsewhere");
	expect_refusal(PROBLEM_INDEX_UNREADABLE, AS_ERR_INTEGRITY);
	assert_int_equal(unlinkat(scratch->fd, "index.5", 0), 0);
	scratch_folder(scratch, "index.5");
	expect_refusal(PROBLEM_INDEX_UNREADABLE, AS_ERR_INTEGRITY);
	assert_int_equal(fault.opens, 0);
	(void)state;
}

static void hostile_headers_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *magic;
		uint32_t used, buckets;
		uint8_t key_size, value_size;
		enum problem problem;
	} cases[] = {
		{ "magic", "ATTICIDY", 0, 10, 32, 8, PROBLEM_INDEX_HEADER },
		{ "another program's magic", "BORG_IDX", 0, 10, 32, 8, PROBLEM_INDEX_HEADER },
		{ "key size 0", "ATTICIDX", 0, 10, 0, 8, PROBLEM_INDEX_HEADER },
		{ "key size 31", "ATTICIDX", 0, 10, 31, 8, PROBLEM_INDEX_HEADER },
		{ "key size -128", "ATTICIDX", 0, 10, 128, 8, PROBLEM_INDEX_HEADER },
		{ "value size 9", "ATTICIDX", 0, 10, 32, 9, PROBLEM_INDEX_HEADER },
		{ "value size -1", "ATTICIDX", 0, 10, 32, 255, PROBLEM_INDEX_HEADER },
		{ "no buckets", "ATTICIDX", 0, 0, 32, 8, PROBLEM_INDEX_HEADER },
		{ "buckets -1", "ATTICIDX", 0, 0xffffffff, 32, 8, PROBLEM_INDEX_HEADER },
		{ "buckets INT32_MIN", "ATTICIDX", 0, 0x80000000, 32, 8, PROBLEM_INDEX_HEADER },
		{ "used -1", "ATTICIDX", 0xffffffff, 10, 32, 8, PROBLEM_INDEX_HEADER },
		{ "more used than there are", "ATTICIDX", 11, 10, 32, 8, PROBLEM_INDEX_HEADER },
		{ "buckets INT32_MAX", "ATTICIDX", 0, 0x7fffffff, 32, 8, PROBLEM_INDEX_LENGTH },
		{ "one bucket less", "ATTICIDX", 0, 9, 32, 8, PROBLEM_INDEX_LENGTH },
		{ "one bucket more", "ATTICIDX", 0, 11, 32, 8, PROBLEM_INDEX_LENGTH },
		/* 18 + 40 * 107374192 is 418 above 2^32. */
		{ "a length that wraps at 32 bits", "ATTICIDX", 0, 107374192, 32, 8,
		  PROBLEM_INDEX_LENGTH },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		table_new(10);
		memcpy(table.bytes, cases[i].magic, 8);
		put_u32(8, cases[i].used);
		put_u32(12, cases[i].buckets);
		table.bytes[16] = cases[i].key_size;
		table.bytes[17] = cases[i].value_size;
		table_write();
		if (open_index() != AS_ERR_INTEGRITY || file.fd != -1 ||
		    findings.total[cases[i].problem] != 1)
			fail_msg("%s was not refused as it should be", cases[i].name);
		findings_free(&findings);
		findings_init(&findings);
	}
	(void)state;
}

static void an_index_cut_short_anywhere_is_refused(void **state)
{
	table_new(3);
	table_insert(key_of(1, 1), 3, 8);
	for (size_t len = 18 + 3 * 40; len--;) {
		scratch_file(scratch, "index.5", table.bytes, len);
		expect_refusal(PROBLEM_INDEX_LENGTH, AS_ERR_INTEGRITY);
	}
	(void)state;
}

static void an_index_with_a_byte_too_many_is_refused(void **state)
{
	uint8_t longer[18 + 2 * 40 + 1];

	table_new(2);
	memcpy(longer, table.bytes, table.len);
	longer[table.len] = 0;
	scratch_file(scratch, "index.5", longer, sizeof(longer));
	assert_int_equal(open_index(), AS_ERR_INTEGRITY);
	assert_string_equal(findings.rows[0].detail,
			    "index.5 has 99 bytes, its header wants 98");
	(void)state;
}

static void an_index_of_a_single_bucket_works(void **state)
{
	table_new(1);
	table_insert(key_of(123456, 1), 3, 8);
	use_table();
	expect_found(key_of(123456, 1), 0);
	expect_found(key_of(123456, 2), EMPTY);
	(void)state;
}

static void buckets_are_decoded_as_they_lie_on_the_disk(void **state)
{
	static const uint8_t bytes[40] = {
		0x01, 0x02, 0x03, 0x84, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
		21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 0x78, 0x56, 0x34, 0x12,
		0xf0, 0xde, 0xbc, 0x9a,
	};
	struct index_bucket bucket;

	index_decode_bucket(bytes, 17, &bucket);
	assert_int_equal(bucket.number, 17);
	assert_int_equal(bucket.segment, 0x12345678);
	assert_int_equal(bucket.offset, 0x9abcdef0);
	assert_memory_equal(bucket.key, bytes, 32);
	assert_int_equal(index_home(bytes, 1000), 0x84030201u % 1000);
	(void)state;
}

static void distance_is_counted_forward_and_round_the_end(void **state)
{
	assert_int_equal(index_distance(7, 7, 10), 0);
	assert_int_equal(index_distance(7, 9, 10), 2);
	assert_int_equal(index_distance(7, 0, 10), 3);
	assert_int_equal(index_distance(7, 6, 10), 9);
	assert_int_equal(index_distance(0x7ffffffe, 0x7ffffffd, 0x7fffffff), 0x7ffffffe);
	(void)state;
}

static void looking_up_goes_round_the_end_of_the_table(void **state)
{
	table_new(100);
	for (uint8_t i = 0; i < 10; i++)
		assert_int_equal(table_insert(key_of(95, i), i, 8), (95 + i) % 100);
	use_table();
	for (uint8_t i = 0; i < 10; i++)
		expect_found(key_of(95, i), (95u + i) % 100);
	expect_found(key_of(95, 10), EMPTY);
	expect_found(key_of(0, 10), EMPTY);
	(void)state;
}

static void looking_up_passes_over_tombstones_and_stops_at_an_empty_bucket(void **state)
{
	table_new(100);
	for (uint8_t i = 0; i < 4; i++)
		table_insert(key_of(50, i), i, 8);
	table_delete(51);
	table_set(60, key_of(58, 9), 3, 8);	/* 58 and 59 are empty */
	use_table();
	expect_found(key_of(50, 0), 50);
	expect_found(key_of(50, 1), EMPTY);	/* its bytes still lie in bucket 51 */
	expect_found(key_of(50, 2), 52);
	expect_found(key_of(50, 3), 53);
	expect_found(key_of(58, 9), EMPTY);
	(void)state;
}

static void looking_up_in_a_full_table_ends_after_a_whole_turn(void **state)
{
	table_new(200);
	for (uint32_t i = 0; i < 200; i++)
		table_insert(key_of(i * 3, (uint8_t)i), i, 8);
	table_delete(17);
	use_table();
	expect_found(key_of(17, 0xee), EMPTY);
	for (uint32_t i = 0; i < 200; i++)
		if (i != 17)
			assert_int_not_equal(index_image_find(&image, table.bytes + 18 + i * 40),
					     EMPTY);
	(void)state;
}

static void random_tables_of_any_size_and_load_are_searched_rightly(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 63, 64, 65, 1023, 1024, 4099 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t key[KEY_SIZE];
		uint32_t *place = calloc(sizes[i], sizeof(*place));
		const uint32_t keys = sizes[i] * 19 / 20;

		table_new(sizes[i]);
		for (unsigned k = 0; k < keys; k++) {
			builder_key(k, key);
			place[k] = table_insert(key, k, 8);
			if (k % 5 == 4)
				table_delete(place[k]);
		}
		use_table();
		for (unsigned k = 0; k < keys; k++) {
			builder_key(k, key);
			/* A key put where a deleted one was has taken its bucket. */
			const bool is_there = table_segment(place[k]) == k;

			expect_found(key, is_there ? place[k] : EMPTY);
		}
		builder_key(keys, key);
		expect_found(key, EMPTY);
		index_image_free(&image);
		index_close(&file);
		free(place);
	}
	(void)state;
}

/* Full of holes, it costs nothing: buckets of zeros are used ones, with keys of zeros. */
static void a_look_up_on_the_disk_gives_up_after_a_million_buckets(void **state)
{
	const uint32_t buckets = INDEX_PROBES_MAX + 10;
	struct index_bucket bucket;

	table_new(0);
	put_u32(8, buckets);
	put_u32(12, buckets);
	table_write();
	const int fd = openat(scratch->fd, "index.5", O_WRONLY);
	assert_int_equal(ftruncate(fd, 18 + (off_t)buckets * 40), 0);
	close(fd);
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(index_lookup(&file, key_of(0, 0), &bucket), AS_OK);
	assert_int_equal(bucket.number, 0);
	assert_int_equal(index_lookup(&file, key_of(5, 5), &bucket), AS_ERR_LIMIT);
	(void)state;
}

static void buckets_are_read_in_any_portion(void **state)
{
	struct index_bucket rows[5000];
	uint32_t got;

	table_new(3000);
	for (uint32_t i = 0; i < 3000; i++)
		table_set(i, key_of(i, 7), i, i * 2);
	table_write();
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(index_read(&file, 10, 2500, rows, &got), AS_OK);
	assert_int_equal(got, 2500);
	for (uint32_t i = 0; i < got; i++) {
		assert_int_equal(rows[i].number, 10 + i);
		assert_int_equal(rows[i].segment, 10 + i);
		assert_int_equal(rows[i].offset, 2 * (10 + i));
		assert_memory_equal(rows[i].key, key_of(10 + i, 7), KEY_SIZE);
	}
	assert_int_equal(index_read(&file, 2000, 5000, rows, &got), AS_OK);
	assert_int_equal(got, 1000);
	assert_int_equal(index_read(&file, 2999, UINT32_MAX, rows, &got), AS_OK);
	assert_int_equal(got, 1);
	assert_int_equal(index_read(&file, 3000, 1, rows, &got), AS_OK);
	assert_int_equal(got, 0);
	assert_int_equal(index_read(&file, UINT32_MAX, UINT32_MAX, rows, &got), AS_OK);
	assert_int_equal(got, 0);
	(void)state;
}

static void the_buckets_before_an_unreadable_one_are_kept(void **state)
{
	static struct index_bucket rows[3000];
	struct index_bucket bucket;
	uint32_t got;

	table_new(3000);
	for (uint32_t i = 0; i < 3000; i++)
		table_set(i, key_of(i, 7), i, 8);
	table_write();
	assert_int_equal(open_index(), AS_OK);
	fault.bad_offset = 18 + 2000 * 40 + 39;
	fault.bad_length = 1;
	assert_int_equal(index_read(&file, 0, 3000, rows, &got), AS_ERR_IO);
	assert_int_equal(errno, EIO);
	assert_int_equal(got, 2000);
	assert_int_equal(rows[1999].segment, 1999);
	assert_int_equal(index_read(&file, 2001, 999, rows, &got), AS_OK);
	assert_int_equal(index_lookup(&file, key_of(1999, 7), &bucket), AS_OK);
	assert_int_equal(index_lookup(&file, key_of(1999, 8), &bucket), AS_ERR_IO);
	assert_int_equal(index_load(&file, 2, NULL, &image), AS_ERR_IO);
	assert_int_equal(errno, EIO);
	assert_null(image.bytes);
	(void)state;
}

struct walked { uint32_t next, stop; };

static enum as_err walk_bucket(void *context, const struct index_bucket *bucket)
{
	struct walked *walked = context;
	if (bucket->number == walked->stop)
		return AS_END;
	assert_int_equal(bucket->number, walked->next++);
	assert_int_equal(bucket->segment, bucket->number % 3 ? INDEX_EMPTY : bucket->number);
	return AS_OK;
}

static void a_walk_gives_every_bucket_and_goes_on_where_it_is_told(void **state)
{
	struct walked walked = { .next = 0, .stop = 2500 };
	uint32_t from = 0;

	table_new(3000);
	for (uint32_t i = 0; i < 3000; i += 3)
		table_set(i, key_of(i, 7), i, 8);
	table_write();
	assert_int_equal(open_index(), AS_OK);
	fault.bad_offset = 18 + 2000 * 40 + 39;
	fault.bad_length = 1;
	assert_int_equal(index_each(&file, &from, walk_bucket, &walked), AS_ERR_IO);
	assert_int_equal(from, 2000);
	assert_int_equal(walked.next, 2000);
	from = walked.next = 2001;
	assert_int_equal(index_each(&file, &from, walk_bucket, &walked), AS_END);
	assert_int_equal(from, 2500);
	walked.stop = UINT32_MAX;
	assert_int_equal(index_each(&file, &from, walk_bucket, &walked), AS_OK);
	assert_int_equal(from, 3000);
	assert_int_equal(walked.next, 3000);
	from += INDEX_BUCKETS_SKIPPED;
	assert_int_equal(index_each(&file, &from, walk_bucket, &walked), AS_OK);
	(void)state;
}

static void a_file_that_shrinks_after_opening_is_an_error_and_no_endless_loop(void **state)
{
	struct index_bucket rows[100];
	uint32_t got;

	table_new(100);
	for (uint32_t i = 0; i < 100; i++)
		table_set(i, key_of(i, 7), i, 8);
	table_write();
	assert_int_equal(open_index(), AS_OK);
	scratch_file(scratch, "index.5", table.bytes, 18 + 50 * 40 + 3);
	assert_int_equal(index_read(&file, 0, 100, rows, &got), AS_ERR_IO);
	assert_int_equal(got, 50);
	assert_int_equal(index_lookup(&file, key_of(40, 8), &rows[0]), AS_ERR_IO);
	assert_int_equal(index_load(&file, 1, NULL, &image), AS_ERR_IO);
	(void)state;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opening_reads_the_header_and_nothing_else),
		CASE(a_missing_index_is_a_finding_of_its_own),
		CASE(an_index_that_cannot_be_opened_or_read_is_unreadable),
		CASE(what_is_no_file_in_the_place_of_the_index_is_not_opened),
		CASE(hostile_headers_are_refused),
		CASE(an_index_cut_short_anywhere_is_refused),
		CASE(an_index_with_a_byte_too_many_is_refused),
		CASE(an_index_of_a_single_bucket_works),
		CASE(buckets_are_decoded_as_they_lie_on_the_disk),
		CASE(distance_is_counted_forward_and_round_the_end),
		CASE(looking_up_goes_round_the_end_of_the_table),
		CASE(looking_up_passes_over_tombstones_and_stops_at_an_empty_bucket),
		CASE(looking_up_in_a_full_table_ends_after_a_whole_turn),
		CASE(random_tables_of_any_size_and_load_are_searched_rightly),
		CASE(a_look_up_on_the_disk_gives_up_after_a_million_buckets),
		CASE(buckets_are_read_in_any_portion),
		CASE(the_buckets_before_an_unreadable_one_are_kept),
		CASE(a_walk_gives_every_bucket_and_goes_on_where_it_is_told),
		CASE(a_file_that_shrinks_after_opening_is_an_error_and_no_endless_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

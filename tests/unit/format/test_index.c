#include "build-config.h"

#include "engine/format/index_load.h"
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
#include <unistd.h>

#define EMPTY 0xffffffffu
#define DELETED 0xfffffffeu

/* The bytes of an index file while a test makes them. */
static struct {
	uint8_t *bytes;
	size_t len;
	uint32_t buckets;
} table;

static struct scratch *scratch;
static struct fault fault;
static struct index_file file;
static struct index_image image;
static struct index_census census;
static struct findings findings;

static int setup(void **state)
{
	fault_init(&fault);
	findings_init(&findings);
	memset(&image, 0, sizeof(image));
	file.fd = -1;
	scratch_setup(state);
	scratch = *state;
	return 0;
}

static int teardown(void **state)
{
	index_image_free(&image);
	if (file.fd >= 0)
		index_close(&file);
	findings_free(&findings);
	free(table.bytes);
	table.bytes = NULL;
	return scratch_teardown(state) || fault.opens != fault.closes;
}

static void put_u32(size_t at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		table.bytes[at + (size_t)i] = (uint8_t)(value >> 8 * i);
}

/* Begin a table of @buckets empty buckets. */
static void table_new(uint32_t buckets)
{
	free(table.bytes);
	table.buckets = buckets;
	table.len = 18 + (size_t)buckets * 40;
	table.bytes = malloc(table.len);
	assert_non_null(table.bytes);
	memset(table.bytes, 0xff, table.len);
	memcpy(table.bytes, "ATTICIDX", 8);
	put_u32(8, 0);
	put_u32(12, buckets);
	table.bytes[16] = 32;
	table.bytes[17] = 8;
}

/* A key whose first four bytes are @start, and the rest @rest. */
static const uint8_t *key_of(uint32_t start, uint8_t rest)
{
	static uint8_t key[KEY_SIZE];

	memset(key, rest, sizeof(key));
	for (int i = 0; i < 4; i++)
		key[i] = (uint8_t)(start >> 8 * i);
	return key;
}

static void table_count(int by)
{
	put_u32(8, get_u32le(table.bytes + 8) + (uint32_t)by);
}

/* Write exactly this bucket, wherever its key belongs. */
static void table_set(uint32_t number, const uint8_t *key, uint32_t segment, uint32_t offset)
{
	const size_t at = 18 + (size_t)number * 40;

	memcpy(table.bytes + at, key, KEY_SIZE);
	put_u32(at + 32, segment);
	put_u32(at + 36, offset);
	if (segment < DELETED)
		table_count(1);
}

static uint32_t table_segment(uint32_t number)
{
	return get_u32le(table.bytes + 18 + (size_t)number * 40 + 32);
}

/* Insert as Attic does: the first bucket from home that is not in use. */
static uint32_t table_insert(const uint8_t *key, uint32_t segment, uint32_t offset)
{
	uint32_t number = get_u32le(key) % table.buckets;

	while (table_segment(number) < DELETED)
		number = (number + 1) % table.buckets;
	table_set(number, key, segment, offset);
	return number;
}

static void table_delete(uint32_t number)
{
	put_u32(18 + (size_t)number * 40 + 32, DELETED);
	table_count(-1);
}

static void table_write(void)
{
	scratch_file(scratch, "index.5", table.bytes, table.len);
}

static enum as_err open_index(void)
{
	return index_open(&fault.io, scratch->fd, &dialect_attic, 5, &file, &findings);
}

/* Write the table, open it and load it. */
static void use_table(void)
{
	table_write();
	assert_int_equal(open_index(), AS_OK);
	assert_int_equal(index_load(&file, 2, NULL, &image), AS_OK);
}

static void take_census(void)
{
	use_table();
	assert_int_equal(index_census(&file, &image, 0, &census, &findings), AS_OK);
}

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

/* The disk and the memory give the same answer: bucket @number, or none where that is EMPTY. */
static void expect_found(const uint8_t *key, uint32_t number)
{
	struct index_bucket bucket;

	assert_int_equal(index_image_find(&image, key), number);
	const enum as_err err = index_lookup(&file, key, &bucket);
	assert_int_equal(err, number == EMPTY ? AS_ERR_OBJECT_NOT_FOUND : AS_OK);
	if (err)
		return;
	assert_int_equal(bucket.number, number);
	assert_memory_equal(bucket.key, key, KEY_SIZE);
	assert_int_equal(bucket.segment, table_segment(number));
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
		CASE(loading_gives_the_same_with_any_number_of_threads),
		CASE(an_index_larger_than_the_machine_is_refused_before_it_is_read),
		CASE(a_bucket_that_cannot_be_read_again_or_has_changed_keeps_its_place_alone),
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
		CASE(the_runs_of_an_image_are_those_of_the_plainest_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "engine/format/hints.h"
#include "tests/support/scratch.h"
#include "tests/support/write_hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERS "\x83\xa7" "version" "\x01"
#define SEGS "\xa8" "segments"
#define COMP "\xa7" "compact"
#define TEXT(bytes) bytes, sizeof(bytes) - 1

/* As Attic 0.16 wrote them. */
static const char attic_pending[] = VERS SEGS "\x86\x00\x08\x02\x06\x06\x06\x07\x09\x08\x06\x09\x06"
				    COMP "\x96\x00\x02\x06\x07\x08\x09";
static const char attic_many[] =
	VERS SEGS "\xde\x00\x22\x00\x04\x01\x06\x02\x06\x0a\x04\x0b\x05\x0c\x07\x0d\x06\x0e\x09"
	"\x0f\x08\x14\x06\x15\x05\x16\x03\x19\x05\x1c\x06\x1e\x04\x1f\x05\x21\x05\x24\x07\x26\x04"
	"\x28\x06\x2d\x07\x2e\x06\x30\x03\x32\x06\x36\x04\x37\x04\x38\x08\x3a\x02\x3b\x07\x3e\x04"
	"\x41\x05\x42\x07\x43\x06\x44\x01" COMP "\x90";

static struct scratch *scratch;
static struct permit *permit;
static struct hints changed;
static struct hints hints;
static struct findings findings;

static int setup(void **state)
{
	memset(&changed, 0, sizeof(changed));
	memset(&hints, 0, sizeof(hints));
	findings_init(&findings);
	scratch_setup(state);
	scratch = *state;
	permit = io_grant_permit(&io_system, scratch->fd, 0644);
	return permit ? 0 : -1;
}

static int teardown(void **state)
{
	hints_free(&changed);
	hints_free(&hints);
	findings_free(&findings);
	io_revoke_permit(permit);
	return scratch_teardown(state);
}

static void parse(const void *bytes, size_t len)
{
	hints_free(&hints);
	assert_int_equal(hints_parse(bytes, len, &dialect_attic, 3, &hints, &findings), AS_OK);
	assert_int_equal(findings.count, 0);
}

static void add(uint32_t segment, uint32_t live, bool compact)
{
	struct hints_segment *row = hints_add(&changed, segment);

	assert_non_null(row);
	assert_int_equal(row->segment, segment);
	row->live = live;
	row->is_compact = compact;
}

static void expect_row(size_t i, uint32_t segment, uint32_t live, bool compact)
{
	assert_true(i < changed.count);
	assert_int_equal(changed.rows[i].segment, segment);
	assert_int_equal(changed.rows[i].live, live);
	assert_int_equal(changed.rows[i].is_compact, compact);
}

/* Write hints.3, and see these bytes in it. */
static void expect_bytes(const void *bytes, size_t len)
{
	uint8_t *written;
	size_t got;

	assert_int_equal(write_hints(&changed, permit, 3), AS_OK);
	assert_int_equal(io_read_file(&io_system, scratch->fd, "hints.3", HINTS_FILE_MAX, &written,
				      &got), AS_OK);
	assert_int_equal(got, len);
	assert_memory_equal(written, bytes, len);
	free(written);
}

/* Write hints.3, and have all of it read back by what reads hints. */
static void expect_read_back(void)
{
	size_t compact = 0;

	assert_int_equal(write_hints(&changed, permit, 3), AS_OK);
	hints_free(&hints);
	assert_int_equal(hints_read(&io_system, scratch->fd, &dialect_attic, 3, &hints,
				    &findings), AS_OK);
	assert_true(hints.usable);
	assert_int_equal(findings.count, 0);
	assert_int_equal(hints.segment_count, changed.count);
	for (size_t i = 0; i < changed.count; i++) {
		assert_int_equal(hints.rows[i].segment, changed.rows[i].segment);
		assert_int_equal(hints.rows[i].live, changed.rows[i].live);
		assert_int_equal(hints.rows[i].is_compact, changed.rows[i].is_compact);
		compact += changed.rows[i].is_compact;
	}
	assert_int_equal(hints.compact_count, compact);
}

static bool exists(const char *name)
{
	return faccessat(scratch->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void rows_stand_in_order_whatever_order_they_come_in(void **state)
{
	static const uint32_t segments[] = { 7, 9, 1, 8, 0, 9, UINT32_MAX, 7, 3 };
	static const uint32_t sorted[] = { 0, 1, 3, 7, 8, 9, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		assert_int_equal(hints_add(&changed, segments[i])->segment, segments[i]);
	assert_int_equal(changed.count, ARRAY_SIZE(sorted));
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		expect_row(i, sorted[i], 0, false);
	(void)state;
}

static void a_row_added_again_keeps_what_it_says(void **state)
{
	add(4, 11, true);
	add(2, 12, false);
	add(9, 13, true);
	assert_int_equal(hints_add(&changed, 4)->live, 11);
	assert_true(hints_add(&changed, 4)->is_compact);
	assert_int_equal(hints_add(&changed, 9)->live, 13);
	expect_row(0, 2, 12, false);
	expect_row(1, 4, 11, true);
	expect_row(2, 9, 13, true);
	assert_int_equal(changed.count, 3);
	(void)state;
}

static void look_ups_find_what_is_there_and_nothing_else(void **state)
{
	assert_null(hints_find(&changed, 0));
	for (uint32_t i = 0; i < 1000; i++)
		add(3 * i + 1, i, false);
	for (uint32_t i = 0; i < 3000; i++) {
		const struct hints_segment *row = hints_find(&changed, i);

		if (i % 3 != 1) {
			assert_null(row);
			continue;
		}
		assert_non_null(row);
		assert_int_equal(row->segment, i);
		assert_int_equal(row->live, i / 3);
	}
	assert_null(hints_find(&changed, UINT32_MAX));
	(void)state;
}

static void random_rows_agree_with_a_model(void **state)
{
	static bool is_there[1000];
	uint32_t random = 1;
	size_t count = 0;

	for (unsigned i = 0; i < 3000; i++) {
		random = random * 1664525u + 1013904223u;
		const uint32_t segment = (random >> 8) % 1000;
		assert_int_equal(hints_find(&changed, segment) != NULL, is_there[segment]);
		assert_int_equal(hints_add(&changed, segment)->segment, segment);
		count += !is_there[segment];
		is_there[segment] = true;
		assert_int_equal(changed.count, count);
		for (size_t k = 1; k < changed.count; k++)
			assert_true(changed.rows[k - 1].segment < changed.rows[k].segment);
	}
	(void)state;
}

static bool is_odd(void *context, const struct hints_segment *row)
{
	++*(unsigned *)context;
	return row->segment % 2 == 1;
}

static void dropped_rows_go_and_the_others_stay(void **state)
{
	unsigned calls = 0;

	hints_remove(&changed, is_odd, &calls);
	assert_int_equal(calls, 0);
	for (uint32_t i = 1; i < 100; i++)
		add(i, i, i % 3 == 0);
	hints_remove(&changed, is_odd, &calls);
	assert_int_equal(calls, 99);
	assert_int_equal(changed.count, 49);
	for (uint32_t i = 0; i < 49; i++)
		expect_row(i, 2 * i + 2, 2 * i + 2, (2 * i + 2) % 3 == 0);
	assert_null(hints_find(&changed, 51));
	assert_int_equal(hints_find(&changed, 52)->live, 52);
	(void)state;
}

static void live_counts_are_summed_beyond_32_bits(void **state)
{
	uint64_t sum;
	assert_true(hints_sum(&changed, &sum) && sum == 0);
	add(1, UINT32_MAX, false);
	add(2, UINT32_MAX, true);
	assert_true(hints_sum(&changed, &sum) && sum == 2 * (uint64_t)UINT32_MAX);
	changed.rows[0].live++;
	assert_false(hints_sum(&changed, &sum));
	changed.rows[0].live = -1;
	assert_false(hints_sum(&changed, &sum));
	(void)state;
}

static void both_lists_of_the_hints_are_taken_over(void **state)
{
	parse(TEXT(VERS SEGS "\x83\x00\x03\xcd\x01\x2c\x00\xce\x00\x01\x11\x70\xcc\xc8"
		   COMP "\x94\x05\xcd\x01\x2c\x00\xce\xff\xff\xff\xff"));
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	assert_int_equal(changed.count, 5);
	assert_null(hints_find(&hints, 5));
	assert_non_null(hints_find(&changed, 5));
	expect_row(0, 0, 3, true);
	expect_row(1, 5, 0, true);
	expect_row(2, 300, 0, true);
	expect_row(3, 70000, 200, false);
	expect_row(4, UINT32_MAX, 0, true);
	(void)state;
}

static void empty_hints_give_no_rows(void **state)
{
	parse(TEXT(VERS SEGS "\x80" COMP "\x90"));
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	assert_int_equal(changed.count, 0);
	(void)state;
}

static void a_count_that_cannot_be_is_refused(void **state)
{
	parse(TEXT(VERS SEGS "\x82\x00\x03\x01\xff" COMP "\x90"));	/* -1 */
	assert_int_equal(hints_copy(&changed, &hints), AS_ERR_INTEGRITY);
	assert_int_equal(changed.count, 0);
	assert_null(changed.rows);
	parse(TEXT(VERS SEGS "\x82\x00\x03\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x00" COMP "\x90"));
	assert_int_equal(hints_copy(&changed, &hints), AS_ERR_INTEGRITY);
	assert_null(changed.rows);
	parse(TEXT(VERS SEGS "\x81\x01\xce\xff\xff\xff\xff" COMP "\x90"));
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	expect_row(0, 1, UINT32_MAX, false);
	(void)state;
}

static void attics_own_hints_are_written_as_attic_wrote_them(void **state)
{
	parse(TEXT(attic_pending));
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	assert_int_equal(changed.count, 6);
	expect_bytes(TEXT(attic_pending));
	hints_free(&changed);
	parse(TEXT(attic_many));
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	assert_int_equal(changed.count, 34);
	expect_bytes(TEXT(attic_many));
	(void)state;
}

static void nothing_is_written_as_two_empty_lists(void **state)
{
	expect_bytes(TEXT(VERS SEGS "\x80" COMP "\x90"));
	expect_read_back();
	(void)state;
}

static void numbers_are_written_in_their_shortest_form(void **state)
{
	static const uint32_t edges[] = {
		0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++)
		add(edges[i], edges[ARRAY_SIZE(edges) - 1 - i], i % 2 == 1);
	expect_bytes(TEXT(VERS SEGS "\x88"
			  "\x00" "\xce\xff\xff\xff\xff"
			  "\x7f" "\xce\x00\x01\x00\x00"
			  "\xcc\x80" "\xcd\xff\xff"
			  "\xcc\xff" "\xcd\x01\x00"
			  "\xcd\x01\x00" "\xcc\xff"
			  "\xcd\xff\xff" "\xcc\x80"
			  "\xce\x00\x01\x00\x00" "\x7f"
			  "\xce\xff\xff\xff\xff" "\x00"
			  COMP "\x94" "\x7f" "\xcc\xff" "\xcd\xff\xff" "\xce\xff\xff\xff\xff"));
	expect_read_back();
	(void)state;
}

/* The counts before the lists have three forms, too. */
static void any_number_of_rows_is_read_back_equal(void **state)
{
	static const uint32_t counts[] = { 1, 15, 16, 17, 65535, 65536, 200000 };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		hints_free(&changed);
		for (uint32_t k = 0; k < counts[i]; k++)
			add(k * 5, k * 7, true);
		expect_read_back();
		for (uint32_t k = 0; k < counts[i]; k++)
			changed.rows[k].is_compact = k % 3 == 1;
		expect_read_back();
	}
	(void)state;
}

#define EIGHT "abcdefgh"
#define KEY_A "\xda\x00\x20" "a" EIGHT EIGHT EIGHT "1234567"
#define KEY_B "\xda\x00\x20" "b" EIGHT EIGHT EIGHT "1234567"
#define KEY_C "\xda\x00\x20" "c" EIGHT EIGHT EIGHT "1234567"
#define BORG "\x84\xa7" "version" "\x02" SEGS "\x82\x01\x05\xcd\x01\x2c\x00" COMP "\x80"
#define SHADOW "\xac" "shadow_index"

static void add_older(const char *key, uint32_t segment)
{
	assert_true(hints_reserve_older(&changed));
	hints_add_older(&changed, (const uint8_t *)key + 3, segment);
}

static void expect_borg(const void *bytes, size_t len)
{
	uint8_t *written;
	size_t got;
	assert_int_equal(hints_size(&changed, &dialect_borg), len);
	assert_int_equal(hints_write(&changed, &dialect_borg, permit, "hints.3"), AS_OK);
	assert_int_equal(io_read_file(&io_system, scratch->fd, "hints.3", HINTS_FILE_MAX, &written,
				      &got), AS_OK);
	assert_int_equal(got, len);
	assert_memory_equal(written, bytes, len);
	free(written);
}

/* By key and segment, each once, and no segment that has no row. */
static void older_puts_are_written_as_borgs_shadow_index(void **state)
{
	add(1, 5, false);
	add(300, 0, false);
	add_older(KEY_B, 300);
	add_older(KEY_A, 300);
	add_older(KEY_C, 77);
	add_older(KEY_B, 1);
	add_older(KEY_B, 77);
	add_older(KEY_B, 300);
	hints_sort_older(&changed);
	expect_borg(TEXT(BORG SHADOW "\x82" KEY_A "\x91\xcd\x01\x2c" KEY_B
			 "\x92\x01\xcd\x01\x2c"));
	(void)state;
}

/* What was read is written again, with what comes to it, but for an empty list: without one Borg
 * keeps the DELETE of the key. */
static void a_shadow_index_is_taken_over(void **state)
{
	static const char file[] = BORG SHADOW "\x82" KEY_A "\x90" KEY_B "\x91\x01";
	scratch_file(scratch, "hints.3", TEXT(file));
	assert_int_equal(hints_load(&changed, &io_system, scratch->fd, &dialect_borg, 3), AS_OK);
	add_older(KEY_B, 300);
	hints_sort_older(&changed);
	expect_borg(TEXT(BORG SHADOW "\x81" KEY_B "\x92\x01\xcd\x01\x2c"));
	hints_free(&changed);
	assert_int_equal(hints_parse((const uint8_t *)file, sizeof(file) - 1, &dialect_borg, 3,
				     &hints, &findings), AS_OK);
	assert_int_equal(hints_copy(&changed, &hints), AS_OK);
	expect_borg(TEXT(BORG SHADOW "\x81" KEY_B "\x91\x01"));
	(void)state;
}

static void a_file_is_taken_over_or_refused_whole(void **state)
{
	static const char negative[] = VERS SEGS "\x81\x00\xff" COMP "\x90";

	assert_int_equal(hints_load(&changed, &io_system, scratch->fd, &dialect_attic, 3),
			 AS_ERR_INTEGRITY);
	scratch_file(scratch, "hints.3", TEXT(attic_pending));
	assert_int_equal(hints_load(&changed, &io_system, scratch->fd, &dialect_attic, 3), AS_OK);
	assert_int_equal(changed.count, 6);
	expect_row(0, 0, 8, true);
	expect_row(5, 9, 6, true);
	hints_free(&changed);
	for (size_t len = 0; len < sizeof(attic_pending) - 1; len++) {
		scratch_file(scratch, "hints.3", attic_pending, len);
		assert_int_equal(hints_load(&changed, &io_system, scratch->fd, &dialect_attic, 3),
				 AS_ERR_INTEGRITY);
		assert_int_equal(changed.count, 0);
	}
	scratch_file(scratch, "hints.3", TEXT(negative));
	assert_int_equal(hints_load(&changed, &io_system, scratch->fd, &dialect_attic, 3),
			 AS_ERR_INTEGRITY);
	assert_int_equal(changed.count, 0);
	(void)state;
}

static ssize_t pwrite_badly(const struct io *io, int fd, const void *data, size_t len,
			    off_t offset)
{
	(void)io;
	(void)fd;
	(void)data;
	(void)len;
	(void)offset;
	errno = ENOSPC;
	return -1;
}

static void a_failed_write_leaves_the_old_hints_and_no_rest(void **state)
{
	struct io io = io_system;
	struct stat st;

	scratch_file(scratch, "hints.3", "old", 3);
	scratch_file(scratch, "hints.3.tmp", "left by a crash", 15);
	add(1, 2, true);
	io.pwrite = pwrite_badly;
	struct permit *poor = io_grant_permit(&io, scratch->fd, 0644);
	assert_non_null(poor);
	assert_int_equal(write_hints(&changed, poor, 3), AS_ERR_NO_SPACE);
	io_revoke_permit(poor);
	assert_false(exists("hints.3.tmp"));
	assert_int_equal(fstatat(scratch->fd, "hints.3", &st, 0), 0);
	assert_int_equal(st.st_size, 3);
	(void)state;
}

static void a_write_replaces_what_is_there_and_leaves_one_file(void **state)
{
	scratch_file(scratch, "hints.4294967295", "old", 3);
	scratch_file(scratch, "hints.4294967295.tmp", "left by a crash", 15);
	add(1, 2, true);
	assert_int_equal(write_hints(&changed, permit, UINT32_MAX), AS_OK);
	assert_false(exists("hints.4294967295.tmp"));
	assert_int_equal(hints_read(&io_system, scratch->fd, &dialect_attic, UINT32_MAX, &hints,
				    &findings), AS_OK);
	assert_true(hints.usable);
	assert_int_equal(hints.rows[0].live, 2);
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_stand_in_order_whatever_order_they_come_in),
		TEST(a_row_added_again_keeps_what_it_says),
		TEST(look_ups_find_what_is_there_and_nothing_else),
		TEST(random_rows_agree_with_a_model),
		TEST(dropped_rows_go_and_the_others_stay),
		TEST(live_counts_are_summed_beyond_32_bits),
		TEST(both_lists_of_the_hints_are_taken_over),
		TEST(empty_hints_give_no_rows),
		TEST(a_count_that_cannot_be_is_refused),
		TEST(attics_own_hints_are_written_as_attic_wrote_them),
		TEST(nothing_is_written_as_two_empty_lists),
		TEST(numbers_are_written_in_their_shortest_form),
		TEST(any_number_of_rows_is_read_back_equal),
		TEST(older_puts_are_written_as_borgs_shadow_index),
		TEST(a_shadow_index_is_taken_over),
		TEST(a_file_is_taken_over_or_refused_whole),
		TEST(a_failed_write_leaves_the_old_hints_and_no_rest),
		TEST(a_write_replaces_what_is_there_and_leaves_one_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "tests/unit/format/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void whole_entries_are_rows(void **state)
{
	struct image image = image_new();
	const size_t put = add_put(&image, 1, 100), empty = add_put(&image, 2, 0);
	const size_t gone = add(&image, 1, 1, NULL, 0), commit = add(&image, 2, 0, NULL, 0);
	struct walk walk = { 0 };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 4);
	expect_row(&walk, 0, put, 141, 0, SEGMENT_WHOLE);
	expect_row(&walk, 1, empty, 41, 0, SEGMENT_WHOLE);
	expect_row(&walk, 2, gone, 41, 1, SEGMENT_WHOLE);
	expect_row(&walk, 3, commit, 9, 2, SEGMENT_WHOLE);
	assert_true(walk.rows[2].has_key && walk.rows[2].key[31] == 1);
	assert_false(walk.rows[3].has_key);
	free(image.bytes);
	(void)state;
}

static void entries_larger_than_the_window_are_read_with_the_same_memory(void **state)
{
	struct image image = image_new();
	const size_t large = 3u * 1024u * 1024u + 7;
	add_put(&image, 1, 300000);
	add_put(&image, 2, large);
	add_put(&image, 3, 5);
	struct walk walk = { .file = { .read_max = 4099 } };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	assert_int_equal(walk.rows[1].size, large + 41);
	/* Read once, but for the headers at the windows' ends. */
	assert_true(walk.file.bytes_read < image.len + 4096);
	free(image.bytes);
	(void)state;
}

static void an_empty_file_has_no_rows_and_a_short_one_no_magic(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	for (size_t len = 0; len <= 8; len++) {
		image.len = len;
		do_walk(&walk, &image);
		assert_int_equal(walk.count, len > 0 && len < 8);
		if (walk.count)
			expect_row(&walk, 0, 0, len, DAMAGED, SEGMENT_BAD_MAGIC);
	}
	free(image.bytes);
	(void)state;
}

static void what_stands_in_the_magic_can_be_read_where_that_is_gone(void **state)
{
	struct image image = image_new();
	struct segment_entry entry;
	uint8_t *data;
	for (size_t k = 0; k < 8; k++) {
		image.len = 0;
		append(&image, "ATTICSEG", 8);
		add_put(&image, 1, 100);
		behead(&image, 8 - k);
		struct memory_file file = { .bytes = image.bytes, .len = image.len };
		const struct io io = memory_io(&file);
		assert_int_equal(segment_read_entry(&io, -1, "17", k, &entry, &data), AS_OK);
		assert_memory_equal(data, image.bytes + k + 41, 100);
		free(data);
		for (size_t other = 0; other < 8; other++)
			if (other != k)
				assert_int_equal(segment_read_entry(&io, -1, "17", other, &entry,
								    &data), AS_ERR_INTEGRITY);
	}
	free(image.bytes);
	(void)state;
}

static void one_entry_is_read_with_its_payload_and_only_when_whole(void **state)
{
	struct image image = image_new();
	struct segment_entry entry;
	uint8_t *data = NULL;
	const size_t first = add_put(&image, 1, 10), commit = add(&image, 2, 0, NULL, 0);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	assert_int_equal(segment_read_entry(&io, -1, "17", first, &entry, &data), AS_OK);
	assert_int_equal(entry.size, 51);
	assert_memory_equal(data, image.bytes + first + 41, 10);
	free(data);
	data = NULL;
	assert_int_equal(segment_read_entry(&io, -1, "17", commit, &entry, &data), AS_OK);
	assert_int_equal(entry.tag, 2);
	assert_null(data);
	for (size_t offset = 0; offset < image.len + 50; offset++) {
		if (offset == first || offset == commit)
			continue;
		assert_int_equal(segment_read_entry(&io, -1, "17", offset, &entry, &data),
				 AS_ERR_INTEGRITY);
		assert_null(data);
	}
	image.bytes[first + 45] ^= 1;
	assert_int_equal(segment_read_entry(&io, -1, "17", first, &entry, &data), AS_ERR_INTEGRITY);
	assert_int_equal(entry.cause, SEGMENT_CRC_MISMATCH);
	free(image.bytes);
	(void)state;
}

static void entries_of_a_list_are_read_ahead_and_one_apart_alone(void **state)
{
	enum { COUNT = 4000, SIZE = 541 };
	struct image image = image_new();
	struct segment_entry entry;
	const uint8_t *bytes;
	for (unsigned i = 0; i < COUNT; i++)
		add_put(&image, (uint8_t)i, SIZE - 41);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	assert_int_equal(segment_open(reader, -1, "17", 17, NULL, NULL), AS_OK);
	for (uint64_t offset = 8; offset < image.len; offset += SIZE) {
		assert_int_equal(segment_look_at(reader, offset, &entry), AS_OK);
		assert_int_equal(entry.offset, offset);
		assert_int_equal(entry.size, SIZE);
		assert_int_equal(segment_bytes(reader, &entry, &bytes), AS_OK);
		assert_memory_equal(bytes, image.bytes + offset, SIZE);
	}
	assert_in_range(file.reads, 1, 40);
	file.bytes_read = 0;
	for (uint64_t offset = 8; offset < image.len; offset += 400 * SIZE)
		assert_int_equal(segment_look_at(reader, offset, &entry), AS_OK);
	assert_in_range(file.bytes_read, 1, COUNT / 400 * 1024);
	for (uint64_t offset = 0; offset < 8 + SIZE; offset++)
		if (offset != 8)
			assert_int_equal(segment_look_at(reader, offset, &entry), AS_ERR_INTEGRITY);
	assert_int_equal(segment_look_at(reader, image.len, &entry), AS_ERR_INTEGRITY);
	assert_int_equal(segment_look_at(reader, UINT64_MAX, &entry), AS_ERR_INTEGRITY);
	segment_reader_free(reader);
	free(image.bytes);
	(void)state;
}

/* Every byte of an entry that is larger than the window is read a second time. */
static void the_bytes_of_an_entry_are_given_only_as_they_were_judged(void **state)
{
	enum { SIZE = 3000041 };
	struct image image = image_new();
	struct segment_entry entry;
	const uint8_t *bytes;
	const size_t small = add_put(&image, 1, 10), large = add_put(&image, 2, SIZE - 41);
	uint8_t *other = malloc(image.len);
	assert_non_null(other);
	memcpy(other, image.bytes, image.len);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	assert_int_equal(segment_open(reader, -1, "17", 17, NULL, NULL), AS_OK);
	assert_int_equal(segment_next(reader, &entry), AS_OK);
	assert_int_equal(segment_bytes(reader, &entry, &bytes), AS_OK);
	assert_memory_equal(bytes, image.bytes + small, 51);
	assert_int_equal(segment_next(reader, &entry), AS_OK);
	assert_int_equal(segment_bytes(reader, &entry, &bytes), AS_OK);
	assert_memory_equal(bytes, image.bytes + large, SIZE);
	file.bytes = other;
	for (size_t flip = 0; flip < SIZE; flip += flip < 41 ? 1 : 600000) {
		other[large + flip] ^= 1;
		assert_int_equal(segment_bytes(reader, &entry, &bytes), AS_ERR_INTEGRITY);
		other[large + flip] ^= 1;
	}
	segment_reader_free(reader);
	free(other);
	free(image.bytes);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_entries_are_rows),
		cmocka_unit_test(entries_larger_than_the_window_are_read_with_the_same_memory),
		cmocka_unit_test(an_empty_file_has_no_rows_and_a_short_one_no_magic),
		cmocka_unit_test(what_stands_in_the_magic_can_be_read_where_that_is_gone),
		cmocka_unit_test(one_entry_is_read_with_its_payload_and_only_when_whole),
		cmocka_unit_test(entries_of_a_list_are_read_ahead_and_one_apart_alone),
		cmocka_unit_test(the_bytes_of_an_entry_are_given_only_as_they_were_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

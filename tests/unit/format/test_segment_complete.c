/* Which segments end in a COMMIT, and not in a value that only looks like one. */
#include "build-config.h"

#include "tests/unit/format/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_complete(const struct image *image)
{
	struct memory_file file = { .bytes = image->bytes, .len = image->len };
	const struct io io = memory_io(&file);
	bool complete;
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
	return complete;
}

static const uint8_t commit_bytes[9] = { 0x40, 0xf4, 0x3c, 0x25, 9, 0, 0, 0, 2 };

/* A PUT whose @len bytes of payload end like a COMMIT. */
static size_t add_like_commit(struct image *image, uint8_t key, size_t len)
{
	uint8_t *payload = malloc(len);
	assert_non_null(payload);
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(key + i * 31 + 128);
	memcpy(payload + len - 9, commit_bytes, 9);
	const size_t offset = add(image, 0, key, payload, len);
	free(payload);
	return offset;
}

static void what_does_not_end_like_a_commit_is_not_complete(void **state)
{
	struct image image = image_new();
	bool complete;
	add_put(&image, 1, 10);
	add(&image, 2, 0, NULL, 0);
	assert_true(is_complete(&image));
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	for (file.len = 0; file.len < image.len; file.len++) {
		assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
		assert_false(complete);
	}
	/* To know that costs no more than a look at the end. */
	file.reads = 0;
	file.len = image.len - 1;
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
	assert_int_equal(file.reads, 1);
	file.len = image.len;
	file.bad_offset = image.len - 4;
	file.bad_length = 4;
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_ERR_IO);
	assert_false(complete);
	free(image.bytes);
	(void)state;
}

static void a_value_that_ends_like_a_commit_is_none(void **state)
{
	static const size_t sizes[] = { 9, 10, 100, 3000, 5000, 300000 };
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct image image = image_new();
		add_put(&image, 1, 300);
		add_like_commit(&image, 2, sizes[i]);
		assert_false(is_complete(&image));
		add(&image, 2, 0, NULL, 0);
		assert_true(is_complete(&image));
		free(image.bytes);
	}
}

/* The end of a key, of a key and a value together, and of a DELETE. */
static void a_key_that_ends_like_a_commit_is_none(void **state)
{
	static const struct { uint8_t tag; size_t in_value; } cases[] = {
		{ 0, 0 }, { 0, 1 }, { 0, 4 }, { 0, 8 }, { 1, 0 },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image = image_new();
		const size_t len = cases[i].in_value;
		const size_t offset = add(&image, cases[i].tag, 7, commit_bytes + 9 - len, len);
		memcpy(image.bytes + image.len - 9, commit_bytes, 9);
		seal(image.bytes + offset, (uint32_t)(41 + len));
		assert_false(is_complete(&image));
		add(&image, 2, 0, NULL, 0);
		assert_true(is_complete(&image));
		free(image.bytes);
	}
}

/* Cut off inside a value, behind bytes of it that are those of a COMMIT; the value may hold whole
 * entries before them, as one that is itself a segment does. */
static void a_value_cut_off_behind_bytes_of_a_commit_is_not_complete(void **state)
{
	struct image image = image_new(), nested = image_new();
	(void)state;
	add_put(&nested, 70, 40);
	add_put(&nested, 71, 40);
	add(&nested, 2, 0, NULL, 0);
	const size_t end = nested.len;
	add_put(&nested, 72, 500);
	add_put(&image, 1, 10);
	const size_t value = add(&image, 0, 2, nested.bytes, nested.len) + 41;
	const size_t whole = image.len;
	image.len = value + end;
	assert_false(is_complete(&image));
	image.len = whole;
	add(&image, 2, 0, NULL, 0);
	assert_true(is_complete(&image));
	free(nested.bytes);
	free(image.bytes);
}

/* Whatever bit flips before it, a COMMIT at the end is one. The sizes are chosen so that one
 * flipped bit of theirs leads exactly to the end of the file. */
static void bytes_lost_at_the_head_leave_the_segment_complete(void **state)
{
	for (uint8_t tag = 0; tag <= 2; tag++)
		for (size_t k = 0; k < 8; k++) {
			struct image image = image_new();
			add(&image, tag, 1, NULL, 0);
			add_put(&image, 2, 50);
			const size_t commit = add(&image, 2, 0, NULL, 0) - (8 - k);
			behead(&image, 8 - k);
			assert_true(is_complete(&image));
			image.len = commit;
			assert_false(is_complete(&image));
			free(image.bytes);
		}
	(void)state;
}

static void damage_before_a_commit_leaves_the_segment_complete(void **state)
{
	struct image image = image_new();
	(void)state;
	add_put(&image, 1, 64 - 41);
	add(&image, 1, 1, NULL, 0);
	add_put(&image, 2, 64 - 41);
	add_put(&image, 3, 128 - 41);
	add_put(&image, 4, 64 - 9 - 41);
	add(&image, 2, 0, NULL, 0);
	for (size_t bit = 0; bit < (image.len - 9) * 8; bit++) {
		image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!is_complete(&image))
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t at = 0; at + 9 < image.len; at++) {
		uint8_t saved[40];
		const size_t len = image.len - 9 - at < 40 ? image.len - 9 - at : 40;
		memcpy(saved, image.bytes + at, len);
		memset(image.bytes + at, 0, len);
		if (!is_complete(&image))
			fail_msg("zeros at %zu", at);
		memcpy(image.bytes + at, saved, len);
	}
	free(image.bytes);
}

/* Nor does damage make a COMMIT of what only ends like one. */
static void damage_before_a_false_commit_leaves_the_segment_incomplete(void **state)
{
	struct image image = image_new();
	(void)state;
	add_put(&image, 1, 20);
	add(&image, 1, 1, NULL, 0);
	const size_t last = add_like_commit(&image, 5, 80);
	for (size_t bit = 8 * 8; bit < (image.len - 9) * 8; bit++) {
		/* Without its size the last entry cannot be told from any other damage. */
		if (bit / 8 >= last + 4 && bit / 8 < last + 8)
			continue;
		image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (is_complete(&image))
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		image.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	free(image.bytes);
}

static void an_unreadable_range_before_a_commit_leaves_the_segment_complete(void **state)
{
	struct image image = image_new();
	bool complete;
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		add_put(&image, (uint8_t)i, 3000);
	add(&image, 2, 0, NULL, 0);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	for (file.bad_offset = 0; file.bad_offset + 600 < image.len; file.bad_offset += 500) {
		file.bad_length = 500;
		assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
		assert_true(complete);
	}
	free(image.bytes);
}

static void following_the_sizes_reads_headers_and_no_payload(void **state)
{
	struct image image = image_new();
	bool complete;
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		add_put(&image, (uint8_t)i, 100000);
	add(&image, 2, 0, NULL, 0);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
	assert_true(complete);
	assert_in_range(file.bytes_read, 1, 22 * 4096);
	free(image.bytes);
	image = image_new();
	for (unsigned i = 0; i < 3000; i++)
		add(&image, 1, (uint8_t)i, NULL, 0);
	add(&image, 2, 0, NULL, 0);
	file = (struct memory_file){ .bytes = image.bytes, .len = image.len };
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
	assert_true(complete);
	assert_in_range(file.reads, 1, 3000 * 41 / 4000 + 10);
	free(image.bytes);
}

/* Each entry claims the file's end, and its checksum says where it really ends. */
static void hostile_sizes_before_a_commit_cost_no_more_than_linear_work(void **state)
{
	enum { COUNT = 3000 };
	struct image image = image_new();
	bool complete;
	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		const size_t offset = add_put(&image, (uint8_t)i, 0);
		image.bytes[offset + 6] = 0x3f;
	}
	add(&image, 2, 0, NULL, 0);
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	assert_int_equal(segment_is_complete(&io, -1, "17", &complete), AS_OK);
	assert_true(file.bytes_read < (uint64_t)image.len * 200);
	free(image.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_end_like_a_commit_is_not_complete),
		cmocka_unit_test(a_value_that_ends_like_a_commit_is_none),
		cmocka_unit_test(a_key_that_ends_like_a_commit_is_none),
		cmocka_unit_test(a_value_cut_off_behind_bytes_of_a_commit_is_not_complete),
		cmocka_unit_test(bytes_lost_at_the_head_leave_the_segment_complete),
		cmocka_unit_test(damage_before_a_commit_leaves_the_segment_complete),
		cmocka_unit_test(damage_before_a_false_commit_leaves_the_segment_incomplete),
		cmocka_unit_test(
			an_unreadable_range_before_a_commit_leaves_the_segment_complete),
		cmocka_unit_test(following_the_sizes_reads_headers_and_no_payload),
		cmocka_unit_test(hostile_sizes_before_a_commit_cost_no_more_than_linear_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

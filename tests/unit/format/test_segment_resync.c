/* After damage: where the next entry begins, whom to ask for that, and what it may cost. */
#include "build-config.h"

#include "tests/unit/format/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void entries_behind_a_lost_magic_are_found(void **state)
{
	struct image image = image_new();
	add_put(&image, 1, 100);
	memset(image.bytes, 0, 8);
	struct walk walk = { 0 };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	expect_row(&walk, 0, 0, 8, DAMAGED, SEGMENT_BAD_MAGIC);
	expect_row(&walk, 1, 8, 141, 0, SEGMENT_WHOLE);
	free(image.bytes);
	(void)state;
}

/* The one witness: a PUT of @key at @offset. */
static void bear_witness_of(struct walk *walk, size_t offset, uint8_t key)
{
	walk->witness_count = 1;
	walk->witnesses[0].offset = (uint32_t)offset;
	memset(walk->witnesses[0].key, key, 32);
}

/* An entry with @tag, 41 bytes or a COMMIT, begins at each of the first 8 bytes. */
static void an_entry_before_the_end_of_the_magic_is_found(void **state)
{
	static const size_t sizes[] = { 41, 41, 9 };
	for (uint8_t tag = 0; tag <= 2; tag++)
		for (size_t k = 0; k < 8; k++)
			for (unsigned is_known = 0; is_known < 2; is_known++) {
				struct image image = image_new();
				struct walk walk = { 0 };
				const size_t size = sizes[tag];
				add(&image, tag, 1, NULL, 0);
				add_put(&image, 2, 50);
				add(&image, 2, 0, NULL, 0);
				behead(&image, 8 - k);
				if (is_known)
					bear_witness_of(&walk, k + size, 2);
				do_walk(&walk, &image);
				assert_int_equal(walk.count, 4);
				expect_row(&walk, 0, 0, k, DAMAGED, SEGMENT_BAD_MAGIC);
				expect_row(&walk, 1, k, size, tag, SEGMENT_WHOLE);
				expect_row(&walk, 2, k + size, 91, 0, SEGMENT_WHOLE);
				expect_row(&walk, 3, k + size + 91, 9, 2, SEGMENT_WHOLE);
				/* Found by searching, as behind any other damage. */
				assert_true(walk.rows[1].searched);
				assert_int_equal(walk.rows[3].searched, !is_known);
				free(image.bytes);
			}
	(void)state;
}

/* As much of the file's first bytes as there is: one entry, cut off at every byte. */
static void a_short_file_without_magic_is_read_from_its_first_byte(void **state)
{
	for (uint8_t tag = 0; tag <= 2; tag++)
		for (size_t k = 0; k < 8; k++) {
			struct image image = image_new();
			struct walk walk = { 0 };
			add(&image, tag, 1, NULL, 0);
			behead(&image, 8 - k);
			const size_t len = image.len;
			do_walk(&walk, &image);
			assert_int_equal(walk.count, 2);
			expect_row(&walk, 0, 0, k, DAMAGED, SEGMENT_BAD_MAGIC);
			expect_row(&walk, 1, k, len - k, tag, SEGMENT_WHOLE);
			for (image.len = 1; image.len < len; image.len++) {
				do_walk(&walk, &image);
				assert_int_equal(walk.count, 1 + (image.len > 8));
				expect_row(&walk, 0, 0, image.len < 8 ? image.len : 8, DAMAGED,
					   SEGMENT_BAD_MAGIC);
			}
			free(image.bytes);
		}
	(void)state;
}

static void a_witness_says_where_the_first_entry_begins(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	/* The same bytes are an entry at 3, and a part of them one at 50. */
	const size_t at = add(&image, 0, 1, NULL, 0);
	struct image payload = { 0 };
	add_put(&payload, 7, 20);
	const size_t outer = add(&image, 0, 2, payload.bytes, payload.len);
	assert_int_equal(at, 8);
	behead(&image, outer - 3);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	expect_row(&walk, 1, 3, 41 + payload.len, 0, SEGMENT_WHOLE);
	bear_witness_of(&walk, 3 + 41, 7);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 0, 0, 8, DAMAGED, SEGMENT_BAD_MAGIC);
	expect_row(&walk, 2, 44, payload.len, 0, SEGMENT_WHOLE);
	bear_witness_of(&walk, 3, 2);
	do_walk(&walk, &image);
	expect_row(&walk, 1, 3, 41 + payload.len, 0, SEGMENT_WHOLE);
	assert_false(walk.rows[1].searched);
	free(payload.bytes);
	free(image.bytes);
	(void)state;
}

static void zeros_are_told_and_passed_over(void **state)
{
	struct image image = image_new();
	static const uint8_t zeros[5000];
	struct walk walk = { 0 };
	const size_t first = add_put(&image, 1, 50), at = image.len;
	append(&image, zeros, sizeof(zeros));
	const size_t next = add_put(&image, 2, 50);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 0, first, 91, 0, SEGMENT_WHOLE);
	expect_row(&walk, 1, at, 5000, DAMAGED, SEGMENT_ZEROS);
	expect_row(&walk, 2, next, 91, 0, SEGMENT_WHOLE);
	assert_true(walk.rows[2].searched);
	/* Zeros to the end, down to fewer than a header has. */
	for (size_t len = 1; len < 20; len++) {
		image.len = at + len;
		do_walk(&walk, &image);
		expect_row(&walk, 1, at, len, DAMAGED, SEGMENT_ZEROS);
	}
	free(image.bytes);
	(void)state;
}

/* A PUT whose payload is a run of whole entries. Returns its offset; *@inside is that of the first
 * inside. */
static size_t add_nest(struct image *image, uint8_t key, size_t cut, size_t *inside)
{
	struct image payload = { 0 };
	uint8_t noise[64];
	memset(noise, 0xa5, sizeof(noise));
	append(&payload, noise, sizeof(noise));
	*inside = image->len + 41 + payload.len;
	add_put(&payload, 70, 40);
	add_put(&payload, 71, 40);
	append(&payload, noise, sizeof(noise));
	const size_t offset = add(image, 0, key, payload.bytes, payload.len - cut);
	free(payload.bytes);
	return offset;
}

static void what_lies_inside_a_damaged_entry_is_payload(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	size_t inside;
	const size_t at = add_nest(&image, 1, 0, &inside), next = add_put(&image, 2, 50);
	image.bytes[at + 41] ^= 1;
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	expect_row(&walk, 0, at, next - at, DAMAGED, SEGMENT_CRC_MISMATCH);
	expect_row(&walk, 1, next, 91, 0, SEGMENT_WHOLE);
	/* Also when the entry behind it is damaged beyond recognition, */
	memset(image.bytes + next, 0xee, 9);
	const size_t last = add_put(&image, 3, 50);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	expect_row(&walk, 0, at, last - at, DAMAGED, SEGMENT_CRC_MISMATCH);
	expect_row(&walk, 1, last, 91, 0, SEGMENT_WHOLE);
	/* or the file ends in it. */
	image.len = next - 5;
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 1);
	expect_row(&walk, 0, at, image.len - at, DAMAGED, SEGMENT_TORN);
	free(image.bytes);
	(void)state;
}

static enum as_err count_suspect(void *context, const struct segment_entry *entry)
{
	unsigned *count = context;
	assert_true(entry->key[0] == 70 || entry->key[0] == 71);
	assert_true(entry->searched);
	(*count)++;
	return AS_OK;
}

static void entries_inside_a_damaged_one_are_suspects(void **state)
{
	struct image image = image_new();
	size_t inside;
	unsigned count = 0;
	const size_t at = add_nest(&image, 1, 0, &inside);
	const size_t end = image.len;
	image.bytes[at + 41] ^= 1;
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	assert_int_equal(segment_open(reader, -1, "17", 17, NULL, NULL), AS_OK);
	assert_int_equal(segment_suspects(reader, at, end - at, count_suspect, &count), AS_OK);
	assert_int_equal(count, 2);
	segment_reader_free(reader);
	free(image.bytes);
	(void)state;
}

static void a_witness_inside_says_that_the_size_is_wrong(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	const size_t at = add_put(&image, 1, 50), second = add_put(&image, 2, 50);
	const size_t third = add_put(&image, 3, 50);
	/* The size now leads exactly to the third entry. */
	put_header(&image, at, (uint32_t)(third - at), 0);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	expect_row(&walk, 1, third, 91, 0, SEGMENT_WHOLE);
	walk.witnesses[0].offset = (uint32_t)second;
	memset(walk.witnesses[0].key, 2, 32);
	walk.witness_count = 1;
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 0, at, second - at, DAMAGED, SEGMENT_CRC_MISMATCH);
	expect_row(&walk, 1, second, 91, 0, SEGMENT_WHOLE);
	assert_false(walk.rows[1].searched);
	/* A witness for another key is none. */
	walk.witnesses[0].key[0] = 9;
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);
	free(image.bytes);
	(void)state;
}

static void entries_found_by_searching_are_marked(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	const size_t at = add_put(&image, 1, 50), next = add_put(&image, 2, 50);
	const size_t last = add_put(&image, 3, 50);
	put_header(&image, at, 0, 0);
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 1, next, 91, 0, SEGMENT_WHOLE);
	expect_row(&walk, 2, last, 91, 0, SEGMENT_WHOLE);
	assert_true(walk.rows[1].searched);
	assert_true(walk.rows[2].searched);
	/* Until a witness knows one. */
	walk.witnesses[0].offset = (uint32_t)last;
	memset(walk.witnesses[0].key, 3, 32);
	walk.witness_count = 1;
	do_walk(&walk, &image);
	assert_true(walk.rows[1].searched);
	assert_false(walk.rows[2].searched);
	free(image.bytes);
	(void)state;
}

static void adjacent_damaged_entries_are_rows_of_their_own(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	size_t offsets[6];
	for (uint8_t i = 0; i < 6; i++)
		offsets[i] = add_put(&image, (uint8_t)(i + 1), 50);
	for (size_t i = 1; i < 5; i++)
		image.bytes[offsets[i] + 60] ^= 1;
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 6);
	for (size_t i = 1; i < 5; i++)
		expect_row(&walk, i, offsets[i], 91, DAMAGED, SEGMENT_CRC_MISMATCH);
	free(image.bytes);
	(void)state;
}

static void an_unreadable_range_is_shown_at_its_place_and_costs_only_its_entry(void **state)
{
	struct image image = image_new();
	const size_t first = add_put(&image, 1, 3000), middle = add_put(&image, 2, 30000);
	const size_t last = add_put(&image, 3, 3000);
	struct walk walk = { .file = { .bad_offset = 8192, .bad_length = 4096 } };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 0, first, 3041, 0, SEGMENT_WHOLE);
	expect_row(&walk, 1, middle, 30041, DAMAGED, SEGMENT_UNREADABLE);
	assert_int_equal(walk.rows[1].bad_offset, 8192);
	assert_int_equal(walk.rows[1].bad_length, 4096);
	expect_row(&walk, 2, last, 3041, 0, SEGMENT_WHOLE);
	free(image.bytes);
	(void)state;
}

static void an_unreadable_header_is_passed_over(void **state)
{
	struct image image = image_new();
	uint8_t filler[4096 - 8 - 41 - 3];
	memset(filler, 1, sizeof(filler));
	const size_t first = add(&image, 0, 1, filler, sizeof(filler));
	add_put(&image, 2, 200);		/* begins three bytes before the bad page */
	const size_t third = add_put(&image, 3, 9000), last = add_put(&image, 4, 100);
	struct walk walk = { .file = { .bad_offset = 4096, .bad_length = 4096 } };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 3);
	expect_row(&walk, 0, first, 4085, 0, SEGMENT_WHOLE);
	assert_int_equal(walk.rows[1].cause, SEGMENT_UNREADABLE);
	assert_int_equal(walk.rows[1].bad_offset, 4096);
	expect_row(&walk, 2, last, 141, 0, SEGMENT_WHOLE);
	assert_true(third < last);
	free(image.bytes);
	(void)state;
}

static void a_file_that_is_all_unreadable_is_one_row(void **state)
{
	struct image image = image_new();
	add_put(&image, 1, 20000);
	struct walk walk = { .file = { .bad_offset = 0, .bad_length = 1 << 20 } };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 2);	/* the magic, and the rest */
	assert_int_equal(walk.rows[0].cause, SEGMENT_UNREADABLE);
	assert_int_equal(walk.rows[1].cause, SEGMENT_UNREADABLE);
	free(image.bytes);
	(void)state;
}

static void an_entry_that_reads_differently_the_second_time_is_unstable(void **state)
{
	struct image image = image_new();
	const size_t at = add_put(&image, 1, 500);
	uint8_t *flipped = malloc(image.len);
	assert_non_null(flipped);
	memcpy(flipped, image.bytes, image.len);
	flipped[at + 100] ^= 4;
	struct walk walk = { .file = { .first_bytes = flipped } };
	do_walk(&walk, &image);
	assert_int_equal(walk.count, 1);
	expect_row(&walk, 0, at, 541, 0, SEGMENT_WHOLE);
	assert_true(walk.rows[0].unstable);
	free(flipped);
	free(image.bytes);
	(void)state;
}

/* One bit flips at every second reading, so that the third is as the first. */
static void an_entry_that_reads_differently_every_second_time_is_unstable(void **state)
{
	struct image image = image_new();
	const size_t at = add_put(&image, 1, 500), end = image.len;
	for (size_t bit = 0; bit < end; bit += bit < 60 ? 1 : 97) {
		uint8_t *flipped = malloc(end);
		assert_non_null(flipped);
		memcpy(flipped, image.bytes, end);
		flipped[bit] ^= 4;
		struct walk walk = { .file = { .first_bytes = flipped, .alternates = true } };
		do_walk(&walk, &image);
		assert_int_equal(walk.count, 1);
		expect_row(&walk, 0, at, 541, 0, SEGMENT_WHOLE);
		assert_true(walk.rows[0].unstable);
		free(flipped);
	}
	free(image.bytes);
	(void)state;
}

/* A damaged entry whose size cannot be believed and that holds an entry of its own, so that reading
 * on takes many readings; behind it, out of sight of the first window, are others. */
static struct image image_to_search(void)
{
	struct image image = image_new();
	add_put(&image, 1, 3000);
	const size_t damaged = add_put(&image, 2, 9000);
	add_put(&image, 3, 300000);
	add_put(&image, 4, 100);
	add_put(&image, 5, 5000);
	image.bytes[damaged + 6] ^= 0x10;	/* the size, now beyond the end of the file */
	const size_t second = add_put(&image, 6, 700);
	add_put(&image, 7, 400000);
	image.bytes[second + 60] ^= 1;		/* a size that leads to the next entry */
	add_put(&image, 8, 50);
	return image;
}

static bool is_whole_in(const struct walk *walk, const struct segment_entry *entry)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->rows[i].offset == entry->offset && walk->rows[i].size == entry->size &&
		    walk->rows[i].tag == entry->tag)
			return true;
	return false;
}

static bool is_unreadable_in(const struct walk *walk, const struct segment_entry *entry)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->rows[i].offset <= entry->offset &&
		    entry->offset < walk->rows[i].offset + walk->rows[i].size)
			return walk->rows[i].cause == SEGMENT_UNREADABLE;
	return false;
}

static bool is_doubtful(const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->rows[i].unstable || walk->rows[i].cause == SEGMENT_UNREADABLE)
			return true;
	return false;
}

/* An index as witness of all that @walk found whole. */
static void bear_witness(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->rows[i].tag != DAMAGED) {
			struct segment_witness *row = &walk->witnesses[walk->witness_count++];
			row->offset = (uint32_t)walk->rows[i].offset;
			memcpy(row->key, walk->rows[i].key, 32);
		}
}

/* Walk with @count refusals from each reading on, and compare it with the walk without. */
static void refuse_each_reading(unsigned count, bool all_are_found)
{
	struct image image = image_to_search();
	struct walk calm = { 0 }, walk;
	do_walk(&calm, &image);
	assert_true(calm.count >= 7);
	/* Without a witness what stands in the damaged entry's claim may end as a suspect. */
	if (!all_are_found) {
		bear_witness(&calm);
		calm.file.reads = 0;
		do_walk(&calm, &image);
	}
	for (unsigned n = 1; n <= calm.file.reads; n++) {
		walk = (struct walk){ .witness_count = calm.witness_count };
		memcpy(walk.witnesses, calm.witnesses, sizeof(walk.witnesses));
		walk.file.refused_from = n;
		walk.file.refused_count = count;
		do_walk(&walk, &image);
		for (size_t i = 0; i < calm.count; i++)
			if (calm.rows[i].tag != DAMAGED && !is_whole_in(&walk, &calm.rows[i]) &&
			    (all_are_found || !is_unreadable_in(&walk, &calm.rows[i])))
				fail_msg("reading %u of %u: the entry at %d is absent", n,
					 calm.file.reads, (int)calm.rows[i].offset);
		if (!is_doubtful(&walk))
			fail_msg("reading %u of %u: nobody is told", n, calm.file.reads);
	}
	free(image.bytes);
}

static void a_reading_that_is_refused_once_loses_no_entry_and_is_told(void **state)
{
	refuse_each_reading(1, true);
	(void)state;
}

/* The window ends between header and key, and the checksum is computed of bytes that came later. */
static void a_whole_entry_has_its_key_however_often_that_was_refused(void **state)
{
	struct image image = image_new();
	uint8_t key[32];
	add_put(&image, 1, 300);
	const size_t at = add_put(&image, 5, 100);
	add_put(&image, 6, 100);
	memset(key, 5, sizeof(key));
	for (unsigned count = 1; count <= 12; count++) {
		struct walk walk = { .file = { .bad_offset = at + 9, .bad_length = 1,
					       .bad_reads = count } };
		do_walk(&walk, &image);
		for (size_t i = 0; i < walk.count; i++)
			if (walk.rows[i].offset == at && walk.rows[i].tag == 0)
				assert_memory_equal(walk.rows[i].key, key, sizeof(key));
		assert_true(is_doubtful(&walk));
	}
	free(image.bytes);
	(void)state;
}

static void what_is_refused_again_and_again_is_unreadable_and_never_absent(void **state)
{
	for (unsigned count = 2; count <= 12; count += 3)
		refuse_each_reading(count, false);
	(void)state;
}

/* Every nine bytes a header that could begin an entry of almost the whole file. */
static void hostile_headers_cost_no_more_than_linear_work(void **state)
{
	struct image image = image_new();
	uint8_t header[16] = { 1, 2, 3, 4 };
	const size_t count = 20000;
	for (size_t i = 0; i < count; i++) {
		const uint32_t size = (uint32_t)((count - i) * sizeof(header) - 1);
		memcpy(header + 4, &size, 4);
		append(&image, header, sizeof(header));
	}
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	struct segment_entry row;
	size_t rows = 0;
	assert_int_equal(segment_open(reader, -1, "17", 17, NULL, NULL), AS_OK);
	while (segment_next(reader, &row) == AS_OK)
		rows++;
	assert_true(rows >= 1);
	/* At a few prefixes for each candidate, not its whole extent: 20,000 times 160 KiB would be
	 * 3 GB. */
	assert_true(file.bytes_read < (uint64_t)count * 16 * 1024);
	segment_reader_free(reader);
	free(image.bytes);
	(void)state;
}

/* Every second entry is damaged. */
static void many_damaged_entries_cost_no_more_than_linear_work(void **state)
{
	enum { COUNT = 20000 };
	static const uint8_t pair[18] = {
		255, 255, 255, 255, 255, 255, 255, 255, 7,
		0x40, 0xf4, 0x3c, 0x25, 9, 0, 0, 0, 2,
	};
	struct image image = image_new();
	uint8_t *pairs = malloc(COUNT * sizeof(pair));
	for (size_t i = 0; i < COUNT; i++)
		memcpy(pairs + i * sizeof(pair), pair, sizeof(pair));
	append(&image, pairs, COUNT * sizeof(pair));
	struct memory_file file = { .bytes = image.bytes, .len = image.len };
	const struct io io = memory_io(&file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	struct segment_entry row;
	size_t rows = 0;
	assert_int_equal(segment_open(reader, -1, "17", 17, NULL, NULL), AS_OK);
	while (segment_next(reader, &row) == AS_OK)
		rows++;
	assert_int_equal(rows, 2 * COUNT);
	/* Reading a damaged entry a second time takes no second window. */
	assert_true(file.bytes_read < (uint64_t)COUNT * 4096);
	segment_reader_free(reader);
	free(pairs);
	free(image.bytes);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_behind_a_lost_magic_are_found),
		cmocka_unit_test(an_entry_before_the_end_of_the_magic_is_found),
		cmocka_unit_test(a_short_file_without_magic_is_read_from_its_first_byte),
		cmocka_unit_test(a_witness_says_where_the_first_entry_begins),
		cmocka_unit_test(zeros_are_told_and_passed_over),
		cmocka_unit_test(what_lies_inside_a_damaged_entry_is_payload),
		cmocka_unit_test(entries_inside_a_damaged_one_are_suspects),
		cmocka_unit_test(a_witness_inside_says_that_the_size_is_wrong),
		cmocka_unit_test(entries_found_by_searching_are_marked),
		cmocka_unit_test(adjacent_damaged_entries_are_rows_of_their_own),
		cmocka_unit_test(
			an_unreadable_range_is_shown_at_its_place_and_costs_only_its_entry),
		cmocka_unit_test(an_unreadable_header_is_passed_over),
		cmocka_unit_test(a_file_that_is_all_unreadable_is_one_row),
		cmocka_unit_test(an_entry_that_reads_differently_the_second_time_is_unstable),
		cmocka_unit_test(an_entry_that_reads_differently_every_second_time_is_unstable),
		cmocka_unit_test(a_reading_that_is_refused_once_loses_no_entry_and_is_told),
		cmocka_unit_test(a_whole_entry_has_its_key_however_often_that_was_refused),
		cmocka_unit_test(what_is_refused_again_and_again_is_unreadable_and_never_absent),
		cmocka_unit_test(hostile_headers_cost_no_more_than_linear_work),
		cmocka_unit_test(many_damaged_entries_cost_no_more_than_linear_work),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

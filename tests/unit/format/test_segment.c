#include "build-config.h"

#include "engine/format/dialect.h"
#include "engine/format/segment.h"
#include "tests/support/memory_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

/* A segment being put together, independent of the engine's own constants. */
struct image {
	uint8_t *bytes;
	size_t len;
};

static void append(struct image *image, const void *bytes, size_t len)
{
	image->bytes = realloc(image->bytes, image->len + len + 1);
	assert_non_null(image->bytes);
	memcpy(image->bytes + image->len, bytes, len);
	image->len += len;
}

static void seal(uint8_t *entry, uint32_t size)
{
	const uint32_t crc = (uint32_t)crc32(0, entry + 4, size - 4);
	memcpy(entry, &crc, 4);
}

static struct image image_new(void)
{
	struct image image = { 0 };
	append(&image, "ATTICSEG", 8);
	return image;
}

/* An entry with the given tag and @payload bytes behind the key; returns its offset. */
static size_t add(struct image *image, uint8_t tag, uint8_t key, const void *payload, size_t len)
{
	const uint32_t size = (uint32_t)(tag == 2 ? 9 : 41 + len);
	const size_t offset = image->len;
	uint8_t *entry = calloc(1, size);
	assert_non_null(entry);
	memcpy(entry + 4, &size, 4);
	entry[8] = tag;
	if (tag != 2)
		memset(entry + 9, key, 32);
	if (len > 0)
		memcpy(entry + 41, payload, len);
	seal(entry, size);
	append(image, entry, size);
	free(entry);
	return offset;
}

static size_t add_put(struct image *image, uint8_t key, size_t len)
{
	uint8_t *payload = malloc(len + 1);
	assert_non_null(payload);
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(key * 7 + i * 31 + i / 256 + 128);
	const size_t offset = add(image, 0, key, payload, len);
	free(payload);
	return offset;
}

/* What a walk over an image found. */
struct walk {
	struct segment_entry rows[256];
	size_t count;
	struct memory_file file;
	struct segment_witness witnesses[8];
	size_t witness_count;
};

static void give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	const struct walk *walk = context;
	assert_int_equal(segment, 17);
	*out = (struct segment_witnesses){ walk->witnesses, walk->witness_count };
}

static void do_walk(struct walk *walk, const struct image *image)
{
	walk->file.bytes = image->bytes;
	walk->file.len = image->len;
	const struct io io = memory_io(&walk->file);
	struct segment_reader *reader = segment_reader_new(&io, &dialect_attic);
	assert_non_null(reader);
	assert_int_equal(segment_open(reader, -1, "data/0/17", 17, give_witnesses, walk), AS_OK);
	enum as_err err;
	uint64_t at = 8;
	walk->count = 0;
	while ((err = segment_next(reader, &walk->rows[walk->count])) == AS_OK) {
		const struct segment_entry *row = &walk->rows[walk->count];
		if (walk->count == 0 && row->offset == 0)
			at = 0;
		assert_int_equal(row->offset, at);	/* no hole, no overlap */
		/* Only a magic that is gone has no bytes. */
		assert_true(row->size > 0 || (at == 0 && row->cause == SEGMENT_BAD_MAGIC));
		at += row->size;
		walk->count++;
		assert_true(walk->count < 256);
	}
	assert_int_equal(err, AS_END);
	if (image->len > 8)
		assert_int_equal(at, image->len);
	segment_reader_free(reader);
}

static void expect_row(const struct walk *walk, size_t i, size_t offset, size_t size, uint8_t tag,
		       enum segment_cause cause)
{
	assert_true(i < walk->count);
	assert_int_equal(walk->rows[i].offset, offset);
	assert_int_equal(walk->rows[i].size, size);
	assert_int_equal(walk->rows[i].tag, tag);
	assert_int_equal(walk->rows[i].cause, cause);
}

#define DAMAGED 255

static void sizes_fit_at_the_edges(void **state)
{
	static const struct {
		uint8_t tag;
		uint32_t size;
		bool fits;
	} cases[] = {
		{ 2, 9, true },        { 2, 10, false },       { 2, 8, false },  { 1, 41, true },
		{ 1, 42, false },      { 1, 40, false },       { 0, 40, false }, { 0, 41, true },
		{ 0, 20971520, true }, { 0, 20971521, false }, { 3, 41, false }, { 255, 9, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (segment_size_fits(cases[i].tag, cases[i].size) != cases[i].fits)
			fail_msg("case %zu: tag %u", i, cases[i].tag);
	(void)state;
}

static void commit_bytes_are_attics(void **state)
{
	struct image image = image_new();
	add(&image, 2, 0, NULL, 0);
	assert_memory_equal(image.bytes + 8, segment_commit, 9);
	assert_memory_equal(image.bytes, dialect_attic.segment_magic, 8);
	free(image.bytes);
	(void)state;
}

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

/* Drop the first @len bytes. */
static void behead(struct image *image, size_t len)
{
	memmove(image->bytes, image->bytes + len, image->len - len);
	image->len -= len;
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

static void every_prefix_of_an_entry_is_cut_off(void **state)
{
	struct image image = image_new();
	const size_t first = add_put(&image, 1, 20), second = add_put(&image, 2, 60);
	const size_t len = image.len;
	struct walk walk = { 0 };
	for (image.len = second + 1; image.len < len; image.len++) {
		do_walk(&walk, &image);
		assert_int_equal(walk.count, 2);
		expect_row(&walk, 0, first, 61, 0, SEGMENT_WHOLE);
		expect_row(&walk, 1, second, image.len - second, DAMAGED, SEGMENT_TORN);
	}
	free(image.bytes);
	(void)state;
}

static void every_flipped_bit_of_an_entry_is_seen_and_the_others_survive(void **state)
{
	struct image image = image_new();
	const size_t first = add_put(&image, 1, 30), middle = add_put(&image, 2, 50);
	const size_t gone = add(&image, 1, 9, NULL, 0), last = add_put(&image, 3, 30);
	add(&image, 2, 0, NULL, 0);
	struct walk walk = { 0 };
	for (size_t bit = middle * 8; bit < gone * 8; bit++) {
		image.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		do_walk(&walk, &image);
		if (walk.count != 5)
			fail_msg("bit %zu of the entry: %zu rows", bit - middle * 8, walk.count);
		expect_row(&walk, 0, first, 71, 0, SEGMENT_WHOLE);
		assert_int_equal(walk.rows[1].tag, DAMAGED);
		assert_int_equal(walk.rows[1].size, gone - middle);
		expect_row(&walk, 2, gone, 41, 1, SEGMENT_WHOLE);
		expect_row(&walk, 3, last, 71, 0, SEGMENT_WHOLE);
		image.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	free(image.bytes);
	(void)state;
}

static void put_header(struct image *image, size_t offset, uint32_t size, int tag)
{
	memcpy(image->bytes + offset + 4, &size, 4);
	if (tag >= 0)
		image->bytes[offset + 8] = (uint8_t)tag;
}

static void each_kind_of_damage_has_its_name(void **state)
{
	static const struct {
		uint32_t size;
		int tag;
		enum segment_cause cause;
	} cases[] = {
		{ 0, 0, SEGMENT_SIZE_SMALL },
		{ 8, 0, SEGMENT_SIZE_SMALL },
		{ 40, 0, SEGMENT_SIZE_SMALL },
		{ 40, 1, SEGMENT_SIZE_SMALL },
		{ 8, 2, SEGMENT_SIZE_SMALL },
		{ 20971521, 0, SEGMENT_SIZE_LARGE },
		{ 0xffffffff, 0, SEGMENT_SIZE_LARGE },
		{ 42, 1, SEGMENT_SIZE_LARGE },
		{ 10, 2, SEGMENT_SIZE_LARGE },
		{ 91, 3, SEGMENT_BAD_TAG },
		{ 91, 255, SEGMENT_BAD_TAG },
		/* Reaches beyond the end, but entries follow: then it is the size that is wrong. */
		{ 100000, 0, SEGMENT_SIZE_LARGE },
		{ 90, 0, SEGMENT_CRC_MISMATCH },
		{ 91, 0, SEGMENT_WHOLE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image image = image_new();
		struct walk walk = { 0 };
		const size_t at = add_put(&image, 1, 50), next = add_put(&image, 2, 50);
		put_header(&image, at, cases[i].size, cases[i].tag);
		do_walk(&walk, &image);
		assert_int_equal(walk.count, 2);
		if (walk.rows[0].cause != cases[i].cause)
			fail_msg("case %zu: %s", i, segment_cause_text(walk.rows[0].cause));
		expect_row(&walk, 1, next, 91, 0, SEGMENT_WHOLE);
		assert_string_not_equal(segment_cause_text(cases[i].cause), "?");
		free(image.bytes);
	}
	(void)state;
}

static void an_intact_entry_of_an_unknown_kind_is_told_by_its_checksum(void **state)
{
	struct image image = image_new();
	struct walk walk = { 0 };
	const size_t at = add(&image, 7, 1, "abc", 3);
	add_put(&image, 2, 50);
	do_walk(&walk, &image);
	expect_row(&walk, 0, at, 44, DAMAGED, SEGMENT_BAD_TAG);
	assert_true(walk.rows[0].has_crc);
	assert_int_equal(walk.rows[0].crc_stored, walk.rows[0].crc_computed);
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

/* ---- which segments are complete ---- */

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
		cmocka_unit_test(sizes_fit_at_the_edges),
		cmocka_unit_test(commit_bytes_are_attics),
		cmocka_unit_test(whole_entries_are_rows),
		cmocka_unit_test(entries_larger_than_the_window_are_read_with_the_same_memory),
		cmocka_unit_test(an_empty_file_has_no_rows_and_a_short_one_no_magic),
		cmocka_unit_test(entries_behind_a_lost_magic_are_found),
		cmocka_unit_test(an_entry_before_the_end_of_the_magic_is_found),
		cmocka_unit_test(a_short_file_without_magic_is_read_from_its_first_byte),
		cmocka_unit_test(a_witness_says_where_the_first_entry_begins),
		cmocka_unit_test(what_stands_in_the_magic_can_be_read_where_that_is_gone),
		cmocka_unit_test(every_prefix_of_an_entry_is_cut_off),
		cmocka_unit_test(every_flipped_bit_of_an_entry_is_seen_and_the_others_survive),
		cmocka_unit_test(each_kind_of_damage_has_its_name),
		cmocka_unit_test(an_intact_entry_of_an_unknown_kind_is_told_by_its_checksum),
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
		cmocka_unit_test(one_entry_is_read_with_its_payload_and_only_when_whole),
		cmocka_unit_test(entries_of_a_list_are_read_ahead_and_one_apart_alone),
		cmocka_unit_test(the_bytes_of_an_entry_are_given_only_as_they_were_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "tests/unit/format/segment_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

void append(struct image *image, const void *bytes, size_t len)
{
	image->bytes = realloc(image->bytes, image->len + len + 1);
	assert_non_null(image->bytes);
	memcpy(image->bytes + image->len, bytes, len);
	image->len += len;
}

void seal(uint8_t *entry, uint32_t size)
{
	const uint32_t crc = (uint32_t)crc32(0, entry + 4, size - 4);
	memcpy(entry, &crc, 4);
}

struct image image_new(void)
{
	struct image image = { 0 };
	append(&image, "ATTICSEG", 8);
	return image;
}

size_t add(struct image *image, uint8_t tag, uint8_t key, const void *payload, size_t len)
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

size_t add_put(struct image *image, uint8_t key, size_t len)
{
	uint8_t *payload = malloc(len + 1);
	assert_non_null(payload);
	for (size_t i = 0; i < len; i++)
		payload[i] = (uint8_t)(key * 7 + i * 31 + i / 256 + 128);
	const size_t offset = add(image, 0, key, payload, len);
	free(payload);
	return offset;
}

static void give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	const struct walk *walk = context;
	assert_int_equal(segment, 17);
	*out = (struct segment_witnesses){ walk->witnesses, walk->witness_count };
}

void do_walk(struct walk *walk, const struct image *image)
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

void expect_row(const struct walk *walk, size_t i, size_t offset, size_t size, uint8_t tag,
		       enum segment_cause cause)
{
	assert_true(i < walk->count);
	assert_int_equal(walk->rows[i].offset, offset);
	assert_int_equal(walk->rows[i].size, size);
	assert_int_equal(walk->rows[i].tag, tag);
	assert_int_equal(walk->rows[i].cause, cause);
}

void put_header(struct image *image, size_t offset, uint32_t size, int tag)
{
	memcpy(image->bytes + offset + 4, &size, 4);
	if (tag >= 0)
		image->bytes[offset + 8] = (uint8_t)tag;
}

void behead(struct image *image, size_t len)
{
	memmove(image->bytes, image->bytes + len, image->len - len);
	image->len -= len;
}

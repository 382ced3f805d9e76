/* A segment: any bytes, with the claims of an index and a place that cannot be read.
 *
 *   byte 0         bits 0-2: how many witnesses; bit 3: their keys are wrong; bit 4: a bad range
 *   2 bytes each   the witnesses' offsets, then offset and length of the bad range
 *   the rest       the segment */
#include "build-config.h"

#include "engine/format/segment.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seal.h"
#include "tests/support/memory_io.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WITNESSES 7u
#define ROWS_MAX 4096u
#define READ_MAX 1024u		/* bytes that searching may read for each byte of the segment */

struct input {
	struct memory_file file;
	struct segment_witness witnesses[WITNESSES];
	size_t witness_count;
};

struct rows {
	struct segment_entry rows[ROWS_MAX];
	size_t count;
};

static size_t read_u16(const uint8_t *p)
{
	return (size_t)p[0] | (size_t)p[1] << 8;
}

static size_t header_of(const uint8_t *data, size_t size)
{
	const size_t header = size > 0 ? 1 + 2 * ((data[0] & 7u) + (data[0] & 16 ? 2u : 0u)) : 0;
	return header <= size ? header : size;
}

static int compare_offsets(const void *left, const void *right)
{
	const struct segment_witness *a = left, *b = right;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static void split_input(const uint8_t *data, size_t size, struct input *input)
{
	const size_t header = header_of(data, size);
	*input = (struct input){ .file = { .bytes = data + header, .len = size - header } };
	if (size == 0 || header < 1 + 2 * (data[0] & 7u))
		return;
	for (size_t i = 0; i < (data[0] & 7u); i++) {
		const size_t offset = read_u16(data + 1 + 2 * i);
		struct segment_witness *witness = &input->witnesses[input->witness_count++];
		witness->offset = (uint32_t)offset;
		if (!(data[0] & 8) && offset + SEGMENT_KEYED <= input->file.len)
			memcpy(witness->key, input->file.bytes + offset + SEGMENT_HEADER, KEY_SIZE);
	}
	qsort(input->witnesses, input->witness_count, sizeof(input->witnesses[0]),
	      compare_offsets);
	if (data[0] & 16 && header == 1 + 2 * ((data[0] & 7u) + 2u)) {
		input->file.bad_offset = read_u16(data + header - 4);
		input->file.bad_length = read_u16(data + header - 2);
	}
}

static void give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	const struct input *input = context;
	need(segment == 3);
	*out = (struct segment_witnesses){ input->witnesses, input->witness_count };
}

static bool can_be_read(const struct input *input, uint64_t offset, uint64_t size)
{
	return input->file.bad_length == 0 ||
	       offset >= input->file.bad_offset + input->file.bad_length ||
	       offset + size <= input->file.bad_offset;
}

/* zlib agrees that a whole entry is one. */
static void check_whole(const struct input *input, const struct segment_entry *e)
{
	const uint8_t *bytes = input->file.bytes + e->offset;
	need(e->size >= SEGMENT_HEADER && can_be_read(input, e->offset, e->size));
	need(get_u32le(bytes) == crc32(0, bytes + 4, (uInt)e->size - 4));
	need(get_u32le(bytes + 4) == e->size && bytes[8] == e->tag);
	need(segment_size_fits(e->tag, (uint32_t)e->size));
	need(e->has_key == (e->tag != SEGMENT_COMMIT));
	need(!e->has_key || memcmp(e->key, bytes + SEGMENT_HEADER, KEY_SIZE) == 0);
	need(!e->unstable && e->crc_stored == e->crc_computed);
}

static void check_row(const struct input *input, const struct segment_entry *e)
{
	need(e->size > 0 && e->size <= input->file.len - e->offset);
	if (e->tag != SEGMENT_DAMAGED) {
		need(e->cause == SEGMENT_WHOLE);
		check_whole(input, e);
		return;
	}
	need(e->cause != SEGMENT_WHOLE && e->cause < SEGMENT_CAUSES);
	if (e->cause == SEGMENT_UNREADABLE)
		need(e->bad_offset >= e->offset && e->bad_length > 0 &&
		     e->bad_offset + e->bad_length <= e->offset + e->size);
	else
		need(can_be_read(input, e->offset, e->size));
}

static enum as_err check_suspect(void *context, const struct segment_entry *e)
{
	check_whole(context, e);
	return AS_OK;
}

/* The rows cover the file from the magic to its end, without gap or overlap. */
static void walk(struct segment_reader *reader, struct input *input, struct rows *rows)
{
	struct segment_entry e;
	enum as_err err;
	uint64_t position = input->file.len < SEGMENT_MAGIC_SIZE ? 0 : SEGMENT_MAGIC_SIZE;
	rows->count = 0;
	need(segment_open(reader, -1, "data/0/3", 3, give_witnesses, input) == AS_OK);
	need(segment_length(reader) == input->file.len);
	while ((err = segment_next(reader, &e)) == AS_OK) {
		if (rows->count == 0 && e.offset == 0)	/* the magic is damaged */
			position = 0;
		need(e.offset == position);
		position += e.size;
		if (e.offset > 0 || e.tag != SEGMENT_DAMAGED)
			check_row(input, &e);
		if (rows->count < ROWS_MAX)
			rows->rows[rows->count++] = e;
	}
	need(err == AS_END && position == input->file.len);
}

static void check_lookups(struct segment_reader *reader, struct input *input,
			  const struct rows *rows)
{
	for (size_t i = 0; i < rows->count && i < 64; i++) {
		const struct segment_entry *row = &rows->rows[i];
		struct segment_entry e;
		const uint8_t *bytes;
		if (row->tag == SEGMENT_DAMAGED) {
			need(segment_suspects(reader, row->offset, row->size, check_suspect,
					      input) == AS_OK);
			continue;
		}
		need(segment_look_at(reader, row->offset, &e) == AS_OK);
		need(e.size == row->size && e.crc_stored == row->crc_stored);
		need(segment_bytes(reader, &e, &bytes) == AS_OK);
		need(memcmp(bytes, input->file.bytes + e.offset, e.size) == 0);
	}
}

static bool is_same(const struct rows *a, const struct rows *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct segment_entry *x = &a->rows[i], *y = &b->rows[i];
		if (x->offset != y->offset || x->size != y->size || x->tag != y->tag ||
		    x->cause != y->cause || x->searched != y->searched)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rows rows, again;
	static struct segment_reader *reader;
	static struct input input;
	static struct io io;
	split_input(data, size, &input);
	io = memory_io(&input.file);
	if (!reader)
		reader = segment_reader_new(&io, &dialect_attic);
	need(reader);
	walk(reader, &input, &rows);
	need(input.file.bytes_read <= READ_MAX * ((uint64_t)input.file.len + 64));
	check_lookups(reader, &input, &rows);
	input.file.read_max = 1 + size % 97;	/* short reads make no difference */
	walk(reader, &input, &again);
	need(is_same(&rows, &again));
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t random = seed;
	if (fuzz_below(&random, 8) == 0)
		return LLVMFuzzerMutate(data, size, max);
	const size_t header = header_of(data, size);
	size = header + fuzz_mutate_segment(data + header, size - header, max - header, &random);
	if (fuzz_below(&random, 2) == 0)
		seal_segment(data + header, size - header);
	return size;
}

#include "build-config.h"

#include "screen/hex_field.h"

#include "engine/format/index.h"

const struct field_row hex_fields[FIELD_COUNT] = {
	[FIELD_NONE] = { "", STYLE_NORMAL },
	[FIELD_MAGIC] = { "magic", STYLE_STRONG },
	[FIELD_CRC] = { "CRC", STYLE_FIELD_CRC },
	[FIELD_SIZE] = { "size", STYLE_FIELD_SIZE },
	[FIELD_TAG] = { "tag", STYLE_FIELD_TAG },
	[FIELD_KEY] = { "key", STYLE_FIELD_KEY },
	[FIELD_DATA] = { "data", STYLE_NORMAL },
	[FIELD_DAMAGED] = { "damaged", STYLE_BAD },
	[FIELD_SEGMENT] = { "segment", STYLE_FIELD_SIZE },
	[FIELD_OFFSET] = { "offset", STYLE_FIELD_TAG },
	[FIELD_HEADER] = { "header", STYLE_STRONG },
};

struct unit hex_unit_of_bucket(uint64_t offset)
{
	if (offset < INDEX_HEADER)
		return (struct unit){ .known = true, .size = INDEX_HEADER, .field = FIELD_HEADER };
	const uint64_t at = (offset - INDEX_HEADER) % INDEX_BUCKET;
	return (struct unit){
		.known = true, .has_key = true, .offset = offset - at, .size = INDEX_BUCKET,
		.field = at < KEY_SIZE ? FIELD_KEY :
			 at < KEY_SIZE + 4 ? FIELD_SEGMENT : FIELD_OFFSET,
	};
}

static enum field field_of_entry(uint64_t at, uint8_t tag)
{
	if (tag == SEGMENT_DAMAGED)
		return FIELD_DAMAGED;
	if (at < 4)
		return FIELD_CRC;
	if (at < 8)
		return FIELD_SIZE;
	if (at < SEGMENT_HEADER)
		return FIELD_TAG;
	return tag != SEGMENT_COMMIT && at < SEGMENT_KEYED ? FIELD_KEY : FIELD_DATA;
}

struct unit hex_unit_of_entry(const struct entry_row *row, uint64_t size, uint64_t offset)
{
	if (offset < row->offset)
		return (struct unit){ .known = true, .size = SEGMENT_MAGIC_SIZE,
				      .field = FIELD_MAGIC };
	if (offset - row->offset >= size)
		return (struct unit){ .known = false };
	return (struct unit){
		.known = true, .offset = row->offset, .size = size, .tag = row->tag,
		.cause = row->cause,
		.has_key = row->tag == SEGMENT_DAMAGED ? row->flags & ENTRY_HAS_KEY
						       : row->tag != SEGMENT_COMMIT,
		.field = field_of_entry(offset - row->offset, row->tag),
	};
}

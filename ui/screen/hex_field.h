/* ui/screen/hex_field.h - which entry and field a byte of a segment or of the index belongs to.
 * Pure. */
#ifndef ATTICSCOPE_HEX_FIELD_H
#define ATTICSCOPE_HEX_FIELD_H

#include "screen/entry_list.h"

enum field { FIELD_NONE, FIELD_MAGIC, FIELD_CRC, FIELD_SIZE, FIELD_TAG, FIELD_KEY, FIELD_DATA,
	     FIELD_DAMAGED, FIELD_SEGMENT, FIELD_OFFSET, FIELD_HEADER, FIELD_COUNT };

struct field_row {
	const char *name;
	enum style style;
};
extern const struct field_row hex_fields[FIELD_COUNT];

/* The entry, bucket or header around a byte. */
struct unit {
	bool known, has_key;
	uint64_t offset, size;	/* bytes of the file */
	uint8_t tag;		/* of an entry: enum segment_tag */
	uint8_t cause;		/* enum segment_cause */
	enum field field;	/* of the byte itself */
};

/* The bucket or header around the byte at @offset of the index file. */
struct unit hex_unit_of_bucket(uint64_t offset);

/* The entry around the byte at @offset of a segment. @row, of @size bytes, is the last entry that
 * begins at @offset or before, or else the first of the segment. Not known: the byte lies behind
 * @row. */
struct unit hex_unit_of_entry(const struct entry_row *row, uint64_t size, uint64_t offset);

#endif

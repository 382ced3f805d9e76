#include "build-config.h"

#include "src/entry_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct column entry_columns[ENTRY_COLUMNS] = {
	[ENTRY_SEGMENT] = { "segment", "segment", 10, false, false },
	[ENTRY_OFFSET] = { "offset", "offset", 10, false, false },
	[ENTRY_SIZE] = { "size", "size", 9, false, false },
	[ENTRY_TAG] = { "tag", "tag", 7, true, false },
	[ENTRY_KEY] = { "key", NULL, 0, false, false },
	[ENTRY_CRC] = { "crc", "crc", 8, true, false },
	[ENTRY_CRC_STORED] = { "crc_stored", NULL, 0, false, false },
	[ENTRY_CRC_COMPUTED] = { "crc_computed", NULL, 0, false, false },
	[ENTRY_STATUS] = { "status", "status", 11, true, false },
	[ENTRY_CAUSE] = { "cause", NULL, 0, false, false },
	[ENTRY_LENGTH] = { "length", NULL, 0, false, false },
	[ENTRY_TEXT] = { NULL, "key", 0, true, true },
	[ENTRY_INDEX] = { "index", "index", 5, true, false },
};

/* A damaged entry shows the cause instead of the key, and what the entry may have been. */
static void fill_damage(struct entry_row *row, const struct segment_entry *entry)
{
	struct cell *cells = row->cells;
	const char *cause = segment_cause_text(entry->cause);
	char hex[KEY_HEX_SIZE] = "", sums[48] = "";
	if (entry->has_key)
		key_to_hex(entry->key, hex);
	if (entry->has_crc && entry->crc_stored != entry->crc_computed)
		snprintf(sums, sizeof(sums), ", stored %08" PRIx32 ", computed %08" PRIx32,
			 entry->crc_stored, entry->crc_computed);
	snprintf(row->what, sizeof(row->what), "%s%s%s%.16s%s", cause, sums,
		 entry->has_key ? ", key " : "", hex,
		 entry->has_key ? key_note(entry->key) : "");
	cells[ENTRY_CAUSE] = cell_text(cause, TONE_PLAIN);
	cells[ENTRY_LENGTH] = cell_number(entry->size);
	cells[ENTRY_TEXT] = cell_text(row->what, TONE_BAD);
}

void entry_row_fill(struct entry_row *row, uint32_t segment, const struct segment_entry *entry,
		    enum entry_status status)
{
	static const enum tone tones[] = {
		[STATUS_LIVE] = TONE_GOOD, [STATUS_SUPERSEDED] = TONE_FAINT,
		[STATUS_DELETED] = TONE_FAINT, [STATUS_TOMBSTONE] = TONE_FAINT,
		[STATUS_COMMIT] = TONE_FAINT, [STATUS_UNCOMMITTED] = TONE_WARNING,
		[STATUS_DAMAGED] = TONE_BAD, [STATUS_OLDER] = TONE_WARNING,
	};
	const bool damaged = entry->tag == SEGMENT_DAMAGED;
	const bool has_crc = !damaged || entry->has_crc;
	const bool matches = entry->crc_stored == entry->crc_computed;
	struct cell *cells = row->cells;
	memset(row, 0, sizeof(*row));
	cells[ENTRY_SEGMENT] = cell_number(segment);
	cells[ENTRY_OFFSET] = cell_number(entry->offset);
	cells[ENTRY_SIZE] = cell_bytes(entry->size);
	cells[ENTRY_TAG] = cell_text(segment_tag_name(entry->tag), damaged ? TONE_BAD : TONE_PLAIN);
	if (entry->has_key)
		cells[ENTRY_KEY] = cells[ENTRY_TEXT] = cell_key(entry->key);
	if (has_crc) {
		cells[ENTRY_CRC] =
			cell_text(matches ? "ok" : "mismatch", matches ? TONE_PLAIN : TONE_BAD);
		cells[ENTRY_CRC_COMPUTED] = cell_crc(entry->crc_computed);
	}
	if (!damaged || entry->has_header)
		cells[ENTRY_CRC_STORED] = cell_crc(entry->crc_stored);
	cells[ENTRY_STATUS] = cell_text(entry_status_name(status), tones[status]);
	if (damaged)
		fill_damage(row, entry);
}

#include "build-config.h"

#include "format/segment_internal.h"

#include "base/crc.h"
#include "format/dialect.h"

#include <string.h>

const uint8_t segment_commit[SEGMENT_HEADER] = {
	0x40, 0xf4, 0x3c, 0x25, 9, 0, 0, 0, SEGMENT_COMMIT
};

const char *segment_tag_name(uint8_t tag)
{
	static const char *const names[] = {
		[SEGMENT_PUT] = "PUT", [SEGMENT_DELETE] = "DELETE", [SEGMENT_COMMIT] = "COMMIT",
	};
	return tag < ARRAY_SIZE(names) ? names[tag] : "DAMAGED";
}

const char *segment_cause_text(enum segment_cause cause)
{
	static const char *const texts[SEGMENT_CAUSES] = {
		[SEGMENT_WHOLE] = "whole",
		[SEGMENT_BAD_MAGIC] = "bad magic",
		[SEGMENT_ZEROS] = "zeros",
		[SEGMENT_SIZE_SMALL] = "size too small",
		[SEGMENT_SIZE_LARGE] = "size too large",
		[SEGMENT_BAD_TAG] = "unknown tag",
		[SEGMENT_TORN] = "cut off",
		[SEGMENT_CRC_MISMATCH] = "checksum mismatch",
		[SEGMENT_UNREADABLE] = "unreadable",
		[SEGMENT_BEYOND] = "beyond what an index can lead to",
	};
	return cause < SEGMENT_CAUSES ? texts[cause] : "?";
}

static bool tag_has_key(uint8_t tag)
{
	return tag == SEGMENT_PUT || tag == SEGMENT_DELETE;
}

bool segment_size_fits(uint8_t tag, uint32_t size)
{
	switch (tag) {
	case SEGMENT_PUT:
		return size >= SEGMENT_KEYED && size <= dialect_attic.entry_max;
	case SEGMENT_DELETE:
		return size == SEGMENT_KEYED;
	case SEGMENT_COMMIT:
		return size == SEGMENT_HEADER;
	default:
		return false;
	}
}

enum segment_cause segment_check_header(uint32_t crc, uint32_t size, uint8_t tag, uint64_t left)
{
	if (crc == 0 && size == 0 && tag == 0)
		return SEGMENT_ZEROS;
	if (size < SEGMENT_HEADER || (tag_has_key(tag) && size < SEGMENT_KEYED))
		return SEGMENT_SIZE_SMALL;
	if (size > dialect_attic.entry_max)
		return SEGMENT_SIZE_LARGE;
	if (tag > SEGMENT_COMMIT)
		return SEGMENT_BAD_TAG;
	if (!segment_size_fits(tag, size))
		return SEGMENT_SIZE_LARGE;
	if (size > left)
		return SEGMENT_TORN;
	return SEGMENT_WHOLE;
}

size_t segment_peek(struct segment_reader *r, uint64_t offset, size_t want, const uint8_t **bytes)
{
	if (offset < r->window_offset || offset + want > r->window_offset + r->window_len) {
		const uint64_t left = offset < r->length ? r->length - offset : 0;
		const size_t load = want > r->next_load ? want : r->next_load;
		const enum as_err err = io_read_twice(r->io, r->fd, r->window,
						      load < left ? load : (size_t)left, offset,
						      &r->window_len, &r->doubt);
		r->window_offset = offset;
		r->next_load = r->window_size - load < load ? r->window_size : 2 * load;
		if (r->refused >= offset && r->refused - offset < r->window_len) {
			if (r->refused < r->doubt)
				r->doubt = r->refused;
			r->refused = IO_NO_DOUBT;
		}
		if (err != AS_OK) {
			r->refused = offset + r->window_len;
			/* Missing bytes are unreadable: they must not look like damage. */
			if (r->has_crcs)
				range_crc_add_bad(&r->crcs, r->refused);
		}
	}
	const size_t there = r->window_len - (size_t)(offset - r->window_offset);
	*bytes = r->window + (offset - r->window_offset);
	return there < want ? there : want;
}

size_t segment_peek_rest(struct segment_reader *r, uint64_t offset, const uint8_t **bytes)
{
	const uint64_t window_end = r->window_offset + r->window_len;
	if (offset >= r->window_offset && offset + SEGMENT_HEADER <= window_end)
		return segment_peek(r, offset, (size_t)(window_end - offset), bytes);
	return segment_peek(r, offset, r->window_size, bytes);
}

/* The CRC of [@from, @to), read in order. False when the disk refuses some of it, or the file has
 * shrunk. */
static bool stream_crc(struct segment_reader *r, uint64_t from, uint64_t to, uint32_t *crc)
{
	/* Many damaged entries with large sizes must not cost their sizes each. */
	if (r->has_crcs && to - from > SEGMENT_WINDOW)
		return range_crc_between(&r->crcs, from, to, crc);
	*crc = 0;
	while (from < to) {
		const uint64_t window_end = r->window_offset + r->window_len;
		size_t want = to - from < r->window_size ? (size_t)(to - from) : r->window_size;
		if (from >= r->window_offset && from < window_end && want > window_end - from)
			want = (size_t)(window_end - from);	/* use up what is there */
		const uint8_t *bytes;
		const size_t got = segment_peek(r, from, want, &bytes);
		if (got == 0)
			return false;
		*crc = crc32_update(*crc, bytes, got);
		from += got;
	}
	return true;
}

/* How many bytes a header at @offset can have before the file ends. */
static size_t header_room(const struct segment_reader *r, uint64_t offset)
{
	const uint64_t left = r->length - offset;
	return left < SEGMENT_KEYED ? (size_t)left : SEGMENT_KEYED;
}

bool segment_decode_header(struct segment_entry *e, const uint8_t *bytes, size_t there)
{
	if (there < SEGMENT_HEADER)
		return false;
	e->has_header = true;
	e->crc_stored = get_u32le(bytes);
	e->raw_size = get_u32le(bytes + 4);
	e->raw_tag = bytes[8];
	if (there == SEGMENT_KEYED && e->raw_tag != SEGMENT_COMMIT) {
		e->has_key = true;
		memcpy(e->key, bytes + SEGMENT_HEADER, KEY_SIZE);
	}
	return true;
}

bool segment_read_header(struct segment_reader *r, struct segment_entry *e)
{
	const uint8_t *bytes;
	const size_t there = segment_peek(r, e->offset, header_room(r, e->offset), &bytes);
	return segment_decode_header(e, bytes, there);
}

bool segment_probe_header(struct segment_reader *r, struct segment_entry *e)
{
	uint8_t bytes[SEGMENT_KEYED];
	size_t there;
	if (e->offset >= r->window_offset &&
	    e->offset + header_room(r, e->offset) <= r->window_offset + r->window_len)
		return segment_read_header(r, e);
	if (io_read_twice(r->io, r->fd, bytes, header_room(r, e->offset), e->offset, &there,
			  &r->doubt) != AS_OK && r->has_crcs)
		range_crc_add_bad(&r->crcs, e->offset + there);
	return segment_decode_header(e, bytes, there);
}

static bool rest_is_zeros(struct segment_reader *r, uint64_t offset)
{
	const uint8_t *bytes;
	const size_t there = segment_peek(r, offset, (size_t)(r->length - offset), &bytes);
	for (size_t i = 0; i < there; i++)
		if (bytes[i] != 0)
			return false;
	return there > 0;
}

void segment_decode(struct segment_reader *r, uint64_t offset, struct segment_entry *e)
{
	const uint64_t left = r->length - offset;
	*e = (struct segment_entry){ .offset = offset };
	if (!segment_read_header(r, e)) {
		if (left >= SEGMENT_HEADER)
			e->cause = SEGMENT_UNREADABLE;
		else
			e->cause = rest_is_zeros(r, offset) ? SEGMENT_ZEROS : SEGMENT_TORN;
		return;
	}
	e->cause = (uint8_t)segment_check_header(e->crc_stored, e->raw_size, e->raw_tag, left);
	if (e->cause == SEGMENT_ZEROS)
		e->has_key = false;
	const bool unknown = e->cause == SEGMENT_BAD_TAG && e->raw_size <= left;
	if (e->cause != SEGMENT_WHOLE && !unknown)
		return;
	if (!stream_crc(r, offset + 4, offset + e->raw_size, &e->crc_computed)) {
		e->cause = SEGMENT_UNREADABLE;
		return;
	}
	e->has_crc = true;
	if (unknown)
		return;
	if (e->crc_computed != e->crc_stored) {
		e->cause = SEGMENT_CRC_MISMATCH;
		return;
	}
	/* The disk refused the key at first, and gave it a moment later. */
	if (tag_has_key(e->raw_tag) && !e->has_key) {
		e->cause = SEGMENT_UNREADABLE;
		return;
	}
	e->tag = e->raw_tag;
	e->size = e->raw_size;
}

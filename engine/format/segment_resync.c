#include "build-config.h"

#include "format/segment_internal.h"

#include "base/array.h"
#include "format/dialect.h"

#include <stdatomic.h>
#include <string.h>

/* How many damaged entries in a row the sizes are followed over to reach a whole one. */
#define HOPS_MAX 8
/* How often a damaged entry is read again before it is believed to be one. */
#define READINGS_MORE 2

/* Could an entry be @size bytes long, whatever its tag byte says? */
static bool size_is_believable(uint32_t size)
{
	return size == SEGMENT_HEADER || (size >= SEGMENT_KEYED && size <= dialect_attic.entry_max);
}

/* Is there a whole entry at @offset, and where @witness is not NULL, the PUT of its key? *@size is
 * its size. The checksums of prefixes make the cost fixed. */
static bool whole_at(struct segment_reader *r, uint64_t offset, uint32_t *size,
		     const struct segment_witness *witness)
{
	struct segment_entry e = { .offset = offset };
	uint32_t crc;
	if (offset >= r->length || !segment_probe_header(r, &e))
		return false;
	if (witness && (e.raw_tag != SEGMENT_PUT || memcmp(e.key, witness->key, KEY_SIZE) != 0))
		return false;
	if (segment_check_header(e.crc_stored, e.raw_size, e.raw_tag, r->length - offset) !=
		    SEGMENT_WHOLE ||
	    !range_crc_between(&r->crcs, offset + 4, offset + e.raw_size, &crc) ||
	    crc != e.crc_stored)
		return false;
	*size = e.raw_size;
	return true;
}

/* The first witness at or behind @offset. */
static size_t witness_from(const struct segment_witnesses *witnesses, uint64_t offset)
{
	const uint32_t place = (uint32_t)offset;
	if (offset > UINT32_MAX)
		return witnesses->count;
	return array_lower_bound(witnesses->rows, witnesses->count, sizeof(*witnesses->rows),
				 &place, array_compare_u32);
}

/* Does a witness point into [@from, @to) to a PUT that is really there? */
static bool is_witnessed_in(struct segment_reader *r, uint64_t from, uint64_t to)
{
	uint32_t size;
	for (size_t i = witness_from(&r->witnesses, from);
	     i < r->witnesses.count && r->witnesses.rows[i].offset < to; i++)
		if (whole_at(r, r->witnesses.rows[i].offset, &size, &r->witnesses.rows[i]))
			return true;
	return false;
}

bool segment_is_witnessed(struct segment_reader *r, uint64_t offset)
{
	uint32_t size;
	const size_t i = witness_from(&r->witnesses, offset);
	return i < r->witnesses.count && r->witnesses.rows[i].offset == offset &&
	       whole_at(r, offset, &size, &r->witnesses.rows[i]);
}

/* The size that the header at @offset claims, when it can be believed and stays in the file; else
 * 0. */
static uint32_t claimed_size(struct segment_reader *r, uint64_t offset)
{
	struct segment_entry e = { .offset = offset };
	if (offset >= r->length || !segment_probe_header(r, &e) ||
	    !size_is_believable(e.raw_size) || e.raw_size > r->length - offset)
		return 0;
	return e.raw_size;
}

/* Do the sizes lead from the damaged entry at @offset to a whole one, or exactly to the end of the
 * file? */
static bool sizes_lead_to_whole(struct segment_reader *r, uint64_t offset)
{
	uint32_t size;
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		const uint32_t claimed = claimed_size(r, offset);
		if (claimed == 0)
			return false;
		offset += claimed;
		if (offset == r->length || whole_at(r, offset, &size, NULL))
			return true;
	}
	return false;
}

/* Do the entries from @offset on lead to @extent_end or beyond? A payload that holds entries of its
 * own cannot do that: what follows the damaged entry is not part of it. */
static bool leads_out(struct segment_reader *r, uint64_t offset, uint64_t extent_end)
{
	while (offset < extent_end) {
		uint32_t size;
		if (r->steps_left == 0)
			return false;
		r->steps_left--;
		if (whole_at(r, offset, &size, NULL)) {
			offset += size;
			continue;
		}
		size = claimed_size(r, offset);
		uint32_t next;
		if (size == 0 ||
		    (offset + size != r->length && !whole_at(r, offset + size, &next, NULL)))
			return false;
		offset += size;
	}
	return true;
}

/* Are the eight bytes zero in which five neighbouring places would have their sizes? Long runs of
 * zeros are common after a crash. */
static bool sizes_are_zero(const uint8_t *p, size_t there)
{
	uint64_t word;
	if (there < 4 + sizeof(word))
		return false;
	memcpy(&word, p + 4, sizeof(word));
	return word == 0;
}

/* The first place in [@from, @end) where an entry could begin, or @end; also @end when cancelled.
 */
static uint64_t next_candidate(struct segment_reader *r, uint64_t from, uint64_t end)
{
	while (from < end) {
		const uint8_t *bytes;
		if (r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed))
			r->is_cancelled = true;
		if (r->is_cancelled)
			return end;
		const size_t there = segment_peek_rest(r, from, &bytes);
		if (there < SEGMENT_HEADER) {
			/* End of file, or unreadable: go on behind the bad range. */
			const struct bad_range *bad =
				range_crc_bad_in(&r->crcs, from, from + SEGMENT_HEADER);
			if (!bad)
				return end;
			from = bad->offset + bad->length;
			continue;
		}
		size_t i = 0;
		while (i + SEGMENT_HEADER <= there &&
		       (bytes[i + 8] > SEGMENT_COMMIT ||
			!segment_size_fits(bytes[i + 8], get_u32le(bytes + i + 4))))
			i += sizes_are_zero(bytes + i, there - i) ? 5 : 1;
		from += i;
		if (i + SEGMENT_HEADER <= there)
			return from < end ? from : end;
	}
	return end;
}

/* Where the first whole entry begins in [@from, @to) that can be believed, or @to. The damaged
 * entry before it claims everything up to @extent_end (@from where it claims nothing). */
static uint64_t search(struct segment_reader *r, uint64_t from, uint64_t to, uint64_t extent_end)
{
	uint32_t size;
	uint64_t at = from;
	while ((at = next_candidate(r, at, to)) < to) {
		if (whole_at(r, at, &size, NULL) &&
		    (segment_is_witnessed(r, at) ||
		     (!is_witnessed_in(r, at + 1, at + size) &&
		      (at >= extent_end || leads_out(r, at, extent_end)))))
			return at;
		at++;
	}
	return to;
}

/* The CRCs of prefixes and the witnesses, once a segment. */
static enum as_err prepare_for_damage(struct segment_reader *r)
{
	if (r->has_crcs)
		return AS_OK;
	const enum as_err err = range_crc_build(&r->crcs, r->io, r->fd, r->length, r->cancel);
	if (err != AS_OK)
		return err;
	r->has_crcs = true;
	if (r->witness)
		r->witness(r->witness_context, r->number, &r->witnesses);
	return AS_OK;
}

/* Do two readings of one place say the same? */
static bool are_alike(const struct segment_entry *a, const struct segment_entry *b)
{
	return a->cause == b->cause && a->has_header == b->has_header &&
	       a->crc_stored == b->crc_stored && a->raw_size == b->raw_size &&
	       a->raw_tag == b->raw_tag && a->crc_computed == b->crc_computed &&
	       memcmp(a->key, b->key, KEY_SIZE) == 0;
}

/* Read the damaged entry @e again, past the window: true when it is whole then. Header and checksum
 * come from one reading; a disk that gives other bytes each time could otherwise agree with itself
 * by chance. Overlapping damaged entries with wrong sizes would have the same bytes read again and
 * again: again_left bounds that to a few times the segment. */
static bool is_whole_now(struct segment_reader *r, struct segment_entry *e)
{
	/* All of the entry, as far as its header can be believed. */
	const size_t extent = size_is_believable(e->raw_size) && e->raw_size < r->window_size
				      ? e->raw_size : SEGMENT_KEYED;
	bool unstable = false;
	for (unsigned turn = 0; turn < READINGS_MORE && r->again_left >= extent; turn++) {
		struct segment_entry again;
		r->again_left -= extent;
		r->window_len = 0;
		r->next_load = extent;
		segment_decode(r, e->offset, &again);
		unstable = unstable || !are_alike(e, &again);
		if (again.cause != SEGMENT_WHOLE)
			continue;
		*e = again;
		e->searched = r->is_unanchored;
		e->unstable = true;
		r->position += e->size;
		return true;
	}
	e->unstable = unstable;
	return false;
}

/* Name the first unreadable range of the damaged row @e, if it has one. */
static void find_unreadable(struct segment_reader *r, struct segment_entry *e)
{
	const struct bad_range *bad = range_crc_bad_in(&r->crcs, e->offset, e->offset + e->size);
	/* The disk refused it once, and not when all of it was read: the place is unknown. */
	if (!bad && e->cause == SEGMENT_UNREADABLE) {
		e->bad_offset = e->offset;
		e->bad_length = e->size;
	}
	if (!bad)
		return;
	const uint64_t from = bad->offset > e->offset ? bad->offset : e->offset;
	const uint64_t end = e->offset + e->size, bad_end = bad->offset + bad->length;
	e->cause = SEGMENT_UNREADABLE;
	e->bad_offset = from;
	e->bad_length = (bad_end < end ? bad_end : end) - from;
}

/* Could the search see everything? */
static enum as_err end_search(const struct segment_reader *r)
{
	return r->is_cancelled ? AS_ERR_CANCELLED : r->crcs.lacks_memory ? AS_ERR_MEMORY : AS_OK;
}

enum as_err segment_resynchronise(struct segment_reader *r, struct segment_entry *e)
{
	const enum as_err err = prepare_for_damage(r);
	if (err != AS_OK || is_whole_now(r, e))
		return err;
	const uint64_t left = r->length - e->offset;
	const bool is_believable = e->has_header && size_is_believable(e->raw_size);
	const bool stays_inside = is_believable && e->raw_size <= left;
	uint64_t claimed = e->offset + 1;	/* the end of what the entry claims */
	/* Most of an entry that leads farther out of the file would be missing. */
	if (is_believable && e->raw_size <= 2 * left)
		claimed = stays_inside ? e->offset + e->raw_size : r->length;
	uint64_t end = claimed;
	if (!stays_inside || !sizes_lead_to_whole(r, e->offset) ||
	    is_witnessed_in(r, e->offset + 1, claimed)) {
		end = search(r, e->offset + 1, r->length, claimed);
		if (end < r->length) {
			r->is_unanchored = !segment_is_witnessed(r, end);
			/* Entries follow, so the file does not end inside this one: its size is
			 * wrong. */
			if (e->cause == SEGMENT_TORN)
				e->cause = SEGMENT_SIZE_LARGE;
		}
	}
	e->tag = SEGMENT_DAMAGED;
	e->size = end - e->offset;
	r->position = end;
	find_unreadable(r, e);
	return end_search(r);
}

enum as_err segment_lose_magic(struct segment_reader *r, struct segment_entry *e)
{
	const uint8_t *bytes;
	const uint64_t end = r->position;
	const size_t there = segment_peek(r, 0, (size_t)end, &bytes);
	const enum as_err err = prepare_for_damage(r);
	if (err != AS_OK)
		return err;
	const uint64_t first = search(r, 0, end, 0);
	if (first < end)
		r->is_unanchored = !segment_is_witnessed(r, first);
	*e = (struct segment_entry){
		.size = first, .tag = SEGMENT_DAMAGED,
		.cause = there < first ? SEGMENT_UNREADABLE : SEGMENT_BAD_MAGIC,
	};
	r->position = first;
	find_unreadable(r, e);
	return end_search(r);
}

enum as_err segment_suspects(struct segment_reader *r, uint64_t offset, uint64_t length,
			     enum as_err (*each)(void *context, const struct segment_entry *entry),
			     void *context)
{
	enum as_err err = r->fd < 0 ? AS_OK : prepare_for_damage(r);
	const uint64_t end = offset + length < r->length ? offset + length : r->length;
	uint64_t at = offset + 1;
	while (err == AS_OK && r->fd >= 0 && (at = next_candidate(r, at, end)) < end) {
		uint32_t size;
		struct segment_entry e;
		if (!whole_at(r, at, &size, NULL)) {
			at++;
			continue;
		}
		segment_decode(r, at, &e);
		e.searched = true;
		err = each(context, &e);
		at += size;
	}
	if (err == AS_OK && r->is_cancelled)
		err = AS_ERR_CANCELLED;
	return err;
}

#include "build-config.h"

#include "format/segment_internal.h"

#include "base/crc.h"
#include "format/dialect.h"

#include <string.h>

/* Bytes read at a time while the sizes are followed: a page, since most entries are longer. */
#define HEADERS_WINDOW 4096u
/* At most so many searches in one segment for the right size of an entry. */
#define PROOFS_MAX 16

/* ---- following the sizes ---- */

struct chain {
	const struct io *io;
	int fd;
	uint64_t length;	/* of the file, bytes */
	uint8_t window[HEADERS_WINDOW];
	uint64_t window_offset;
	size_t window_len;
};

/* Do the sizes lead from the magic to an entry that ends with the file? *@last is its offset. */
static bool sizes_lead_to_end(struct chain *c, uint64_t *last)
{
	uint64_t offset = SEGMENT_MAGIC_SIZE;
	while (offset < SEGMENT_REACH && offset + SEGMENT_HEADER <= c->length) {
		const uint64_t left = c->length - offset;
		if (offset < c->window_offset ||
		    offset + SEGMENT_HEADER > c->window_offset + c->window_len) {
			io_read_at(c->io, c->fd, c->window,
				   left < HEADERS_WINDOW ? left : HEADERS_WINDOW, offset,
				   &c->window_len);
			c->window_offset = offset;
		}
		const size_t at = (size_t)(offset - c->window_offset);
		if (c->window_len - at < SEGMENT_HEADER)
			return false;		/* the disk refuses it */
		const uint8_t *header = c->window + at;
		const uint32_t size = get_u32le(header + 4);
		if (segment_check_header(get_u32le(header), size, header[8], left) !=
		    SEGMENT_WHOLE)
			return false;
		*last = offset;
		offset += size;
		if (offset == c->length)
			return true;
	}
	return false;
}

/* ---- where they do not ---- */

struct proof {
	struct segment_reader *reader;
	const struct segment_entry *damaged;
	uint64_t end;		/* of the damaged entry, proved; 0: none found */
};

/* Would the checksum of the damaged entry hold if it ended where the whole entry @e begins? */
static enum as_err try_end(void *context, const struct segment_entry *e)
{
	struct proof *proof = context;
	const struct segment_entry *damaged = proof->damaged;
	const uint64_t size = e->offset - damaged->offset;
	uint8_t field[4];
	uint32_t rest;
	if (size < SEGMENT_KEYED || size > dialect_attic.entry_max)
		return AS_OK;
	put_u32le(field, (uint32_t)size);
	if (!range_crc_between(&proof->reader->crcs, damaged->offset + 8, e->offset, &rest) ||
	    crc32_between(crc32_update(0, field, sizeof(field)), rest, size - 8) !=
		    damaged->crc_stored)
		return AS_OK;
	proof->end = e->offset;
	return AS_END;
}

/* Read everything. Where an entry claims the end of the file, that end looks like a COMMIT by
 * chance, unless it is proved that only the entry's size is wrong. All other damage says nothing.
 */
static enum as_err walk(struct segment_reader *r, bool *complete)
{
	struct segment_entry entry;
	enum as_err err;
	*complete = true;
	for (unsigned proofs = 0; (err = segment_next(r, &entry)) == AS_OK;) {
		const uint64_t left = r->length - entry.offset;
		const uint32_t size = entry.raw_size;
		const bool claims_end =
			entry.has_header &&
			((size == left && left >= SEGMENT_KEYED &&
			  left <= dialect_attic.entry_max) ||
			 (size > left && segment_size_fits(entry.raw_tag, size)));
		*complete = entry.tag == SEGMENT_COMMIT || entry.tag == SEGMENT_DAMAGED;
		if (entry.tag != SEGMENT_DAMAGED || !claims_end || proofs++ == PROOFS_MAX)
			continue;
		struct proof proof = { .reader = r, .damaged = &entry };
		err = segment_suspects(r, entry.offset, left, try_end, &proof);
		if (err != AS_END) {
			*complete = false;
			return err;
		}
		r->position = proof.end;
		r->is_unanchored = false;
	}
	return err == AS_END ? AS_OK : err;
}

/* ---- the question ---- */

/* The last nine bytes of the file. */
static enum as_err look_at_end(const struct chain *c, bool *is_like)
{
	uint8_t end[SEGMENT_HEADER];
	size_t got;
	*is_like = false;
	if (c->length < sizeof(end))
		return AS_OK;
	const enum as_err err = io_read_at(c->io, c->fd, end, sizeof(end), c->length - sizeof(end),
					   &got);
	*is_like = err == AS_OK && got == sizeof(end) &&
		   memcmp(end, segment_commit, sizeof(end)) == 0;
	return err;
}

static enum as_err open_chain(struct chain *c, const struct io *io, int dirfd, const char *path)
{
	struct stat st;
	c->io = io;
	c->window_offset = c->window_len = 0;
	const enum as_err err = io_open_file(io, dirfd, path, &c->fd, &st);
	c->length = err == AS_OK && st.st_size > 0 ? (uint64_t)st.st_size : 0;
	return err;
}

enum as_err segment_ends_like_commit(const struct io *io, int dirfd, const char *path,
				     bool *is_like)
{
	struct chain c;
	*is_like = false;
	enum as_err err = open_chain(&c, io, dirfd, path);
	if (err != AS_OK)
		return err;
	err = look_at_end(&c, is_like);
	io_close(io, c.fd);
	return err;
}

enum as_err segment_is_complete(const struct io *io, int dirfd, const char *path, bool *complete)
{
	struct chain c;
	struct segment_entry entry;
	uint64_t last;
	*complete = false;
	enum as_err err = open_chain(&c, io, dirfd, path);
	if (err != AS_OK)
		return err;
	err = look_at_end(&c, complete);
	/* Nothing else that lies so far back is read. */
	bool is_known = err != AS_OK || !*complete || c.length > SEGMENT_REACH;
	if (!is_known && sizes_lead_to_end(&c, &last)) {
		*complete = last == c.length - SEGMENT_HEADER;
		is_known = *complete ||
			   segment_read_entry_at(io, c.fd, c.length, last, &entry, NULL) == AS_OK;
	}
	io_close(io, c.fd);
	if (is_known)
		return err;
	struct segment_reader *r = segment_reader_new(io, NULL);
	if (!r)
		return AS_ERR_MEMORY;
	err = segment_open(r, dirfd, path, 0, NULL, NULL);
	if (err == AS_OK)
		err = walk(r, complete);
	segment_reader_free(r);
	if (err != AS_OK)
		*complete = false;
	return err;
}

#include "build-config.h"

#include "format/segment_internal.h"

#include "base/crc.h"
#include "format/dialect.h"

#include <stdlib.h>
#include <string.h>

/* For one entry alone. Most have a few hundred bytes, and reading more would be wasted. */
#define ENTRY_WINDOW (64u * 1024u)
#define ENTRY_FIRST_LOAD 1024u
/* The alignment of a window. malloc's memory begins 16 bytes into a cache line, and the system
 * copies to it a tenth more slowly. */
#define CACHE_LINE 64u

static bool init_reader(struct segment_reader *r, const struct io *io,
			const struct dialect *dialect, size_t window_size)
{
	*r = (struct segment_reader){
		.io = io, .dialect = dialect, .fd = -1,
		.window_size = window_size, .next_load = window_size,
		.doubt = IO_NO_DOUBT, .refused = IO_NO_DOUBT,
		.window = aligned_alloc(CACHE_LINE, window_size),
	};
	return r->window != NULL;
}

struct segment_reader *segment_reader_new(const struct io *io, const struct dialect *dialect)
{
	struct segment_reader *r = malloc(sizeof(*r));
	if (r && !init_reader(r, io, dialect, SEGMENT_WINDOW)) {
		free(r);
		return NULL;
	}
	return r;
}

void segment_reader_watch(struct segment_reader *r, const _Atomic bool *cancel)
{
	r->cancel = cancel;
}

static void close_segment(struct segment_reader *r)
{
	if (r->fd >= 0)
		io_close(r->io, r->fd);
	r->fd = -1;
	if (r->has_crcs)
		range_crc_free(&r->crcs);
	r->has_crcs = false;
	r->length = r->beyond = r->unread = 0;
	r->window_len = 0;
}

void segment_reader_free(struct segment_reader *r)
{
	if (!r)
		return;
	close_segment(r);
	free(r->window);
	free(r->large);
	free(r);
}

enum as_err segment_open(struct segment_reader *r, int dirfd, const char *path, uint32_t number,
			 segment_witness_fn *witness, void *context)
{
	struct stat st;
	close_segment(r);
	const enum as_err err = io_open_file(r->io, dirfd, path, &r->fd, &st);
	if (err != AS_OK) {
		r->fd = -1;
		return err;
	}
	r->number = number;
	const uint64_t length = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	r->length = length < SEGMENT_REACH ? length : SEGMENT_REACH;
	r->beyond = r->unread = length - r->length;
	r->position = 0;
	r->past_magic = false;
	r->witness = witness;
	r->witness_context = context;
	r->witnesses = (struct segment_witnesses){ 0 };
	r->is_unanchored = false;
	r->steps_left = r->length / 16 + 1024;
	r->again_left = 8 * r->length + 8 * (uint64_t)r->window_size;
	r->is_cancelled = false;
	r->doubt = r->refused = IO_NO_DOUBT;
	return AS_OK;
}

uint64_t segment_length(const struct segment_reader *r)
{
	return r->length + r->beyond;
}

/* segment_decode for most entries: those that are whole and lie in the window. False: this is
 * another one, and *@e has not changed. */
static bool decode_whole(const struct segment_reader *r, uint64_t offset, struct segment_entry *e)
{
	const uint64_t window_end = r->window_offset + r->window_len;
	if (offset < r->window_offset || offset + SEGMENT_KEYED > window_end)
		return false;
	const uint8_t *bytes = r->window + (offset - r->window_offset);
	const uint32_t crc = get_u32le(bytes), size = get_u32le(bytes + 4);
	const uint8_t tag = bytes[8];
	if (!segment_size_fits(tag, size) || size > window_end - offset ||
	    crc32_update(0, bytes + 4, size - 4) != crc)
		return false;
	*e = (struct segment_entry){
		.offset = offset, .size = size, .tag = tag, .has_header = true, .has_crc = true,
		.has_key = tag != SEGMENT_COMMIT, .raw_tag = tag, .raw_size = size,
		.crc_stored = crc, .crc_computed = crc,
	};
	if (e->has_key)
		memcpy(e->key, bytes + SEGMENT_HEADER, KEY_SIZE);
	return true;
}

static bool begins_with_magic(struct segment_reader *r)
{
	const uint8_t *bytes;
	const size_t len = segment_peek(r, 0, SEGMENT_MAGIC_SIZE, &bytes);
	return len == SEGMENT_MAGIC_SIZE && dialect_has_magic(r->dialect, (const char *)bytes);
}

/* Check the magic. AS_OK when *@e is a row that says it is damaged, AS_END when it is whole. */
static enum as_err pass_magic(struct segment_reader *r, struct segment_entry *e)
{
	r->past_magic = true;
	r->position = r->length < SEGMENT_MAGIC_SIZE ? r->length : SEGMENT_MAGIC_SIZE;
	if (begins_with_magic(r))
		return AS_END;
	r->window_len = 0;	/* as with an entry, damage is believed after a second reading */
	if (!begins_with_magic(r))
		return segment_lose_magic(r, e);
	r->doubt = 0;
	return AS_END;
}

static enum as_err next_row(struct segment_reader *r, struct segment_entry *e)
{
	if (r->fd < 0 || r->length == 0)
		return AS_END;
	if (!r->past_magic) {
		const enum as_err err = pass_magic(r, e);
		if (err != AS_END)
			return err;
	}
	if (r->position >= r->length) {
		if (r->unread == 0)
			return AS_END;
		/* What is not read is one row at the end. */
		*e = (struct segment_entry){
			.offset = r->length, .size = r->unread, .tag = SEGMENT_DAMAGED,
			.cause = SEGMENT_BEYOND,
		};
		r->unread = 0;
		return AS_OK;
	}
	if (!decode_whole(r, r->position, e))
		segment_decode(r, r->position, e);
	if (e->cause == SEGMENT_WHOLE) {
		if (r->is_unanchored && segment_is_witnessed(r, e->offset))
			r->is_unanchored = false;
		e->searched = r->is_unanchored;
		r->position += e->size;
		return AS_OK;
	}
	return segment_resynchronise(r, e);
}

/* Is there doubt about a place before @end? True only once. */
static bool clear_doubt(uint64_t *doubt, uint64_t end)
{
	const bool is_there = *doubt < end;
	if (is_there)
		*doubt = IO_NO_DOUBT;
	return is_there;
}

enum as_err segment_next(struct segment_reader *r, struct segment_entry *e)
{
	const enum as_err err = next_row(r, e);
	if (err != AS_OK)
		return err;
	const uint64_t end = e->offset + e->size;
	if (clear_doubt(&r->doubt, end))
		e->unstable = true;
	if (r->has_crcs && clear_doubt(&r->crcs.doubt, end))
		e->unstable = true;
	return AS_OK;
}

static enum as_err read_one(struct segment_reader *r, uint64_t offset, struct segment_entry *e,
			    uint8_t **data)
{
	size_t got;
	if (offset >= r->length || (offset < SEGMENT_MAGIC_SIZE && begins_with_magic(r)))
		return AS_ERR_INTEGRITY;
	segment_decode(r, offset, e);
	if (e->cause != SEGMENT_WHOLE) {
		e->tag = SEGMENT_DAMAGED;
		return AS_ERR_INTEGRITY;
	}
	if (!data || e->tag != SEGMENT_PUT)
		return AS_OK;
	/* The bytes that are returned are the ones whose checksum is computed: read again. */
	uint8_t *all = malloc(e->size);
	if (!all)
		return AS_ERR_MEMORY;
	io_read_at(r->io, r->fd, all, e->size, e->offset, &got);
	if (got != e->size || crc32_update(0, all + 4, e->size - 4) != e->crc_stored) {
		free(all);
		e->cause = got != e->size ? SEGMENT_UNREADABLE : SEGMENT_CRC_MISMATCH;
		return AS_ERR_INTEGRITY;
	}
	memmove(all, all + SEGMENT_KEYED, e->size - SEGMENT_KEYED);
	*data = all;
	return AS_OK;
}

static void expect_nothing(uint64_t offset, struct segment_entry *e)
{
	*e = (struct segment_entry){ .offset = offset,
				     .tag = SEGMENT_DAMAGED,
				     .cause = SEGMENT_TORN };
}

enum as_err segment_read_entry_at(const struct io *io, int fd, uint64_t length, uint64_t offset,
				  struct segment_entry *e, uint8_t **data)
{
	struct segment_reader reader;
	expect_nothing(offset, e);
	if (!init_reader(&reader, io, NULL, ENTRY_WINDOW))
		return AS_ERR_MEMORY;
	reader.next_load = ENTRY_FIRST_LOAD;
	reader.fd = fd;
	reader.length = length;
	const enum as_err err = read_one(&reader, offset, e, data);
	free(reader.window);
	return err;
}

enum as_err segment_read_entry(const struct io *io, int dirfd, const char *path, uint64_t offset,
			       struct segment_entry *e, uint8_t **data)
{
	struct stat st;
	int fd;
	expect_nothing(offset, e);
	enum as_err err = io_open_file(io, dirfd, path, &fd, &st);
	if (err != AS_OK)
		return err;
	err = segment_read_entry_at(io, fd, (uint64_t)st.st_size, offset, e, data);
	io_close(io, fd);
	return err;
}

enum as_err segment_look_at(struct segment_reader *r, uint64_t offset, struct segment_entry *e)
{
	expect_nothing(offset, e);
	if (offset < r->window_offset || offset > r->window_offset + r->window_len)
		r->next_load = ENTRY_FIRST_LOAD;
	return read_one(r, offset, e, NULL);
}

enum as_err segment_bytes(struct segment_reader *r, const struct segment_entry *e,
			  const uint8_t **bytes)
{
	size_t got;
	if (e->offset >= r->window_offset &&
	    e->offset + e->size <= r->window_offset + r->window_len) {
		*bytes = r->window + (e->offset - r->window_offset);
		return AS_OK;
	}
	if (e->size > r->large_size) {
		uint8_t *large = realloc(r->large, e->size);	/* at most entry_max */
		if (!large)
			return AS_ERR_MEMORY;
		r->large = large;
		r->large_size = e->size;
	}
	*bytes = r->large;
	const enum as_err err = io_read_at(r->io, r->fd, r->large, e->size, e->offset, &got);
	if (err != AS_OK)
		return err;
	/* The checksum does not cover the field that stores it. */
	return got == e->size && get_u32le(r->large) == e->crc_stored &&
	       crc32_update(0, r->large + 4, e->size - 4) == e->crc_stored
		? AS_OK : AS_ERR_INTEGRITY;
}

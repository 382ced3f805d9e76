/* engine/format/segment_internal.h - what reading a segment and finding the way after damage share.
 *
 * segment_entry.c     one entry: what its bytes say
 * segment_resync.c    where the next one begins when one is not
 * segment.c           entries one after the other, as long as they are whole
 * segment_complete.c  whether the last one is a COMMIT
 */
#ifndef ATTICSCOPE_SEGMENT_INTERNAL_H
#define ATTICSCOPE_SEGMENT_INTERNAL_H

#include "format/range_crc.h"
#include "format/segment.h"

/* Bytes read at a time in a walk. They stay in the second-level cache while they are worked on. */
#define SEGMENT_WINDOW (256u * 1024u)

struct segment_reader {
	const struct io *io;
	const struct dialect *dialect;
	int fd;
	uint32_t number;
	uint64_t length;		/* bytes of the file that are read, and behind them */
	uint64_t beyond, unread;	/* those that are not; those of them in no row yet */
	uint64_t position;		/* where the next row begins */
	bool past_magic;

	const _Atomic bool *cancel;	/* set by somebody else: stop; may be NULL */
	bool is_cancelled;		/* it was seen set */

	uint8_t *window;
	size_t window_size;		/* bytes allocated */
	/* bytes to be read next: few for one entry, all for a walk */
	size_t next_load;
	uint64_t window_offset;
	size_t window_len;
	uint8_t *large;			/* of segment_bytes: an entry that no window holds */
	size_t large_size;		/* bytes allocated */

	/* After the first damage only. */
	bool has_crcs;
	struct range_crc crcs;
	segment_witness_fn *witness;
	void *witness_context;
	struct segment_witnesses witnesses;
	bool is_unanchored;		/* the last search found an entry, and no witness since */
	uint64_t doubt;			/* see io_read_twice; of a row not given yet */
	uint64_t refused;		/* the last place where filling the window ended */
	uint64_t again_left;		/* bytes of damaged entries that may be read again */
	uint64_t steps_left;		/* bound for leads_out over the whole segment */
};

/* What nine bytes of header say alone, @left bytes before the end of the file. */
enum segment_cause segment_check_header(uint32_t crc, uint32_t size, uint8_t tag, uint64_t left);

/* Up to @want bytes (at most the window's size) at @offset in one piece; fewer at the end of the
 * file and before bytes that the disk refuses twice. The pointer lives until the next call. */
size_t segment_peek(struct segment_reader *reader, uint64_t offset, size_t want,
		    const uint8_t **bytes);

/* As many bytes at @offset as the window holds. It is filled again only when it holds no whole
 * header there. */
size_t segment_peek_rest(struct segment_reader *reader, uint64_t offset, const uint8_t **bytes);

/* Fill in the header fields of the bytes at @entry->offset as far as they are there. False when not
 * even nine are. */
bool segment_read_header(struct segment_reader *reader, struct segment_entry *entry);

/* The same for another place: what the window does not hold is read past it, so that hostile bytes
 * that send the reader back and forth cost little. */
bool segment_probe_header(struct segment_reader *reader, struct segment_entry *entry);

/* Decode what stands at @offset (below the file's length): all of *@entry but, where it is damaged,
 * size and tag. */
void segment_decode(struct segment_reader *reader, uint64_t offset, struct segment_entry *entry);

/* Does a witness know the whole entry at @offset? Only after damage. */
bool segment_is_witnessed(struct segment_reader *reader, uint64_t offset);

/* Turn the damaged *@entry of segment_decode into a row: set how far it reaches and where the walk
 * goes on. It is read again first, and stays as it is when it is whole then. AS_ERR_MEMORY,
 * AS_ERR_CANCELLED. */
enum as_err segment_resynchronise(struct segment_reader *reader, struct segment_entry *entry);

/* Turn the damaged magic into a row, and let the walk go on where the first entry begins: at the
 * reader's position, where it does in whole segments, or at a whole entry before that.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED. */
enum as_err segment_lose_magic(struct segment_reader *reader, struct segment_entry *entry);

#endif

/* engine/format/segment.h - the entries of one segment, damaged ones included. Never writes.
 *
 * Source: attic/repository.py, LoggedIO.header_fmt '<IIB' and iter_objects:
 *   file  = magic, then entries back to back to the end of the file
 *   entry = u32le crc, u32le size, u8 tag, [key, 32 bytes], [data]
 *   size counts the whole entry in bytes; crc covers bytes [4, size) of it.
 *   PUT (0) 41 bytes to 20 MiB, DELETE (1) 41 bytes, COMMIT (2) 9 bytes, always the same nine.
 */
#ifndef ATTICSCOPE_SEGMENT_H
#define ATTICSCOPE_SEGMENT_H

#include "base/bytes.h"
#include "base/io.h"
#include "format/dialect.h"

#include <stdbool.h>

#define SEGMENT_MAGIC_SIZE 8u
#define SEGMENT_HEADER 9u			/* crc, size, tag */
#define SEGMENT_LONE_COMMIT (SEGMENT_MAGIC_SIZE + SEGMENT_HEADER) /* a segment of one COMMIT */
#define SEGMENT_KEYED (SEGMENT_HEADER + KEY_SIZE) /* a DELETE, or a PUT without data */
/* Attic reads segment numbers and offsets as signed 32-bit integers, and finds nothing above. */
#define SEGMENT_NUMBER_MAX 0x7fffffffu
#define SEGMENT_OFFSET_MAX 0x7fffffffu
/* Bytes of a segment that are read, however long its file is: all that an index can lead to, whose
 * offsets have 32 bits, and a little more, so that an entry that begins there is seen. */
#define SEGMENT_REACH ((UINT64_C(1) << 32) + (40u << 20))

extern const uint8_t segment_commit[SEGMENT_HEADER];	/* the bytes of every COMMIT entry */

enum segment_tag { SEGMENT_PUT = 0, SEGMENT_DELETE = 1, SEGMENT_COMMIT = 2, SEGMENT_DAMAGED = 255 };

/* Why a stretch of a segment holds no whole entry. */
enum segment_cause {
	SEGMENT_WHOLE = 0,
	SEGMENT_BAD_MAGIC,	/* the first 8 bytes */
	SEGMENT_ZEROS,		/* a header of zeros */
	SEGMENT_SIZE_SMALL,	/* less than the tag's own minimum */
	SEGMENT_SIZE_LARGE,	/* more than an entry can have, or than the tag allows */
	SEGMENT_BAD_TAG,
	SEGMENT_TORN,		/* the file ends inside the entry */
	SEGMENT_CRC_MISMATCH,
	SEGMENT_UNREADABLE,	/* the disk refuses the range */
	SEGMENT_BEYOND,		/* behind SEGMENT_REACH: not read */
	SEGMENT_CAUSES
};

/* "PUT", "DELETE", "COMMIT", "DAMAGED", as in the JSON. */
const char *segment_tag_name(uint8_t tag);

/* A short phrase for @cause: "checksum mismatch". Never NULL. */
const char *segment_cause_text(enum segment_cause cause);

/* Can an entry with @tag be @size bytes long? */
bool segment_size_fits(uint8_t tag, uint32_t size);

/* One row of a segment: a whole entry, or a stretch that is none. */
struct segment_entry {
	uint64_t offset;	/* bytes from the start of the file */
	/* bytes, header included; of a damaged stretch its length: 0 only of a lost magic */
	uint64_t size;
	uint8_t tag;		/* enum segment_tag */
	/* enum segment_cause; SEGMENT_WHOLE unless tag is SEGMENT_DAMAGED */
	uint8_t cause;
	bool has_header;	/* damaged: nine bytes of header could be read at offset */
	/* damaged: crc_computed is meaningful (the size could be believed) */
	bool has_crc;
	bool has_key;		/* PUT and DELETE; damaged: 32 bytes stand where the key would */
	/* found by searching bytes, or behind such an entry with no witness since: neither
	 * structure nor index supports it */
	bool searched;
	/* damaged or refused at the first reading, whole at the next: the machine is at fault. In a
	 * damaged row: some of it, or of what stands before it, was refused only once */
	bool unstable;
	uint8_t raw_tag;	/* damaged: the tag byte as read */
	uint32_t raw_size;	/* damaged: the size field as read */
	uint32_t crc_stored, crc_computed; /* equal in a whole entry */
	/* unreadable: the first range that the disk refuses, bytes */
	uint64_t bad_offset, bad_length;
	uint8_t key[KEY_SIZE];
};

/* Decode a header from the @there bytes at @bytes: crc_stored, raw_size and raw_tag of *@entry, and
 * its key where all 41 bytes are there. False: they are fewer than nine. */
bool segment_decode_header(struct segment_entry *entry, const uint8_t *bytes, size_t there);

/* Places where an index says that a PUT begins, ascending by offset: witnesses after damage. One
 * row is one mapping; elsewhere a witness is the whole index or the hints. */
struct segment_witness { uint32_t offset; uint8_t key[KEY_SIZE]; };
struct segment_witnesses { const struct segment_witness *rows; size_t count; };

/* A reader walks one segment at a time with a fixed buffer, whatever the sizes in the file say. One
 * reader serves one thread; it can be used for any number of segments, one after the other. */
struct segment_reader;

/* A reader of segments in @dialect. NULL: out of memory. @io must outlive the reader. */
struct segment_reader *segment_reader_new(const struct io *io, const struct dialect *dialect);
void segment_reader_free(struct segment_reader *reader);

/* From now on give up with AS_ERR_CANCELLED soon after *@cancel is set, also in the middle of a
 * long damaged stretch. @cancel must outlive the reader; NULL: never. */
void segment_reader_watch(struct segment_reader *reader, const _Atomic bool *cancel);

/* Ask for the witnesses of the segment being read; called at most once a segment and only after
 * damage was met. The rows must live until the next segment_open. NULL: there are none. */
typedef void segment_witness_fn(void *context, uint32_t segment, struct segment_witnesses *out);

/* Start to read segment @number, the file @path below the folder @dirfd, at its first byte.
 * Errors: those of io_open_file; the reader is then closed. */
enum as_err segment_open(struct segment_reader *reader, int dirfd, const char *path,
			 uint32_t number, segment_witness_fn *witness, void *context);

/* The next row, in ascending order of offset and without holes: *@entry.offset is where the row
 * before ended. The magic is no row unless it is damaged: then it is one at offset 0, which ends
 * before byte 8 where a whole entry begins there, and has no bytes where that begins the file.
 * AS_OK, AS_END, AS_ERR_MEMORY, AS_ERR_CANCELLED (see segment_reader_watch). Whatever is wrong with
 * the bytes or the disk is a damaged row.
 *
 * After a damaged entry whose size leads to a whole entry the walk goes on there, as long as no
 * witness points inside it; what lies inside is payload, not entries. Otherwise the bytes behind
 * are searched for the next whole entry. One that lies inside the extent which the damaged entry
 * claims is believed only if a witness knows it, or if the entries that follow it lead out of that
 * extent; one that overlaps a witnessed entry is not believed. An entry so found is marked
 * searched. The work is linear in the length of the file even on hostile bytes. */
enum as_err segment_next(struct segment_reader *reader, struct segment_entry *entry);

/* Whole entries that begin inside the damaged stretch [@offset, @offset + @length) of the open
 * segment, and may end behind it: the suspects of salvage. Calls @each for every one that does not
 * overlap the one before.
 * AS_ERR_MEMORY, AS_ERR_CANCELLED, or what @each returned. Do not mix with segment_next in one pass
 * over the stretch. */
enum as_err segment_suspects(struct segment_reader *reader, uint64_t offset, uint64_t length,
			     enum as_err (*each)(void *context, const struct segment_entry *entry),
			     void *context);

/* Length of the open segment in bytes, as its file had it at segment_open. */
uint64_t segment_length(const struct segment_reader *reader);

/* Are the last nine bytes of the file those of a COMMIT? Attic checks nothing else: it takes a
 * value that ends so for one. False for a file that is shorter.
 * Errors: those of io_open_file, AS_ERR_IO. */
enum as_err segment_ends_like_commit(const struct io *io, int dirfd, const char *path,
				     bool *is_like);

/* Is the last entry of the file a COMMIT? This one function answers for opening, verifying and the
 * store. Most often the last nine bytes say no. Otherwise the sizes in the entries' headers are
 * followed from the magic to the end of the file; checksums are not computed. Where the sizes do
 * not lead there, the whole segment is read: damage before its end leaves it complete. It is not
 * complete when these nine bytes belong to the last entry, whole or damaged: its size leads to the
 * end of the file or beyond, and its checksum does not prove that only the size is wrong.
 * Behind SEGMENT_REACH the last nine bytes decide.
 * Errors: those of io_open_file, AS_ERR_IO, AS_ERR_MEMORY; *@complete is false then. */
enum as_err segment_is_complete(const struct io *io, int dirfd, const char *path, bool *complete);

/* Read the one entry at @offset (header, checksum, and for a PUT its payload into fresh memory at
 * *@data, which the caller frees; @data may be NULL). Memory is taken only after the size was
 * compared with the file's length. The row in *@entry is filled in every case but a failed open.
 * AS_OK when whole; AS_ERR_INTEGRITY when it is not (entry->cause says why), AS_ERR_MEMORY, errors
 * of io_open_file. */
enum as_err segment_read_entry(const struct io *io, int dirfd, const char *path, uint64_t offset,
			       struct segment_entry *entry, uint8_t **data);

/* The same from the open file @fd of @length bytes, which stays the caller's. */
enum as_err segment_read_entry_at(const struct io *io, int fd, uint64_t length, uint64_t offset,
				  struct segment_entry *entry, uint8_t **data);

/* Check the one entry at @offset of the open segment. The row in *@entry is filled in every case.
 * AS_OK when whole; AS_ERR_INTEGRITY when it is not (entry->cause says why). Going up through
 * entries that lie close together reads ahead, one that lies apart is read alone. */
enum as_err segment_look_at(struct segment_reader *reader, uint64_t offset,
			    struct segment_entry *entry);

/* All @entry->size bytes of the whole entry that segment_next or segment_look_at just gave,
 * verified: from what was read already, or read again where it is larger than the reader's window.
 * *@bytes lives until the next call with @reader.
 * AS_ERR_INTEGRITY: a second reading was not the same; AS_ERR_IO: it failed; AS_ERR_MEMORY. */
enum as_err segment_bytes(struct segment_reader *reader, const struct segment_entry *entry,
			  const uint8_t **bytes);

#endif

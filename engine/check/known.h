/* engine/check/known.h - records of verified segments: what was verified once need not be read
 * again.
 *
 * A segment is never changed once it is written. A record says that a segment was read and found
 * whole, what was counted in it, and which of its PUTs the index mapped to; it is believed as long
 * as the file's size, times and inode are the same and the index still maps the same keys to the
 * same places in it. Everything else is read. So the outcome is that of reading everything, except
 * for bits that have rotted on the disk since. The inode's change time is kept too, because a copy
 * can keep the modification time, and inode numbers are used again.
 *
 * Only whole segments below the end of the log have records, and only where an index could be
 * compared with them.
 */
#ifndef ATTICSCOPE_KNOWN_H
#define ATTICSCOPE_KNOWN_H

#include "base/bytes.h"

#include <stdbool.h>

/* Entries of a segment that the index did not map to; with more of them it has no record. */
#define VERIFY_RECORD_EVENTS 4096u

struct verify_event {
	uint8_t key[KEY_SIZE];
	uint32_t offset, size;		/* bytes */
	bool is_put;			/* else a DELETE */
};

struct verify_record {
	uint32_t segment;
	bool is_complete;		/* ends in a COMMIT */
	uint32_t puts, deletes, commits;
	uint32_t live;			/* PUTs that the index mapped to, */
	uint64_t live_bytes;		/* their bytes, headers included, */
	uint64_t mark;			/* and which they are: index_image_mark of all, added up */
	uint64_t size;			/* bytes of the file */
	uint64_t inode;
	int64_t modified, changed;	/* nanoseconds since 1970: its content, its inode */
	int64_t verified;		/* seconds since 1970: when it was read */
	struct verify_event *events;	/* the other PUTs, and the DELETEs */
	size_t event_count;
};

struct verify_records {
	struct verify_record *rows;
	size_t count, capacity;
};

/* Add @record, whose events are the table's then. False: out of memory, they still are not. */
bool verify_records_add(struct verify_records *records, const struct verify_record *record);

/* Move all of @from to @records: what a run that was cut short did not come to stays known. What
 * there is no memory for stays where it is. */
void verify_records_merge(struct verify_records *records, struct verify_records *from);

/* Sort by segment, and keep of several of one segment the newest. To be done before finding. */
void verify_records_sort(struct verify_records *records);

/* NULL: none. */
const struct verify_record *verify_records_find(const struct verify_records *records,
						uint32_t segment);

void verify_records_free(struct verify_records *records);

#endif

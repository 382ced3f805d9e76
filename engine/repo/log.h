/* engine/repo/log.h - write the log: append entries to new segments at its end, and make them
 * durable.
 *
 * Source: attic/repository.py, LoggedIO: get_write_fd, write_put, write_delete, write_commit,
 * close_segment. A segment is closed before the first entry that would begin beyond the limit.
 * Attic's COMMIT goes into the segment that is open, Borg's into one of its own
 * (borg/repository.py, LoggedIO.write_commit).
 *
 * Three things differ. The fsyncs of a transaction's segments are gathered (the system writes them
 * meanwhile) and all come before its COMMIT, which is then synced by itself: a COMMIT on the disk
 * proves that everything before it is there. An append that fails takes nothing back that was
 * appended before. And no file ever ends behind an entry whose last nine bytes are those of a
 * COMMIT, because Attic takes the segment for complete then, also after a crash:
 * - No segment is closed there. It goes on beyond max_segment_size until another entry follows.
 *   Before it would pass LOG_LENGTH_MAX, a DELETE of a random key is written, and it is closed.
 *   Nothing has that key, so that the DELETE means nothing to any reader.
 * - What lies behind such an entry is written before the entry, and synced: a byte where there is
 *   nothing yet. The next entry, or the COMMIT, overwrites that byte. */
#ifndef ATTICSCOPE_LOG_H
#define ATTICSCOPE_LOG_H

#include "format/dialect.h"
#include "format/segment.h"
#include "repo/listing.h"

#define LOG_UNSYNCED_MAX 32u		/* closed segments that wait for their fsync */
#define LOG_SEGMENT_LAST SEGMENT_NUMBER_MAX
#define LOG_LENGTH_MAX SEGMENT_OFFSET_MAX	/* bytes of a segment */

struct log_unsynced {
	uint32_t segment;
	int fd;
	uint64_t length;
};

struct log {
	const struct permit *permit;
	const struct dialect *dialect;
	const char *path;	/* its path, for messages; borrowed */
	uint32_t limit;		/* max_segment_size */
	uint32_t per_dir;	/* segments_per_dir */
	uint32_t first;		/* the lowest segment that is not committed */
	uint32_t segment;	/* the open one, or the one that is made next */
	int fd;			/* -1: none is open */
	uint64_t offset;	/* where the next entry begins in it */
	uint64_t flushed;	/* so many bytes of it were handed to the system */
	uint64_t high;		/* nothing of the file lies beyond; after a failed write some may */
	uint8_t *buffer;	/* the bytes from flushed to offset */
	struct log_unsynced unsynced[LOG_UNSYNCED_MAX];	/* ascending */
	size_t unsynced_count;
	bool folders_unsynced;	/* data/ may have a new folder */
	bool has_folder;	/* folder was looked at: it is one, and no link */
	uint32_t folder;
	/* where the newest entry ends whose last nine bytes are those of a COMMIT; 0: none */
	uint64_t like_commit;
	bool commit_is_written;	/* a COMMIT may stand in the open segment, and is not durable */
	bool dead;		/* what is in the files is no longer known */
};

/* Begin behind segment @segment - 1, the newest committed one. AS_ERR_MEMORY. */
enum as_err log_init(struct log *log, const struct permit *permit, const struct dialect *dialect,
		     const char *path, uint32_t limit, uint32_t per_dir, uint32_t segment);

/* Close what is open. The files stay as they are. */
void log_free(struct log *log);

/* Where a log will put entries of known sizes. Begins with dialect, limit and segment as log_init
 * has them, and zeros. */
struct log_forecast {
	const struct dialect *dialect;
	uint32_t limit;		/* max_segment_size */
	uint32_t segment;	/* the open one, or the one that is made next */
	uint64_t offset;	/* where the next entry begins in it; 0: none is open */
	bool ends_like_commit;	/* of the entry before that */
};

/* Append an entry of @size bytes. Where the open segment must be closed before it, return that
 * segment's length, else 0; forecast->segment is the entry's segment afterwards. */
uint64_t log_forecast_append(struct log_forecast *forecast, uint64_t size, bool ends_like_commit);

/* Append a COMMIT. As log_forecast_append; forecast->offset is the length of its segment. */
uint64_t log_forecast_commit(struct log_forecast *forecast);

/* Are the last nine bytes of @head and @tail, one behind the other, those of a COMMIT? @head_size
 * is at least nine. */
bool log_ends_like_commit(const uint8_t *head, size_t head_size, const void *tail,
			  size_t tail_size);

/* data/<N / per_dir>/<N> */
void log_segment_path(uint32_t per_dir, uint32_t segment, char out[LISTING_PATH_MAX]);

/* Append an entry; *@segment and *@offset say where it begins. AS_ERR_NO_SPACE, AS_ERR_IO,
 * AS_ERR_FULL, AS_ERR_CHANGED (the file of the next segment is there already), AS_ERR_DENIED:
 * nothing was appended, and unless log->dead the same may be tried again. AS_ERR_DEAD. */
enum as_err log_put(struct log *log, const uint8_t key[KEY_SIZE], const void *value, size_t size,
		    uint32_t *segment, uint32_t *offset, struct as_error *error);
enum as_err log_delete(struct log *log, const uint8_t key[KEY_SIZE], uint32_t *segment,
		       uint32_t *offset, struct as_error *error);

/* Append the @size bytes of a whole entry as they are. */
enum as_err log_copy(struct log *log, const uint8_t *entry, size_t size, uint32_t *segment,
		     uint32_t *offset, struct as_error *error);

/* A place in the log to return to. */
struct log_mark {
	uint32_t segment;
	uint64_t offset, like_commit;
	bool is_open;
};
struct log_mark log_mark(const struct log *log);

/* Take back all entries behind @mark, which must be of this transaction. After a failure log->dead
 * is set. */
void log_return(struct log *log, const struct log_mark *mark);

/* Hand everything to the system, so that it can be read back. Errors leave everything as it was. */
enum as_err log_flush(struct log *log, struct as_error *error);

/* Append a COMMIT and make all of the transaction durable. *@transaction is then the number of the
 * segment that it ends. AS_ERR_NO_SPACE and others before anything was synced leave the log usable;
 * after all later ones it is dead. */
enum as_err log_commit(struct log *log, uint32_t *transaction, struct as_error *error);

/* Remove all segments since the last commit, newest first, and begin again behind it. If one cannot
 * be removed, it and those before it stay, and the log is dead. */
enum as_err log_discard(struct log *log, struct as_error *error);

/* Has anything been written since the last commit? */
static inline bool log_is_empty(const struct log *log)
{
	return log->fd < 0 && log->segment == log->first;
}

#endif

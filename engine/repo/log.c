#include "build-config.h"

#include "repo/log.h"

#include "base/crc.h"
#include "base/owner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BUFFER_SIZE (256u * 1024u)	/* bytes gathered before they are written */
/* Written behind an entry that ends like a COMMIT, until another entry follows. Zeros would look
 * like what a crash leaves of a COMMIT. */
#define GUARD_BYTE 0xffu

enum as_err log_init(struct log *log, const struct permit *permit, const struct dialect *dialect,
		     const char *path, uint32_t limit, uint32_t per_dir, uint32_t segment)
{
	*log = (struct log){
		.permit = permit, .dialect = dialect, .path = path, .limit = limit,
		.per_dir = per_dir, .first = segment, .segment = segment, .fd = -1,
		.folders_unsynced = true,	/* one that an earlier writer made, perhaps */
		.buffer = malloc(BUFFER_SIZE),
	};
	return log->buffer ? AS_OK : AS_ERR_MEMORY;
}

static void close_files(struct log *log)
{
	const struct io *io = io_of(log->permit);
	if (log->fd >= 0)
		io_close(io, log->fd);
	log->fd = -1;
	while (log->unsynced_count > 0)
		io_close(io, log->unsynced[--log->unsynced_count].fd);
}

void log_free(struct log *log)
{
	if (!log->permit)
		return;
	close_files(log);
	free(log->buffer);
	*log = (struct log){ .fd = -1 };
}

/* ---- names ---- */

void log_segment_path(uint32_t per_dir, uint32_t segment, char out[LISTING_PATH_MAX])
{
	snprintf(out, LISTING_PATH_MAX, "data/%" PRIu32 "/%" PRIu32, segment / per_dir, segment);
}

static void folder_path(uint32_t number, char out[LISTING_PATH_MAX])
{
	snprintf(out, LISTING_PATH_MAX, "data/%" PRIu32, number);
}

/* The system could not @verb the segment @number. */
static enum as_err fail_segment(const struct log *log, enum as_err err, const char *verb,
				uint32_t number, struct as_error *error)
{
	const int sys = err == AS_ERR_MEMORY || err == AS_ERR_NOT_REGULAR ? 0 : errno;
	char path[LISTING_PATH_MAX];
	log_segment_path(log->per_dir, number, path);
	return as_fail(error, err, sys, "%s/%s: cannot %s segment %" PRIu32, log->path, path, verb,
		       number);
}

/* ---- one segment ---- */

/* Sync and close the oldest @count closed segments. */
static enum as_err sync_closed(struct log *log, size_t count, struct as_error *error)
{
	const struct io *io = io_of(log->permit);
	for (size_t i = 0; i < count; i++) {
		const enum as_err err = io_sync(log->permit, log->unsynced[i].fd);
		if (err != AS_OK) {
			log->dead = true;
			return fail_segment(log, err, "sync", log->unsynced[i].segment, error);
		}
	}
	for (size_t i = 0; i < count; i++)
		io_close(io, log->unsynced[i].fd);
	log->unsynced_count -= count;
	memmove(log->unsynced, log->unsynced + count,
		log->unsynced_count * sizeof(log->unsynced[0]));
	return AS_OK;
}

/* Make the folder of the open segment where it is missing. A link in its place is refused: through
 * it everything would go elsewhere. */
static enum as_err check_folder(struct log *log)
{
	char path[LISTING_PATH_MAX];
	const uint32_t folder = log->segment / log->per_dir;
	const struct io *io = io_of(log->permit);
	int fd;
	if (log->has_folder && log->folder == folder)
		return AS_OK;
	folder_path(folder, path);
	enum as_err err = io_open_folder(io, io_folder_of(log->permit), path, &fd);
	if (err == AS_ERR_DOES_NOT_EXIST) {
		err = io_make_folder(log->permit, path);
		if (err == AS_OK)
			log->folders_unsynced = true;
		return err == AS_ERR_ALREADY_EXISTS ? AS_OK : err;
	}
	/* A folder that may be written to but not read is no link. */
	if (err == AS_ERR_DENIED)
		return AS_OK;
	if (err == AS_OK)
		io_close(io, fd);
	log->has_folder = err == AS_OK;
	log->folder = folder;
	return err;
}

static enum as_err open_segment(struct log *log, struct as_error *error)
{
	char path[LISTING_PATH_MAX];
	int fd;
	if (log->segment > LOG_SEGMENT_LAST)
		return as_fail(error, AS_ERR_FULL, 0,
			       "%s: segment numbers end at %" PRIu32
			       ", the highest that Attic can read", log->path, LOG_SEGMENT_LAST);
	log_segment_path(log->per_dir, log->segment, path);
	enum as_err err = check_folder(log);
	if (err == AS_OK)
		err = io_create_file(log->permit, path, &fd);
	/* Those that wait for their fsync can be closed now. */
	if (err == AS_ERR_IO && (errno == EMFILE || errno == ENFILE) && log->unsynced_count > 0) {
		err = sync_closed(log, log->unsynced_count, error);
		if (err == AS_OK)
			err = io_create_file(log->permit, path, &fd);
	}
	if (err == AS_ERR_ALREADY_EXISTS)
		return as_fail(error, AS_ERR_CHANGED, 0,
			       "%s/%s: segment %" PRIu32 " is there already", log->path, path,
			       log->segment);
	if (err != AS_OK) {
		fail_segment(log, err, "make", log->segment, error);
		return owner_explain(io_of(log->permit), io_folder_of(log->permit), path, err,
				     error);
	}
	log->fd = fd;
	memcpy(log->buffer, log->dialect->segment_magic, SEGMENT_MAGIC_SIZE);
	log->offset = SEGMENT_MAGIC_SIZE;
	log->flushed = log->high = log->like_commit = 0;
	return AS_OK;
}

static enum as_err write_at(struct log *log, const void *bytes, size_t len, uint64_t offset,
			    struct as_error *error)
{
	const enum as_err err = io_write_at(log->permit, log->fd, bytes, len, offset);
	if (log->high < offset + len)
		log->high = offset + len;
	return err == AS_OK ? AS_OK : fail_segment(log, err, "write", log->segment, error);
}

/* Write @len bytes behind what was flushed. */
static enum as_err write_through(struct log *log, const void *bytes, size_t len,
				 struct as_error *error)
{
	const enum as_err err = write_at(log, bytes, len, log->flushed, error);
	if (err == AS_OK)
		log->flushed += len;
	return err;
}

static enum as_err sync_open(struct log *log, struct as_error *error)
{
	const enum as_err err = io_sync(log->permit, log->fd);
	return err == AS_OK ? AS_OK : fail_segment(log, err, "sync", log->segment, error);
}

/* Make the file reach beyond @end before an entry is written that ends there like a COMMIT. The
 * @len bytes @bytes follow it, or the guard where @len is 0. */
static enum as_err guard(struct log *log, uint64_t end, const uint8_t *bytes, size_t len,
			 struct as_error *error)
{
	static const uint8_t byte = GUARD_BYTE;
	enum as_err err = write_at(log, len > 0 ? bytes : &byte, len > 0 ? len : 1, end, error);
	if (err != AS_OK)
		return err;
	err = sync_open(log, error);
	log->dead = err != AS_OK;
	return err;
}

enum as_err log_flush(struct log *log, struct as_error *error)
{
	if (log->fd < 0 || log->offset == log->flushed)
		return AS_OK;
	const size_t len = (size_t)(log->offset - log->flushed);
	if (log->like_commit <= log->flushed)
		return write_through(log, log->buffer, len, error);
	const size_t split = (size_t)(log->like_commit - log->flushed);
	enum as_err err = guard(log, log->like_commit, log->buffer + split, len - split, error);
	if (err == AS_OK)
		err = write_at(log, log->buffer, split, log->flushed, error);
	if (err == AS_OK)
		log->flushed = log->offset;
	return err;
}

/* Does the last entry end like a COMMIT? */
static bool ends_like_commit(const struct log *log)
{
	return log->like_commit > 0 && log->like_commit == log->offset;
}

/* Make the file hold all of the segment's bytes, and nothing else but a guard. */
static enum as_err complete_segment(struct log *log, struct as_error *error)
{
	enum as_err err = log_flush(log, error);
	const bool is_guarded = ends_like_commit(log);
	const uint64_t end = log->offset + is_guarded;
	if (err != AS_OK || log->high == end)
		return err;
	if (is_guarded) {
		err = guard(log, log->offset, NULL, 0, error);
		if (err != AS_OK)
			return err;
	}
	err = io_truncate(log->permit, log->fd, end);
	if (err != AS_OK)
		return fail_segment(log, err, "cut", log->segment, error);
	log->high = end;
	return AS_OK;
}

/* ---- appending ---- */

/* Must the open segment be closed before an entry of @size bytes at @offset? @ends_like_commit: the
 * entry before it ends like a COMMIT; the segment then needs a DELETE first (see the header). */
static bool must_close(uint32_t limit, uint64_t offset, bool ends_like_commit, uint64_t size)
{
	/* Behind the entry a DELETE and a COMMIT must fit. */
	if (offset + size + SEGMENT_KEYED + SEGMENT_HEADER > LOG_LENGTH_MAX)
		return true;
	return offset > limit && !ends_like_commit;
}

/* The length of the open segment, which is closed. */
static uint64_t forecast_close(struct log_forecast *forecast)
{
	const uint64_t length = forecast->offset +
				(forecast->ends_like_commit ? SEGMENT_KEYED : 0);
	forecast->segment++;
	forecast->offset = 0;
	return length;
}

uint64_t log_forecast_append(struct log_forecast *forecast, uint64_t size, bool ends_like_commit)
{
	uint64_t closed = 0;
	if (forecast->offset > 0 && must_close(forecast->limit, forecast->offset,
					       forecast->ends_like_commit, size))
		closed = forecast_close(forecast);
	if (forecast->offset == 0)
		forecast->offset = SEGMENT_MAGIC_SIZE;
	forecast->offset += size;
	forecast->ends_like_commit = ends_like_commit;
	return closed;
}

uint64_t log_forecast_commit(struct log_forecast *forecast)
{
	const bool is_lone = forecast->dialect->has_lone_commits;
	const uint64_t closed = is_lone && forecast->offset > SEGMENT_MAGIC_SIZE
				? forecast_close(forecast) : 0;
	if (forecast->offset == 0)
		forecast->offset = SEGMENT_MAGIC_SIZE;
	forecast->offset += SEGMENT_HEADER;
	return closed;
}

bool log_ends_like_commit(const uint8_t *head, size_t head_size, const void *tail,
			  size_t tail_size)
{
	if (tail_size == 0)
		return memcmp(head + head_size - SEGMENT_HEADER, segment_commit,
			      SEGMENT_HEADER) == 0;
	const size_t in_tail = tail_size < SEGMENT_HEADER ? tail_size : SEGMENT_HEADER;
	const size_t in_head = SEGMENT_HEADER - in_tail;
	return memcmp(head + head_size - in_head, segment_commit, in_head) == 0 &&
	       memcmp((const uint8_t *)tail + tail_size - in_tail, segment_commit + in_head,
		      in_tail) == 0;
}

/* Append @head and @tail to the buffer, or straight to the file where they are too large for it. */
static enum as_err append(struct log *log, const uint8_t *head, size_t head_size, const void *tail,
			  size_t tail_size, struct as_error *error)
{
	const size_t size = head_size + tail_size;
	const uint64_t before = log->offset;
	const bool is_like = log_ends_like_commit(head, head_size, tail, tail_size);
	enum as_err err = AS_OK;
	if (size > BUFFER_SIZE - (size_t)(log->offset - log->flushed))
		err = log_flush(log, error);
	if (err != AS_OK)
		return err;
	log->offset += size;
	if (size <= BUFFER_SIZE) {
		uint8_t *at = log->buffer + (before - log->flushed);
		memcpy(at, head, head_size);
		if (tail_size > 0)
			memcpy(at + head_size, tail, tail_size);
	} else {
		if (is_like)
			err = guard(log, log->offset, NULL, 0, error);
		if (err == AS_OK)
			err = write_through(log, head, head_size, error);
		if (err == AS_OK)
			err = write_through(log, tail, tail_size, error);
	}
	if (err != AS_OK)
		log->flushed = log->offset = before;	/* what was written beyond is cut later */
	else if (is_like)
		log->like_commit = log->offset;
	return err;
}

static void encode_head(uint8_t head[SEGMENT_KEYED], uint8_t tag, const uint8_t key[KEY_SIZE],
			const void *value, size_t size)
{
	put_u32le(head + 4, (uint32_t)(SEGMENT_KEYED + size));
	head[8] = tag;
	memcpy(head + SEGMENT_HEADER, key, KEY_SIZE);
	uint32_t crc = crc32_update(0, head + 4, SEGMENT_KEYED - 4);
	if (size > 0)
		crc = crc32_update(crc, value, size);
	put_u32le(head, crc);
}

/* Sync the segment in the background and leave it. Where its last entry ends like a COMMIT, a
 * DELETE of a key that nothing has follows first. */
static enum as_err close_segment(struct log *log, struct as_error *error)
{
	uint8_t key[KEY_SIZE], head[SEGMENT_KEYED];
	enum as_err err;
	if (ends_like_commit(log)) {
		if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
			return as_fail(error, AS_ERR_IO, errno, "%s: no random key", log->path);
		key[KEY_SIZE - 1] = 0;		/* a COMMIT ends otherwise */
		encode_head(head, SEGMENT_DELETE, key, NULL, 0);
		err = append(log, head, sizeof(head), NULL, 0, error);
		if (err != AS_OK)
			return err;
	}
	err = complete_segment(log, error);
	if (err == AS_OK && log->unsynced_count == LOG_UNSYNCED_MAX)
		err = sync_closed(log, LOG_UNSYNCED_MAX / 2, error);
	if (err != AS_OK)
		return err;
	io_begin_sync(log->permit, log->fd);
	log->unsynced[log->unsynced_count++] = (struct log_unsynced){
		.segment = log->segment, .fd = log->fd, .length = log->offset,
	};
	log->fd = -1;
	log->segment++;
	return AS_OK;
}

/* Append an entry, to a new segment where none is open or the open one is full. */
static enum as_err append_entry(struct log *log, const uint8_t *head, size_t head_size,
				const void *tail, size_t tail_size, uint32_t *segment,
				uint32_t *offset, struct as_error *error)
{
	enum as_err err = AS_OK;
	if (log->dead)
		return as_fail(error, AS_ERR_DEAD, 0, "%s: %s", log->path,
			       as_err_text(AS_ERR_DEAD));
	if (log->fd >= 0 && must_close(log->limit, log->offset, ends_like_commit(log),
				       head_size + tail_size))
		err = close_segment(log, error);
	if (err == AS_OK && log->fd < 0)
		err = open_segment(log, error);
	if (err != AS_OK)
		return err;
	const uint64_t at = log->offset;
	err = append(log, head, head_size, tail, tail_size, error);
	if (err != AS_OK)
		return err;
	*segment = log->segment;
	*offset = (uint32_t)at;
	return AS_OK;
}

enum as_err log_put(struct log *log, const uint8_t key[KEY_SIZE], const void *value, size_t size,
		    uint32_t *segment, uint32_t *offset, struct as_error *error)
{
	uint8_t head[SEGMENT_KEYED];
	encode_head(head, SEGMENT_PUT, key, value, size);
	return append_entry(log, head, sizeof(head), value, size, segment, offset, error);
}

enum as_err log_delete(struct log *log, const uint8_t key[KEY_SIZE], uint32_t *segment,
		       uint32_t *offset, struct as_error *error)
{
	uint8_t head[SEGMENT_KEYED];
	encode_head(head, SEGMENT_DELETE, key, NULL, 0);
	return append_entry(log, head, sizeof(head), NULL, 0, segment, offset, error);
}

enum as_err log_copy(struct log *log, const uint8_t *entry, size_t size, uint32_t *segment,
		     uint32_t *offset, struct as_error *error)
{
	return append_entry(log, entry, SEGMENT_HEADER, entry + SEGMENT_HEADER,
			    size - SEGMENT_HEADER, segment, offset, error);
}

/* ---- taking back ---- */

struct log_mark log_mark(const struct log *log)
{
	return (struct log_mark){
		.segment = log->segment, .offset = log->offset, .like_commit = log->like_commit,
		.is_open = log->fd >= 0,
	};
}

static enum as_err remove_segment(const struct log *log, uint32_t number)
{
	char path[LISTING_PATH_MAX];
	log_segment_path(log->per_dir, number, path);
	return io_remove_file(log->permit, path);
}

/* Remove the open segment, so that its number is the next again. */
static enum as_err drop_open(struct log *log)
{
	io_close(io_of(log->permit), log->fd);
	log->fd = -1;
	const enum as_err err = remove_segment(log, log->segment);
	if (err != AS_OK)
		log->segment++;		/* it is still there, for log_discard to remove */
	return err;
}

/* Open the segment before the next one again. */
static enum as_err reopen_last(struct log *log)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	const struct io *io = io_of(log->permit);
	log->segment--;
	if (log->unsynced_count > 0) {
		const struct log_unsynced *last = &log->unsynced[--log->unsynced_count];
		log->fd = last->fd;
		log->offset = last->length;
	} else {
		log_segment_path(log->per_dir, log->segment, path);
		const enum as_err err = io_reopen_file(log->permit, path, &log->fd);
		if (err != AS_OK) {
			log->segment++;		/* as in drop_open */
			return err;
		}
		if (io->fstat(io, log->fd, &st) != 0)
			return AS_ERR_IO;
		log->offset = (uint64_t)st.st_size;
	}
	log->flushed = log->high = log->offset;
	return AS_OK;
}

void log_return(struct log *log, const struct log_mark *mark)
{
	enum as_err err = AS_OK;
	const bool was_closed = log->fd < 0;
	if (log->dead)
		return;
	while (err == AS_OK && log->segment > mark->segment) {
		if (log->fd >= 0)
			err = drop_open(log);
		if (err == AS_OK)
			err = reopen_last(log);
	}
	if (err == AS_OK && !mark->is_open && !(was_closed && log->fd < 0))
		err = drop_open(log);
	log->dead = err != AS_OK;
	if (log->dead || !mark->is_open)
		return;
	if (log->flushed > mark->offset)
		log->flushed = mark->offset;
	log->offset = mark->offset;
	log->like_commit = mark->like_commit;
}

/* The newest may hold a COMMIT whose fsync failed. It goes first and for good: without it the
 * others are uncommitted, with it and without them the transaction would look whole. */
enum as_err log_discard(struct log *log, struct as_error *error)
{
	char folder[LISTING_PATH_MAX];
	uint32_t end = log->segment + (log->fd >= 0);
	close_files(log);
	for (; end > log->first; end--) {
		enum as_err err = remove_segment(log, end - 1);
		if (err == AS_OK && log->commit_is_written) {
			folder_path((end - 1) / log->per_dir, folder);
			err = io_sync_folder(log->permit, folder);
		}
		if (err != AS_OK && err != AS_ERR_DOES_NOT_EXIST) {
			log->segment = end;	/* where the next try begins */
			log->dead = true;
			return fail_segment(log, err, "remove", end - 1, error);
		}
		log->commit_is_written = false;
	}
	log->segment = log->first;
	log->dead = false;
	return AS_OK;
}

/* ---- committing ---- */

/* Sync the names of all segments since the last commit, and of their folders. */
static enum as_err sync_names(struct log *log, struct as_error *error)
{
	char path[LISTING_PATH_MAX] = "data";
	enum as_err err = AS_OK;
	if (log->folders_unsynced)
		err = io_sync_folder(log->permit, path);
	const uint32_t last = log->segment / log->per_dir;
	for (uint32_t i = log->first / log->per_dir; err == AS_OK && i <= last; i++) {
		folder_path(i, path);
		err = io_sync_folder(log->permit, path);
	}
	if (err != AS_OK)
		return as_fail(error, err, errno, "%s/%s: cannot sync the folder", log->path, path);
	log->folders_unsynced = false;
	return AS_OK;
}

/* A segment whose name is gone is gone with its last descriptor: nothing may rest on it. */
static enum as_err check_name(const struct log *log, int fd, uint32_t number,
			      struct as_error *error)
{
	const struct io *io = io_of(log->permit);
	char path[LISTING_PATH_MAX];
	struct stat st;
	if (io->fstat(io, fd, &st) != 0)
		return fail_segment(log, AS_ERR_IO, "look at", number, error);
	log_segment_path(log->per_dir, number, path);
	return st.st_nlink > 0 ? AS_OK
			       : as_fail(error, AS_ERR_CHANGED, 0, "%s/%s: another process removed "
					 "it before it was committed", log->path, path);
}

/* Sync everything that the COMMIT commits, then write and sync the COMMIT. */
static enum as_err make_durable(struct log *log, struct as_error *error)
{
	enum as_err err = check_name(log, log->fd, log->segment, error);
	for (size_t i = 0; err == AS_OK && i < log->unsynced_count; i++)
		err = check_name(log, log->unsynced[i].fd, log->unsynced[i].segment, error);
	if (err != AS_OK)
		return err;
	err = sync_closed(log, log->unsynced_count, error);
	if (err != AS_OK)
		return err;
	err = sync_open(log, error);
	if (err != AS_OK)
		return err;
	err = sync_names(log, error);
	if (err != AS_OK)
		return err;
	log->commit_is_written = true;
	err = write_through(log, segment_commit, SEGMENT_HEADER, error);
	return err == AS_OK ? sync_open(log, error) : err;
}

enum as_err log_commit(struct log *log, uint32_t *transaction, struct as_error *error)
{
	enum as_err err = AS_OK;
	if (log->dead)
		return as_fail(error, AS_ERR_DEAD, 0, "%s: %s", log->path,
			       as_err_text(AS_ERR_DEAD));
	if (log->dialect->has_lone_commits && log->fd >= 0 && log->offset > SEGMENT_MAGIC_SIZE)
		err = close_segment(log, error);
	if (err == AS_OK && log->fd < 0)
		err = open_segment(log, error);
	if (err == AS_OK)
		err = complete_segment(log, error);
	if (err != AS_OK)
		return err;
	err = make_durable(log, error);
	if (err != AS_OK) {
		log->dead = true;
		return err;
	}
	close_files(log);
	log->commit_is_written = false;
	*transaction = log->segment++;
	log->first = log->segment;
	return AS_OK;
}

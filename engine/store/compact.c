#include "build-config.h"

#include "store/store_internal.h"

#include "base/array.h"
#include "check/replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An entry that was copied, to be entered into the index when its whole segment is. */
struct move {
	uint8_t key[KEY_SIZE];
	uint32_t segment, offset;
};

/* A segment that is to be emptied. */
struct candidate {
	uint32_t segment;
	bool is_listed;		/* in the hints, for compaction */
	/* what the index has in it: the number of keys, and the sum of their values */
	uint64_t count, key_sum;
};

struct compaction {
	struct as_store *store;
	struct as_report *report;
	struct segment_reader *reader;
	/* of the segment in work */
	struct move *moves;
	size_t move_count, move_capacity;
	uint32_t *delete_segments;	/* where DELETEs were carried to, each once */
	size_t delete_count, delete_capacity;
	uint64_t bytes;
	uint64_t dead_bytes;		/* of PUTs that are given up */
	bool has_deletes;
	bool cannot_write;		/* the error is not the segment's, but that of the copies */

	/* Candidates that stay, older than those that follow: the keys of their PUTs, and whether
	 * one of them may hold others that cannot be read now. */
	struct replay *kept_keys;
	bool any_kept, any_unknown;
	bool any_missing;		/* a segment that the hints count objects in */
	bool head_is_emptied;
	uint64_t count, key_sum;	/* of all that were emptied */
};

/* ---- which segments ---- */

/* Is the segment listed in the hints, or left with nothing live (a COMMIT alone, or the rest of an
 * interrupted compaction)? Where each COMMIT has a segment of its own those stay, and what is
 * listed and frees too little. */
static bool is_candidate(const struct as_store *store, const struct hints_segment *row)
{
	const struct dialect *dialect = store->repo->dialect;
	char path[LISTING_PATH_MAX];
	struct stat st;
	const bool is_left = row->live == 0 && row->segment < store->transaction;
	if (!dialect->has_lone_commits)
		return row->is_compact || is_left;
	store_segment_path(store, row->segment, path);
	return (row->is_compact || is_left) &&
	       store->io->fstatat(store->io, store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_size > (off_t)SEGMENT_LONE_COMMIT &&
	       (!row->is_compact || row->freeable >= st.st_size / 100 * dialect->compact_percent);
}

/* All candidates, ascending. The newest COMMIT alone stays where it is.
 * Copied, since the rows of the hints move while the log grows; none goes. */
static enum as_err list_candidates(const struct as_store *store, struct candidate **rows,
				   size_t *count)
{
	struct index_bucket bucket;
	*count = 0;
	*rows = calloc(store->hints.count + 1, sizeof(**rows));
	if (!*rows)
		return AS_ERR_MEMORY;
	for (size_t i = 0; i < store->hints.count; i++) {
		const struct hints_segment *row = &store->hints.rows[i];
		if (is_candidate(store, row) && !store_is_emptied(store, row->segment))
			(*rows)[(*count)++] = (struct candidate){
				.segment = row->segment, .is_listed = row->is_compact,
			};
	}
	for (uint32_t from = 0; *count > 0 && index_table_next(store->table, from, &bucket);
	     from = bucket.number + 1) {
		struct candidate *row = array_find(*rows, *count, sizeof(**rows), &bucket.segment,
						   array_compare_u32);
		if (!row)
			continue;
		row->count++;
		row->key_sum += key_value(bucket.key);
	}
	return AS_OK;
}

/* ---- copying ---- */

/* Add where @entry was copied to, for enter_moves. */
static enum as_err add_copy(struct compaction *c, const struct segment_entry *entry,
			    uint32_t segment, uint32_t offset)
{
	if (entry->tag == SEGMENT_PUT) {
		if (!ARRAY_RESERVE(c->moves, c->move_count, c->move_capacity))
			return AS_ERR_MEMORY;
		struct move *move = &c->moves[c->move_count++];
		memcpy(move->key, entry->key, KEY_SIZE);
		move->segment = segment;
		move->offset = offset;
	} else if (c->delete_count == 0 || c->delete_segments[c->delete_count - 1] != segment) {
		if (!ARRAY_RESERVE(c->delete_segments, c->delete_count, c->delete_capacity))
			return AS_ERR_MEMORY;
		c->delete_segments[c->delete_count++] = segment;
	}
	return hints_add(&c->store->hints, segment) ? AS_OK : AS_ERR_MEMORY;
}

static enum as_err copy_bytes(struct compaction *c, uint32_t number,
			      const struct segment_entry *entry, uint32_t *segment,
			      uint32_t *offset, struct as_error *error)
{
	const uint8_t *bytes;
	enum as_err err = segment_bytes(c->reader, entry, &bytes);
	if (err == AS_ERR_MEMORY)
		return store_fail(c->store, err, error);
	if (err != AS_OK) {
		struct segment_entry damaged = *entry;
		damaged.cause = err == AS_ERR_IO ? SEGMENT_UNREADABLE : SEGMENT_CRC_MISMATCH;
		return store_fail_damage(c->store, number, &damaged, error);
	}
	err = log_copy(&c->store->log, bytes, entry->size, segment, offset, error);
	c->cannot_write = err != AS_OK;
	return err;
}

/* A PUT that the index does not lead to is given up only when the newer one that it leads to is
 * whole. What this store wrote itself is. */
static enum as_err check_newer(const struct compaction *c, uint32_t number,
			       const struct index_bucket *newer, struct as_error *error)
{
	struct as_store *store = c->store;
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	uint64_t length;
	int fd;
	if (newer->segment >= store->written_from)
		return AS_OK;
	store_segment_path(store, newer->segment, path);
	enum as_err err = fd_cache_get(&store->fds, store->fd, path, newer->segment, &fd, &length);
	if (err == AS_OK)
		err = segment_read_entry_at(store->io, fd, length, newer->offset, &entry, NULL);
	if (err == AS_OK && entry.tag == SEGMENT_PUT &&
	    memcmp(entry.key, newer->key, KEY_SIZE) == 0)
		return AS_OK;
	if (err == AS_ERR_MEMORY)
		return store_fail(store, err, error);
	return as_fail(error, AS_ERR_INTEGRITY, 0, "%s: segment %" PRIu32 " holds an older version "
		       "of an object whose newest, at %" PRIu32 ":%" PRIu32 ", is damaged or "
		       "missing", store->repo->path, number, newer->segment, newer->offset);
}

/* Is @entry to be copied? Where segments are missing the files may be of several times: what the
 * index does not know in a segment that the hints do not know is then kept. */
static enum as_err choose(const struct compaction *c, const struct candidate *candidate,
			  const struct segment_entry *entry, bool *is_chosen,
			  struct as_error *error)
{
	struct as_store *store = c->store;
	const uint32_t number = candidate->segment;
	struct index_bucket place;
	struct replay_event event;
	/* A DELETE is needed as long as an older segment can bring its key back, and no newer PUT
	 * speaks for the key itself. Only candidates hold superseded entries. */
	*is_chosen = entry->tag == SEGMENT_DELETE && c->any_kept &&
		     !index_table_get(store->table, entry->key, &place.segment, &place.offset) &&
		     (c->any_unknown || replay_find(c->kept_keys, entry->key, &event));
	if (entry->tag != SEGMENT_PUT)
		return AS_OK;
	if (!index_table_get(store->table, entry->key, &place.segment, &place.offset))
		return candidate->is_listed || !c->any_missing ? AS_OK :
			as_fail(error, AS_ERR_INTEGRITY, 0, "%s: neither hints nor index know what "
				"segment %" PRIu32 " holds, and other segments are missing",
				store->repo->path, number);
	*is_chosen = place.segment == number && place.offset == entry->offset;
	memcpy(place.key, entry->key, KEY_SIZE);
	return *is_chosen ? AS_OK : check_newer(c, number, &place, error);
}

static enum as_err copy_entries(struct compaction *c, const struct candidate *candidate,
				struct as_error *error)
{
	const uint32_t number = candidate->segment;
	struct segment_entry entry;
	uint32_t segment, offset;
	bool is_chosen;
	enum as_err err;
	while ((err = segment_next(c->reader, &entry)) == AS_OK) {
		if (entry.tag == SEGMENT_DAMAGED)
			return store_fail_damage(c->store, number, &entry, error);
		c->has_deletes = c->has_deletes || entry.tag == SEGMENT_DELETE;
		err = choose(c, candidate, &entry, &is_chosen, error);
		if (err == AS_OK && is_chosen)
			err = copy_bytes(c, number, &entry, &segment, &offset, error);
		if (err != AS_OK)
			return err;
		if (!is_chosen) {
			c->dead_bytes += entry.tag == SEGMENT_PUT ? entry.size : 0;
			continue;
		}
		c->bytes += entry.size;
		err = add_copy(c, &entry, segment, offset);
		if (err != AS_OK)
			break;
	}
	return err == AS_END ? AS_OK : store_fail(c->store, err, error);
}

/* Is everything copied that the index has in the segment? If not, its places there hold something
 * else, and nothing may be removed. */
static enum as_err check_count(const struct compaction *c, const struct candidate *candidate,
			       struct as_error *error)
{
	const uint32_t number = candidate->segment;
	const uint64_t live = (uint64_t)hints_find(&c->store->hints, number)->live;
	char path[LISTING_PATH_MAX];
	if (live == c->move_count && live == candidate->count)
		return AS_OK;
	store_segment_path(c->store, number, path);
	return as_fail(error, AS_ERR_INTEGRITY, 0,
		       "%s/%s: segment %" PRIu32 " should hold %" PRIu64
		       " live objects, and holds %zu", c->store->repo->path, path, number, live,
		       c->move_count);
}

static enum as_err add_emptied(struct as_store *store, uint32_t number, bool has_deletes,
			       uint64_t size)
{
	if (!ARRAY_RESERVE(store->emptied, store->emptied_count, store->emptied_capacity))
		return AS_ERR_MEMORY;
	store->emptied[store->emptied_count++] = (struct emptied){
		.segment = number, .has_deletes = has_deletes, .size = size,
	};
	return AS_OK;
}

/* Everything was copied: let index and hints say so. The hints keep a row of 0 until the segment is
 * gone: it is known, and nothing compacts it. */
static void enter_moves(struct compaction *c, const struct candidate *candidate)
{
	struct as_store *store = c->store;
	const uint32_t number = candidate->segment;
	for (size_t i = 0; i < c->move_count; i++) {
		const struct move *move = &c->moves[i];
		index_table_put(store->table, move->key, move->segment, move->offset);
		hints_find(&store->hints, move->segment)->live++;
	}
	for (size_t i = 0; i < c->delete_count; i++)
		store_count_delete(store, c->delete_segments[i]);
	store->hints.quota_use -= (int64_t)c->dead_bytes;
	struct hints_segment *row = hints_find(&store->hints, number);
	row->live = 0;
	row->is_compact = false;
	row->freeable = 0;
	c->count += candidate->count;
	c->key_sum += candidate->key_sum;
	c->report->entries_copied += c->move_count;
	c->report->bytes_copied += c->bytes;
	c->head_is_emptied = c->head_is_emptied || number == store->transaction;
}

/* Copy what is live in one segment. AS_OK: it is emptied; AS_END: it may stay as it is. After an
 * error nothing of it was copied. */
static enum as_err empty_segment(struct compaction *c, const struct candidate *candidate,
				 struct as_error *error)
{
	struct as_store *store = c->store;
	const uint32_t number = candidate->segment;
	const struct log_mark mark = log_mark(&store->log);
	const uint64_t overhead = SEGMENT_MAGIC_SIZE + SEGMENT_HEADER;
	c->move_count = c->delete_count = 0;
	c->bytes = c->dead_bytes = 0;
	c->has_deletes = false;
	enum as_err err = store_open_segment(store, c->reader, number, error);
	if (err != AS_OK)
		return err;
	err = copy_entries(c, candidate, error);
	if (err == AS_OK)
		err = check_count(c, candidate, error);
	/* Carrying every DELETE of a segment with nothing live into a new one would free nothing,
	 * again at each commit. */
	if (err == AS_OK && c->move_count == 0 && c->bytes > 0 &&
	    segment_length(c->reader) <= c->bytes + overhead)
		err = AS_END;
	if (err == AS_OK && add_emptied(store, number, c->has_deletes,
					segment_length(c->reader)) != AS_OK)
		err = store_fail(store, AS_ERR_MEMORY, error);
	if (err == AS_OK)
		enter_moves(c, candidate);
	else
		log_return(&store->log, &mark);
	return err;
}

/* ---- the whole ---- */

/* The keys that a segment which stays can bring back: those of its whole PUTs, and those of damaged
 * ones too, since damage can pass (a cable, a failing disk). Where more than the one entry may be
 * hidden, or its key is not there to be read, any key can come back. */
static enum as_err keep_keys(struct compaction *c, uint32_t number)
{
	struct segment_entry entry;
	enum as_err err = store_open_segment(c->store, c->reader, number, NULL);
	if (err != AS_OK) {
		c->any_unknown = c->any_unknown || err != AS_ERR_DOES_NOT_EXIST;
		return err == AS_ERR_MEMORY ? err : AS_OK;
	}
	while ((err = segment_next(c->reader, &entry)) == AS_OK) {
		const struct replay_event event = { .segment = number, .is_put = true };
		const bool is_damaged = entry.tag == SEGMENT_DAMAGED;
		const bool is_one = entry.has_key && entry.raw_size == entry.size;
		if (is_damaged && !is_one)
			c->any_unknown = true;
		if (entry.tag == SEGMENT_PUT || (is_damaged && is_one))
			err = replay_add(c->kept_keys, entry.key, &event);
		if (err != AS_OK)
			return err;
	}
	return err == AS_END ? AS_OK : err;
}

static enum as_err empty_all(struct compaction *c, const struct candidate *candidates,
			     size_t count, struct as_error *error)
{
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < count; i++) {
		const uint32_t number = candidates[i].segment;
		struct as_error why = { .code = AS_OK };
		err = store_poll(c->store, &why);
		if (err == AS_OK)
			err = empty_segment(c, &candidates[i], &why);
		struct hints_segment *row = hints_find(&c->store->hints, number);
		/* An error that concerns this segment alone leaves the others to be compacted. */
		const bool is_its_own = !c->cannot_write &&
			(err == AS_ERR_INTEGRITY || err == AS_ERR_DENIED ||
			 err == AS_ERR_NOT_REGULAR || err == AS_ERR_IO ||
			 err == AS_ERR_DOES_NOT_EXIST);
		if (err == AS_ERR_DOES_NOT_EXIST && row->live == 0) {
			/* A row without a file and without anything live means nothing. */
			row->is_compact = false;
			err = add_emptied(c->store, number, false, 0);
		} else if (err == AS_END) {
			err = AS_OK;	/* it holds DELETEs alone, all of them needed */
		} else if (is_its_own && c->store->log.dead) {
			err = as_fail(error, AS_ERR_IO, 0, "%s: cannot take back what was copied "
				      "of a segment", c->store->repo->path);
		} else if (is_its_own) {
			c->any_kept = true;
			if (c->report->segments_skipped++ == 0)
				c->report->skipped = why;
			err = keep_keys(c, number);
			if (err != AS_OK)
				store_fail(c->store, err, error);
		} else if (err != AS_OK && error) {
			*error = why;
		}
	}
	return err;
}

/* Count what the index has in segment @number, and that is whole there. Behind the last entry of
 * the open segment a byte may lie that the next one overwrites (see repo/log.h). */
static enum as_err count_copies(const struct compaction *c, uint32_t number, uint64_t *count,
				uint64_t *key_sum, struct as_error *error)
{
	const struct log *log = &c->store->log;
	const uint64_t end = number == log->segment ? log->offset : UINT64_MAX;
	struct segment_entry entry;
	uint32_t segment, offset;
	enum as_err err = store_open_segment(c->store, c->reader, number, error);
	if (err != AS_OK)
		return err;
	while ((err = segment_next(c->reader, &entry)) == AS_OK && entry.offset < end) {
		if (entry.tag == SEGMENT_DAMAGED)
			return store_fail_damage(c->store, number, &entry, error);
		if (entry.tag != SEGMENT_PUT ||
		    !index_table_get(c->store->table, entry.key, &segment, &offset) ||
		    segment != number || offset != entry.offset)
			continue;
		++*count;
		*key_sum += key_value(entry.key);
	}
	return err == AS_OK || err == AS_END ? AS_OK : store_fail(c->store, err, error);
}

/* Make what was copied a transaction of its own. First everything is read back: the keys must be
 * those that the index had in the emptied segments. As long as that is not known nothing may be
 * committed or removed. A segment with a COMMIT must be left. */
static enum as_err commit_copies(struct compaction *c, struct as_error *error)
{
	struct as_store *store = c->store;
	struct log *log = &store->log;
	uint64_t count = 0, key_sum = 0;
	uint32_t transaction;
	enum as_err err = log_flush(log, error);
	for (uint32_t i = log->first; err == AS_OK && i <= log->segment; i++)
		if (i < log->segment || log->fd >= 0)
			err = count_copies(c, i, &count, &key_sum, error);
	if (err == AS_OK && (count != c->count || key_sum != c->key_sum))
		err = as_fail(error, AS_ERR_INTEGRITY, 0, "%s: compaction copied %" PRIu64
			      " objects, and not the %" PRIu64 " that are to be copied: it was "
			      "given up", store->repo->path, count, c->count);
	if (err != AS_OK || (log_is_empty(log) && !c->head_is_emptied))
		return err;
	err = log_commit(log, &transaction, error);
	if (err != AS_OK)
		return err;
	hints_add(&store->hints, transaction);
	store->transaction = c->report->transaction = transaction;
	store->listing_is_old = c->report->committed = true;
	return AS_OK;
}

/* The copies cannot be committed, and the index in memory speaks of them already: take the one on
 * the disk, or rebuild it. Where that fails needs_recover is set. Copies that cannot be removed
 * either occupy the number of the next segment: the log is kept, for as_rollback to try again. */
static void give_up(struct as_store *store)
{
	const struct log none = { .fd = -1 };
	struct log log = none;
	store->dead = log_discard(&store->log, NULL) != AS_OK;
	if (store->dead) {
		log = store->log;
		store->log = none;
	}
	store_unload(store);
	store->index_is_behind = false;
	if (store_find_index(store) == AS_OK && store->needs_recover)
		store_recover(store, false, NULL);
	if (store->dead)
		store->log = log;
}

static enum as_err run(struct compaction *c, struct as_error *error)
{
	struct as_store *store = c->store;
	struct candidate *candidates;
	size_t count;
	if (list_candidates(store, &candidates, &count) != AS_OK)
		return store_fail(store, AS_ERR_MEMORY, error);
	/* Segments that stay because they free too little may hold any superseded entry. */
	c->any_kept = c->any_unknown = store->repo->dialect->has_lone_commits;
	/* Is a segment missing that holds objects by the hints? */
	const struct hints_segment *absent =
		store_find_absent(&store->repo->listing, &store->hints, true);
	c->any_missing = absent && absent->segment < store->written_from;
	const size_t before = store->emptied_count;
	/* When it stops in the middle, what was copied so far is worth committing all the same: on
	 * a full disk that is what makes room. */
	const enum as_err stopped = empty_all(c, candidates, count, error);
	free(candidates);
	if (store->emptied_count == before && !store->log.dead)
		return stopped;
	store->index_is_behind = true;
	enum as_err err = store->log.dead ? AS_ERR_DEAD
					  : commit_copies(c, stopped == AS_OK ? error : NULL);
	if (err != AS_OK) {
		give_up(store);
		return stopped == AS_OK ? err : stopped;
	}
	array_sort(store->emptied, store->emptied_count, sizeof(*store->emptied),
		   array_compare_u32);
	return stopped;
}

enum as_err store_compact(struct as_store *store, struct as_report *report, struct as_error *error)
{
	struct compaction compaction = {
		.store = store, .report = report,
		.reader = segment_reader_new(store->io, store->repo->dialect),
		.kept_keys = replay_new(),
	};
	enum as_err err = AS_ERR_MEMORY;
	if (compaction.reader && compaction.kept_keys)
		err = run(&compaction, error);
	else
		store_fail(store, err, error);
	segment_reader_free(compaction.reader);
	replay_free(compaction.kept_keys);
	free(compaction.moves);
	free(compaction.delete_segments);
	return err;
}

#include "build-config.h"

#include "check/history.h"

#include "base/array.h"
#include "base/parallel.h"
#include "repo/object.h"
#include "repo/probe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes between two looks at the cancel flag. */
#define REPORT_BYTES (1u << 20)

struct search {
	const struct repo *repo;
	const struct key_prefix *prefix;
	struct verify_progress *progress;
	struct history *history;
	pthread_mutex_t mutex;		/* history and has_key */
	bool has_key;			/* history->key is that of a whole entry, or of the index */
	_Atomic size_t next;		/* position of the next segment */
	size_t capacity;		/* of the rows of the history */
	_Atomic int failure;		/* enum as_err */
};

static bool should_stop(const struct search *search)
{
	return atomic_load(&search->progress->cancel) || atomic_load(&search->failure) != AS_OK;
}

/* A whole entry says which key it is about, and all must be about one. */
static enum as_err set_key(struct search *search, const uint8_t key[KEY_SIZE])
{
	if (search->has_key && memcmp(search->history->key, key, KEY_SIZE) != 0)
		return AS_ERR_AMBIGUOUS;
	search->has_key = true;
	memcpy(search->history->key, key, KEY_SIZE);
	return AS_OK;
}

static enum as_err add_entry(struct search *search, uint32_t segment,
			     const struct segment_entry *e)
{
	struct history *history = search->history;
	if (!e->has_key || !key_prefix_matches(search->prefix, e->key))
		return AS_OK;
	pthread_mutex_lock(&search->mutex);
	enum as_err err = e->tag == SEGMENT_DAMAGED ? AS_OK : set_key(search, e->key);
	if (err == AS_OK && history->count >= HISTORY_MAX)
		history->truncated = true;
	else if (err == AS_OK && !ARRAY_RESERVE(history->rows, history->count, search->capacity))
		err = AS_ERR_MEMORY;
	else if (err == AS_OK)
		history->rows[history->count++] = (struct history_row){
			.segment = segment, .entry = *e,
		};
	pthread_mutex_unlock(&search->mutex);
	return err;
}

static void report(struct search *search, uint64_t *reported, uint64_t position)
{
	atomic_fetch_add_explicit(&search->progress->bytes_done, position - *reported,
				  memory_order_relaxed);
	*reported = position;
}

static enum as_err search_segment(struct search *search, struct segment_reader *reader,
				  size_t position)
{
	char path[LISTING_PATH_MAX];
	struct segment_entry entry;
	struct repo_witness witness = { .repo = search->repo };
	const uint32_t number = search->repo->listing.segments[position].number;
	uint64_t reported = 0;
	listing_path(&search->repo->listing, position, path);
	enum as_err err = segment_open(reader, search->repo->fd, path, number, repo_give_witnesses,
				       &witness);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;	/* verify reports it */
	atomic_fetch_add(&search->progress->bytes_total, segment_length(reader));
	while (err == AS_OK && (err = segment_next(reader, &entry)) == AS_OK) {
		err = add_entry(search, number, &entry);
		if (entry.offset + entry.size - reported < REPORT_BYTES)
			continue;
		report(search, &reported, entry.offset + entry.size);
		if (err == AS_OK && should_stop(search))
			err = AS_ERR_CANCELLED;
	}
	report(search, &reported, segment_length(reader));
	atomic_fetch_add(&search->progress->segments_done, 1);
	free(witness.rows);
	return err == AS_END ? AS_OK : err;
}

static void worker(void *context)
{
	struct search *search = context;
	struct segment_reader *reader = segment_reader_new(search->repo->io, search->repo->dialect);
	enum as_err err = reader ? AS_OK : AS_ERR_MEMORY;
	if (reader)
		segment_reader_watch(reader, &search->progress->cancel);
	while (err == AS_OK && !should_stop(search)) {
		const size_t position = atomic_fetch_add(&search->next, 1);
		if (position >= search->repo->listing.count)
			break;
		err = search_segment(search, reader, position);
	}
	segment_reader_free(reader);
	int none = AS_OK;
	if (err != AS_OK)
		atomic_compare_exchange_strong(&search->failure, &none, (int)err);
}

static int by_place(const void *a, const void *b)
{
	const struct history_row *x = a, *y = b;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return x->entry.offset < y->entry.offset ? -1 : x->entry.offset > y->entry.offset;
}

/* By the key's own events: the newest in the log decides. A PUT is deleted rather than superseded
 * when that is a DELETE. */
static void set_status(const struct repo *repo, struct history *history)
{
	enum entry_status of_put = STATUS_LIVE;
	for (size_t i = history->count; i-- > 0;) {
		struct history_row *row = &history->rows[i];
		row->index_points_here = history->has_index_place &&
					 history->index_place.segment == row->segment &&
					 history->index_place.offset == row->entry.offset;
		if (row->entry.tag == SEGMENT_DAMAGED) {
			row->status = STATUS_DAMAGED;
			continue;
		}
		if (!repo_is_committed(repo, row->segment)) {
			row->status = STATUS_UNCOMMITTED;
			continue;
		}
		const bool is_delete = row->entry.tag == SEGMENT_DELETE;
		row->status = is_delete ? STATUS_TOMBSTONE : of_put;
		if (of_put == STATUS_LIVE)
			of_put = is_delete ? STATUS_DELETED : STATUS_SUPERSEDED;
	}
}

/* The index's word on the prefix. One that is not of this log says nothing of what a prefix is the
 * beginning of. */
static enum as_err find_in_index(struct search *search, struct as_error *error)
{
	struct history *history = search->history;
	history->index_is_of_log = probe_repo(search->repo);
	if (!history->index_is_of_log)
		return AS_OK;
	const enum as_err err =
		object_find(search->repo, search->prefix, &history->index_place, error);
	if (err == AS_ERR_AMBIGUOUS)
		return err;
	history->has_index_place = err == AS_OK;
	return err == AS_OK ? set_key(search, history->index_place.key) : AS_OK;
}

/* No entry is left of the key. An index that a short look doubts may know it all the same; whether
 * that means anything, verifying tells. */
static enum as_err find_in_doubted_index(struct search *search)
{
	const struct repo *repo = search->repo;
	struct index_bucket bucket;
	if (search->history->index_is_of_log || repo->index.fd < 0 ||
	    search->prefix->nibbles < 2 * KEY_SIZE ||
	    index_lookup(&repo->index, search->prefix->bytes, &bucket) != AS_OK)
		return AS_ERR_OBJECT_NOT_FOUND;
	return set_key(search, bucket.key);
}

enum as_err history_run(const struct repo *repo, const struct key_prefix *prefix, unsigned threads,
			struct verify_progress *progress, struct history **out,
			struct as_error *error)
{
	struct history *history = calloc(1, sizeof(*history));
	struct search search = {
		.repo = repo, .prefix = prefix, .progress = progress, .history = history,
	};
	*out = NULL;
	if (!history)
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", repo->path);
	enum as_err err = find_in_index(&search, error);
	if (err == AS_OK) {
		pthread_mutex_init(&search.mutex, NULL);
		parallel_run(parallel_threads(threads), worker, &search);
		pthread_mutex_destroy(&search.mutex);
		err = (enum as_err)atomic_load(&search.failure);
	}
	if (err == AS_OK && atomic_load(&progress->cancel))
		err = AS_ERR_CANCELLED;
	const bool has_whole = search.has_key;
	/* Only damaged entries name the key: enough when all name the same. */
	for (size_t i = 0; err == AS_OK && !has_whole && i < history->count; i++)
		err = set_key(&search, history->rows[i].entry.key);
	if (err == AS_OK && !search.has_key)
		err = find_in_doubted_index(&search);
	if (err != AS_OK) {
		history_free(history);
		return as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
	}
	/* Drop damaged rows whose bytes in the key's place fit the prefix, but not the key that it
	 * turned out to stand for. */
	size_t kept = 0;
	for (size_t i = 0; i < history->count; i++)
		if (memcmp(history->rows[i].entry.key, history->key, KEY_SIZE) == 0)
			history->rows[kept++] = history->rows[i];
	history->count = kept;
	/* Where an index that is not of this log maps the key that was found, all the same. */
	if (!history->index_is_of_log && repo->index.fd >= 0)
		history->has_index_place = index_lookup(&repo->index, history->key,
							&history->index_place) == AS_OK;
	array_sort(history->rows, history->count, sizeof(*history->rows), by_place);
	set_status(repo, history);
	*out = history;
	return AS_OK;
}

bool history_is_disputed(const struct history *history)
{
	const struct history_row *live = NULL;
	for (size_t i = 0; i < history->count; i++) {
		if (history->rows[i].status == STATUS_DAMAGED)
			return true;
		if (history->rows[i].status == STATUS_LIVE)
			live = &history->rows[i];
	}
	return !history->index_is_of_log || (live != NULL) != history->has_index_place ||
	       (live && !live->index_points_here);
}

void history_update(struct history *history, const struct verify *verify)
{
	for (size_t i = 0; i < history->count; i++) {
		struct history_row *row = &history->rows[i];
		bool known;
		row->status = entry_status(verify->repo, verify, row->segment, &row->entry, &known);
	}
}

static bool is_among(const struct findings *findings, enum problem problem,
		     const uint8_t key[KEY_SIZE])
{
	for (size_t i = 0; findings->total[problem] > 0 && i < findings->count; i++)
		if (findings->rows[i].problem == problem && findings->rows[i].has_key &&
		    memcmp(findings->rows[i].key, key, KEY_SIZE) == 0)
			return true;
	return false;
}

void history_doubt(const struct verify *verify, const uint8_t key[KEY_SIZE],
		   char out[HISTORY_DOUBT_SIZE])
{
	const struct verify_gone *gone = verify_find_gone(verify, key);
	out[0] = '\0';
	if (gone && gone->has_older)
		snprintf(out, HISTORY_DOUBT_SIZE, "older version: the newest, at %" PRIu32 ":%"
			 PRIu32 ", is gone; %" PRIu32 ":%" PRIu32 " is whole", gone->segment,
			 gone->offset,
			 gone->older.segment, gone->older.offset);
	else if (gone && gone->is_unreadable)
		snprintf(out, HISTORY_DOUBT_SIZE, "unreadable: it lies at %" PRIu32 ":%" PRIu32
			 ", where nothing can be read now", gone->segment, gone->offset);
	else if (gone)
		snprintf(out, HISTORY_DOUBT_SIZE, "lost: no whole entry is left; it should lie at %"
			 PRIu32 ":%" PRIu32, gone->segment, gone->offset);
	else if (is_among(&verify->findings, PROBLEM_OBJECT_POSSIBLY_DELETED, key))
		snprintf(out, HISTORY_DOUBT_SIZE,
			 "possibly deleted: nobody can tell, so it is kept");
	else if (is_among(&verify->findings, PROBLEM_DELETE_MOVED, key))
		snprintf(out, HISTORY_DOUBT_SIZE,
			 "an object: the DELETE after it is of an older version");
}

void history_free(struct history *history)
{
	if (!history)
		return;
	free(history->rows);
	free(history);
}

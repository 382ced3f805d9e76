#include "build-config.h"

#include "base/array.h"
#include "base/parallel.h"
#include "check/check_internal.h"

#include <stdlib.h>
#include <string.h>

enum as_err verify_add_gone(struct verify *verify, size_t *capacity, const uint8_t key[KEY_SIZE],
			    uint32_t segment, uint32_t offset, const struct replay_event *older)
{
	if (!array_reserve(&verify->gone, verify->gone_count, capacity, sizeof(*verify->gone)))
		return AS_ERR_MEMORY;
	struct verify_gone *gone = &verify->gone[verify->gone_count++];
	*gone = (struct verify_gone){
		.segment = segment, .offset = offset, .older_copy = UINT32_MAX,
	};
	memcpy(gone->key, key, KEY_SIZE);
	if (older) {
		gone->has_older = true;
		gone->older = *older;
	}
	return AS_OK;
}

const struct verify_gone *verify_find_gone(const struct verify *verify,
					   const uint8_t key[KEY_SIZE])
{
	return array_find(verify->gone, verify->gone_count, sizeof(*verify->gone), key,
			  array_compare_key);
}

/* Each key once; where several places claim one, the last of them. */
static void sort_gone(struct verify *verify)
{
	size_t kept = 0;
	array_sort(verify->gone, verify->gone_count, sizeof(*verify->gone), array_compare_key);
	for (size_t i = 0; i < verify->gone_count; i++) {
		const struct verify_gone *row = &verify->gone[i];
		if (kept == 0 || array_compare_key(&verify->gone[kept - 1], row) != 0)
			verify->gone[kept++] = *row;
		else if (replay_time(row->segment, row->offset) >
			 replay_time(verify->gone[kept - 1].segment, verify->gone[kept - 1].offset))
			verify->gone[kept - 1] = *row;
	}
	verify->gone_count = kept;
}

/* ---- whole versions, wherever they are ---- */

/* A DELETE hides one: an overwrite is DELETE, then PUT. One lies inside a damaged entry, in a file
 * that takes no part in the log, or in one of another name. */
struct search {
	struct verify_run *run;
	struct verify *verify;
	_Atomic size_t next;		/* files of the listing, then the copies */
};

/* Which of several versions counts: what the log holds goes before what lies beside it. */
enum rank { RANK_LOG, RANK_BESIDE, RANK_UNCOMMITTED };

/* What one thread reads. */
struct reading {
	struct search *search;
	struct segment_reader *reader;
	uint32_t number;		/* of the segment */
	/* position in verify->copies of the file, where it is not read as the segment */
	uint32_t copy;
	enum segment_role role;		/* ROLE_LOG where the file has no segment's name */
	enum rank rank;
	bool is_ours;			/* it has an object that the index knows */
};
#define NO_COPY UINT32_MAX

static enum rank rank_of(const struct verify_gone *gone)
{
	if (gone->older_is_uncommitted)
		return RANK_UNCOMMITTED;
	return gone->older_copy == NO_COPY ? RANK_LOG : RANK_BESIDE;
}

static enum as_err use_version(void *context, const struct segment_entry *e)
{
	struct reading *reading = context;
	struct verify *verify = reading->search->verify;
	const struct verify_gone *found =
		e->tag == SEGMENT_PUT ? verify_find_gone(verify, e->key) : NULL;
	const struct replay_event event = {
		.segment = reading->number, .offset = (uint32_t)e->offset,
		.size = (uint32_t)e->size, .is_put = true,
	};
	struct index_bucket bucket;
	reading->is_ours = reading->is_ours ||
			   (e->tag == SEGMENT_PUT && !key_is_manifest(e->key) &&
			    verify_find_mapping(reading->search->run, e->key, &bucket));
	/* Every repository has a manifest: in a file of elsewhere it is not ours. Clients write it
	 * behind the other objects. */
	if (!found || e->offset > UINT32_MAX ||
	    (reading->role == ROLE_FOREIGN && !reading->is_ours && key_is_manifest(e->key)))
		return AS_OK;
	struct verify_gone *gone = &verify->gone[found - verify->gone];
	pthread_mutex_lock(&verify->mutex);
	const bool is_first = !gone->has_older || rank_of(gone) > reading->rank;
	const bool is_newer = replay_time(event.segment, event.offset) >
			      replay_time(gone->older.segment, gone->older.offset);
	if (is_first || (is_newer && rank_of(gone) == reading->rank)) {
		gone->has_older = true;
		gone->older_is_uncommitted = reading->rank == RANK_UNCOMMITTED;
		gone->older = event;
		gone->older_copy = reading->copy;
		gone->older_at = event.offset;
	}
	pthread_mutex_unlock(&verify->mutex);
	return AS_OK;
}

static enum as_err read_file(struct reading *reading, const char *path)
{
	const struct repo *repo = reading->search->run->repo;
	struct segment_reader *reader = reading->reader;
	struct segment_entry entry;
	enum as_err err = segment_open(reader, repo->fd, path, reading->number, NULL, NULL);
	reading->is_ours = false;
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;
	while ((err = segment_next(reader, &entry)) == AS_OK) {
		/* A stray file without magic is no segment; one in a segment's place has lost
		 * it, and so has one with what a credible index misses. */
		if (reading->copy != NO_COPY && reading->role == ROLE_LOG &&
		    entry.cause == SEGMENT_BAD_MAGIC &&
		    reading->search->verify->index_credit != CREDIT_CREDIBLE)
			return AS_OK;
		err = entry.tag != SEGMENT_DAMAGED
			? use_version(reading, &entry)
			: segment_suspects(reader, entry.offset, entry.size, use_version, reading);
		if (err != AS_OK)
			return err;
		if (verify_should_stop(reading->search->run))
			return AS_ERR_CANCELLED;
	}
	return err == AS_END ? AS_OK : err;
}

static enum segment_role role_of(const struct verify *verify, const struct verify_copy *copy)
{
	char path[LISTING_PATH_MAX];
	const size_t position = listing_find(&verify->repo->listing, copy->number);
	if (position == LISTING_NONE)
		return ROLE_LOG;
	listing_path(&verify->repo->listing, position, path);
	return strcmp(path, copy->path) == 0 ? verify->facts[position].role : ROLE_LOG;
}

static enum as_err read_next(struct reading *reading, size_t i)
{
	const struct verify *verify = reading->search->verify;
	const size_t count = verify->repo->listing.count;
	char path[LISTING_PATH_MAX];
	if (i >= count) {
		reading->copy = (uint32_t)(i - count);
		reading->rank = RANK_BESIDE;
		reading->number = verify->copies[i - count].number;
		reading->role = role_of(verify, &verify->copies[i - count]);
		return read_file(reading, verify->copies[i - count].path);
	}
	const struct segment_facts *facts = &verify->facts[i];
	reading->copy = NO_COPY;
	reading->rank = facts->is_committed ? RANK_LOG : RANK_UNCOMMITTED;
	reading->role = facts->role;
	reading->number = facts->number;
	/* Leave out the segments of the log that the verdicts have looked at. */
	if (facts->is_unopened || facts->role != ROLE_LOG ||
	    (facts->is_committed && facts->puts <= facts->live && facts->damaged == 0))
		return AS_OK;
	listing_path(&verify->repo->listing, i, path);
	return read_file(reading, path);
}

static void search_files(void *context)
{
	struct search *search = context;
	const struct verify *verify = search->verify;
	const size_t count = verify->repo->listing.count + verify->copy_count;
	struct reading reading = {
		.search = search, .reader = segment_reader_new(search->run->repo->io,
						     search->run->repo->dialect),
	};
	enum as_err err = reading.reader ? AS_OK : AS_ERR_MEMORY;
	if (reading.reader)
		segment_reader_watch(reading.reader, &search->run->progress->cancel);
	for (size_t i; err == AS_OK && (i = atomic_fetch_add(&search->next, 1)) < count;)
		err = read_next(&reading, i);
	if (err != AS_OK)
		verify_fail(search->run, err);
	segment_reader_free(reading.reader);
}

enum as_err verify_find_older(struct verify_run *run)
{
	struct verify *verify = run->verify;
	struct search search = { .run = run, .verify = verify };
	bool is_any = false;
	sort_gone(verify);
	for (size_t i = 0; i < verify->gone_count; i++)
		is_any = is_any || !verify->gone[i].has_older;
	if (!is_any)
		return AS_OK;
	enum as_err err = verify_list_copies(run, true);
	if (err != AS_OK)
		return err;
	parallel_run(run->threads, search_files, &search);
	err = (enum as_err)atomic_load(&run->failure);
	return err == AS_OK ? verify_fill_older(run) : err;
}

#include "build-config.h"

#include "check/known.h"

#include "base/array.h"
#include "check/check_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A file that was changed so shortly before it was read may be changed again without its time
 * showing it. */
#define OLD_ENOUGH_NS (2 * INT64_C(1000000000))

/* ---- the table ---- */

bool verify_records_add(struct verify_records *records, const struct verify_record *record)
{
	if (!ARRAY_RESERVE(records->rows, records->count, records->capacity))
		return false;
	records->rows[records->count++] = *record;
	return true;
}

void verify_records_merge(struct verify_records *records, struct verify_records *from)
{
	while (from->count > 0 && verify_records_add(records, &from->rows[from->count - 1]))
		from->count--;
}

/* By segment, and the newest of a segment first. */
static int by_segment(const void *a, const void *b)
{
	const struct verify_record *x = a, *y = b;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	return (x->verified < y->verified) - (x->verified > y->verified);
}

void verify_records_sort(struct verify_records *records)
{
	size_t kept = 0;
	array_sort(records->rows, records->count, sizeof(*records->rows), by_segment);
	for (size_t i = 0; i < records->count; i++) {
		if (kept > 0 && records->rows[kept - 1].segment == records->rows[i].segment)
			free(records->rows[i].events);
		else
			records->rows[kept++] = records->rows[i];
	}
	records->count = kept;
}

const struct verify_record *verify_records_find(const struct verify_records *records,
						uint32_t segment)
{
	return array_find(records->rows, records->count, sizeof(*records->rows), &segment,
			  array_compare_u32);
}

void verify_records_free(struct verify_records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->rows[i].events);
	free(records->rows);
	*records = (struct verify_records){ .rows = NULL };
}

/* ---- what the index maps to each segment ---- */

enum as_err verify_mark_index(struct verify_run *run)
{
	const struct index_image *image = &run->index.image;
	if (!run->index.is_loaded)
		return AS_OK;
	run->index.marks = calloc(run->repo->listing.count + 1, sizeof(*run->index.marks));
	if (!run->index.marks)
		return AS_ERR_MEMORY;
	for (uint32_t i = 0; i < image->buckets; i++) {
		const size_t position = verify_mapped_position(run, i);
		if (position == LISTING_NONE)
			continue;
		run->index.marks[position].live++;
		run->index.marks[position].mark += index_image_mark(image, i);
	}
	return AS_OK;
}

void verify_confirm_remembered(struct verify_run *run)
{
	struct verify *verify = run->verify;
	if (!run->index.is_loaded || verify->remembered == 0)
		return;
	for (uint32_t i = 0; i < run->index.image.buckets; i++) {
		const size_t position = verify_mapped_position(run, i);
		if (position != LISTING_NONE && verify->facts[position].is_remembered)
			atomic_fetch_or_explicit(&verify->confirmed[i / 64],
						 UINT64_C(1) << (i % 64), memory_order_relaxed);
	}
}

/* ---- believing a record ---- */

static int64_t nanoseconds(const struct timespec *time)
{
	return (int64_t)time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

bool verify_read_identity(const struct verify_run *run, size_t position,
			  struct verify_record *record)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	const struct repo *repo = run->repo;
	listing_path(&repo->listing, position, path);
	if (repo->io->fstatat(repo->io, repo->fd, path, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_size < 0)
		return false;
	*record = (struct verify_record){
		.changed = nanoseconds(&st.st_ctim),
		.segment = repo->listing.segments[position].number,
		.size = (uint64_t)st.st_size,
		.inode = (uint64_t)st.st_ino,
		.modified = nanoseconds(&st.st_mtim),
		.verified = time(NULL),
	};
	return true;
}

const struct verify_record *verify_find_record(const struct verify_run *run, size_t position,
					       const struct verify_record *now)
{
	const struct verify_scope *scope = &run->verify->scope;
	const struct verify_record *record =
		scope->known ? verify_records_find(scope->known, now->segment) : NULL;
	if (!record || !run->index.marks)
		return NULL;
	const struct index_mark *mark = &run->index.marks[position];
	return record->size == now->size && record->inode == now->inode &&
	       record->modified == now->modified && record->changed == now->changed &&
	       record->live == mark->live &&
	       record->mark == mark->mark ? record : NULL;
}

bool verify_is_old_enough(const struct verify_record *record)
{
	return record->verified * INT64_C(1000000000) - record->modified >= OLD_ENOUGH_NS;
}

/* Also of a record that is itself out of @verify's known ones. */
enum as_err verify_add_record(struct verify_run *run, const struct verify_record *record)
{
	struct verify *verify = run->verify;
	struct verify_record copy = *record;
	enum as_err err = AS_OK;
	copy.events = NULL;
	if (copy.event_count > 0) {
		copy.events = malloc(copy.event_count * sizeof(*copy.events));
		if (!copy.events)
			return AS_ERR_MEMORY;
		memcpy(copy.events, record->events, copy.event_count * sizeof(*copy.events));
	}
	pthread_mutex_lock(&verify->mutex);
	if (!verify_records_add(verify->scope.keep, &copy)) {
		free(copy.events);
		err = AS_ERR_MEMORY;
	}
	pthread_mutex_unlock(&verify->mutex);
	return err;
}

/* ---- what is to be read ---- */

bool verify_is_wanted(const struct verify *verify, size_t position)
{
	const struct verify_scope *scope = &verify->scope;
	const uint32_t number = verify->repo->listing.segments[position].number;
	if (scope->has_range && (number < scope->first || number > scope->last))
		return false;
	return scope->shards == 0 || position % scope->shards == scope->shard - 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

void verify_start_clock(struct verify_run *run)
{
	const struct verify_scope *scope = &run->verify->scope;
	run->deadline = scope->seconds > 0 ? now_ns() + scope->seconds * UINT64_C(1000000000) : 0;
}

bool verify_is_late(const struct verify_run *run)
{
	return run->deadline > 0 && now_ns() >= run->deadline;
}

struct turn {
	int64_t verified;
	size_t position;
};

static int longest_ago_first(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	if (x->verified != y->verified)
		return x->verified < y->verified ? -1 : 1;
	return (x->position > y->position) - (x->position < y->position);
}

/* When time is short, what was never read comes first, then what was read longest ago. */
enum as_err verify_order_turns(struct verify_run *run)
{
	const struct verify_scope *scope = &run->verify->scope;
	const struct listing *listing = &run->repo->listing;
	if (scope->seconds == 0 || !scope->known)
		return AS_OK;
	struct turn *turns = calloc(listing->count + 1, sizeof(*turns));
	run->order = calloc(listing->count + 1, sizeof(*run->order));
	if (turns && run->order) {
		for (size_t i = 0; i < listing->count; i++) {
			const struct verify_record *record =
				verify_records_find(scope->known, listing->segments[i].number);
			turns[i] = (struct turn){ record ? record->verified : INT64_MIN, i };
		}
		array_sort(turns, listing->count, sizeof(*turns), longest_ago_first);
		for (size_t i = 0; i < listing->count; i++)
			run->order[i] = turns[i].position;
	}
	const bool is_done = turns && run->order;
	free(turns);
	return is_done ? AS_OK : AS_ERR_MEMORY;
}

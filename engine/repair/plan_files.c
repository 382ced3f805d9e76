#include "build-config.h"

#include "repair/planner_internal.h"

#include "base/array.h"
#include "format/integrity.h"
#include "format/names.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one file ---- */

/* Room for a file of @size bytes. */
static void need(struct plan *plan, uint64_t size)
{
	plan->bytes_needed += size / PLAN_BLOCK * PLAN_BLOCK + PLAN_BLOCK;
}

static enum as_err __attribute__((format(printf, 5, 6)))
add_file(struct plan *plan, enum plan_change change, uint64_t size,
	 const char *reason, const char *format, ...)
{
	va_list args;
	if (!ARRAY_RESERVE(plan->files, plan->file_count, plan->work->file_capacity))
		return AS_ERR_MEMORY;
	struct plan_file *file = &plan->files[plan->file_count++];
	*file = (struct plan_file){ .change = change, .size = size, .reason = reason };
	va_start(args, format);
	vsnprintf(file->path, sizeof(file->path), format, args);
	va_end(args);
	if (change == PLAN_MAKE)
		need(plan, size);
	if (change == PLAN_MOVE)
		plan->bytes_in_undo += size;
	return AS_OK;
}

static bool is_listed(const struct plan *plan, const char *path)
{
	for (size_t i = plan->file_count; i-- > 0;)
		if (strcmp(plan->files[i].path, path) == 0)
			return true;
	return false;
}

/* ---- what the hints will say ---- */

static void count_live(struct plan *plan, const struct lost_key *key, int change)
{
	struct hints_segment *row = hints_find(&plan->work->hints, key->segment);
	if (row)
		row->live += change;
}

/* The segments that stay, each with the live PUTs that stay in it: what verify counted, since
 * little else of such a segment becomes live. */
static enum as_err count_staying(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const struct listing *listing = &work->repo->listing;
	work->hints.has_quota_use = true;
	for (size_t i = 0; i < listing->count; i++) {
		const struct segment_facts *facts = &work->verify->facts[i];
		if (work->goes[i] || facts->role != ROLE_LOG || !facts->is_committed)
			continue;
		struct hints_segment *row = hints_add(&work->hints, listing->segments[i].number);
		if (!row)
			return AS_ERR_MEMORY;
		row->live = facts->live;
		/* Every PUT counts, live or not. Borg before 1.1.18 counts the live ones alone,
		 * and takes a higher figure as well. */
		const uint64_t rest = SEGMENT_MAGIC_SIZE + facts->damaged_bytes +
				      (uint64_t)SEGMENT_KEYED * facts->deletes +
				      (uint64_t)SEGMENT_HEADER * facts->commits;
		work->hints.quota_use += facts->size > rest ? (int64_t)(facts->size - rest) : 0;
	}
	/* What becomes live, and what does not stay so, without an entry written. */
	for (size_t i = 0; i < plan->older_count; i++)
		count_live(plan, &plan->older[i], 1);
	for (size_t i = 0; i < plan->dropped_count; i++)
		count_live(plan, &plan->dropped[i], -1);
	return AS_OK;
}

/* ---- new segments ---- */

/* Is the segment at @position moved aside before the new COMMIT, which would reach it? Where the
 * log has no COMMIT at all, one with the highest number that there is, too: what it holds was
 * copied. */
static bool goes_first(const struct plan *plan, size_t position)
{
	const struct repo *repo = plan->work->repo;
	return !plan->work->verify->facts[position].is_committed ||
	       (!repo->has_transaction &&
		repo->listing.segments[position].number >= LOG_SEGMENT_LAST);
}

/* A number that neither a segment has, nor an index or hints of one that is lost: between the
 * COMMIT and the new index they would be taken for the new segment's. A number beyond all reason
 * counts for nothing. */
static void choose_next(struct plan *plan)
{
	const struct repo *repo = plan->work->repo;
	const struct listing_segment *segments = repo->listing.segments;
	uint32_t *next = &plan->work->next;
	size_t count = repo->listing.count;
	/* Below a segment that goes before the COMMIT is written there is room. */
	while (count > 0 && segments[count - 1].number >= LOG_SEGMENT_LAST &&
	       plan->work->goes[count - 1] && goes_first(plan, count - 1))
		count--;
	if (count > 0 && segments[count - 1].number < LOG_SEGMENT_LAST)
		*next = segments[count - 1].number + 1;
	else if (count > 0 && plan->work->writes_commit)
		plan_refuse(plan, "segment %" PRIu32 " has the highest number that Attic can read, "
			    "or a higher one: no new one can follow it",
			    segments[count - 1].number);
	/* A COMMIT alone that is lost is written again, and with its number: index and hints are
	 * right then. */
	if (plan->work->copy_count + plan->work->delete_count == 0 && repo->tail < count &&
	    plan->work->dialect->has_lone_commits && plan->work->verify->has_end &&
	    plan->work->verify->end == *next)
		return;
	if (repo->has_index && repo->index_transaction >= *next &&
	    repo->index_transaction < LOG_SEGMENT_LAST / 2)
		*next = repo->index_transaction + 1;
	if (repo->has_hints && repo->hints_transaction >= *next &&
	    repo->hints_transaction < LOG_SEGMENT_LAST / 2)
		*next = repo->hints_transaction + 1;
}

/* List a new segment of @length bytes, and its folder where that is not there yet. */
static enum as_err list_new_segment(struct plan *plan, uint32_t segment, uint64_t length)
{
	const struct repo *repo = plan->work->repo;
	const uint32_t per_dir = repo->config.segments_per_dir;
	char path[LISTING_PATH_MAX];
	struct stat st;
	bool is_there;
	snprintf(path, sizeof(path), "data/%" PRIu32, segment / per_dir);
	enum as_err err = io_ask(repo->io, repo->fd, path, &is_there, &st);
	if (err == AS_OK && !is_there && !is_listed(plan, path))
		err = add_file(plan, PLAN_MAKE, 0, "new folder", "%s", path);
	if (err != AS_OK)
		return err;
	log_segment_path(per_dir, segment, path);
	return add_file(plan, PLAN_MAKE, length, "new segment", "%s", path);
}

static enum as_err forecast_append(struct plan *plan, struct log_forecast *forecast, uint64_t size,
				   bool ends_like_commit)
{
	const uint32_t segment = forecast->segment;
	const uint64_t closed = log_forecast_append(forecast, size, ends_like_commit);
	return closed > 0 ? list_new_segment(plan, segment, closed) : AS_OK;
}

static enum as_err forecast_commit(struct plan *plan, struct log_forecast *forecast)
{
	const uint32_t segment = forecast->segment;
	const uint64_t closed = log_forecast_commit(forecast);
	const enum as_err err = closed > 0 ? list_new_segment(plan, segment, closed) : AS_OK;
	plan->has_after = true;
	plan->after = forecast->segment;
	if (plan->after >= LOG_SEGMENT_LAST)
		plan_refuse(plan, "the new segments need numbers above %" PRIu32
			    ", which Attic cannot read", LOG_SEGMENT_LAST - 1);
	if (err != AS_OK)
		return err;
	if (forecast->dialect->has_lone_commits && !hints_add(&plan->work->hints, plan->after))
		return AS_ERR_MEMORY;
	return list_new_segment(plan, plan->after, forecast->offset);
}

/* List the new segments, and count for the hints what goes into them. */
static enum as_err list_new_segments(struct plan *plan)
{
	struct plan_work *work = plan->work;
	struct log_forecast forecast = {
		.dialect = work->dialect, .limit = work->repo->config.max_segment_size,
		.segment = work->next,
	};
	if (!work->writes_commit)
		return AS_OK;
	for (size_t i = 0; i < work->copy_count; i++) {
		const struct copy *copy = &work->copies[i];
		const enum as_err err =
			forecast_append(plan, &forecast, copy->size, copy->ends_like_commit);
		if (err != AS_OK)
			return err;
		struct hints_segment *from = hints_find(&work->hints, copy->segment);
		if (from)
			from->live--;
		struct hints_segment *to = hints_add(&work->hints, forecast.segment);
		if (!to)
			return AS_ERR_MEMORY;
		to->live++;
		work->hints.quota_use += copy->size;
	}
	for (size_t i = 0; i < work->delete_count; i++) {
		const uint8_t *key = work->deletes[i];
		const enum as_err err =
			forecast_append(plan, &forecast, SEGMENT_KEYED,
					log_ends_like_commit(key, KEY_SIZE, NULL, 0));
		if (err != AS_OK)
			return err;
		struct hints_segment *to = hints_add(&work->hints, forecast.segment);
		if (!to)
			return AS_ERR_MEMORY;
		to->is_compact = true;
		to->freeable += SEGMENT_KEYED;
	}
	return forecast_commit(plan, &forecast);
}

/* ---- segments that go ---- */

static enum as_err list_moved(struct plan *plan)
{
	const struct plan_work *work = plan->work;
	char path[LISTING_PATH_MAX];
	for (size_t i = 0; i < work->repo->listing.count; i++) {
		if (!work->goes[i])
			continue;
		listing_path(&work->repo->listing, i, path);
		const enum as_err err = add_file(plan, PLAN_MOVE, work->verify->facts[i].size,
						 work->goes[i], "%s", path);
		if (err != AS_OK)
			return err;
		plan->files[plan->file_count - 1].is_tail = goes_first(plan, i);
	}
	return AS_OK;
}

/* The file of segment @number in @folder, if there is one besides that at @own. */
static enum as_err list_double(struct plan *plan, const struct listing_folder *folder,
			       uint32_t number, const char *own)
{
	const struct repo *repo = plan->work->repo;
	char path[LISTING_PATH_MAX];
	struct stat st;
	bool is_there;
	if (folder->name)
		snprintf(path, sizeof(path), "data/%.255s/%" PRIu32, folder->name, number);
	else
		snprintf(path, sizeof(path), "data/%" PRIu64 "/%" PRIu32, folder->number, number);
	if (strcmp(path, own) == 0 || is_listed(plan, path))
		return AS_OK;
	const enum as_err err = io_ask(repo->io, repo->fd, path, &is_there, &st);
	if (err != AS_OK || !is_there || !S_ISREG(st.st_mode))
		return err;
	return add_file(plan, PLAN_MOVE, (uint64_t)st.st_size, "there twice", "%s", path);
}

/* Files of a segment that is there twice: the one that is read stays, or goes like any other. */
static enum as_err list_doubles(struct plan *plan)
{
	const struct listing *listing = &plan->work->repo->listing;
	const struct findings *findings = &plan->work->verify->findings;
	char own[LISTING_PATH_MAX];
	if (plan->action != REPAIR_SALVAGE)
		return AS_OK;
	for (size_t i = 0; i < findings->count; i++) {
		const uint32_t number = (uint32_t)findings->rows[i].segment;
		if (findings->rows[i].problem != PROBLEM_SEGMENT_DUPLICATE)
			continue;
		const size_t position = listing_find(listing, number);
		if (position == LISTING_NONE)
			continue;
		listing_path(listing, position, own);
		for (size_t j = 0; j < listing->folder_count; j++) {
			const enum as_err err =
				list_double(plan, &listing->folders[j], number, own);
			if (err != AS_OK)
				return err;
		}
	}
	return AS_OK;
}

/* ---- index and hints ---- */

/* Names in the repository's folder, in the order in which the file system has them. */
struct old_names {
	const struct dialect *dialect;
	struct old_name { char text[NAME_MAX + 1]; } *rows;
	size_t count, capacity;
};

static enum as_err add_old_name(void *context, const char *name, enum io_kind kind)
{
	struct old_names *names = context;
	struct name parsed;
	(void)kind;
	if (!name_is_temporary(name, names->dialect) &&
	    !(name_is_of_transaction(name, names->dialect, &parsed) &&
	      strlen(name) < sizeof("integrity.4294967295")))
		return AS_OK;
	if (!ARRAY_RESERVE(names->rows, names->count, names->capacity))
		return AS_ERR_MEMORY;
	snprintf(names->rows[names->count++].text, sizeof(names->rows->text), "%s", name);
	return AS_OK;
}

static int compare_names(const void *left, const void *right)
{
	const struct old_name *a = left, *b = right;
	return strcmp(a->text, b->text);
}

/* Index, hints and digests that are there. One with the name of a new one is replaced, the others
 * go. */
static enum as_err list_old(struct plan *plan, const char *name)
{
	const struct repo *repo = plan->work->repo;
	struct name parsed;
	struct stat st;
	bool is_there;
	const enum as_err err = io_ask(repo->io, repo->fd, name, &is_there, &st);
	if (err != AS_OK || !is_there)
		return err;
	const uint64_t size = (uint64_t)st.st_size;
	if (S_ISDIR(st.st_mode)) {
		plan_refuse(plan, "%s is a folder where only a file may be: move it away",
			    name);
		return AS_OK;
	}
	if (name_is_temporary(name, plan->work->dialect))
		return add_file(plan, PLAN_MOVE, size, "left by an interrupted write", "%s",
				name);
	name_parse(name, &parsed);
	if (plan->has_after && parsed.is_canonical && parsed.number == plan->after &&
	    (parsed.kind != NAME_INTEGRITY || plan->work->dialect->has_integrity))
		return add_file(plan, PLAN_REPLACE, size, "rewritten", "%s", name);
	return add_file(plan, PLAN_MOVE, size, "of another transaction", "%s", name);
}

/* By name: a plan is the same on every file system. */
static enum as_err list_all_old(struct plan *plan)
{
	const struct repo *repo = plan->work->repo;
	struct old_names names = { .dialect = plan->work->dialect };
	enum as_err err = io_list(repo->io, repo->fd, add_old_name, &names);
	array_sort(names.rows, names.count, sizeof(*names.rows), compare_names);
	for (size_t i = 0; err == AS_OK && i < names.count; i++)
		err = list_old(plan, names.rows[i].text);
	free(names.rows);
	return err;
}

/* A new one of @size bytes, whether or not one of its name is there. */
static enum as_err list_written(struct plan *plan, const char *prefix, uint64_t size,
				const char *reason)
{
	char path[LISTING_PATH_MAX];
	snprintf(path, sizeof(path), "%s%" PRIu32, prefix, plan->after);
	if (!is_listed(plan, path))
		return add_file(plan, PLAN_MAKE, size, reason, "%s", path);
	need(plan, size);
	return AS_OK;
}

/* ---- the whole ---- */

enum as_err plan_list_files(struct plan *plan)
{
	const struct plan_work *work = plan->work;
	choose_next(plan);
	enum as_err err = count_staying(plan);
	if (err == AS_OK)
		err = list_new_segments(plan);
	if (err == AS_OK)
		err = list_moved(plan);
	if (err == AS_OK)
		err = list_doubles(plan);
	if (err != AS_OK || !work->writes_index)
		return err;
	/* All is counted: which segments hold something superseded? */
	for (size_t i = 0; i < work->repo->listing.count; i++) {
		const struct segment_facts *facts = &work->verify->facts[i];
		struct hints_segment *row =
			hints_find(&plan->work->hints, work->repo->listing.segments[i].number);
		if (!row || (facts->puts <= row->live && facts->deletes == 0))
			continue;
		row->is_compact = true;
		row->freeable = (int64_t)plan_freeable(facts);
	}
	err = list_all_old(plan);
	if (err != AS_OK || !plan->has_after)
		return err;
	err = plan_find_older(plan);
	if (err != AS_OK)
		return err;
	const struct dialect *dialect = work->dialect;
	err = list_written(plan, "hints.", hints_size(&work->hints, dialect), "new hints");
	if (err != AS_OK)
		return err;
	const uint64_t buckets = index_table_buckets_for(dialect, plan->objects_after);
	err = list_written(plan, "index.", INDEX_HEADER + buckets * INDEX_BUCKET, "new index");
	if (err != AS_OK || !dialect->has_integrity)
		return err;
	const struct integrity_digest none = { .state = DIGEST_READ };
	uint8_t bytes[INTEGRITY_BYTES];
	return list_written(plan, "integrity.", integrity_encode(&none, &none, bytes),
			    "new digests");
}

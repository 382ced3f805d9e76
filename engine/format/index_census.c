#include "build-config.h"

#include "format/index_load.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Checked by one thread at a time. Few enough that tests have several slices. */
#define SLICE_BUCKETS 16384u

/* Some of the buckets being checked, or the totals of all. */
struct sweep {
	const struct index_file *file;
	const struct index_image *image;
	struct index_census census;
	/* NULL: count only, as several threads do: their findings would come in any order */
	struct findings *findings;
	int64_t last_empty;	/* the nearest EMPTY behind the place; below 0: round the end */
};

static uint32_t segment_of(const struct index_image *image, uint32_t number)
{
	uint32_t segment, offset;

	index_image_place(image, number, &segment, &offset);
	return segment;
}

static uint32_t home_of(const struct index_image *image, uint32_t number)
{
	return index_home(index_image_row(image, number), image->buckets);
}

static enum as_err note_bucket(struct sweep *sweep, enum problem problem, uint32_t number,
			       const char *detail)
{
	struct finding finding = finding_of(problem);
	struct index_bucket bucket;

	if (!sweep->findings)
		return AS_OK;
	finding.has_key = index_image_bucket(sweep->image, sweep->file, number, &bucket) == AS_OK;
	if (finding.has_key)
		memcpy(finding.key, bucket.key, KEY_SIZE);
	finding.segment = bucket.segment;
	finding.offset = bucket.offset;
	snprintf(finding.detail, sizeof(finding.detail), "%s", detail);
	return findings_add(sweep->findings, &finding);
}

/* AS_ERR_LIMIT: a run so long begins before bucket @first that looking for its beginning from every
 * slice would crawl. */
static enum as_err find_unreachable(struct sweep *sweep, uint32_t first, uint32_t end)
{
	const uint32_t buckets = sweep->image->buckets;
	const bool is_all = end - first == buckets;

	/* The nearest EMPTY bucket before the first. Where there is none, too far off to matter. */
	uint32_t left = is_all ? buckets : SLICE_BUCKETS;
	int64_t at = first, round;
	do {
		round = --at < 0 ? at + buckets : at;
	} while (segment_of(sweep->image, (uint32_t)round) != INDEX_EMPTY && --left);
	if (!left && !is_all)
		return AS_ERR_LIMIT;
	sweep->last_empty = left ? at : -1 - (int64_t)buckets;
	for (uint32_t i = first; i < end; i++) {
		const uint32_t segment = segment_of(sweep->image, i);
		char detail[FINDING_DETAIL_MAX];

		if (segment == INDEX_EMPTY)
			sweep->last_empty = i;
		if (segment >= INDEX_DELETED)
			continue;
		const uint32_t home = home_of(sweep->image, i);
		const uint32_t distance = index_distance(home, i, buckets);
		if (distance > sweep->census.longest)
			sweep->census.longest = distance;
		if (distance < i - sweep->last_empty)
			continue;
		sweep->census.unreachable++;
		snprintf(detail, sizeof(detail), "bucket %" PRIu32 ", but probing from bucket %"
			 PRIu32 " ends before it", i, home);
		const enum as_err err = note_bucket(sweep, PROBLEM_INDEX_UNREACHABLE, i, detail);
		if (err)
			return err;
	}
	return AS_OK;
}

static enum as_err find_duplicates(struct sweep *sweep, uint32_t first, uint32_t end)
{
	const struct index_image *image = sweep->image;
	enum as_err err = AS_OK;

	for (uint32_t i = first; i < end && !err; i++) {
		char detail[FINDING_DETAIL_MAX];

		if (segment_of(image, i) >= INDEX_DELETED || home_of(image, i) == i)
			continue;
		const uint32_t other = index_image_find_again(image, i);
		if (other == i || other == INDEX_EMPTY)
			continue;
		sweep->census.duplicates++;
		snprintf(detail, sizeof(detail), "buckets %" PRIu32 " and %" PRIu32, other, i);
		err = note_bucket(sweep, PROBLEM_INDEX_DUPLICATE, i, detail);
	}
	return err;
}

/* ---- all buckets, by several threads ---- */

/* What the threads share. */
struct counting {
	enum as_err (*check)(struct sweep *sweep, uint32_t first, uint32_t end);
	_Atomic uint32_t next;		/* the first slice that no thread has begun */
	_Atomic bool is_refused;	/* AS_ERR_LIMIT of @check: nothing else can fail */
	pthread_mutex_t mutex;
	struct sweep *total;
};

static uint32_t slice_count(const struct index_image *image)
{
	return (image->buckets - 1) / SLICE_BUCKETS + 1;
}

static void count_slices(void *context)
{
	struct counting *counting = context;
	const struct index_image *image = counting->total->image;
	struct sweep part = { .file = counting->total->file, .image = image };
	uint32_t slice;

	while ((slice = counting->next++) < slice_count(image) && !counting->is_refused) {
		const uint32_t first = slice * SLICE_BUCKETS;
		const uint32_t left = image->buckets - first;
		const uint32_t end = left < SLICE_BUCKETS ? image->buckets : first + SLICE_BUCKETS;

		if (counting->check(&part, first, end))
			counting->is_refused = true;
	}
	struct index_census *total = &counting->total->census;
	pthread_mutex_lock(&counting->mutex);
	total->unreachable += part.census.unreachable;
	total->duplicates += part.census.duplicates;
	if (part.census.longest > total->longest)
		total->longest = part.census.longest;
	pthread_mutex_unlock(&counting->mutex);
}

/* Walk over all buckets with @check; then, where *@counted, which is part of @total, is not 0, walk
 * again for the findings. A table that cannot be checked in slices is checked as a whole. */
static enum as_err walk(struct sweep *total, unsigned threads,
			enum as_err (*check)(struct sweep *sweep, uint32_t first, uint32_t end),
			const uint64_t *counted)
{
	struct sweep sum = *total;
	struct sweep again = { .file = total->file, .image = total->image };
	struct counting counting = {
		.check = check, .total = &sum, .mutex = PTHREAD_MUTEX_INITIALIZER,
	};
	const uint32_t buckets = total->image->buckets, slices = slice_count(total->image);

	sum.findings = NULL;
	threads = parallel_threads(threads);
	parallel_run(threads < slices ? threads : slices, count_slices, &counting);
	if (counting.is_refused) {
		sum.census = total->census;
		check(&sum, 0, buckets);
	}
	total->census = sum.census;
	again.findings = total->findings;
	return *counted && again.findings ? check(&again, 0, buckets) : AS_OK;
}

enum as_err index_check_count(const struct index_file *file, uint32_t used,
			       struct findings *findings)
{
	if (used == file->used)
		return AS_OK;
	return findings_note(findings, PROBLEM_INDEX_COUNT, FINDING_NOWHERE, FINDING_NOWHERE,
			     "the header of index.%" PRIu32 " counts %" PRIu32 ", %" PRIu32
			     " are there", file->transaction, file->used, used);
}

enum as_err index_census(const struct index_file *file, const struct index_image *image,
			 unsigned threads, struct index_census *census, struct findings *findings)
{
	struct sweep total = {
		.file = file, .image = image, .findings = findings,
		.census = {
			.used = image->used, .deleted = image->deleted,
			.degenerate = index_image_is_degenerate(image),
		},
	};

	enum as_err err = walk(&total, threads, find_unreachable, &total.census.unreachable);
	if (!err && total.census.degenerate)
		err = findings_note(findings, PROBLEM_INDEX_DEGENERATE, FINDING_NOWHERE,
				    FINDING_NOWHERE,
				    "a look-up that finds nothing passes %" PRIu64 " of %" PRIu32
				    " buckets on average", index_image_probes(image),
				    image->buckets);
	else if (!err)
		err = walk(&total, threads, find_duplicates, &total.census.duplicates);
	*census = total.census;
	return err ? err : index_check_count(file, census->used, findings);
}

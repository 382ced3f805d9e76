#include "build-config.h"

#include "format/index_load.h"

#include "base/parallel.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Judged by a thread at a time. Few for the tests' sake, and enough for the memory's. */
#define SLICE_BUCKETS 16384u

/* A part of the buckets being judged, or what came of all of them. */
struct sweep {
	const struct index_file *file;
	const struct index_image *image;
	struct index_census census;
	/* NULL: count only. Of several threads none may have findings: they would come in any order
	 */
	struct findings *findings;
	int64_t last_empty;	/* the nearest EMPTY behind the place; below 0: round the end */
};

static struct sweep nothing_counted(const struct sweep *of)
{
	return (struct sweep){ .file = of->file, .image = of->image };
}

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

#define NO_EMPTY(image) (-1 - (int64_t)(image)->buckets)

/* Number of the nearest EMPTY bucket among @most behind bucket @number, below 0 where that is round
 * the end; where there is none, too far off to matter. */
static int64_t find_last_empty(const struct index_image *image, uint32_t number, uint32_t most)
{
	int64_t at = number;

	for (uint32_t left = most; left; left--) {
		const int64_t round = --at < 0 ? at + image->buckets : at;

		if (segment_of(image, (uint32_t)round) == INDEX_EMPTY)
			return at;
	}
	return NO_EMPTY(image);
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

static enum as_err judge_reach(struct sweep *sweep, uint32_t number)
{
	const uint32_t home = home_of(sweep->image, number);
	const uint32_t distance = number >= home ? number - home
						 : number + (sweep->image->buckets - home);
	char detail[FINDING_DETAIL_MAX];

	if (distance > sweep->census.longest)
		sweep->census.longest = distance;
	if (distance < number - sweep->last_empty)
		return AS_OK;
	sweep->census.unreachable++;
	snprintf(detail, sizeof(detail),
		 "bucket %" PRIu32 ", but probing from bucket %" PRIu32 " ends before it", number,
		 home);
	return note_bucket(sweep, PROBLEM_INDEX_UNREACHABLE, number, detail);
}

/* AS_ERR_LIMIT: a run so long begins before bucket @first that looking for its beginning from every
 * slice would crawl. */
static enum as_err find_unreachable(struct sweep *sweep, uint32_t first, uint32_t end)
{
	const bool is_all = end - first == sweep->image->buckets;
	enum as_err err = AS_OK;

	sweep->last_empty = find_last_empty(sweep->image, first,
					    is_all ? sweep->image->buckets : SLICE_BUCKETS);
	if (!is_all && sweep->last_empty == NO_EMPTY(sweep->image))
		return AS_ERR_LIMIT;
	for (uint32_t i = first; i < end && !err; i++) {
		const uint32_t segment = segment_of(sweep->image, i);

		if (segment == INDEX_EMPTY)
			sweep->last_empty = i;
		else if (segment != INDEX_DELETED)
			err = judge_reach(sweep, i);
	}
	return err;
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
	enum as_err (*judge)(struct sweep *sweep, uint32_t first, uint32_t end);
	_Atomic uint32_t next;		/* slice that nobody judges yet */
	_Atomic bool is_refused;	/* AS_ERR_LIMIT of @judge: nothing else can fail */
	pthread_mutex_t mutex;
	struct sweep *total;
};

static void add_up(struct counting *counting, const struct sweep *part)
{
	struct sweep *total = counting->total;

	pthread_mutex_lock(&counting->mutex);
	total->census.unreachable += part->census.unreachable;
	total->census.duplicates += part->census.duplicates;
	if (part->census.longest > total->census.longest)
		total->census.longest = part->census.longest;
	pthread_mutex_unlock(&counting->mutex);
}

static uint32_t slice_count(const struct index_image *image)
{
	return (image->buckets - 1) / SLICE_BUCKETS + 1;
}

static void count_slices(void *context)
{
	struct counting *counting = context;
	const struct index_image *image = counting->total->image;
	struct sweep part = nothing_counted(counting->total);
	uint32_t slice;

	while ((slice = counting->next++) < slice_count(image) && !counting->is_refused) {
		const uint32_t first = slice * SLICE_BUCKETS;
		const uint32_t left = image->buckets - first;
		const uint32_t end = left < SLICE_BUCKETS ? image->buckets : first + SLICE_BUCKETS;

		if (counting->judge(&part, first, end))
			counting->is_refused = true;
	}
	add_up(counting, &part);
}

/* Add what @judge counts to *@total. False: it refuses a part of the table, and the sums are of no
 * use. */
static bool count_all(struct sweep *total, unsigned threads,
		      enum as_err (*judge)(struct sweep *sweep, uint32_t first, uint32_t end))
{
	struct counting counting = {
		.judge = judge, .total = total, .mutex = PTHREAD_MUTEX_INITIALIZER,
	};

	threads = parallel_threads(threads);
	if (threads > slice_count(total->image))
		threads = slice_count(total->image);
	parallel_run(threads, count_slices, &counting);
	return !counting.is_refused;
}

/* Once more, in order and in words, what was counted. */
static enum as_err tell(const struct sweep *total,
			enum as_err (*judge)(struct sweep *sweep, uint32_t first, uint32_t end))
{
	struct sweep sweep = nothing_counted(total);

	sweep.findings = total->findings;
	return total->findings ? judge(&sweep, 0, total->image->buckets) : AS_OK;
}

/* One walk over all buckets, and a second one in words where the first has counted any in
 * *@counted, which is of @total. A table that cannot be judged in parts is judged in one. */
static enum as_err walk(struct sweep *total, unsigned threads,
			enum as_err (*judge)(struct sweep *sweep, uint32_t first, uint32_t end),
			const uint64_t *counted)
{
	struct sweep sum = *total;

	sum.findings = NULL;
	if (!count_all(&sum, threads, judge)) {
		sum.census = total->census;
		judge(&sum, 0, total->image->buckets);
	}
	total->census = sum.census;
	return *counted ? tell(total, judge) : AS_OK;
}

static enum as_err tell_degenerate(const struct sweep *total)
{
	if (!total->findings)
		return AS_OK;
	return findings_note(total->findings, PROBLEM_INDEX_DEGENERATE, FINDING_NOWHERE,
			     FINDING_NOWHERE,
			     "a look-up that finds nothing passes %" PRIu64 " of %" PRIu32
			     " buckets on average", index_image_probes(total->image),
			     total->image->buckets);
}

enum as_err index_judge_count(const struct index_file *file, uint32_t used,
			       struct findings *findings)
{
	if (!findings || used == file->used)
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
		err = tell_degenerate(&total);
	else if (!err)
		err = walk(&total, threads, find_duplicates, &total.census.duplicates);
	*census = total.census;
	return err ? err : index_judge_count(file, census->used, findings);
}

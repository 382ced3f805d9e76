#include "build-config.h"

#include "index_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A table is degenerate when a look-up that finds nothing passes this many buckets on average.
 * Small tables are let through: all their look-ups together take a fraction of a second. */
#define DEGENERATE_PROBES 4096u
#define DEGENERATE_BUCKETS 16384u

/* The sweep of index_census. */
struct sweep {
	const struct index_file *file;
	const struct index_image *image;
	struct index_census *census;
	struct findings *findings;
	int64_t last_empty;	/* the nearest EMPTY behind the place; below 0: round the end */
	uint64_t runs_squared;	/* sum over all runs without an EMPTY */
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

/* Number of the last EMPTY bucket; where there is none -1 - buckets, too far off to matter. */
static int64_t find_last_empty(const struct index_image *image)
{
	int64_t number = image->buckets;

	while (--number >= 0)
		if (segment_of(image, (uint32_t)number) == INDEX_EMPTY)
			return number;
	return -1 - (int64_t)image->buckets;
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

	if (distance > sweep->census->longest)
		sweep->census->longest = distance;
	if (distance < number - sweep->last_empty)
		return AS_OK;
	sweep->census->unreachable++;
	snprintf(detail, sizeof(detail),
		 "bucket %" PRIu32 ", but probing from bucket %" PRIu32 " ends before it", number,
		 home);
	return note_bucket(sweep, PROBLEM_INDEX_UNREACHABLE, number, detail);
}

static enum as_err judge_bucket(struct sweep *sweep, uint32_t number)
{
	const uint32_t segment = segment_of(sweep->image, number);

	if (segment == INDEX_EMPTY) {
		const uint64_t run = (uint64_t)(number - sweep->last_empty - 1);

		sweep->runs_squared += run * run;
		sweep->last_empty = number;
		return AS_OK;
	}
	if (segment == INDEX_DELETED) {
		sweep->census->deleted++;
		return AS_OK;
	}
	sweep->census->used++;
	return judge_reach(sweep, number);
}

static enum as_err sweep_once(struct sweep *sweep)
{
	const uint32_t buckets = sweep->image->buckets;
	enum as_err err = AS_OK;

	sweep->last_empty = find_last_empty(sweep->image);
	if (sweep->last_empty < 0)
		sweep->runs_squared = (uint64_t)buckets * buckets;
	else
		sweep->last_empty -= buckets;
	for (uint32_t i = 0; i < buckets && !err; i++)
		err = judge_bucket(sweep, i);
	return err;
}

static enum as_err find_duplicates(struct sweep *sweep)
{
	const struct index_image *image = sweep->image;
	enum as_err err = AS_OK;

	for (uint32_t i = 0; i < image->buckets && !err; i++) {
		char detail[FINDING_DETAIL_MAX];

		if (segment_of(image, i) >= INDEX_DELETED || home_of(image, i) == i)
			continue;
		const uint32_t other = index_image_find_again(image, i);
		if (other == i || other == INDEX_EMPTY)
			continue;
		sweep->census->duplicates++;
		snprintf(detail, sizeof(detail), "buckets %" PRIu32 " and %" PRIu32, other, i);
		err = note_bucket(sweep, PROBLEM_INDEX_DUPLICATE, i, detail);
	}
	return err;
}

static enum as_err judge_probes(struct sweep *sweep)
{
	const uint32_t buckets = sweep->image->buckets;
	const uint64_t probes = sweep->runs_squared / buckets / 2;

	sweep->census->degenerate = probes > DEGENERATE_PROBES && buckets > DEGENERATE_BUCKETS;
	if (!sweep->census->degenerate)
		return find_duplicates(sweep);
	if (!sweep->findings)
		return AS_OK;
	return findings_note(sweep->findings, PROBLEM_INDEX_DEGENERATE, FINDING_NOWHERE,
			     FINDING_NOWHERE,
			     "a look-up that finds nothing passes %" PRIu64 " of %" PRIu32
			     " buckets on average", probes, buckets);
}

enum as_err index_census(const struct index_file *file, const struct index_image *image,
			 struct index_census *census, struct findings *findings)
{
	struct sweep sweep = { .file = file, .image = image, .census = census,
			       .findings = findings };

	*census = (struct index_census){ .used = 0 };
	enum as_err err = sweep_once(&sweep);
	if (!err)
		err = judge_probes(&sweep);
	if (err || !findings || census->used == file->used)
		return err;
	return findings_note(findings, PROBLEM_INDEX_COUNT, FINDING_NOWHERE, FINDING_NOWHERE,
			     "the header of index.%" PRIu32 " counts %" PRIu32 ", %" PRIu32
			     " are there", file->transaction, file->used, census->used);
}

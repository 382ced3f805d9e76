#include "build-config.h"

#include "check/witness.h"

#include "base/units.h"
#include "repo/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Buckets: an index up to that is read whole, to count its mappings; of a larger one so many are
 * searched for a used one at each place of a sample. */
#define READ_WHOLE 65536u
#define RUN 64u

/* ---- a sample of the index ---- */

#define WALKS 16u		/* segments that are read whole at most */

struct probing {
	const struct repo *repo;
	const struct index_file *index;
	const _Atomic bool *cancel;
	struct { uint32_t number; bool is_whole; } walks[WALKS];
	unsigned walk_count;
	uint64_t seen;			/* mappings looked at */
	struct index_figures figures;
};

static bool is_cancelled(const struct probing *probing)
{
	return probing->cancel && atomic_load(probing->cancel);
}

/* Is the segment without a flaw? */
static bool walk(const struct probing *probing, uint32_t number)
{
	const struct repo *repo = probing->repo;
	const size_t position = listing_find(&repo->listing, number);
	struct segment_reader *reader = segment_reader_new(repo->io, repo->dialect);
	struct segment_entry entry = { .tag = SEGMENT_PUT };
	char path[LISTING_PATH_MAX];
	if (!reader)
		return false;
	segment_reader_watch(reader, probing->cancel);
	listing_path(&repo->listing, position, path);
	enum as_err err = segment_open(reader, repo->fd, path, number, NULL, NULL);
	while (err == AS_OK && entry.tag != SEGMENT_DAMAGED)
		err = segment_next(reader, &entry);
	segment_reader_free(reader);
	return err == AS_END;
}

/* Where no entry begins a mapping is wrong, or its entry is damaged: the whole segment tells. False
 * where that is not known. */
static bool is_in_whole_segment(struct probing *probing, uint32_t number)
{
	unsigned i = 0;
	while (i < probing->walk_count && probing->walks[i].number != number)
		i++;
	if (i == WALKS)
		return false;
	if (i == probing->walk_count) {
		probing->walks[i].number = number;
		probing->walks[i].is_whole = walk(probing, number);
		probing->walk_count++;
	}
	return probing->walks[i].is_whole;
}

/* Damage, and what cannot be read or is gone, says nothing about the index. */
static void probe(struct probing *probing, const struct index_bucket *bucket)
{
	enum index_target target;
	probing->seen++;
	if (object_target(probing->repo, bucket, &target) != AS_OK || target == TARGET_UNREADABLE ||
	    target == TARGET_NO_SEGMENT)
		return;
	if ((target == TARGET_DAMAGED || target == TARGET_OUT_OF_RANGE) &&
	    !is_in_whole_segment(probing, bucket->segment))
		return;
	probing->figures.of++;
	probing->figures.confirmed += target == TARGET_OK;
}

/* Keep the used ones of @count buckets, in their order; returns how many they are. */
static uint32_t keep_used(struct index_bucket *buckets, uint32_t count)
{
	uint32_t used = 0;
	for (uint32_t i = 0; i < count; i++)
		if (index_bucket_is_used(&buckets[i]))
			buckets[used++] = buckets[i];
	return used;
}

/* All mappings, or WITNESS_PROBES of them, evenly spread. Returns how many there are. */
static uint32_t probe_small(struct probing *probing, struct index_bucket *buckets)
{
	uint32_t got;
	index_read(probing->index, 0, probing->index->buckets, buckets, &got);
	const uint32_t used = keep_used(buckets, got);
	for (uint32_t i = 0; i < used && !is_cancelled(probing); i++)
		if ((uint64_t)i * WITNESS_PROBES >= probing->seen * used)
			probe(probing, &buckets[i]);
	return used;
}

/* The first mapping from each of WITNESS_PROBES places on. */
static void probe_large(struct probing *probing, struct index_bucket *buckets)
{
	for (uint32_t i = 0; i < WITNESS_PROBES && !is_cancelled(probing); i++) {
		const uint32_t first =
			(uint32_t)((uint64_t)i * probing->index->buckets / WITNESS_PROBES);
		uint32_t got;
		index_read(probing->index, first, RUN, buckets, &got);
		if (keep_used(buckets, got) > 0)
			probe(probing, &buckets[0]);
	}
}

static enum credit credit_of_sample(const struct repo *repo, struct probing *probing)
{
	struct index_figures *figures = &probing->figures;
	const struct hints *hints = &repo->hints;
	uint32_t end = 0;
	if (is_cancelled(probing))
		return CREDIT_NONE;
	if (figures->of == 0 && repo->listing.count == 0)
		return CREDIT_CREDIBLE;
	if (figures->of == 0) {	/* an empty one is foreign to a log with objects */
		for (size_t i = 0; probing->seen == 0 && hints->usable && i < hints->count; i++)
			if (hints->rows[i].live > 0)
				return CREDIT_FOREIGN;
		return CREDIT_NONE;
	}
	if (figures->confirmed * 10 < figures->of)
		return CREDIT_FOREIGN;
	figures->live = figures->known = figures->confirmed;
	figures->is_stale = repo_log_end(repo, &end) && probing->index->transaction < end;
	/* Many wrong places may be the fault of the files that they are in. */
	const enum credit credit = credit_of_index(figures);
	return credit == CREDIT_DAMAGED ? CREDIT_NONE : credit;
}

static void probe_index(const struct repo *repo, const struct index_file *index,
			const _Atomic bool *cancel, struct witness *out)
{
	struct probing probing = { .repo = repo, .index = index, .cancel = cancel };
	const bool is_small = index->buckets <= READ_WHOLE;
	struct index_bucket *buckets =
		calloc(is_small ? index->buckets : RUN, sizeof(*buckets));
	if (!buckets)
		return;
	if (is_small)
		out->is_sample = probe_small(&probing, buckets) > WITNESS_PROBES;
	else
		probe_large(&probing, buckets);
	out->is_sample |= !is_small;
	out->credit = credit_of_sample(repo, &probing);
	out->has_figures = !is_cancelled(&probing);
	out->of = probing.figures.of;
	out->confirmed = probing.figures.confirmed;
	free(buckets);
}

/* ---- the witnesses ---- */

static void name_file(struct witness *witness, const char *name, uint32_t transaction)
{
	*witness = (struct witness){ .credit = CREDIT_NONE };
	snprintf(witness->file, sizeof(witness->file), "%s.%" PRIu32, name, transaction);
}

/* What @verify found of @index, which may not be open, or where it did not weigh that one, what a
 * sample shows. */
static void weigh_index(const struct repo *repo, const struct verify *verify,
			const struct index_file *index, uint32_t transaction,
			const _Atomic bool *cancel, struct witness *out)
{
	name_file(out, "index", transaction);
	if (verify && verify->index_was_compared && verify->skipped == 0 &&
	    verify->index.transaction == transaction) {
		const struct index_figures *figures = &verify->index_figures;
		out->credit = verify->index_credit;
		out->has_figures = out->has_keys = verify->index_credit != CREDIT_NONE;
		out->of = figures->of;
		out->confirmed = figures->confirmed;
		out->objects = figures->live;
		out->known = figures->known;
	} else if (index->fd < 0) {
		out->credit = CREDIT_DAMAGED;
	} else {
		probe_index(repo, index, cancel, out);
	}
}

bool witness_of_index(const struct repo *repo, const struct verify *verify,
		      const _Atomic bool *cancel, struct witness *out)
{
	if (repo->has_index)
		weigh_index(repo, verify, &repo->index, repo->index_transaction, cancel, out);
	return repo->has_index;
}

bool witness_of_hints(const struct repo *repo, const struct verify *verify, struct witness *out)
{
	uint32_t end;
	if (!repo->has_hints)
		return false;
	name_file(out, "hints", repo->hints_transaction);
	out->is_hints = true;
	if (!repo->hints.usable) {
		out->credit = CREDIT_DAMAGED;
	} else if (verify && verify->skipped == 0) {
		out->credit = verify->hints_credit;
		out->has_figures = out->credit != CREDIT_NONE;
		out->of = verify->hints_figures.rows;
		out->confirmed = verify->hints_figures.right;
	} else if (repo_log_end(repo, &end) && repo->hints_transaction < end) {
		out->credit = CREDIT_OLDER;
	}
	return true;
}

size_t witness_list(const struct repo *repo, const struct verify *verify,
		    const _Atomic bool *cancel, struct witness out[WITNESSES_MAX])
{
	size_t count = 0;
	count += witness_of_index(repo, verify, cancel, &out[count]);
	if (repo->has_older_index) {
		struct index_file older;
		index_open(repo->io, repo->fd, repo->dialect, repo->older_index, &older, NULL);
		weigh_index(repo, verify, &older, repo->older_index, cancel, &out[count++]);
		index_close(&older);
	}
	count += witness_of_hints(repo, verify, &out[count]);
	return count;
}

void witness_figures(const struct witness *witness, char out[WITNESS_TEXT])
{
	char confirmed[UNITS_SIZE], of[UNITS_SIZE], known[UNITS_SIZE], objects[UNITS_SIZE];
	const char *what = witness->is_hints ? witness->of == 1 ? "count right" : "counts right"
			   : witness->is_sample ? "looked at confirmed"
			   : witness->of == 1	? "mapping confirmed"
						: "mappings confirmed";
	out[0] = '\0';
	if (!witness->has_figures)
		return;
	units_count(witness->confirmed, confirmed, sizeof(confirmed));
	units_count(witness->of, of, sizeof(of));
	const int used = snprintf(out, WITNESS_TEXT, "%s of %s %s", confirmed, of, what);
	if (witness->has_keys && used > 0 && (unsigned)used < WITNESS_TEXT)
		snprintf(out + used, WITNESS_TEXT - (unsigned)used, ", knows %s of %s object%s",
			 units_count(witness->known, known, sizeof(known)),
			 units_count(witness->objects, objects, sizeof(objects)),
			 witness->objects == 1 ? "" : "s");
}

void witness_text(const struct witness *witness, char out[WITNESS_TEXT])
{
	char figures[WITNESS_TEXT];
	witness_figures(witness, figures);
	snprintf(out, WITNESS_TEXT, "%s%s%.100s", witness->credit == CREDIT_NONE
		 ? "not known without verifying all" : credit_name(witness->credit),
		 figures[0] ? ", " : "", figures);
}

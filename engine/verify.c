#include "build-config.h"

#include "parallel.h"
#include "verify_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tail_kind_name(enum tail_kind kind)
{
	static const char *const names[] = {
		[TAIL_NONE] = "none",
		[TAIL_UNCOMMITTED] = "uncommitted",
		[TAIL_TORN] = "torn",
		[TAIL_COMMIT_DAMAGED] = "commit damaged",
		[TAIL_WAS_COMMITTED] = "was committed",
	};
	return names[kind];
}

const char *entry_status_name(enum entry_status status)
{
	static const char *const names[] = {
		[STATUS_LIVE] = "live",
		[STATUS_SUPERSEDED] = "superseded",
		[STATUS_DELETED] = "deleted",
		[STATUS_TOMBSTONE] = "tombstone",
		[STATUS_COMMIT] = "commit",
		[STATUS_UNCOMMITTED] = "uncommitted",
		[STATUS_DAMAGED] = "damaged",
	};
	return names[status];
}

/* ---- shared by the parts ---- */

void verify_fail(struct verify_run *run, enum as_err err)
{
	int none = AS_OK;
	atomic_compare_exchange_strong(&run->failure, &none, (int)err);
}

bool verify_should_stop(const struct verify_run *run)
{
	return atomic_load_explicit(&run->progress->cancel, memory_order_relaxed) ||
	       atomic_load_explicit(&run->failure, memory_order_relaxed) != AS_OK;
}

enum as_err verify_add(struct verify_run *run, const struct finding *finding)
{
	pthread_mutex_lock(&run->verify->mutex);
	const enum as_err err = findings_add(&run->verify->findings, finding);
	pthread_mutex_unlock(&run->verify->mutex);
	if (finding->severity != SEVERITY_INFO)
		atomic_fetch_add_explicit(&run->progress->problems, 1, memory_order_relaxed);
	return err;
}

enum as_err verify_copy_findings(struct verify *verify, struct findings *copy)
{
	findings_init(copy);
	pthread_mutex_lock(&verify->mutex);
	const enum as_err err = findings_merge(copy, &verify->findings);
	pthread_mutex_unlock(&verify->mutex);
	findings_sort(copy);
	return err;
}

/* ---- witnesses: the buckets grouped by segment ---- */

static size_t group_of(const struct verify_run *run, uint32_t number)
{
	struct index_bucket bucket;
	index_image_bucket(&run->index.image, number, &bucket);
	if (!index_bucket_is_used(&bucket))
		return LAYOUT_NONE;
	return layout_find(&run->view->layout, bucket.segment);
}

/* Count, then place: two walks over the buckets, four bytes each. */
static void group_buckets(struct verify_run *run)
{
	struct verify_index *index = &run->index;
	const size_t segments = run->view->layout.count;
	index->is_grouped = true;
	index->group_start = calloc(segments + 2, sizeof(*index->group_start));
	index->group = malloc((size_t)index->image.used * sizeof(*index->group) + 1);
	if (!index->group_start || !index->group) {
		index->group_failed = true;
		return;
	}
	/* Counted two places further on, so that placing moves each start to where it belongs. */
	uint32_t *start = index->group_start;
	for (uint32_t i = 0; i < index->image.buckets; i++) {
		const size_t group = group_of(run, i);
		if (group != LAYOUT_NONE)
			start[group + 2]++;
	}
	for (size_t i = 2; i < segments + 2; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 0; i < index->image.buckets; i++) {
		const size_t group = group_of(run, i);
		if (group != LAYOUT_NONE)
			index->group[start[group + 1]++] = i;
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct segment_witness *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return memcmp(x->key, y->key, KEY_SIZE);
}

void verify_give_witnesses(void *context, uint32_t segment, struct segment_witnesses *out)
{
	struct verify_witness *witness = context;
	struct verify_index *index = &witness->run->index;
	const size_t position = layout_find(&witness->run->view->layout, segment);
	*out = (struct segment_witnesses){ 0 };
	if (!index->is_loaded || position == LAYOUT_NONE)
		return;
	pthread_mutex_lock(&index->mutex);
	if (!index->is_grouped)
		group_buckets(witness->run);
	pthread_mutex_unlock(&index->mutex);
	if (index->group_failed) {
		verify_fail(witness->run, AS_ERR_MEMORY);
		return;
	}
	const uint32_t first = index->group_start[position];
	const size_t count = index->group_start[position + 1] - first;
	if (count > witness->capacity) {
		struct segment_witness *grown = realloc(witness->rows, count * sizeof(*grown));
		if (!grown) {
			verify_fail(witness->run, AS_ERR_MEMORY);
			return;
		}
		witness->rows = grown;
		witness->capacity = count;
	}
	for (size_t i = 0; i < count; i++) {
		struct index_bucket bucket;
		index_image_bucket(&index->image, index->group[first + i], &bucket);
		witness->rows[i].offset = bucket.offset;
		memcpy(witness->rows[i].key, bucket.key, KEY_SIZE);
	}
	if (count > 1)
		qsort(witness->rows, count, sizeof(*witness->rows), by_offset);
	*out = (struct segment_witnesses){ witness->rows, count };
}

/* ---- a run ---- */

static bool is_tail_problem(enum problem problem)
{
	return problem == PROBLEM_TAIL_UNCOMMITTED || problem == PROBLEM_TAIL_WAS_COMMITTED ||
	       problem == PROBLEM_NO_COMMIT;
}

/* What opening found, but for the tail, which is looked into now and described better. */
static enum as_err take_findings(struct verify *verify)
{
	const struct findings *from = &verify->view->findings;
	enum as_err err = findings_merge(&verify->findings, from);
	for (int problem = 0; err == AS_OK && problem < PROBLEM_COUNT; problem++)
		if (is_tail_problem((enum problem)problem))
			findings_drop(&verify->findings, (enum problem)problem);
	return err;
}

enum as_err verify_new(const struct view *view, struct verify **out)
{
	struct verify *verify = calloc(1, sizeof(*verify));
	*out = NULL;
	if (!verify)
		return AS_ERR_MEMORY;
	verify->view = view;
	pthread_mutex_init(&verify->mutex, NULL);
	findings_init(&verify->findings);
	verify->facts = calloc(view->layout.count + 1, sizeof(*verify->facts));
	verify->replay = replay_new();
	if (!verify->facts || !verify->replay || take_findings(verify) != AS_OK) {
		verify_free(verify);
		return AS_ERR_MEMORY;
	}
	*out = verify;
	return AS_OK;
}

void verify_free(struct verify *verify)
{
	if (!verify)
		return;
	pthread_mutex_destroy(&verify->mutex);
	findings_free(&verify->findings);
	replay_free(verify->replay);
	free(verify->facts);
	free(verify->damage);
	free((void *)verify->confirmed);
	free(verify);
}

/* Load the index if it can be held against the log at all: one older than the log's end says nothing about it. */
static enum as_err load_index(struct verify_run *run, unsigned threads)
{
	const struct view *view = run->view;
	uint32_t end;
	if (view->index.fd < 0 || (view_log_end(view, &end) && view->index_transaction < end))
		return AS_OK;
	struct index_census census;
	enum as_err err = index_load(&view->index, threads, &run->index.image);
	if (err == AS_ERR_IO) {
		struct finding finding = finding_of(PROBLEM_INDEX_UNREADABLE);
		snprintf(finding.detail, sizeof(finding.detail), "index.%u: a block cannot be read",
			 view->index_transaction);
		return verify_add(run, &finding);
	}
	if (err != AS_OK)
		return err;
	err = index_census(&view->index, &run->index.image, &census, NULL);
	if (err != AS_OK)
		return err;
	if (census.degenerate) {
		/* Look-ups would crawl: say so, and replay the log without it. */
		err = index_census(&view->index, &run->index.image, &census, &run->verify->findings);
		index_image_free(&run->index.image);
		return err;
	}
	const size_t words = (size_t)run->index.image.buckets / 64 + 1;
	run->verify->confirmed = calloc(words, sizeof(*run->verify->confirmed));
	run->index.is_loaded = run->verify->confirmed != NULL;
	return run->verify->confirmed ? AS_OK : AS_ERR_MEMORY;
}

/* An index that turns out older than the log's end, now that the tail was looked into. */
static void drop_stale_index(struct verify_run *run)
{
	if (run->index.is_loaded && run->verify->has_end &&
	    run->view->index_transaction < run->verify->end)
		run->index.is_loaded = false;
}

static void worker(void *context)
{
	struct verify_run *run = context;
	const enum as_err err = verify_scan(run);
	if (err != AS_OK)
		verify_fail(run, err);
}

static void sum_up(struct verify *verify)
{
	uint64_t puts = 0;
	for (size_t i = 0; i < verify->view->layout.count; i++) {
		verify->bytes += verify->facts[i].size;
		if (verify->facts[i].is_committed)
			puts += verify->facts[i].puts;
	}
	verify->superseded = puts > verify->objects ? puts - verify->objects : 0;
}

static enum as_err report_change(struct verify_run *run)
{
	const struct finding finding = finding_of(PROBLEM_CHANGED);
	return view_is_changed(run->view) ? verify_add(run, &finding) : AS_OK;
}

enum as_err verify_work(struct verify *verify, unsigned threads, struct verify_progress *progress)
{
	struct verify_run run = { .verify = verify, .view = verify->view, .progress = progress };
	threads = parallel_threads(threads);
	pthread_mutex_init(&run.index.mutex, NULL);
	enum as_err err = load_index(&run, threads);
	if (err == AS_OK)
		err = verify_judge_tail(&run);
	if (err == AS_OK) {
		drop_stale_index(&run);
		parallel_run(threads, worker, &run);
		err = (enum as_err)atomic_load(&run.failure);
	}
	if (err == AS_OK && atomic_load(&progress->cancel))
		err = AS_ERR_CANCELLED;
	if (err == AS_OK)
		err = verify_compare(&run);
	if (err == AS_OK)
		err = report_change(&run);
	if (err == AS_OK) {
		sum_up(verify);
		findings_sort(&verify->findings);
		verify->complete = true;
	}
	pthread_mutex_destroy(&run.index.mutex);
	index_image_free(&run.index.image);
	free(run.index.group_start);
	free(run.index.group);
	return err;
}

enum as_err verify_run(const struct view *view, unsigned threads, struct verify_progress *progress,
		       struct verify **out)
{
	const enum as_err err = verify_new(view, out);
	return err == AS_OK ? verify_work(*out, threads, progress) : err;
}

/* ---- asking ---- */

bool verify_lookup(const struct verify *verify, const uint8_t key[KEY_SIZE], struct replay_event *place)
{
	struct index_bucket bucket;
	struct replay_event event;
	const bool has_event = replay_find(verify->replay, key, &event);
	const bool has_bucket = verify->index_was_compared &&
				index_lookup(&verify->view->index, key, &bucket) == AS_OK;
	const bool is_confirmed = has_bucket && verify_is_confirmed(verify, bucket.number);
	switch (verify_settle(verify, has_bucket ? &bucket : NULL, is_confirmed,
			      has_event ? &event : NULL, place)) {
	case VERDICT_AGREED:
	case VERDICT_UNINDEXED:
	case VERDICT_OUTDATED:
	case VERDICT_MISDIRECTED:
		return true;
	default:
		return false;
	}
}

/* Where the key of a PUT is by the index alone. */
static enum as_err index_place(const struct view *view, const uint8_t key[KEY_SIZE],
			       struct replay_event *place)
{
	struct index_bucket bucket;
	if (!view_index_fits(view))
		return AS_ERR_INTEGRITY;
	const enum as_err err = index_lookup(&view->index, key, &bucket);
	if (err == AS_OK)
		*place = (struct replay_event){
			.segment = bucket.segment, .offset = bucket.offset, .is_put = true,
		};
	return err;
}

enum entry_status entry_status(const struct view *view, const struct verify *verify, uint32_t segment,
			       const struct segment_entry *entry, bool *known)
{
	const bool is_committed = verify ? verify->has_end && segment <= verify->end
					 : view_is_committed(view, segment);
	*known = true;
	if (entry->tag == SEGMENT_DAMAGED)
		return STATUS_DAMAGED;
	if (!is_committed)
		return STATUS_UNCOMMITTED;
	if (entry->tag == SEGMENT_COMMIT)
		return STATUS_COMMIT;
	if (entry->tag == SEGMENT_DELETE)
		return STATUS_TOMBSTONE;
	struct replay_event place;
	enum as_err err;
	if (verify)
		err = verify_lookup(verify, entry->key, &place) ? AS_OK : AS_ERR_OBJECT_NOT_FOUND;
	else
		err = index_place(view, entry->key, &place);
	*known = err == AS_OK || err == AS_ERR_OBJECT_NOT_FOUND;
	if (err != AS_OK)
		return STATUS_DELETED;
	return place.segment == segment && place.offset == entry->offset ? STATUS_LIVE
									 : STATUS_SUPERSEDED;
}

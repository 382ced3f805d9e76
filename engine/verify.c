#include "build-config.h"

#include "base/parallel.h"
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
		[STATUS_OLDER] = "older",
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

/* ---- a run ---- */

static bool is_tail_problem(enum problem problem)
{
	return problem == PROBLEM_TAIL_UNCOMMITTED || problem == PROBLEM_TAIL_WAS_COMMITTED ||
	       problem == PROBLEM_NO_COMMIT;
}

/* What opening found, but for what is looked into now and described better: the tail, and segments
 * that the hints name and that are not there. */
static enum as_err take_findings(struct verify *verify)
{
	const struct findings *from = &verify->view->findings;
	enum as_err err = findings_merge(&verify->findings, from);
	for (int problem = 0; err == AS_OK && problem < PROBLEM_COUNT; problem++)
		if (is_tail_problem((enum problem)problem) || problem == PROBLEM_SEGMENT_MISSING)
			findings_drop(&verify->findings, (enum problem)problem);
	return err;
}

/* Forget what was read. AS_ERR_MEMORY. */
static enum as_err begin_reading(struct verify *verify)
{
	replay_free(verify->replay);
	replay_free(verify->adrift);
	replay_free(verify->apart);
	verify->replay = replay_new();
	verify->adrift = replay_new();
	verify->apart = replay_new();
	verify->damage_count = verify->copy_count = verify->fill_count = 0;
	verify->key_sum = 0;
	return verify->replay && verify->adrift && verify->apart ? AS_OK : AS_ERR_MEMORY;
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
	verify->index.fd = -1;
	verify->facts = calloc(view->layout.count + 1, sizeof(*verify->facts));
	if (!verify->facts || begin_reading(verify) != AS_OK || take_findings(verify) != AS_OK) {
		verify_free(verify);
		return AS_ERR_MEMORY;
	}
	for (size_t i = 0; i < view->layout.count; i++)
		verify->facts[i].number = view->layout.segments[i].number;
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
	replay_free(verify->adrift);
	replay_free(verify->apart);
	if (verify->owns_index)
		index_close(&verify->index);
	free(verify->facts);
	free(verify->damage);
	free(verify->copies);
	free(verify->fills);
	free(verify->missing);
	free(verify->oddities);
	free(verify->gone);
	free((void *)verify->confirmed);
	free(verify);
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

/* Opening saw no more than that the manifests are there. */
static enum as_err check_manifest(struct verify_run *run, const char *name)
{
	const struct view *view = run->view;
	struct finding finding = finding_of(PROBLEM_UNDO_UNREADABLE);
	char folder[UNDO_FOLDER_MAX], *lines;
	undo_folder_path(name, folder);
	enum undo_state state;
	enum as_err err = undo_state_of(view->io, view->fd, folder, &state);
	if (err == AS_OK && state == UNDO_UNREADABLE)
		return AS_OK;
	err = undo_manifest_lines(view->io, view->fd, folder, &lines);
	free(lines);
	if (err == AS_OK || err == AS_ERR_MEMORY)
		return err;
	snprintf(finding.detail, sizeof(finding.detail), "%s/" UNDO_MANIFEST ": %s", folder,
		 as_err_text(err));
	return verify_add(run, &finding);
}

static enum as_err check_undo(struct verify_run *run)
{
	struct undo_names names;
	enum as_err err = undo_names_list(run->view->io, run->view->fd, &names);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;	/* opening told it */
	for (size_t i = 0; err == AS_OK && i < names.count; i++)
		err = check_manifest(run, names.rows[i]);
	free(names.rows);
	return err;
}

static enum as_err report_change(struct verify_run *run)
{
	const struct finding finding = finding_of(PROBLEM_CHANGED);
	return view_is_changed(run->view) ? verify_add(run, &finding) : AS_OK;
}

static enum as_err verify_segments(struct verify_run *run)
{
	struct verify *verify = run->verify;
	enum as_err err = AS_OK;
	if (!run->view->config.has_id)
		verify->scope.known = NULL;
	if (verify->scope.known)
		err = verify_mark_index(run);
	if (err == AS_OK)
		err = verify_order_turns(run);
	if (err != AS_OK)
		return err;
	verify_start_clock(run);
	run->next = 0;
	parallel_run(run->threads, worker, run);
	free(run->order);
	run->order = NULL;
	verify->skipped = run->skipped;
	verify->remembered = run->remembered;
	verify_confirm_remembered(run);
	err = (enum as_err)atomic_load(&run->failure);
	return err == AS_OK ? replay_settle(verify->replay, run->threads) : err;
}

/* Of a log that was read in part, no object can be said to be missing. */
static enum as_err count_partly(struct verify_run *run)
{
	struct verify *verify = run->verify;
	for (size_t i = 0; i < verify->view->layout.count; i++)
		verify->objects += verify->facts[i].live;
	return AS_OK;
}

/* Forget what was read and found, but for the roles of the files and what was known before. */
static enum as_err read_again(struct verify_run *run)
{
	struct verify *verify = run->verify;
	enum as_err err = begin_reading(verify);
	pthread_mutex_lock(&verify->mutex);
	findings_free(&verify->findings);
	findings_init(&verify->findings);
	if (err == AS_OK)
		err = findings_merge(&verify->findings, &run->before);
	pthread_mutex_unlock(&verify->mutex);
	for (size_t i = 0; verify->confirmed && i < run->index.image.buckets / 64 + 1; i++)
		atomic_store(&verify->confirmed[i], 0);
	/* What an earlier run found rests on the names of the files: all is read. */
	verify->scope.known = NULL;
	if (verify->scope.keep)
		verify_records_free(verify->scope.keep);
	run->remembered = 0;
	run->reading++;
	run->is_weighed = false;
	return err;
}

static enum as_err weigh(struct verify_run *run)
{
	const enum as_err err = run->index.is_loaded ? AS_OK : verify_tally_log(run);
	return err == AS_OK ? verify_weigh(run) : err;
}

/* Read every segment and weigh the witnesses by it; once more where that shows that some files take
 * no part in the log, or bear another's number. */
static enum as_err read_and_weigh(struct verify_run *run)
{
	const struct verify *verify = run->verify;
	bool again = true, older = false;
	enum as_err err = findings_merge(&run->before, &verify->findings);
	while (err == AS_OK && again) {
		err = verify_segments(run);
		if (err != AS_OK || verify->skipped > 0 || atomic_load(&run->progress->cancel))
			return err;
		verify_sort_damage(run->verify);
		err = weigh(run);
		if (err == AS_OK)
			err = verify_use_older_index(run, &older);
		if (err == AS_OK && !older)
			err = verify_use_copies(run, &again);
		if (err == AS_OK && !older && again)
			err = weigh(run);
		if (err == AS_OK && !older)
			err = verify_choose_roles(run, &again);
		again = again || older;
		if (err == AS_OK && again)
			err = read_again(run);
		if (older)
			run->reading = 0;	/* of this index it is the first */
	}
	return err;
}

enum as_err verify_work(struct verify *verify, unsigned threads, struct verify_progress *progress)
{
	struct verify_run run = {
		.verify = verify, .view = verify->view, .progress = progress,
		.threads = parallel_threads(threads),
	};
	if (verify->view->dialect != DIALECT_ATTIC) {
		verify->complete = true;	/* no segment is read: opening said all there is */
		return AS_OK;
	}
	findings_init(&run.before);
	enum as_err err = verify_load_index(&run);
	if (err == AS_OK)
		err = verify_judge_tail(&run);
	if (err == AS_OK) {
		verify_drop_index(&run);
		err = read_and_weigh(&run);
	}
	if (err == AS_OK)
		err = verify_judge_index(&run);
	if (err == AS_OK)
		err = verify_report_unknown_tail(&run);
	if (err == AS_OK && atomic_load(&progress->cancel))
		err = AS_ERR_CANCELLED;
	if (err == AS_OK)
		err = verify->skipped > 0 ? count_partly(&run) : verify_compare(&run);
	if (err == AS_OK)
		err = check_undo(&run);
	if (err == AS_OK)
		err = report_change(&run);
	if (err == AS_OK) {
		sum_up(verify);
		pthread_mutex_lock(&verify->mutex);
		findings_sort(&verify->findings);
		pthread_mutex_unlock(&verify->mutex);
		verify->complete = true;
	}
	findings_free(&run.before);
	verify_free_index(&run);
	return err;
}

enum as_err verify_run(const struct view *view, unsigned threads, struct verify_progress *progress,
		       struct verify **out)
{
	const enum as_err err = verify_new(view, out);
	return err == AS_OK ? verify_work(*out, threads, progress) : err;
}

enum as_err verify_tail(const struct view *view, enum tail_kind *kind)
{
	struct verify_progress progress = { .cancel = false };
	struct verify_run run = {
		.view = view, .progress = &progress, .threads = parallel_threads(0),
	};
	*kind = TAIL_NONE;
	enum as_err err = verify_new(view, &run.verify);
	if (err != AS_OK)
		return err;
	err = verify_load_index(&run);
	if (err == AS_OK)
		err = verify_judge_tail(&run);
	if (err == AS_OK)
		*kind = run.verify->tail;
	verify_free_index(&run);
	verify_free(run.verify);
	return err;
}

/* ---- asking ---- */

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

enum entry_status entry_status(const struct view *view, const struct verify *verify,
			       uint32_t segment, const struct segment_entry *entry, bool *known)
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
	const size_t position = verify ? layout_find(&view->layout, segment) : LAYOUT_NONE;
	if (position != LAYOUT_NONE)
		segment = verify->facts[position].number;
	const struct verify_gone *gone =
		verify && err != AS_OK ? verify_find_gone(verify, entry->key) : NULL;
	if (gone)
		return gone->has_older && gone->older.segment == segment &&
		       gone->older.offset == entry->offset ? STATUS_OLDER : STATUS_SUPERSEDED;
	if (err != AS_OK)
		return verify && verify_find_gone(verify, entry->key) ? STATUS_SUPERSEDED
								      : STATUS_DELETED;
	return place.segment == segment && place.offset == entry->offset ? STATUS_LIVE
									 : STATUS_SUPERSEDED;
}

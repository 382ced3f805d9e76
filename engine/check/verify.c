#include "build-config.h"

#include "base/parallel.h"
#include "check/check_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a run ---- */

/* Opening only saw that the manifests are there. */
static enum as_err check_undo(struct verify_run *run)
{
	const struct repo *repo = run->repo;
	struct undo_names names;
	enum as_err err = undo_names_list(repo->io, repo->fd, &names);
	if (err != AS_OK)
		return err == AS_ERR_MEMORY ? err : AS_OK;	/* opening reported it */
	for (size_t i = 0; err == AS_OK && i < names.count; i++) {
		struct finding finding = finding_of(PROBLEM_UNDO_UNREADABLE);
		char folder[UNDO_FOLDER_MAX], *lines;
		enum undo_state state;
		undo_folder_path(names.rows[i], folder);
		err = undo_state_of(repo->io, repo->fd, folder, &state);
		if (err == AS_OK && state == UNDO_UNREADABLE)
			continue;
		err = undo_manifest_lines(repo->io, repo->fd, folder, &lines);
		free(lines);
		if (err == AS_OK || err == AS_ERR_MEMORY)
			continue;
		snprintf(finding.detail, sizeof(finding.detail), "%s/" UNDO_MANIFEST ": %s",
			 folder, as_err_text(err));
		err = verify_add(run, &finding);
	}
	free(names.rows);
	return err;
}

static enum as_err verify_segments(struct verify_run *run)
{
	struct verify *verify = run->verify;
	enum as_err err = AS_OK;
	if (!run->repo->config.has_id)
		verify->scope.known = NULL;
	if (verify->scope.known)
		err = verify_mark_index(run);
	if (err == AS_OK)
		err = verify_order_turns(run);
	if (err != AS_OK)
		return err;
	verify_start_clock(run);
	run->next = 0;
	parcels_init(&run->parcels);
	parallel_run(run->threads, verify_scan, run);
	parcels_destroy(&run->parcels);
	free(run->order);
	run->order = NULL;
	verify->skipped = run->skipped;
	verify->remembered = run->remembered;
	verify_confirm_remembered(run);
	err = (enum as_err)atomic_load(&run->failure);
	return err == AS_OK ? replay_merge(verify->replay, run->threads) : err;
}

/* Forget what was read and found, but for the roles of the files and what was known before. */
static enum as_err read_again(struct verify_run *run)
{
	struct verify *verify = run->verify;
	enum as_err err = verify_begin_reading(verify);
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

/* Read every segment and weigh the witnesses by it; once more where that shows that some files take
 * no part in the log, or bear another's number. */
static enum as_err read_and_weigh(struct verify_run *run)
{
	const struct verify *verify = run->verify;
	enum as_err err = findings_merge(&run->before, &verify->findings);
	while (err == AS_OK) {
		bool again, older;
		err = verify_segments(run);
		if (err != AS_OK || verify->skipped > 0 || atomic_load(&run->progress->cancel))
			return err;
		verify_sort_damage(run->verify);
		err = verify_weigh(run);
		if (err != AS_OK)
			return err;
		err = verify_use_older_index(run, &older);
		if (err != AS_OK)
			return err;
		if (older) {
			err = read_again(run);
			run->reading = 0;	/* of this index it is the first */
			continue;
		}
		err = verify_use_copies(run, &again);
		if (err == AS_OK && again)
			err = verify_weigh(run);
		if (err == AS_OK)
			err = verify_choose_roles(run, &again);
		if (err != AS_OK || !again)
			return err;
		err = read_again(run);
	}
	return err;
}

/* What is found out when every segment was read, or those that were to be read. */
static enum as_err compare_all(struct verify_run *run)
{
	struct verify *verify = run->verify;
	const struct finding changed = finding_of(PROBLEM_CHANGED);
	enum as_err err = verify_check_index(run);
	if (err != AS_OK)
		return err;
	err = verify_report_unknown_tail(run);
	if (err != AS_OK)
		return err;
	if (atomic_load(&run->progress->cancel))
		return AS_ERR_CANCELLED;
	if (verify->skipped == 0) {
		err = verify_compare(run);
	} else {
		/* Where the log was read in part, no object can be said to be missing. */
		for (size_t i = 0; i < verify->repo->listing.count; i++)
			verify->objects += verify->facts[i].live;
	}
	if (err != AS_OK)
		return err;
	err = check_undo(run);
	if (err != AS_OK)
		return err;
	return repo_is_changed(run->repo) ? verify_add(run, &changed) : AS_OK;
}

enum as_err verify_work(struct verify *verify, unsigned threads, struct verify_progress *progress)
{
	struct verify_run run = {
		.verify = verify, .repo = verify->repo, .progress = progress,
		.threads = parallel_threads(threads),
	};
	if (!verify->repo->dialect->is_read) {
		verify->complete = true;	/* no segment is read: opening said all there is */
		return AS_OK;
	}
	findings_init(&run.before);
	uint64_t puts = 0;
	enum as_err err = verify_load_index(&run);
	if (err != AS_OK)
		goto out;
	err = verify_compare_digest(&run);
	if (err == AS_OK)
		err = verify_check_tail(&run);
	if (err != AS_OK)
		goto out;
	/* An index that knows of a tail which is given up on purpose is no witness. */
	if (verify->tail_choice == TAIL_DROPPED &&
	    (!verify->has_end || verify->index.transaction > verify->end))
		run.index.is_loaded = false;
	err = read_and_weigh(&run);
	if (err != AS_OK)
		goto out;
	err = compare_all(&run);
	if (err != AS_OK)
		goto out;
	for (size_t i = 0; i < verify->repo->listing.count; i++) {
		verify->bytes += verify->facts[i].size;
		if (verify->facts[i].is_committed)
			puts += verify->facts[i].puts;
	}
	verify->superseded = puts > verify->objects ? puts - verify->objects : 0;
	pthread_mutex_lock(&verify->mutex);
	findings_sort(&verify->findings);
	pthread_mutex_unlock(&verify->mutex);
	verify->complete = true;
out:
	findings_free(&run.before);
	verify_free_index(&run);
	return err;
}

enum as_err verify_run(const struct repo *repo, unsigned threads, struct verify_progress *progress,
		       struct verify **out)
{
	const enum as_err err = verify_new(repo, out);
	return err == AS_OK ? verify_work(*out, threads, progress) : err;
}

enum as_err verify_tail(const struct repo *repo, enum tail_kind *kind)
{
	struct verify_progress progress = { .cancel = false };
	struct verify_run run = {
		.repo = repo, .progress = &progress, .threads = parallel_threads(0),
	};
	*kind = TAIL_NONE;
	enum as_err err = verify_new(repo, &run.verify);
	if (err != AS_OK)
		return err;
	err = verify_load_index(&run);
	if (err == AS_OK)
		err = verify_check_tail(&run);
	if (err == AS_OK)
		*kind = run.verify->tail;
	verify_free_index(&run);
	verify_free(run.verify);
	return err;
}

/* ---- asking ---- */

/* Where the key of a PUT is by the index alone. */
static enum as_err index_place(const struct repo *repo, const uint8_t key[KEY_SIZE],
			       struct replay_event *place)
{
	struct index_bucket bucket;
	if (!repo_index_fits(repo))
		return AS_ERR_INTEGRITY;
	const enum as_err err = index_lookup(&repo->index, key, &bucket);
	if (err == AS_OK)
		*place = (struct replay_event){
			.segment = bucket.segment, .offset = bucket.offset, .is_put = true,
		};
	return err;
}

enum entry_status entry_status(const struct repo *repo, const struct verify *verify,
			       uint32_t segment, const struct segment_entry *entry, bool *known)
{
	const bool is_committed = verify ? verify->has_end && segment <= verify->end
					 : repo_is_committed(repo, segment);
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
		err = index_place(repo, entry->key, &place);
	*known = err == AS_OK || err == AS_ERR_OBJECT_NOT_FOUND;
	const size_t position = verify ? listing_find(&repo->listing, segment) : LISTING_NONE;
	if (position != LISTING_NONE)
		segment = verify->facts[position].number;
	const struct verify_gone *gone =
		verify && err != AS_OK ? verify_find_gone(verify, entry->key) : NULL;
	if (gone)
		return gone->has_older && gone->older.segment == segment &&
		       gone->older.offset == entry->offset ? STATUS_OLDER : STATUS_SUPERSEDED;
	if (err != AS_OK)
		return STATUS_DELETED;
	return place.segment == segment && place.offset == entry->offset ? STATUS_LIVE
									 : STATUS_SUPERSEDED;
}

#include "build-config.h"

#include "repair/planner_internal.h"

#include "check/diagnose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which segments go ---- */

/* Does the segment begin with a magic that is not written any longer? */
static bool has_old_magic(const struct plan *plan, size_t position)
{
	const struct repo *repo = plan->work->repo;
	const char *old = repo->dialect->segment_magic_before;
	char path[LISTING_PATH_MAX], magic[SEGMENT_MAGIC_SIZE];
	size_t got = 0;
	int fd;
	listing_path(&repo->listing, position, path);
	if (!old || io_open_file(repo->io, repo->fd, path, &fd, NULL) != AS_OK)
		return false;
	io_read_at(repo->io, fd, magic, sizeof(magic), 0, &got);
	io_close(repo->io, fd);
	return got == sizeof(magic) && memcmp(magic, old, sizeof(magic)) == 0;
}

static const char *why_salvage(const struct plan *plan, size_t position)
{
	const struct verify *verify = plan->work->verify;
	const struct repo *repo = plan->work->repo;
	const struct segment_facts *facts = &verify->facts[position];
	const struct listing_segment *segment = &repo->listing.segments[position];
	const struct listing_folder *folder = &repo->listing.folders[segment->folder];
	if (!verify->has_end || segment->number > verify->end)
		return "not committed";
	if (facts->role == ROLE_RETURNED)
		return "came back after a compaction";
	if (facts->role == ROLE_FOREIGN)
		return "from another repository or time";
	if (facts->number != segment->number)
		return "has another segment's number";
	if (repo->config.has_segments_per_dir &&
	    (folder->name || folder->number != segment->number / repo->config.segments_per_dir))
		return "in the wrong folder";
	if (facts->is_unreadable)
		return "holds unreadable ranges";
	if (facts->damaged > 0)
		return "damaged";
	if (facts->is_too_large)
		return "goes on beyond 2 GiB";
	if (has_old_magic(plan, position))
		return "still in Attic's format";
	return segment->number >= LOG_SEGMENT_LAST ? "has a number that no other can follow" : NULL;
}

static const char *why_goes(const struct plan *plan, size_t position)
{
	const struct repo *repo = plan->work->repo;
	const struct segment_facts *facts = &plan->work->verify->facts[position];
	const uint32_t number = repo->listing.segments[position].number;
	if (plan->action == REPAIR_ROLLBACK)
		return position >= repo->tail ? "not committed" : NULL;
	if (plan->action == REPAIR_SALVAGE)
		return why_salvage(plan, position);
	if (plan->action != REPAIR_COMPACT)
		return NULL;
	if (facts->role == ROLE_RETURNED)
		return "came back after a compaction";
	if (!facts->is_committed || (facts->puts == facts->live && facts->deletes == 0 &&
				     facts->live > 0))
		return NULL;
	/* The newest COMMIT alone must stay. Where every transaction has one of its own they all
	 * do, and what frees too little. */
	if (facts->puts == 0 && facts->deletes == 0 &&
	    (number == repo->transaction || repo->dialect->has_lone_commits))
		return NULL;
	if (plan_freeable(facts) <= facts->size / 100 * repo->dialect->compact_percent)
		return NULL;
	return facts->live > 0 ? "superseded entries" : "nothing live";
}

/* ---- what is written ---- */

/* Must index and hints be rewritten? Those that fit the log's end afterwards stay as they are,
 * unless a finding speaks against them. */
static bool index_is_wrong(const struct plan *plan)
{
	const struct plan_work *work = plan->work;
	const struct repo *repo = work->repo;
	if (!plan->has_after)
		return repo->has_index || repo->has_hints;
	return !repo->has_index || !repo->has_hints || repo->index_transaction != plan->after ||
	       repo->hints_transaction != plan->after ||
	       plan_wants(&work->verify->findings, REPAIR_RECOVER);
}

/* Choose whether a COMMIT is written, and whether index and hints are. */
static void choose_writing(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const struct findings *findings = &work->verify->findings;
	const bool writes = work->copy_count > 0 || work->delete_count > 0;
	/* Does one go? And does the last that stays end without a COMMIT, although it was
	 * committed? */
	bool goes = false, ends_open = false;
	for (size_t i = 0; i < work->repo->listing.count; i++) {
		const struct segment_facts *facts = &work->verify->facts[i];
		goes = goes || work->goes[i];
		if (work->goes[i] || !facts->is_committed)
			continue;
		ends_open = !facts->is_complete;
		if (ends_open || facts->role != ROLE_LOG)
			continue;
		plan->has_after = true;		/* the newest complete segment that stays */
		plan->after = work->repo->listing.segments[i].number;
	}
	const bool salvages = plan->action == REPAIR_SALVAGE &&
			      (goes || writes || plan->lost_count > 0 || plan->older_count > 0 ||
			       plan->left_out_count > 0 ||
			       plan_wants(findings, REPAIR_SALVAGE) ||
			       (plan->options.keep_tail && ends_open));
	/* After a salvage the numbers go up in any case: nothing new shall bear an old one's. */
	work->writes_commit = writes || (salvages && (goes || ends_open)) ||
			      (plan->action == REPAIR_COMPACT && goes &&
			       plan->after != plan->before);
	if (work->writes_commit)
		work->writes_index = true;
	else if (plan->action == REPAIR_SALVAGE)
		work->writes_index = salvages;
	else if (plan->action == REPAIR_COMPACT)
		work->writes_index = goes;
	else
		work->writes_index = index_is_wrong(plan) || plan->dropped_count > 0;
}

/* ---- the whole ---- */

static enum as_err find_verify(struct plan *plan, const struct verify *first)
{
	struct plan_work *work = plan->work;
	const struct repo *repo = work->repo;
	const struct listing *listing = &repo->listing;
	enum tail_choice choice = TAIL_AS_FOUND;
	bool ends_right = true;		/* where the repair wants it */
	if (plan->action == REPAIR_ROLLBACK || plan->options.drop_tail) {
		choice = TAIL_DROPPED;
		ends_right = first->has_end == repo->has_transaction &&
			     first->end == repo->transaction;
	} else if (plan->options.keep_tail && repo->tail < listing->count) {
		choice = TAIL_KEPT;
		ends_right = first->has_end &&
			     first->end == listing->segments[listing->count - 1].number;
	}
	work->verify = first;
	if (ends_right)
		return AS_OK;
	enum as_err err = verify_new(repo, &work->own_verify);
	if (err != AS_OK)
		return err;
	work->own_verify->tail_choice = choice;
	work->verify = work->own_verify;
	return verify_work(work->own_verify, plan->options.threads, work->progress);
}

/* Will the manifest be missing that a client had made? The newest whole thing that is left of it
 * may be its DELETE, which every client follows with a PUT; or nothing, where more may be
 * lost than can be named. */
static void name_manifest(struct plan *plan)
{
	static const uint8_t manifest[KEY_SIZE];
	const struct plan_work *work = plan->work;
	struct replay_event event;
	struct index_bucket bucket;
	uint32_t segment, offset;
	if (index_table_get(work->table, manifest, &segment, &offset) || plan->objects_after == 0)
		return;
	if (plan->loss_is_unknown ||
	    replay_find(work->verify->replay, manifest, &event) ||
	    verify_find_gone(work->verify, manifest) ||
	    (work->verify->index.fd >= 0 &&
	     index_lookup(&work->verify->index, manifest, &bucket) == AS_OK))
		plan->next_step = plan->dialect->after_lost_manifest;
}

static enum as_err fill(struct plan *plan, const struct verify *first, struct as_error *error)
{
	struct plan_work *work = plan->work;
	enum as_err err = find_verify(plan, first);
	if (err == AS_OK)
		err = plan_find_objects(plan, first);
	if (err == AS_ERR_COLLISION) {
		plan_refuse(plan, "%s", as_err_text(err));
		return AS_OK;
	}
	if (err != AS_OK)
		return repair_fail(work->repo, err, error);
	plan_check_dropped(plan);
	for (size_t i = 0; i < work->repo->listing.count; i++)
		work->goes[i] = why_goes(plan, i);
	if (plan->action == REPAIR_SALVAGE || plan->action == REPAIR_COMPACT) {
		struct as_error why;
		err = plan_find_entries(plan, &why);
		if (err == AS_ERR_INTEGRITY) {
			plan_refuse(plan, "%.240s", why.message);
			plan->hardware_doubt = true;
			return AS_OK;
		}
		if (err != AS_OK) {
			if (error)
				*error = why;
			return err;
		}
	}
	choose_writing(plan);
	plan_name_guesses(plan);
	name_manifest(plan);
	err = plan_list_files(plan);
	if (err != AS_OK)
		return repair_fail(work->repo, err, error);
	plan->is_empty = plan->file_count == 0;
	plan->is_filled = true;
	return AS_OK;
}

const struct dialect *repair_dialect(const struct repo *repo, enum repair action)
{
	const struct dialect *dialect = repo->dialect;
	if (action == REPAIR_SALVAGE && dialect->salvaged_as)
		return dialect->salvaged_as;
	return dialect->refusal ? NULL : dialect;
}

static struct plan *plan_new(const struct repo *repo, enum repair action,
			     const struct repair_options *options,
			     struct verify_progress *progress)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	if (!plan)
		return NULL;
	plan->action = action;
	if (options)
		plan->options = *options;
	plan->work = calloc(1, sizeof(*plan->work));
	if (plan->work)
		plan->work->goes = calloc(repo->listing.count + 1, sizeof(*plan->work->goes));
	if (!plan->work || !plan->work->goes) {
		plan_free(plan);
		return NULL;
	}
	plan->dialect = repo->dialect;
	plan->work->repo = repo;
	plan->work->dialect = repair_dialect(repo, action);
	plan->work->progress = progress;
	plan->has_before = repo->has_transaction;
	plan->before = repo->transaction;
	return plan;
}

enum as_err plan_make(const struct repo *repo, const struct verify *verify, enum repair action,
		      const struct repair_options *options, struct verify_progress *progress,
		      struct plan **out, struct as_error *error)
{
	struct diagnosis diagnosis;
	enum as_err err = AS_OK;
	*out = NULL;
	if (verify->skipped > 0 || verify->remembered > 0)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: only part of it was read just now",
			       repo->path);
	struct plan *plan = plan_new(repo, action, options, progress);
	if (!plan)
		return repair_fail(repo, AS_ERR_MEMORY, error);
	diagnose(repo, verify, &diagnosis);
	if (!plan->work->dialect)
		plan_refuse(plan, "%s", repo->dialect->refusal);
	if (action == REPAIR_COMPACT && repo->config.is_append_only)
		plan_refuse(plan, "the repository is append-only: nothing is ever compacted in it");
	if (action == REPAIR_SALVAGE && repo->config.is_append_only)
		plan->caution = "The repository is append-only: the segments that are moved aside "
				"are part of its history. They stay in the undo folder as long as "
				"that is not purged.";
	if (action == REPAIR_ROLLBACK && (verify->tail == TAIL_WAS_COMMITTED ||
					  verify->tail == TAIL_COMMIT_DAMAGED))
		plan->next_step = repo->dialect->after_rollback;
	plan_check_findings(plan, verify, diagnosis.clean);
	const bool was_refused = plan->is_refused;
	if (plan->work->dialect)
		err = fill(plan, verify, error);
	if (err == AS_OK && plan->is_filled && !plan->is_empty)
		err = plan_check_surroundings(plan, error);
	/* What refuses the plan may be the very thing that planning fails on. */
	if (was_refused && err != AS_ERR_MEMORY && err != AS_ERR_CANCELLED)
		err = AS_OK;
	if (err != AS_OK) {
		plan_free(plan);
		return err;
	}
	if (plan->is_refused && !plan->is_filled)
		snprintf(plan->not_planned, sizeof(plan->not_planned),
			 "What it would do cannot be planned.");
	*out = plan;
	return AS_OK;
}

#include "build-config.h"

#include "repair/planner_internal.h"

#include "check/diagnose.h"
#include "check/obstacle.h"
#include "format/names.h"
#include "repair/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096u	/* what a file takes at least, for the sum of space */

const char *loss_text(enum loss loss)
{
	static const char *const texts[] = {
		[LOSS_DAMAGED] = "no whole entry of it is left",
		[LOSS_MISSING] = "its segment is missing",
		[LOSS_UNREADABLE] = "the disk refuses to read it",
		[LOSS_ROLLED_BACK] = "only the transaction that is given up held it",
	};
	return texts[loss];
}

/* ---- what stands in the way ---- */

static void refuse(struct plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct plan *plan, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (!plan->is_refused)
		vsnprintf(plan->refusal, sizeof(plan->refusal), format, args);
	va_end(args);
	plan->is_refused = true;
}

/* Behind a refusal just given: @option lets the plan through. Nothing where another came first. */
static void offer(struct plan *plan, bool was_refused, enum plan_way_out way_out,
		  const char *option)
{
	if (was_refused)
		return;
	plan->way_out = way_out;
	plan->reason_len = strlen(plan->refusal);
	snprintf(plan->refusal + plan->reason_len, sizeof(plan->refusal) - plan->reason_len, "%s",
		 option);
}

static bool has(const struct findings *findings, enum problem problem)
{
	return findings->total[problem] > 0;
}

static bool wants(const struct findings *findings, enum repair repair)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].repair == repair &&
		    findings->rows[i].severity > SEVERITY_INFO)
			return true;
	return false;
}

/* What no repair may be built upon. */
static void judge_ground(struct plan *plan, const struct verify *first,
			 const struct diagnosis *diagnosis)
{
	const struct findings *findings = &first->findings;
	plan->hardware_doubt = has(findings, PROBLEM_RANGE_UNREADABLE) ||
			       has(findings, PROBLEM_UNSTABLE_READ);
	const struct obstacle_ground ground = { .findings = findings, .clean = diagnosis->clean };
	const struct obstacle *obstacle = obstacle_refusing(&ground, plan->action);
	if (obstacle) {
		refuse(plan, "%s", obstacle->refusal);
		snprintf(plan->not_planned, sizeof(plan->not_planned), "%s",
			 obstacle->not_planned ? obstacle->not_planned : "");
	}
	if (plan->action == REPAIR_RECOVER && wants(findings, REPAIR_SALVAGE))
		refuse(plan, "the log itself is damaged: salvage it");
	if (plan->action == REPAIR_RECOVER && first->returned > 0)
		refuse(plan, "segments that came back would bring deleted objects back: "
		       "salvage or compact moves them aside");
}

/* ---- which segments go ---- */

static bool is_misplaced(const struct repo *repo, size_t position)
{
	const struct listing_segment *segment = &repo->listing.segments[position];
	const struct listing_folder *folder = &repo->listing.folders[segment->folder];
	return repo->config.has_segments_per_dir &&
	       (folder->name || folder->number != segment->number / repo->config.segments_per_dir);
}

static const char *why_salvage(const struct plan *plan, size_t position)
{
	const struct verify *verify = plan->work->verify;
	const struct segment_facts *facts = &verify->facts[position];
	if (!verify->has_end || plan->work->repo->listing.segments[position].number > verify->end)
		return "not committed";
	if (facts->role == ROLE_RETURNED)
		return "came back after a compaction";
	if (facts->role == ROLE_FOREIGN)
		return "of another repository or time";
	if (facts->number != plan->work->repo->listing.segments[position].number)
		return "bears another segment's number";
	if (is_misplaced(plan->work->repo, position))
		return "in the wrong folder";
	if (facts->is_unreadable)
		return "holds unreadable ranges";
	if (facts->damaged > 0)
		return "damaged";
	if (facts->is_too_large)
		return "goes on beyond 2 GiB";
	return plan->work->repo->listing.segments[position].number >= LOG_SEGMENT_LAST
		       ? "has a number that no other can follow" : NULL;
}

static const char *why_compact(const struct plan *plan, size_t position)
{
	const struct repo *repo = plan->work->repo;
	const struct segment_facts *facts = &plan->work->verify->facts[position];
	const uint32_t number = repo->listing.segments[position].number;
	if (facts->role == ROLE_RETURNED)
		return "came back after a compaction";
	if (!facts->is_committed || (facts->puts == facts->live && facts->deletes == 0 &&
				     facts->live > 0))
		return NULL;
	/* The newest COMMIT alone must stay. */
	if (number == repo->transaction && facts->puts == 0 && facts->deletes == 0)
		return NULL;
	return facts->live > 0 ? "superseded entries" : "nothing live";
}

static const char *why_goes(const struct plan *plan, size_t position)
{
	switch (plan->action) {
	case REPAIR_ROLLBACK:
		return position >= plan->work->repo->tail ? "not committed" : NULL;
	case REPAIR_COMPACT:
		return why_compact(plan, position);
	case REPAIR_SALVAGE:
		return why_salvage(plan, position);
	default:
		return NULL;
	}
}

/* ---- the files ---- */

struct file_list {
	struct plan *plan;
	size_t capacity;
};

/* Room for a file of @size bytes. */
static void need(struct plan *plan, uint64_t size)
{
	plan->bytes_needed += size / BLOCK * BLOCK + BLOCK;
}

static enum as_err add_file(struct file_list *list, enum plan_change change, uint64_t size,
			    const char *reason, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

static enum as_err add_file(struct file_list *list, enum plan_change change, uint64_t size,
			    const char *reason, const char *format, ...)
{
	struct plan *plan = list->plan;
	va_list args;
	if (!ARRAY_RESERVE(plan->files, plan->file_count, list->capacity))
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

/* Where the log will put entries of these sizes: the rule of repo/log.c. */
struct draft {
	struct file_list *list;
	uint32_t limit, per_dir;
	uint32_t segment;
	uint64_t offset;	/* 0: no segment is open */
	bool ends_like_commit;
	enum as_err err;
};

/* The folder of the segment, where it is not there yet. */
static enum as_err draft_folder(const struct draft *draft)
{
	char path[LISTING_PATH_MAX];
	struct stat st;
	bool is_there;
	const struct plan *plan = draft->list->plan;
	const struct repo *repo = plan->work->repo;
	snprintf(path, sizeof(path), "data/%" PRIu32, draft->segment / draft->per_dir);
	const enum as_err err = io_ask(repo->io, repo->fd, path, &is_there, &st);
	if (err != AS_OK || is_there || is_listed(plan, path))
		return err;
	return add_file(draft->list, PLAN_MAKE, 0, "new folder", "%s", path);
}

static void draft_close(struct draft *draft)
{
	char path[LISTING_PATH_MAX];
	if (draft->offset == 0 || draft->err != AS_OK)
		return;
	draft->err = draft_folder(draft);
	if (draft->err != AS_OK)
		return;
	log_segment_path(draft->per_dir, draft->segment, path);
	draft->err = add_file(draft->list, PLAN_MAKE, draft->offset, "new segment", "%s", path);
	draft->segment++;
	draft->offset = 0;
}

static void draft_append(struct draft *draft, uint64_t size, bool ends_like_commit)
{
	if (log_must_close(draft->limit, draft->offset, draft->ends_like_commit, size)) {
		if (draft->ends_like_commit)
			draft->offset += SEGMENT_KEYED;
		draft_close(draft);
	}
	draft->offset = (draft->offset ? draft->offset : SEGMENT_MAGIC_SIZE) + size;
	draft->ends_like_commit = ends_like_commit;
}

static enum as_err list_new_segments(struct plan *plan, struct file_list *list)
{
	const struct plan_work *work = plan->work;
	struct draft draft = {
		.list = list, .limit = work->repo->config.max_segment_size,
		.per_dir = work->repo->config.segments_per_dir, .segment = work->next,
	};
	if (!work->writes_commit)
		return AS_OK;
	for (size_t i = 0; i < work->copy_count; i++) {
		draft_append(&draft, work->copies[i].size, work->copies[i].ends_like_commit);
		if (!plan_usage_move(plan, work->copies[i].segment, draft.segment))
			return AS_ERR_MEMORY;
	}
	for (size_t i = 0; i < work->delete_count; i++) {
		draft_append(&draft, SEGMENT_KEYED,
			     log_ends_like_commit(work->deletes[i], KEY_SIZE, NULL, 0));
		if (!plan_usage_delete(plan, draft.segment))
			return AS_ERR_MEMORY;
	}
	draft.offset = (draft.offset ? draft.offset : SEGMENT_MAGIC_SIZE) + SEGMENT_HEADER;
	draft_close(&draft);
	if (draft.segment > LOG_SEGMENT_LAST)
		refuse(plan, "the new segments need numbers above %" PRIu32
		       ", which Attic cannot read", LOG_SEGMENT_LAST - 1);
	plan->has_after = true;
	plan->after = draft.segment - 1;
	return draft.err;
}

/* Index and hints by other names than the new ones. */
struct old_names {
	struct file_list *list;
	enum as_err err;
};

static bool is_old_name(const char *name)
{
	return (strncmp(name, "index.", 6) == 0 || strncmp(name, "hints.", 6) == 0) &&
	       name[6] != '\0' && name[6 + strspn(name + 6, "0123456789")] == '\0' &&
	       strlen(name) <= 16;
}

static enum as_err see_name(void *context, const char *name, enum io_kind kind)
{
	struct old_names *old = context;
	const struct plan *plan = old->list->plan;
	const struct repo *repo = plan->work->repo;
	char current[sizeof("index.4294967295")] = "";
	struct stat st;
	bool is_there;
	const bool is_left = name_is_temporary(name);
	(void)kind;
	if (!(is_left || is_old_name(name)))
		return AS_OK;
	old->err = io_ask(repo->io, repo->fd, name, &is_there, &st);
	if (old->err != AS_OK || !is_there)
		return old->err;
	if (S_ISDIR(st.st_mode)) {
		refuse(old->list->plan, "%s is a folder, and stands where only a file may: move "
		       "it away", name);
		return AS_OK;
	}
	if (is_left) {
		old->err = add_file(old->list, PLAN_MOVE, (uint64_t)st.st_size,
				    "left of a writing that was cut short", "%s", name);
		return old->err;
	}
	if (plan->has_after)
		snprintf(current, sizeof(current), "%.6s%" PRIu32, name, plan->after);
	const bool is_same = strcmp(name, current) == 0;
	old->err = add_file(old->list, is_same ? PLAN_REPLACE : PLAN_MOVE,
			    (uint64_t)st.st_size,
			     is_same ? "written anew" : "of another transaction",
			    "%s", name);
	return old->err;
}

static uint64_t index_size(uint64_t keys)
{
	return INDEX_HEADER + index_table_buckets_for(keys) * INDEX_BUCKET;
}

/* A new one of @size bytes, whether or not one of its name is there. */
static enum as_err list_written(struct file_list *list, const char *prefix, uint64_t size,
				const char *reason)
{
	struct plan *plan = list->plan;
	char path[LISTING_PATH_MAX];
	snprintf(path, sizeof(path), "%s%" PRIu32, prefix, plan->after);
	if (!is_listed(plan, path))
		return add_file(list, PLAN_MAKE, size, reason, "%s", path);
	need(plan, size);
	return AS_OK;
}

static enum as_err list_index(struct plan *plan, struct file_list *list)
{
	const struct repo *repo = plan->work->repo;
	struct old_names old = { .list = list };
	if (!plan->work->writes_index)
		return AS_OK;
	plan_usage_end(plan);
	enum as_err err = io_list(repo->io, repo->fd, see_name, &old);
	if (err != AS_OK || !plan->has_after)
		return err;
	err = list_written(list, "hints.", usage_size(&plan->work->usage), "new hints");
	if (err != AS_OK)
		return err;
	return list_written(list, "index.", index_size(plan->objects_after), "new index");
}

/* Is the segment at @position moved aside before the new COMMIT, which would reach it? Where the log has
 * no COMMIT at all, one with the highest number that there is, too: what it holds was copied. */
static bool goes_first(const struct plan *plan, size_t position)
{
	const struct repo *repo = plan->work->repo;
	return !plan->work->verify->facts[position].is_committed ||
	       (!repo->has_transaction &&
		repo->listing.segments[position].number >= LOG_SEGMENT_LAST);
}

static enum as_err list_moved(struct plan *plan, struct file_list *list)
{
	const struct plan_work *work = plan->work;
	char path[LISTING_PATH_MAX];
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < work->repo->listing.count; i++) {
		if (!work->goes[i])
			continue;
		listing_path(&work->repo->listing, i, path);
		const struct segment_facts *facts = &work->verify->facts[i];
		err = add_file(list, PLAN_MOVE, facts->size, work->goes[i], "%s", path);
		if (err == AS_OK)
			plan->files[plan->file_count - 1].is_tail = goes_first(plan, i);
	}
	return err;
}

/* The file of segment @number in @folder, if one is there besides that at @taken. */
static enum as_err list_double(struct file_list *list, const struct listing_folder *folder,
			       uint32_t number, const char *taken)
{
	const struct repo *repo = list->plan->work->repo;
	char path[LISTING_PATH_MAX];
	struct stat st;
	bool is_there;
	if (folder->name)
		snprintf(path, sizeof(path), "data/%.255s/%" PRIu32, folder->name, number);
	else
		snprintf(path, sizeof(path), "data/%" PRIu64 "/%" PRIu32, folder->number, number);
	if (strcmp(path, taken) == 0 || is_listed(list->plan, path))
		return AS_OK;
	const enum as_err err = io_ask(repo->io, repo->fd, path, &is_there, &st);
	if (err != AS_OK || !is_there || !S_ISREG(st.st_mode))
		return err;
	return add_file(list, PLAN_MOVE, (uint64_t)st.st_size, "there twice", "%s", path);
}

/* Files of a segment that is there twice: the one that is read stays, or goes like any other. */
static enum as_err list_doubles(struct plan *plan, struct file_list *list)
{
	const struct listing *listing = &plan->work->repo->listing;
	const struct findings *findings = &plan->work->verify->findings;
	char taken[LISTING_PATH_MAX];
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < findings->count; i++) {
		const struct finding *finding = &findings->rows[i];
		if (plan->action != REPAIR_SALVAGE || finding->problem != PROBLEM_SEGMENT_DUPLICATE)
			continue;
		const uint32_t number = (uint32_t)finding->segment;
		const size_t position = listing_find(listing, number);
		if (position == LISTING_NONE)
			continue;
		listing_path(listing, position, taken);
		for (size_t j = 0; err == AS_OK && j < listing->folder_count; j++)
			err = list_double(list, &listing->folders[j], number, taken);
	}
	return err;
}

static enum as_err list_files(struct plan *plan)
{
	struct file_list list = { .plan = plan };
	enum as_err err = plan_usage_begin(plan);
	if (err == AS_OK)
		err = list_new_segments(plan, &list);
	if (err == AS_OK)
		err = list_moved(plan, &list);
	if (err == AS_OK)
		err = list_doubles(plan, &list);
	if (err == AS_OK)
		err = list_index(plan, &list);
	return err;
}

/* ---- the whole ---- */

/* The newest complete segment that stays. */
static void find_head(struct plan *plan)
{
	const struct plan_work *work = plan->work;
	const struct listing *listing = &work->repo->listing;
	for (size_t i = listing->count; i-- > 0;) {
		const struct segment_facts *facts = &work->verify->facts[i];
		if (work->goes[i] || !facts->is_complete || !facts->is_committed ||
		    facts->role != ROLE_LOG)
			continue;
		plan->has_after = true;
		plan->after = listing->segments[i].number;
		return;
	}
}

/* Must index and hints be written anew? Where nothing speaks against those that fit the log's end
 * afterwards, they stay as they are. */
static bool index_is_wrong(const struct plan *plan)
{
	const struct plan_work *work = plan->work;
	const struct repo *repo = work->repo;
	if (!plan->has_after)
		return repo->has_index || repo->has_hints;
	return !repo->has_index || !repo->has_hints || repo->index_transaction != plan->after ||
	       repo->hints_transaction != plan->after ||
	       wants(&work->verify->findings, REPAIR_RECOVER);
}

static bool anything_goes(const struct plan *plan)
{
	for (size_t i = 0; i < plan->work->repo->listing.count; i++)
		if (plan->work->goes[i])
			return true;
	return false;
}

/* Does the last segment that stays end without a COMMIT, although it was committed? */
static bool ends_open(const struct plan *plan)
{
	const struct plan_work *work = plan->work;
	for (size_t i = work->repo->listing.count; i-- > 0;) {
		const struct segment_facts *facts = &work->verify->facts[i];
		if (!work->goes[i] && facts->is_committed)
			return !facts->is_complete;
	}
	return false;
}

static void decide_writing(struct plan *plan)
{
	struct plan_work *work = plan->work;
	const struct findings *findings = &work->verify->findings;
	const bool goes = anything_goes(plan);
	const bool writes = work->copy_count > 0 || work->delete_count > 0;
	const bool salvages = plan->action == REPAIR_SALVAGE &&
			      (goes || writes || plan->lost_count > 0 || plan->older_count > 0 ||
			       plan->left_out_count > 0 ||
			       wants(findings, REPAIR_SALVAGE) ||
			       (plan->options.keep_tail && ends_open(plan)));
	find_head(plan);
	/* After a salvage the numbers go up in any case: nothing new shall bear an old one's. */
	work->writes_commit = writes || (salvages && (goes || ends_open(plan))) ||
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

/* A number that neither a segment bears, nor an index or hints of one that is lost: between the
 * COMMIT and the new index they would be taken for the new segment's. A number beyond all reason
 * counts for nothing. */
static void find_next(struct plan *plan)
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
		refuse(plan, "segment %" PRIu32 " has the highest number that Attic can read, or a "
		       "higher one: no new one can follow it", segments[count - 1].number);
	if (repo->has_index && repo->index_transaction >= *next &&
	    repo->index_transaction < LOG_SEGMENT_LAST / 2)
		*next = repo->index_transaction + 1;
	if (repo->has_hints && repo->hints_transaction >= *next &&
	    repo->hints_transaction < LOG_SEGMENT_LAST / 2)
		*next = repo->hints_transaction + 1;
}

/* Where nothing is kept, a rollback makes room before it writes. */
static bool fits_without_undo(const struct plan *plan, uint64_t needed)
{
	uint64_t room = plan->bytes_free;
	for (size_t i = 0; i < plan->work->repo->listing.count; i++)
		if (plan->work->goes[i])
			room += plan->work->verify->facts[i].size;
	return plan->action == REPAIR_ROLLBACK && needed <= room;
}

static void judge_space(struct plan *plan)
{
	const struct repo *repo = plan->work->repo;
	const uint64_t files = plan->bytes_needed;
	/* The undo folder, its manifest, and text for people. */
	if (!plan->options.no_undo)
		plan->bytes_needed += 8 * BLOCK + 2 * plan->file_count * 80;
	if (io_free_space(repo->io, repo->fd, &plan->bytes_free) != AS_OK) {
		plan->bytes_free = UINT64_MAX;
		return;
	}
	plan->work->can_do_without_undo = fits_without_undo(plan, files);
	if (plan->bytes_needed > plan->bytes_free &&
	    !(plan->options.no_undo && plan->work->can_do_without_undo)) {
		const bool was_refused = plan->is_refused;
		refuse(plan, "%" PRIu64 " bytes are needed, %" PRIu64 " are free",
		       plan->bytes_needed, plan->bytes_free);
		if (*plan_without_undo(plan))
			offer(plan, was_refused, WAY_OUT_NO_UNDO, plan_without_undo(plan));
	}
}

/* What root makes must be the owner's, who could not read it otherwise. */
static void judge_owner(struct plan *plan)
{
	const struct repo *repo = plan->work->repo;
	struct stat st;
	if (geteuid() != 0 || repo->io->fstat(repo->io, repo->fd, &st) != 0)
		return;
	plan->has_other_owner = st.st_uid != 0;
	plan->owner = (uint32_t)st.st_uid;
}

/* Is anything against an undo folder? */
static enum as_err judge_way_back(struct plan *plan)
{
	const struct repo *repo = plan->work->repo;
	char why[UNDO_HINDRANCE_SIZE];
	if (plan->options.no_undo)
		return AS_OK;
	const enum as_err err = undo_find_hindrance(repo->io, repo->fd, why);
	if (err == AS_OK && why[0] != '\0') {
		const bool was_refused = plan->is_refused;
		refuse(plan, "%s", why);
		if (*plan_without_undo(plan))
			offer(plan, was_refused, WAY_OUT_NO_UNDO, plan_without_undo(plan));
	}
	return err;
}

const char *plan_without_undo(const struct plan *plan)
{
	return plan->work->can_do_without_undo && !plan->options.no_undo
		? "; without the way back (--no-undo) it can be done: what is not committed is "
		  "then deleted for good" : "";
}

static enum tail_choice choice_of(const struct plan *plan)
{
	if (plan->action == REPAIR_ROLLBACK || plan->options.drop_tail)
		return TAIL_DROPPED;
	return plan->options.keep_tail ? TAIL_KEPT : TAIL_AS_FOUND;
}

/* Does @verify end the log where the repair wants it? */
static bool ends_right(const struct verify *verify, enum tail_choice choice)
{
	const struct repo *repo = verify->repo;
	const struct listing *listing = &repo->listing;
	if (choice == TAIL_DROPPED)
		return verify->has_end == repo->has_transaction && verify->end == repo->transaction;
	if (choice == TAIL_KEPT && repo->tail < listing->count)
		return verify->has_end &&
		       verify->end == listing->segments[listing->count - 1].number;
	return true;
}

static enum as_err find_verify(struct plan *plan, const struct verify *first)
{
	struct plan_work *work = plan->work;
	const enum tail_choice choice = choice_of(plan);
	work->verify = first;
	if (ends_right(first, choice))
		return AS_OK;
	enum as_err err = verify_new(work->repo, &work->own_verify);
	if (err != AS_OK)
		return err;
	work->own_verify->tail_choice = choice;
	work->verify = work->own_verify;
	return verify_work(work->own_verify, plan->options.threads, work->progress);
}

/* New segments lie where config says, and are as large as it says. */
static void tell_guesses(struct plan *plan)
{
	const struct config *config = &plan->work->repo->config;
	const bool per_dir = config->has_segments_per_dir && !plan->work->repo->mend.per_dir_is_wrong;
	const bool size = config->has_max_segment_size;
	if (!plan->work->writes_commit || (per_dir && size))
		return;
	snprintf(plan->not_planned, sizeof(plan->not_planned), "The config does not say %s%s%s: %s of the "
		 "new segments cannot be planned, and what is listed of them is a guess.",
		 per_dir ? "" : "segments_per_dir", per_dir || size ? "" : " and ",
		 size ? "" : "max_segment_size",
		 size ? "the folders" : per_dir ? "number and size" : "number, size and folders");
}

static enum as_err fill(struct plan *plan, const struct verify *first, struct as_error *error)
{
	struct plan_work *work = plan->work;
	enum as_err err = find_verify(plan, first);
	if (err == AS_OK)
		err = plan_find_objects(plan, first);
	if (err == AS_OK && plan->action == REPAIR_SALVAGE)
		err = plan_find_suspects(plan);
	if (err == AS_OK && plan->dropped_count > 0 && !plan->options.drop_readable) {
		const bool is_one = plan->dropped_count == 1, was_refused = plan->is_refused;
		refuse(plan, "%zu object%s that can be read now would be gone: salvage keeps %s",
		       plan->dropped_count, is_one ? "" : "s", is_one ? "it" : "them");
		offer(plan, was_refused, WAY_OUT_DROP_READABLE, is_one
		      ? "; --drop-readable gives it up" : "; --drop-readable gives them up");
	}
	if (err == AS_ERR_COLLISION) {
		refuse(plan, "%s", as_err_text(err));
		return AS_OK;
	}
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s: %s", work->repo->path, as_err_text(err));
	for (size_t i = 0; i < work->repo->listing.count; i++)
		work->goes[i] = why_goes(plan, i);
	if (plan->action == REPAIR_SALVAGE || plan->action == REPAIR_COMPACT) {
		struct as_error why;
		err = plan_find_entries(plan, &why);
		if (err == AS_ERR_INTEGRITY) {
			refuse(plan, "%.240s", why.message);
			plan->hardware_doubt = true;
			return AS_OK;
		}
		if (err != AS_OK) {
			if (error)
				*error = why;
			return err;
		}
	}
	decide_writing(plan);
	find_next(plan);
	tell_guesses(plan);
	err = list_files(plan);
	if (err != AS_OK)
		return as_fail(error, err, 0, "%s: %s", work->repo->path, as_err_text(err));
	plan->is_empty = plan->file_count == 0;
	plan->is_filled = true;
	return AS_OK;
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
	plan->work->repo = repo;
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
	*out = NULL;
	if (verify->skipped > 0 || verify->remembered > 0)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: only part of it was read just now",
			       repo->path);
	struct plan *plan = plan_new(repo, action, options, progress);
	if (!plan)
		return as_fail(error, AS_ERR_MEMORY, 0, "%s: out of memory", repo->path);
	diagnose(repo, verify, &diagnosis);
	judge_ground(plan, verify, &diagnosis);
	const bool was_refused = plan->is_refused;
	enum as_err err = repo->dialect == DIALECT_ATTIC ? fill(plan, verify, error) : AS_OK;
	if (err == AS_OK && plan->is_filled && !plan->is_empty) {
		judge_space(plan);
		judge_owner(plan);
		err = judge_way_back(plan);
		if (err != AS_OK)
			as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
	}
	/* What refuses the plan may be the very thing that planning fails on. */
	if (was_refused && err != AS_ERR_MEMORY && err != AS_ERR_CANCELLED)
		err = AS_OK;
	if (plan->is_refused && !plan->is_filled)
		snprintf(plan->not_planned, sizeof(plan->not_planned), "What it would do cannot be planned.");
	if (err != AS_OK) {
		plan_free(plan);
		return err;
	}
	*out = plan;
	return AS_OK;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	if (plan->work) {
		verify_free(plan->work->own_verify);
		index_table_free(plan->work->table);
		usage_free(&plan->work->usage);
		free(plan->work->goes);
		free(plan->work->copies);
		free(plan->work->deletes);
	}
	free(plan->work);
	free(plan->files);
	free(plan->lost);
	free(plan->older);
	free(plan->left_out);
	free(plan->dropped);
	free(plan->suspects);
	free(plan);
}

bool plan_is_folder(const char *path)
{
	return strncmp(path, "data/", 5) == 0 && !strchr(path + 5, '/');
}

struct plan_sum plan_sum(const struct plan *plan, enum plan_change change)
{
	struct plan_sum sum = { .files = 0 };
	for (size_t i = 0; i < plan->file_count; i++) {
		const struct plan_file *file = &plan->files[i];
		if (file->change != change)
			continue;
		if (plan_is_folder(file->path)) {
			sum.folders++;
			continue;
		}
		sum.files++;
		sum.bytes += file->size;
	}
	return sum;
}

bool plan_is_outdated(const struct plan *plan)
{
	return repo_is_changed(plan->work->repo);
}

#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/path.h"
#include "format/index_files.h"
#include "format/names.h"
#include "repair/plan_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *repair_step_text(enum repair_step step)
{
	static const char *const texts[] = {
		[STEP_PREPARE] = "preparing the way back",
		[STEP_COPY] = "copying",
		[STEP_COMMIT] = "committing",
		[STEP_INDEX] = "writing hints and index",
		[STEP_MOVE] = "moving aside",
		[STEP_PUT_BACK] = "putting back",
		[STEP_DONE] = "done",
	};
	return texts[step];
}

struct run {
	struct plan *plan;
	struct plan_work *work;
	const struct permit *permit;
	struct repair_progress *progress;
	struct repair_report *report;
	struct undo *undo;		/* NULL: no_undo */
	struct log log;
};

/* ---- what goes ---- */

/* Move the file or, without an undo folder, remove it. @is_durable: for good, as a removal always
 * is. */
static enum as_err move_file(struct run *run, const char *path, bool is_durable,
			     struct as_error *error)
{
	const char *repo_path = run->work->repo->path;
	char folder[LISTING_PATH_MAX];
	enum as_err err;
	run->report->has_changed = true;
	if (run->undo) {
		err = undo_set_aside(run->undo, path, error);
		return err == AS_OK && is_durable ? undo_sync(run->undo, error) : err;
	}
	err = io_remove_file(run->permit, path);
	if (err != AS_OK && err != AS_ERR_DOES_NOT_EXIST)
		return as_fail(error, err, errno, "%s/%s: cannot remove", repo_path, path);
	strcpy(folder, path);
	path_parent(folder);
	err = io_sync_folder(run->permit, folder);
	return err == AS_OK ? AS_OK : as_fail(error, err, errno, "%s/%s: cannot sync the folder",
					      repo_path, folder);
}

/* Newest first, so that what is left is always the beginning of it. */
static enum as_err move_tail(struct run *run, struct as_error *error)
{
	for (size_t i = run->plan->file_count; i-- > 0;) {
		const struct plan_file *file = &run->plan->files[i];
		const enum as_err err =
			file->is_tail ? move_file(run, file->path, true, error) : AS_OK;
		if (err != AS_OK)
			return err;
	}
	return AS_OK;
}

/* The order in which files go that were committed. */
enum turn {
	/* Files that came back or are of elsewhere, oldest first: no PUT in one of them is there
	 * without the DELETE that came after it. Each is gone for good before the next. */
	TURN_OUTSIDER,
	/* As in store/files.c: those that hold neither a DELETE nor damage, which may hide one, in
	 * any order; */
	TURN_PLAIN,
	/* then the rest in theirs, each gone for good before the next. */
	TURN_REST
};

static enum turn turn_of(const struct run *run, const struct plan_file *file)
{
	const struct listing *listing = &run->work->repo->listing;
	char path[LISTING_PATH_MAX];
	const char *slash = strrchr(file->path, '/');
	if (!slash)
		return TURN_PLAIN;
	const size_t position = listing_find(listing, (uint32_t)strtoul(slash + 1, NULL, 10));
	if (position == LISTING_NONE)
		return TURN_PLAIN;
	listing_path(listing, position, path);
	if (strcmp(path, file->path) != 0)
		return TURN_PLAIN;	/* another file of that number: it is not read */
	const struct segment_facts *facts = &run->work->verify->facts[position];
	if (facts->role != ROLE_LOG)
		return TURN_OUTSIDER;
	return facts->deletes == 0 && facts->damaged == 0 ? TURN_PLAIN : TURN_REST;
}

static enum as_err move_committed(struct run *run, enum turn turn, struct as_error *error)
{
	const bool syncs_at_end = turn == TURN_PLAIN && run->undo;
	for (size_t i = 0; i < run->plan->file_count; i++) {
		const struct plan_file *file = &run->plan->files[i];
		if (file->change != PLAN_MOVE || file->is_tail || turn_of(run, file) != turn)
			continue;
		const enum as_err err = move_file(run, file->path, !syncs_at_end, error);
		if (err != AS_OK)
			return err;
	}
	return syncs_at_end ? undo_sync(run->undo, error) : AS_OK;
}

/* ---- new segments ---- */

static enum as_err append_all(struct run *run, struct as_error *error)
{
	const struct plan_work *work = run->work;
	struct copy_reader reader = {
		.plan = run->plan,
		.segment = segment_reader_new(work->repo->io, work->repo->dialect),
	};
	struct segment_entry entry;
	const uint8_t *bytes;
	uint32_t segment, offset;
	enum as_err err = AS_OK;
	run->progress->step = STEP_COPY;
	if (!reader.segment)
		return repair_fail(work->repo, AS_ERR_MEMORY, error);
	for (size_t i = 0; i < work->copy_count && !run->progress->cancel; i++) {
		const struct copy *copy = &work->copies[i];
		/* Read once more and checked: what is appended is what was there. */
		err = copy_read(&reader, copy, &entry, &bytes, error);
		if (err == AS_OK)
			err = log_copy(&run->log, bytes, copy->size, &segment, &offset, error);
		/* The key is there: nothing can fail. */
		if (err == AS_OK)
			err = index_table_put(work->table, copy->key, segment, offset);
		if (err != AS_OK)
			break;
		run->progress->bytes_done += copy->size;
		run->report->entries_copied++;
		run->report->bytes_copied += copy->size;
	}
	segment_reader_free(reader.segment);
	for (size_t i = 0; err == AS_OK && !run->progress->cancel && i < work->delete_count; i++)
		err = log_delete(&run->log, work->deletes[i], &segment, &offset, error);
	if (err == AS_OK && run->progress->cancel)
		return repair_fail(work->repo, AS_ERR_CANCELLED, error);
	return err;
}

static enum as_err write_segments(struct run *run, struct as_error *error)
{
	const struct repo *repo = run->work->repo;
	uint32_t transaction;
	if (!run->work->writes_commit)
		return AS_OK;
	if (log_init(&run->log, run->permit, run->work->dialect, repo->path,
		     repo->config.max_segment_size, repo->config.segments_per_dir,
		     run->work->next) != AS_OK)
		return repair_fail(run->work->repo, AS_ERR_MEMORY, error);
	enum as_err err = append_all(run, error);
	run->progress->step = STEP_COMMIT;
	/* What lies below a COMMIT counts as committed: what never was has to go first. */
	if (err == AS_OK)
		err = move_tail(run, error);
	if (err == AS_OK)
		err = log_commit(&run->log, &transaction, error);
	if (err == AS_OK) {
		run->report->has_changed = run->report->has_after = true;
		run->report->after = transaction;
		return AS_OK;
	}
	if (log_discard(&run->log, NULL) != AS_OK) {
		/* What cannot be removed is an uncommitted tail, which the next opening names. */
		run->report->has_changed = true;
		return err;
	}
	for (size_t i = 0; i < run->plan->file_count; i++) {
		const struct plan_file *file = &run->plan->files[i];
		if (file->change == PLAN_MAKE && plan_is_folder(file->path))
			io_remove_folder(run->permit, file->path);
	}
	return err;
}

/* ---- hints and index ---- */

/* The files that are about to be replaced get a second name in the undo folder, or go there where
 * the file system wants that; those whose names are needed on the way go there. */
static enum as_err keep_replaced(struct run *run, struct as_error *error)
{
	const struct dialect *dialect = run->work->dialect;
	if (!run->undo)
		return AS_OK;
	for (size_t i = 0; i < run->plan->file_count; i++) {
		const char *path = run->plan->files[i].path;
		enum as_err err = AS_OK;
		bool is_moved = false;
		if (run->plan->files[i].change == PLAN_REPLACE) {
			err = undo_keep(run->undo, path, &is_moved, error);
		} else if (name_is_temporary(path, dialect)) {
			is_moved = true;
			err = undo_set_aside(run->undo, path, error);
		}
		run->report->has_changed = run->report->has_changed || is_moved;
		if (err != AS_OK)
			return err;
	}
	return undo_sync(run->undo, error);
}

static struct index_files index_files_of(const struct run *run)
{
	return (struct index_files){
		.dialect = run->work->dialect, .table = run->work->table,
		.hints = &run->work->hints, .transaction = run->report->after,
	};
}

static enum as_err write_index(struct run *run, struct as_error *error)
{
	const struct plan_work *work = run->work;
	const struct listing *listing = &work->repo->listing;
	if (!work->writes_index || !run->report->has_after)
		return AS_OK;
	run->progress->step = STEP_INDEX;
	/* A row of 0 for each segment that is emptied and still there: if the repair stops here,
	 * the segment is known, and nothing compacts it. A rollback has removed its tail
	 * already. Where digests cover the hints these are not written once more without it. */
	if (run->plan->action != REPAIR_ROLLBACK && !work->dialect->has_integrity)
		for (size_t i = 0; i < listing->count; i++)
			if (work->goes[i] &&
			    !hints_add(&run->work->hints, listing->segments[i].number))
				return repair_fail(run->work->repo, AS_ERR_MEMORY, error);
	enum as_err err = keep_replaced(run, error);
	if (err != AS_OK)
		return err;
	run->report->has_changed = true;
	const struct index_files files = index_files_of(run);
	char name[INDEX_FILES_NAME];
	err = index_files_write(&files, run->permit, name);
	return err == AS_OK ? AS_OK : as_fail(error, err, errno, "%s/%s: cannot write it",
					      run->work->repo->path, name);
}

static bool is_gone(void *context, const struct hints_segment *row)
{
	const struct run *run = context;
	const size_t position = listing_find(&run->work->repo->listing, row->segment);
	return position != LISTING_NONE && run->work->goes[position];
}

/* Write the hints once more, without the rows of what is gone. Those are harmless: where this
 * cannot be done, and where a crash could leave no hints at all, they stay until the next
 * commit. */
static enum as_err forget_emptied(struct run *run, struct as_error *error)
{
	const size_t count = run->work->hints.count;
	if (!run->work->writes_index || !run->report->has_after)
		return AS_OK;
	hints_remove(&run->work->hints, is_gone, run);
	const struct index_files files = index_files_of(run);
	if (run->work->hints.count == count ||
	    (run->undo && !run->undo->can_rename_over) ||
	    index_files_write_hints(&files, run->permit) != AS_OK)
		return AS_OK;
	const enum as_err err = io_sync_folder(run->permit, ".");
	return err == AS_OK ? AS_OK : as_fail(error, err, errno, "%s: cannot sync the folder",
					      run->work->repo->path);
}

/* ---- the whole ---- */

/* Text for people, beside the manifest. Its name becomes durable with the next sync: nothing
 * depends on it, and a sync of its own would hide that one is missing elsewhere. A repair does not
 * fail for it. */
static void write_note(const struct run *run, const char *name, const struct repair_report *report)
{
	char *text = run->undo ? plan_text_string(run->plan, report) : NULL;
	if (text)
		undo_write_file(run->undo, name, text, strlen(text), false);
	free(text);
}

static enum as_err begin(struct run *run, struct as_error *error)
{
	struct as_error why = { .code = AS_OK };
	run->progress->step = STEP_PREPARE;
	run->progress->bytes_total = run->plan->bytes_copied;
	run->report->has_after = run->plan->has_after;
	run->report->after = run->plan->after;
	if (run->plan->options.no_undo)
		return AS_OK;
	const enum as_err err = undo_begin(run->permit, run->plan, &run->undo, &why);
	if (err == AS_ERR_NO_SPACE)
		return as_fail(error, err, 0, "%s%s", why.message, plan_without_undo(run->plan));
	if (err != AS_OK) {
		if (error)
			*error = why;
		return err;
	}
	snprintf(run->report->undo, sizeof(run->report->undo), "%s", run->undo->path);
	write_note(run, "plan.txt", NULL);
	return AS_OK;
}

static enum as_err do_all(struct run *run, struct as_error *error)
{
	const struct repo *repo = run->work->repo;
	enum as_err err = begin(run, error);
	if (err != AS_OK)
		return err;
	err = write_segments(run, error);
	/* The tail first: an index of what is below it fits only then. */
	if (err == AS_OK && run->plan->action == REPAIR_ROLLBACK)
		err = move_tail(run, error);
	if (err == AS_OK)
		err = write_index(run, error);
	if (err != AS_OK)
		return err;
	run->progress->step = STEP_MOVE;
	err = move_tail(run, error);
	for (enum turn turn = TURN_OUTSIDER; err == AS_OK && turn <= TURN_REST; turn++)
		err = move_committed(run, turn, error);
	if (err == AS_OK)
		err = forget_emptied(run, error);
	if (err != AS_OK)
		return err;
	for (size_t i = 0; i < run->plan->file_count; i++) {	/* sizes that were only computed */
		struct plan_file *file = &run->plan->files[i];
		struct stat st;
		if (file->change == PLAN_MAKE &&
		    repo->io->fstatat(repo->io, repo->fd, file->path, &st,
				      AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			file->size = (uint64_t)st.st_size;
	}
	run->report->is_done = true;
	write_note(run, "report.txt", run->report);
	return run->undo ? undo_finish(run->undo, error) : AS_OK;
}

enum as_err repair_run(struct plan *plan, const struct permit *permit,
		       struct repair_progress *progress, struct repair_report *report,
		       struct as_error *error)
{
	const struct repo *repo = plan->work->repo;
	struct run run = {
		.plan = plan, .work = plan->work, .permit = permit, .progress = progress,
		.report = report, .log = { .fd = -1 },
	};
	*report = (struct repair_report){ .has_after = plan->has_before, .after = plan->before };
	if (plan->is_empty || plan->is_refused || !plan->work->table)
		return as_fail(error, AS_ERR_USAGE, 0, "%s: there is nothing to do",
			       repo->path);
	if (repo_is_changed(repo))
		return repair_fail(repo, AS_ERR_CHANGED, error);
	enum as_err err = repair_make_durable(repo, permit, error);
	if (err == AS_OK)
		err = do_all(&run, error);
	report->is_done = err == AS_OK;
	if (err == AS_OK) {
		progress->step = STEP_DONE;
		/* A plan is carried out once, and all is verified again next: that wants memory. */
		index_table_free(plan->work->table);
		plan->work->table = NULL;
	} else if (run.undo && !report->has_changed) {
		undo_abandon(run.undo);
		report->undo[0] = '\0';
	}
	undo_free(run.undo);
	log_free(&run.log);
	return err;
}

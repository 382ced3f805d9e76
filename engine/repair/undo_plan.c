#include "build-config.h"

#include "repair/undo_internal.h"

#include "base/array.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct plan *plan, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void refuse(struct plan *plan, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(plan->refusal, sizeof(plan->refusal), format, args);
	va_end(args);
	plan->is_refused = true;
}

/* The number of a segment's file, or -1. */
static int64_t number_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash != strchr(path, '/') ? (int64_t)strtoull(slash + 1, NULL, 10) : -1;
}

/* Did anybody write since? Then there are segments that the manifest does not know, above all that
 * it knows, or the log ends elsewhere. */
static bool is_overtaken(const struct repo *repo, const struct manifest *manifest,
			 enum undo_state state)
{
	uint32_t end = 0;
	const bool has_end = repo_log_end(repo, &end);
	if (state == UNDO_DONE && (has_end != manifest->has_after ||
				   (has_end && end != manifest->after)))
		return true;
	int64_t highest = manifest->has_before ? (int64_t)manifest->before : -1;
	for (size_t i = 0; i < manifest->count; i++)
		if (number_of(manifest->files[i].path) > highest)
			highest = number_of(manifest->files[i].path);
	return repo->listing.count > 0 &&
	       (int64_t)repo->listing.segments[repo->listing.count - 1].number > highest;
}

/* What is left to be done for @file of the manifest. Of what was moved or replaced there must be
 * one, aside or put back already: else it is *@is_gone. */
static enum as_err step_back(const struct repo *repo, const char *folder,
			     const struct plan_file *file, struct plan_file *step, bool *is_left,
			     bool *is_gone)
{
	struct stat aside, here;
	bool is_aside, is_here = false;
	enum as_err err = undo_ask(repo->io, repo->fd, folder, file->path, &is_aside, &aside);
	if (err == AS_OK)
		err = io_ask(repo->io, repo->fd, file->path, &is_here, &here);
	if (err != AS_OK)
		return err;
	*step = *file;
	*is_gone = file->change != PLAN_MAKE && !is_aside && !is_here;
	*is_left = file->change == PLAN_MAKE ? is_here : is_aside;
	if (file->change == PLAN_MAKE) {
		step->change = PLAN_MOVE;
		step->reason = "made by the repair: removed";
		step->size = is_here && S_ISREG(here.st_mode) ? (uint64_t)here.st_size : 0;
		return AS_OK;
	}
	step->change = is_here ? PLAN_REPLACE : PLAN_MAKE;
	step->reason = "put back";
	step->size = is_aside ? (uint64_t)aside.st_size : 0;
	return AS_OK;
}

static bool is_segment(const struct plan_file *step)
{
	return number_of(step->path) >= 0;
}

/* First the log comes back, segments before index and hints; then what was made goes: at no moment
 * is an object without its entry. What was never committed comes last, when the COMMIT that was made
 * is gone: it would count as committed below that. Segments come and go newest first, so that no PUT
 * is there without the DELETE that came after it; but the tail as it was written. */
static int rank(const struct plan_file *step)
{
	if (plan_is_folder(step))
		return 5;
	if (step->is_tail)
		return 4;
	if (step->change != PLAN_MOVE)
		return is_segment(step) ? 0 : 1;
	return is_segment(step) ? 3 : 2;
}

static int compare_steps(const void *left, const void *right)
{
	const struct plan_file *a = left, *b = right;
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	const int64_t x = number_of(a->path), y = number_of(b->path);
	const int order = x != y ? (x > y) - (x < y) : strcmp(a->path, b->path);
	return (is_segment(a) && !a->is_tail) || a->change == PLAN_MOVE ? -order : order;
}

static bool is_named(const struct manifest *manifest, const char *path)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (strcmp(manifest->files[i].path, path) == 0)
			return true;
	return false;
}

/* A repair that was cut short while it wrote hints or index leaves half of them under another name.
 * What bore that name before is in the manifest; of a repair that was to write none it is somebody
 * else's. */
static enum as_err add_half_written(struct plan *plan, const struct repo *repo,
				    const struct manifest *manifest)
{
	char names[2][sizeof("hints.4294967295.tmp")] = { "index.tmp" };
	char wholes[2][sizeof("hints.4294967295")];
	snprintf(names[1], sizeof(names[1]), "hints.%" PRIu32 ".tmp", manifest->after);
	snprintf(wholes[0], sizeof(wholes[0]), "index.%" PRIu32, manifest->after);
	snprintf(wholes[1], sizeof(wholes[1]), "hints.%" PRIu32, manifest->after);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct stat st;
		bool is_there;
		if (!is_named(manifest, wholes[i]) || is_named(manifest, names[i]))
			continue;
		const enum as_err err = io_ask(repo->io, repo->fd, names[i], &is_there, &st);
		if (err != AS_OK)
			return err;
		if (!is_there)
			continue;
		struct plan_file *step = &plan->files[plan->file_count++];
		*step = (struct plan_file){
			.change = PLAN_MOVE, .size = (uint64_t)st.st_size,
			.reason = "left of a writing that was cut short: removed",
		};
		memcpy(step->path, names[i], sizeof(names[i]));
	}
	return AS_OK;
}

static enum as_err fill_undo_plan(struct plan *plan, const struct repo *repo,
				  const struct manifest *manifest, enum undo_state state)
{
	plan->has_before = manifest->has_after;
	plan->before = manifest->after;
	plan->has_after = manifest->has_before;
	plan->after = manifest->before;
	plan->files = calloc(manifest->count + 2, sizeof(*plan->files));
	if (!plan->files)
		return AS_ERR_MEMORY;
	for (size_t i = 0; i < manifest->count; i++) {
		struct plan_file *step = &plan->files[plan->file_count];
		bool is_left, is_gone;
		const enum as_err err = step_back(repo, plan->work->undo_folder,
						  &manifest->files[i], step, &is_left, &is_gone);
		if (err != AS_OK)
			return err;
		plan->file_count += is_left;
		if (is_gone)
			refuse(plan, "%.200s was set aside, and is neither there nor in its place",
			       manifest->files[i].path);
	}
	const enum as_err err =
		state == UNDO_DONE ? AS_OK : add_half_written(plan, repo, manifest);
	if (err != AS_OK)
		return err;
	array_sort(plan->files, plan->file_count, sizeof(*plan->files), compare_steps);
	return AS_OK;
}

static enum as_err plan_folder(struct plan *plan, const struct repo *repo, const char *name)
{
	struct manifest manifest;
	undo_folder_path(name, plan->work->undo_folder);
	enum undo_state state;
	enum as_err err = undo_state_of(repo->io, repo->fd, plan->work->undo_folder, &state);
	if (err != AS_OK)
		return err;
	err = undo_read_manifest(repo->io, repo->fd, plan->work->undo_folder, &manifest);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK) {
		refuse(plan, "%s holds no manifest that can be read: what the repair did is not "
		       "known", plan->work->undo_folder);
		return AS_OK;
	}
	if (is_overtaken(repo, &manifest, state))
		refuse(plan, "a later transaction was written since: taking %s back would lose it",
		       name);
	err = fill_undo_plan(plan, repo, &manifest, state);
	plan->is_filled = err == AS_OK;
	free(manifest.files);
	return err;
}

/* What was made and not yet used, or is being removed, is no way back. */
static enum as_err find_manifest(const struct repo *repo, const char *name, bool *has_manifest)
{
	char folder[UNDO_FOLDER_MAX];
	enum undo_state state;
	undo_folder_path(name, folder);
	const enum as_err err = undo_state_of(repo->io, repo->fd, folder, &state);
	*has_manifest = state != UNDO_UNREADABLE;
	return err;
}

/* No folder has a manifest. What an interrupted removal left is removed; but not where files were
 * set aside that are nowhere else. */
static enum as_err plan_remains(struct plan *plan, const struct repo *repo, const char *name)
{
	bool holds_files;
	plan->is_empty = false;
	undo_folder_path(name, plan->work->undo_folder);
	plan->has_before = plan->has_after = repo->has_transaction;
	plan->before = plan->after = repo->transaction;
	const enum as_err err = undo_find_kept(repo->io, repo->fd, plan->work->undo_folder,
					       &holds_files);
	if (err == AS_OK && holds_files)
		refuse(plan, "%s holds files but no manifest: what the repair did is not known "
		       "(undo --purge %s removes them)", plan->work->undo_folder, name);
	return err;
}

enum as_err undo_plan(const struct repo *repo, struct plan **out, char name[UNDO_NAME_MAX],
		      struct as_error *error)
{
	struct undo_names names;
	*out = NULL;
	name[0] = '\0';
	enum as_err err = undo_names_list(repo->io, repo->fd, &names);
	if (err != AS_OK)
		return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s/" UNDO_FOLDER
			       ": cannot list", repo->path);
	struct plan *plan = calloc(1, sizeof(*plan));
	if (plan)
		plan->work = calloc(1, sizeof(*plan->work));
	err = plan && plan->work ? AS_OK : AS_ERR_MEMORY;
	if (err == AS_OK) {
		plan->work->repo = repo;
		plan->is_empty = true;
	}
	for (size_t i = 0; err == AS_OK && plan->is_empty && i < names.count; i++) {
		bool has_manifest;
		err = find_manifest(repo, names.rows[i], &has_manifest);
		if (err != AS_OK || !has_manifest)
			continue;
		plan->is_empty = false;
		memcpy(name, names.rows[i], UNDO_NAME_MAX);
		err = plan_folder(plan, repo, name);
	}
	if (err == AS_OK && plan->is_empty && names.count > 0) {
		memcpy(name, names.rows[0], UNDO_NAME_MAX);
		err = plan_remains(plan, repo, name);
	}
	free(names.rows);
	if (err != AS_OK) {
		plan_free(plan);
		return as_fail(error, err, 0, "%s: %s", repo->path, as_err_text(err));
	}
	if (plan->is_refused && !plan->is_filled)
		snprintf(plan->not_planned, sizeof(plan->not_planned),
			 "What it would do cannot be planned.");
	*out = plan;
	return AS_OK;
}

/* Put one file back, or remove one that was made. */
static enum as_err do_step(struct undo *undo, const struct plan_file *step, struct as_error *error)
{
	char aside[UNDO_PATH_MAX], folder[LISTING_PATH_MAX];
	enum as_err err = undo_touch_folder(undo, step->path);
	if (err != AS_OK)
		return as_fail(error, err, 0, "out of memory");
	if (plan_is_folder(step)) {
		err = io_remove_folder(undo->permit, step->path);
		return err == AS_OK || err == AS_ERR_DOES_NOT_EXIST || err == AS_ERR_ALREADY_EXISTS
			? AS_OK : undo_fail_path(err, "remove", step->path, error);
	}
	if (step->change == PLAN_MOVE) {
		err = io_remove_file(undo->permit, step->path);
		return err == AS_OK || err == AS_ERR_DOES_NOT_EXIST
			? AS_OK : undo_fail_path(err, "remove", step->path, error);
	}
	undo_below(undo->path, step->path, aside);
	err = io_rename(undo->permit, aside, step->path);
	if (err != AS_OK && io_clear_way(undo->permit, step->path))
		err = io_rename(undo->permit, aside, step->path);
	if (err == AS_ERR_DOES_NOT_EXIST) {	/* its folder was removed meanwhile */
		snprintf(folder, sizeof(folder), "%s", step->path);
		path_parent(folder);
		io_make_folder(undo->permit, folder);
		err = undo_touch_folder(undo, folder);
		if (err == AS_OK)
			err = io_rename(undo->permit, aside, step->path);
	}
	return err == AS_OK ? AS_OK : undo_fail_path(err, "put it back", step->path, error);
}

/* A repair that came to its end must not look like one any more: its mark is renamed, for which
 * there is room on the fullest disk. Elsewhere a mark is made if there is room for one; without it
 * what follows is told as a repair that was cut short, which it is. */
static enum as_err begin(const struct undo *undo)
{
	char done[UNDO_PATH_MAX], undoing[UNDO_PATH_MAX];
	undo_below(undo->path, UNDO_DONE_MARK, done);
	undo_below(undo->path, UNDO_UNDOING_MARK, undoing);
	struct stat st;
	bool is_undoing;
	enum as_err err = io_ask(io_of(undo->permit), io_folder_of(undo->permit), undoing,
				 &is_undoing, &st);
	if (err != AS_OK || is_undoing)
		return err;
	err = io_rename(undo->permit, done, undoing);
	if (err == AS_OK)
		return io_sync_folder(undo->permit, undo->path);
	if (err == AS_ERR_DOES_NOT_EXIST)
		err = undo_write_file(undo, UNDO_UNDOING_MARK, "", 0);
	return err == AS_ERR_NO_SPACE ? AS_OK : err;
}

static enum as_err do_steps(struct undo *undo, const struct plan *plan,
			    struct repair_progress *progress, struct as_error *error)
{
	enum as_err err = AS_OK;
	for (size_t i = 0; err == AS_OK && i < plan->file_count; i++) {
		const struct plan_file *step = &plan->files[i];
		/* All of one rank is durable before the next begins, and each segment before the
		 * next one. */
		if (i > 0 && (rank(step) != rank(&plan->files[i - 1]) || is_segment(step)))
			err = undo_sync(undo, error);
		if (err == AS_OK)
			err = do_step(undo, step, error);
		progress->bytes_done += step->size;
	}
	return err == AS_OK ? undo_sync(undo, error) : err;
}

enum as_err undo_run(struct plan *plan, const struct permit *permit,
		     struct repair_progress *progress, struct as_error *error)
{
	struct undo undo = { .permit = permit };
	uint64_t freed;
	if (plan_is_outdated(plan))
		return as_fail(error, AS_ERR_CHANGED, 0, "%s: %s", plan->work->repo->path,
			       as_err_text(AS_ERR_CHANGED));
	for (size_t i = 0; i < plan->file_count; i++)
		progress->bytes_total += plan->files[i].size;
	progress->step = STEP_PUT_BACK;
	snprintf(undo.path, sizeof(undo.path), "%s", plan->work->undo_folder);
	enum as_err err = undo_settle(plan->work->repo, permit, error);
	if (err != AS_OK)
		return err;
	err = begin(&undo);
	if (err != AS_OK)
		return undo_fail_path(err, "begin to take it back", undo.path, error);
	err = do_steps(&undo, plan, progress, error);
	if (err == AS_OK)
		err = undo_remove_folder(permit, undo.path, &freed, error);
	if (err == AS_OK)
		progress->step = STEP_DONE;
	undo_forget_touched(&undo);
	return err;
}

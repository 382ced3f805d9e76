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

#define HALF_WRITTEN_MAX 3	/* files that an interrupted repair may leave under another name */

static void __attribute__((format(printf, 2, 3)))
refuse(struct undo_plan *plan, const char *format, ...)
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

/* Append the step that @file of the manifest still needs, if any. */
static enum as_err add_step(struct undo_plan *plan, const char *folder,
			    const struct plan_file *file)
{
	const struct repo *repo = plan->repo;
	struct undo_step *step = &plan->steps[plan->step_count];
	struct stat aside, here;
	bool is_aside, is_here;
	enum as_err err = undo_ask(repo->io, repo->fd, folder, file->path, &is_aside, &aside);
	if (err != AS_OK)
		return err;
	err = io_ask(repo->io, repo->fd, file->path, &is_here, &here);
	if (err != AS_OK)
		return err;
	*step = (struct undo_step){ .is_tail = file->is_tail };
	memcpy(step->path, file->path, sizeof(step->path));
	if (file->change == PLAN_MAKE) {
		step->change = UNDO_REMOVE;
		step->reason = "made by the repair: removed";
		step->size = is_here && S_ISREG(here.st_mode) ? (uint64_t)here.st_size : 0;
		plan->step_count += is_here;
		return AS_OK;
	}
	/* What was set aside is still in the folder, or was put back before. */
	if (!is_aside && !is_here)
		refuse(plan,
		       "%.160s was moved to the undo folder, but is neither there nor in its place",
		       file->path);
	step->change = is_here ? UNDO_PUT_BACK_OVER : UNDO_PUT_BACK;
	step->reason = "put back";
	step->size = is_aside ? (uint64_t)aside.st_size : 0;
	plan->step_count += is_aside;
	return AS_OK;
}

/* First the log comes back, segments before index and hints; then what was made goes: at no moment
 * is an object without its entry. What was never committed comes last, when the COMMIT that was
 * made is gone: it would count as committed below that. Segments come and go newest first, so that
 * no PUT is there without the DELETE that came after it; but the tail as it was written. */
static int rank(const struct undo_step *step)
{
	const bool is_segment = number_of(step->path) >= 0;
	if (plan_is_folder(step->path))
		return 5;
	if (step->is_tail)
		return 4;
	if (step->change != UNDO_REMOVE)
		return is_segment ? 0 : 1;
	return is_segment ? 3 : 2;
}

static int compare_steps(const void *left, const void *right)
{
	const struct undo_step *a = left, *b = right;
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	const int64_t x = number_of(a->path), y = number_of(b->path);
	const int order = x != y ? (x > y) - (x < y) : strcmp(a->path, b->path);
	return (x >= 0 && !a->is_tail) || a->change == UNDO_REMOVE ? -order : order;
}

static bool is_named(const struct manifest *manifest, const char *path)
{
	for (size_t i = 0; i < manifest->count; i++)
		if (strcmp(manifest->files[i].path, path) == 0)
			return true;
	return false;
}

/* A repair that was interrupted while it wrote index, hints or digests leaves them, perhaps half of
 * them, under another name. What had that name before is in the manifest. Where the repair was to
 * write none, it is somebody else's. */
static enum as_err add_half_written(struct undo_plan *plan, const struct manifest *manifest)
{
	static const char *const parts[HALF_WRITTEN_MAX] = { "index", "hints", "integrity" };
	const struct repo *repo = plan->repo;
	for (size_t i = 0; i < HALF_WRITTEN_MAX; i++) {
		struct stat st;
		bool is_there;
		char whole[sizeof("integrity.4294967295")], name[sizeof(whole) + sizeof(".tmp")];
		snprintf(whole, sizeof(whole), "%s.%" PRIu32, parts[i], manifest->after);
		snprintf(name, sizeof(name), "%s.tmp", i == 0 ? "index" : whole);
		if (!is_named(manifest, whole) || is_named(manifest, name))
			continue;
		const enum as_err err = io_ask(repo->io, repo->fd, name, &is_there, &st);
		if (err != AS_OK)
			return err;
		if (!is_there)
			continue;
		struct undo_step *step = &plan->steps[plan->step_count++];
		*step = (struct undo_step){
			.change = UNDO_REMOVE, .size = (uint64_t)st.st_size,
			.reason = "left by an interrupted write: removed",
		};
		memcpy(step->path, name, sizeof(name));
	}
	return AS_OK;
}

static enum as_err fill(struct undo_plan *plan, const char *folder,
			const struct manifest *manifest, enum undo_state state)
{
	plan->has_before = manifest->has_after;
	plan->before = manifest->after;
	plan->has_after = manifest->has_before;
	plan->after = manifest->before;
	plan->steps = calloc(manifest->count + HALF_WRITTEN_MAX, sizeof(*plan->steps));
	if (!plan->steps)
		return AS_ERR_MEMORY;
	for (size_t i = 0; i < manifest->count; i++) {
		const enum as_err err = add_step(plan, folder, &manifest->files[i]);
		if (err != AS_OK)
			return err;
	}
	if (state != UNDO_DONE) {
		const enum as_err err = add_half_written(plan, manifest);
		if (err != AS_OK)
			return err;
	}
	array_sort(plan->steps, plan->step_count, sizeof(*plan->steps), compare_steps);
	plan->is_filled = true;
	return AS_OK;
}

static enum as_err plan_folder(struct undo_plan *plan, const char *folder, enum undo_state state)
{
	const struct repo *repo = plan->repo;
	struct manifest manifest;
	enum as_err err = undo_read_manifest(repo->io, repo->fd, folder, &manifest);
	if (err == AS_ERR_MEMORY)
		return err;
	if (err != AS_OK) {
		refuse(plan, "%s holds no manifest that can be read: what the repair did is not "
		       "known", folder);
		return AS_OK;
	}
	if (is_overtaken(repo, &manifest, state))
		refuse(plan, "a later transaction was written since: taking %s back would lose it",
		       plan->name);
	err = fill(plan, folder, &manifest, state);
	free(manifest.files);
	return err;
}

/* The newest folder with a manifest: one without was made and not yet used, or is being removed. */
static enum as_err plan_newest(struct undo_plan *plan, const struct undo_names *names)
{
	const struct repo *repo = plan->repo;
	char folder[UNDO_FOLDER_MAX];
	plan->is_empty = names->count == 0;
	for (size_t i = 0; i < names->count; i++) {
		enum undo_state state;
		undo_folder_path(names->rows[i], folder);
		const enum as_err err = undo_state_of(repo->io, repo->fd, folder, &state);
		if (err != AS_OK)
			return err;
		if (state == UNDO_UNREADABLE)
			continue;
		memcpy(plan->name, names->rows[i], sizeof(plan->name));
		return plan_folder(plan, folder, state);
	}
	if (plan->is_empty)
		return AS_OK;
	/* No folder has a manifest. What an interrupted removal left is removed; but not where
	 * files were set aside that are nowhere else. */
	bool holds_files;
	memcpy(plan->name, names->rows[0], sizeof(plan->name));
	undo_folder_path(plan->name, folder);
	plan->has_before = plan->has_after = repo->has_transaction;
	plan->before = plan->after = repo->transaction;
	const enum as_err err = undo_find_kept(repo->io, repo->fd, folder, &holds_files);
	if (err == AS_OK && holds_files)
		refuse(plan, "%s holds files but no manifest: what the repair did is not known "
		       "(undo --purge %s removes them)", folder, plan->name);
	return err;
}

enum as_err undo_plan_make(const struct repo *repo, struct undo_plan **out, struct as_error *error)
{
	struct undo_names names;
	*out = NULL;
	enum as_err err = undo_names_list(repo->io, repo->fd, &names);
	if (err != AS_OK)
		return as_fail(error, err, err == AS_ERR_MEMORY ? 0 : errno, "%s/" UNDO_FOLDER
			       ": cannot list", repo->path);
	struct undo_plan *plan = calloc(1, sizeof(*plan));
	if (plan) {
		plan->repo = repo;
		err = plan_newest(plan, &names);
	} else {
		err = AS_ERR_MEMORY;
	}
	free(names.rows);
	if (err != AS_OK) {
		undo_plan_free(plan);
		return repair_fail(repo, err, error);
	}
	*out = plan;
	return AS_OK;
}

void undo_plan_free(struct undo_plan *plan)
{
	if (plan)
		free(plan->steps);
	free(plan);
}

struct plan_sum undo_plan_sum(const struct undo_plan *plan, enum undo_change change)
{
	struct plan_sum sum = { .files = 0 };
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct undo_step *step = &plan->steps[i];
		if (step->change == change)
			plan_sum_add(&sum, step->path, step->size);
	}
	return sum;
}

/* ---- carrying it out ---- */

static enum as_err put_back(struct undo *undo, const char *path, struct as_error *error)
{
	char aside[UNDO_PATH_MAX], folder[LISTING_PATH_MAX];
	undo_below(undo->path, path, aside);
	enum as_err err = io_rename(undo->permit, aside, path);
	if (err != AS_OK && io_clear_way(undo->permit, path))
		err = io_rename(undo->permit, aside, path);
	if (err == AS_ERR_DOES_NOT_EXIST) {	/* its folder was removed meanwhile */
		snprintf(folder, sizeof(folder), "%s", path);
		path_parent(folder);
		io_make_folder(undo->permit, folder);
		err = undo_touch_folder(undo, folder);
		if (err == AS_OK)
			err = io_rename(undo->permit, aside, path);
	}
	return err == AS_OK ? AS_OK : undo_fail_path(err, "put it back", path, error);
}

/* A repair that is done must not look done while it is taken back: its mark is renamed, for which
 * there is room on the fullest disk. Otherwise a mark is made if there is room for one; without it
 * what follows looks like an interrupted repair, which it is. */
static enum as_err mark_undoing(const struct undo *undo)
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
		err = undo_write_file(undo, UNDO_UNDOING_MARK, "", 0, true);
	return err == AS_ERR_NO_SPACE ? AS_OK : err;
}

static enum as_err run_steps(struct undo *undo, const struct undo_plan *plan,
			     struct repair_progress *progress, struct as_error *error)
{
	enum as_err err = AS_OK;
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct undo_step *step = &plan->steps[i];
		/* All of one rank is durable before the next begins, and each segment before the
		 * next one. */
		if (i > 0 && (rank(step) != rank(&plan->steps[i - 1]) ||
			      number_of(step->path) >= 0))
			err = undo_sync(undo, error);
		if (err != AS_OK)
			return err;
		if (undo_touch_folder(undo, step->path) != AS_OK)
			return as_fail(error, AS_ERR_MEMORY, 0, "out of memory");
		if (step->change != UNDO_REMOVE) {
			err = put_back(undo, step->path, error);
			if (err != AS_OK)
				return err;
		} else if (plan_is_folder(step->path)) {
			err = io_remove_folder(undo->permit, step->path);
			if (err == AS_ERR_ALREADY_EXISTS)
				err = AS_OK;	/* it is not empty: it stays */
		} else {
			err = io_remove_file(undo->permit, step->path);
		}
		if (err != AS_OK && err != AS_ERR_DOES_NOT_EXIST)
			return undo_fail_path(err, "remove", step->path, error);
		err = AS_OK;
		progress->bytes_done += step->size;
	}
	return undo_sync(undo, error);
}

enum as_err undo_run(const struct undo_plan *plan, const struct permit *permit,
		     struct repair_progress *progress, struct as_error *error)
{
	const struct repo *repo = plan->repo;
	struct undo undo = { .permit = permit };
	uint64_t freed;
	if (repo_is_changed(repo))
		return repair_fail(repo, AS_ERR_CHANGED, error);
	for (size_t i = 0; i < plan->step_count; i++)
		progress->bytes_total += plan->steps[i].size;
	progress->step = STEP_PUT_BACK;
	undo_folder_path(plan->name, undo.path);
	enum as_err err = repair_make_durable(repo, permit, error);
	if (err != AS_OK)
		return err;
	err = mark_undoing(&undo);
	if (err != AS_OK)
		return undo_fail_path(err, "begin to take it back", undo.path, error);
	err = run_steps(&undo, plan, progress, error);
	if (err == AS_OK)
		err = undo_remove_folder(permit, undo.path, &freed, error);
	if (err == AS_OK)
		progress->step = STEP_DONE;
	free(undo.unsynced);
	return err;
}

#include "build-config.h"

#include "src/break_lock.h"
#include "src/confirm.h"
#include "src/message.h"
#include "src/out_plan.h"
#include "src/out_table.h"
#include "src/out_text.h"
#include "src/progress.h"
#include "src/repository.h"
#include "src/shell_quote.h"

#include "engine/repair/undo.h"
#include "ui/session/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The folders below REPO/undo, newest first. */
struct undo_folder_list {
	struct undo_entry *entries;
	size_t count;
};

/* ---- --list ---- */

static const struct column columns[] = {
	{ .name = "name", .title = "name", .width = 26, .left = true },
	{ .name = "time", .title = "time (UTC)", .width = 20, .left = true },
	{ .name = "action" },
	{ .name = "state", .title = "state", .last = true },
	{ .name = "transaction_before" },
	{ .name = "transaction_after" },
	{ .name = "files", .title = "files", .width = 6 },
	{ .name = "bytes", .title = "size", .width = 9 },
};

static bool write_row(struct out *out, const struct undo_entry *entry)
{
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	const bool is_known = entry->state != UNDO_UNREADABLE;
	const char *state =
		out->json ? undo_state_name(entry->state) : undo_state_text(entry->state);
	undo_name_read(entry->name, when, action);
	const struct cell cells[ARRAY_SIZE(columns)] = {
		cell_text(entry->name, TONE_PLAIN),
		cell_text(when[0] ? when : NULL, TONE_PLAIN),
		cell_text(entry->action[0] ? entry->action : NULL, TONE_PLAIN),
		cell_text(state, entry->state == UNDO_DONE ? TONE_PLAIN : TONE_WARNING),
		entry->has_before ? cell_number(entry->before) : cell_none(),
		is_known ? cell_number(entry->after) : cell_none(),
		cell_number(entry->files),
		cell_bytes(entry->bytes),
	};
	return out_row(out, columns, cells, ARRAY_SIZE(columns));
}

static int list(struct request *request, const struct undo_folder_list *folders)
{
	struct out *out = &request->out;
	if (folders->count == 0 && !out->json)
		text_line(out, TONE_PLAIN, "No repair has left an undo folder.");
	else
		out_titles(out, columns, ARRAY_SIZE(columns));
	for (size_t i = 0; i < folders->count; i++)
		if (!write_row(out, &folders->entries[i]))
			break;
	return EXIT_DONE;
}

/* ---- --purge ---- */

struct purge {
	struct request *request;
	struct repo *repo;
	struct undo_entry *chosen;	/* of the folders, the others dropped */
	size_t count, kept;
	uint64_t bytes;			/* to be freed; then freed */
	bool is_done;
};

/* The time so many days ago, in the form of undo_name_read. */
static void format_days_ago(unsigned days, char out[UNDO_TIME_SIZE])
{
	const time_t then = time(NULL) - (time_t)days * 24 * 60 * 60;
	struct tm tm;
	gmtime_r(&then, &tm);
	strftime(out, UNDO_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Is the folder of a time after @limit? One whose name tells no time counts as new. */
static bool is_newer(const struct undo_entry *entry, const char *limit)
{
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	undo_name_read(entry->name, when, action);
	return !when[0] || strcmp(when, limit) > 0;
}

/* Choose the folders of finished repairs, with --older-than only the older ones; or the one that is
 * named, in any state. False: there is none of that name. */
static bool choose(struct purge *purge, struct undo_folder_list *folders)
{
	const struct options *options = &purge->request->options;
	const char *name = purge->request->args[1];
	char limit[UNDO_TIME_SIZE];
	format_days_ago(options->older_than, limit);
	for (size_t i = 0; i < folders->count; i++) {
		const struct undo_entry *entry = &folders->entries[i];
		if (options->has_older_than && is_newer(entry, limit))
			continue;
		if (name ? strcmp(entry->name, name) != 0 : entry->state != UNDO_DONE) {
			purge->kept += !name;
			continue;
		}
		purge->bytes += entry->bytes;
		folders->entries[purge->count++] = *entry;
	}
	purge->chosen = folders->entries;
	if (name && purge->count == 0)
		message("there is no undo folder '%s'; undo --list names them", name);
	return !name || purge->count > 0;
}

static void write_purge_json(struct purge *purge)
{
	json_t *names = json_array(), *object = json_object();
	for (size_t i = 0; i < purge->count; i++)
		json_append(&names, json_text(purge->chosen[i].name));
	json_add(&object, "action", json_text("purge"));
	json_add(&object, "repository", json_text(purge->repo->path));
	json_add(&object, "dry_run", json_boolean(purge->request->options.dry_run));
	json_add(&object, "purged", names);
	json_add(&object, "kept", json_number(purge->kept));
	json_add(&object, "bytes_freed", json_number(purge->bytes));
	json_add(&object, "done", json_boolean(purge->is_done));
	json_object_out(&purge->request->out, object);
}

static void write_purge(struct purge *purge, const char *verb)
{
	struct out *out = &purge->request->out;
	char size[FORMAT_SIZE];
	if (purge->kept > 0)
		message("%zu undo folder%s of unfinished repairs %s kept; to remove one, "
			"give its name", purge->kept, plural(purge->kept),
			purge->kept == 1 ? "is" : "are");
	if (out->json) {
		write_purge_json(purge);
		return;
	}
	if (purge->count == 0) {
		text_line(out, TONE_PLAIN, "Nothing to purge.");
		return;
	}
	for (size_t i = 0; i < purge->count; i++)
		text_line(out, TONE_PLAIN, "  %-28s%9s  %s", purge->chosen[i].name,
			  format_bytes(purge->chosen[i].bytes, size, sizeof(size)),
			  undo_state_text(purge->chosen[i].state));
	text_line(out, TONE_STRONG, "%s %s%s", format_bytes(purge->bytes, size, sizeof(size)), verb,
		  purge->is_done ? "" : "; this cannot be undone");
}

/* Remove the oldest first, so that after a failure the newest repair can still be taken back. */
static enum as_err remove_chosen(struct purge *purge)
{
	struct as_error error = { .code = AS_OK };
	const struct permit *permit;
	enum as_err err = repository_upgrade(purge->request, purge->repo, &permit);
	if (err != AS_OK)
		return err;
	purge->bytes = 0;
	for (size_t i = purge->count; err == AS_OK && i-- > 0;) {
		uint64_t freed;
		err = undo_purge(permit, purge->chosen[i].name, &freed, &error);
		purge->bytes += freed;
	}
	lock_lower(repo_lock(purge->repo));
	if (err != AS_OK)
		message_failure(err, &error);
	purge->is_done = err == AS_OK;
	return err;
}

static int purge(struct request *request, struct repo *repo, struct undo_folder_list *folders)
{
	struct purge purge = { .request = request, .repo = repo };
	if (!choose(&purge, folders))
		return EXIT_FAILED;
	if (purge.count == 0 || request->options.dry_run) {
		write_purge(&purge, "would be freed");
		return EXIT_DONE;
	}
	if (confirm_is_wanted(request)) {
		write_purge(&purge, "will be freed");
		if (!confirm_ask(request, "purge"))
			return EXIT_CANCELLED;
		purge.kept = 0;		/* already said */
	}
	const enum as_err err = remove_chosen(&purge);
	if (err == AS_OK)
		write_purge(&purge, "freed");
	return message_status(err);
}

/* ---- taking back ---- */

struct undo_job {
	struct request *request;
	struct repo *repo;
	struct undo_plan *plan;
	bool is_done;
};

static void write_json(struct undo_job *job)
{
	const struct undo_plan *plan = job->plan;
	json_t *object = json_object();
	json_add(&object, "action", json_text("undo"));
	json_add(&object, "repository", json_text(job->repo->path));
	json_add(&object, "dry_run", json_boolean(job->request->options.dry_run));
	json_add(&object, "name", json_text(plan->name[0] ? plan->name : NULL));
	json_add(&object, "transaction_before", json_number_if(plan->has_before, plan->before));
	json_add(&object, "transaction_after", json_number_if(plan->has_after, plan->after));
	json_add(&object, "objects_before", json_null());
	json_add(&object, "objects_after", json_null());
	json_add(&object, "lost", json_array());
	json_add(&object, "created", json_undo_files(plan, UNDO_PUT_BACK));
	json_add(&object, "replaced", json_undo_files(plan, UNDO_PUT_BACK_OVER));
	json_add(&object, "removed", json_undo_files(plan, UNDO_REMOVE));
	json_add(&object, "undo", json_null());
	json_add(&object, "refused", json_text(plan->is_refused ? plan->refusal : NULL));
	json_add(&object, "done", json_boolean(job->is_done));
	json_object_out(&job->request->out, object);
}

static void write_plan(struct undo_job *job)
{
	struct out *out = &job->request->out;
	const struct plan_text lines = out_plan_lines(out, confirm_is_wanted(job->request));
	text_line(out, TONE_STRONG, "Plan: undo %s, taking back %s", job->repo->path,
		  job->plan->name);
	text_blank_line(out);
	plan_text_undo(job->plan, &lines);
}

static void write_report(struct undo_job *job)
{
	struct out *out = &job->request->out;
	const struct repair_report report = { .has_changed = true, .is_done = true };
	const struct plan_text lines = out_plan_lines(out, confirm_is_wanted(job->request));
	char path[SHELL_QUOTE_SIZE];
	if (out->json) {
		write_json(job);
		return;
	}
	plan_text_undo_report(job->plan, &report, &lines);
	text_blank_line(out);
	text_line(out, TONE_PLAIN, "Taken back: %s", job->plan->name);
	text_line(out, TONE_FAINT, "To see the state of the repository: atticscope check %s",
		  shell_quote(job->repo->path, path));
}

static enum as_err run_plan(struct undo_job *job)
{
	struct repair_progress figures = { .cancel = false };
	struct as_error error = { .code = AS_OK };
	const struct permit *permit;
	enum as_err err = repository_upgrade(job->request, job->repo, &permit);
	if (err != AS_OK)
		return err;
	struct progress *bar = progress_begin_repair(&figures);
	err = undo_run(job->plan, permit, &figures, &error);
	progress_end(bar);
	lock_lower(repo_lock(job->repo));
	job->is_done = err == AS_OK;
	if (err == AS_OK)
		return AS_OK;
	message_failure(err, &error);
	if (err == AS_ERR_CHANGED)
		message("nothing was changed");
	else
		message("undo was not finished; the same command continues");
	return err;
}

static int carry_out(struct undo_job *job)
{
	if (confirm_is_wanted(job->request)) {
		write_plan(job);
		if (!confirm_ask(job->request, "undo"))
			return EXIT_CANCELLED;
		text_blank_line(&job->request->out);
	}
	const enum as_err err = run_plan(job);
	if (err == AS_OK)
		write_report(job);
	return message_status(err);
}

static int take_back(struct request *request, struct repo *repo)
{
	struct out *out = &request->out;
	const struct plan_text lines = out_plan_lines(out, false);
	const bool is_dry_run = request->options.dry_run;
	struct undo_job job = { .request = request, .repo = repo };
	struct as_error error = { .code = AS_OK };
	const enum as_err err = undo_plan_make(repo, &job.plan, &error);
	if (err != AS_OK)
		return message_failure(err, &error);
	const struct undo_plan *plan = job.plan;
	int status = plan->is_refused ? EXIT_FAILED : EXIT_DONE;
	if (!plan->is_refused && !plan->is_empty && !is_dry_run)
		status = carry_out(&job);
	else if (out->json)
		write_json(&job);
	else if (plan->is_empty)
		plan_text_undo(plan, &lines);
	else if (!plan->is_refused || is_dry_run)
		write_plan(&job);
	if (plan->is_refused)
		message("%s: undo refused: %s", repo->path, plan->refusal);
	undo_plan_free(job.plan);
	return status;
}

/* ---- the command ---- */

int cmd_undo(struct request *request)
{
	struct undo_folder_list folders = { .count = 0 };
	struct repo *repo;
	if (request->options.list && request->options.purge) {
		message("--list and --purge contradict each other");
		return EXIT_USAGE;
	}
	if (request->options.has_older_than &&
	    (!request->options.purge || request->arg_count > 1)) {
		message("--older-than is for --purge, and not for a folder with a name");
		return EXIT_USAGE;
	}
	if (request->arg_count > 1 && !request->options.purge) {
		message("undo takes back the newest repair; a name is only for --purge");
		return EXIT_USAGE;
	}
	if (!request->options.list && !confirm_is_possible(request, "undo"))
		return EXIT_USAGE;
	const bool may_write = !request->options.list && !request->options.dry_run;
	enum as_err err = may_write ? break_lock(request) : AS_OK;
	if (err == AS_OK)
		err = repository_open_waiting(request, may_write, &repo);
	if (err != AS_OK)
		return message_status(err);
	if (dialect_is_only_read(repo->dialect) && !request->options.list) {
		message("%s: undo refused: %s", repo->path, repo->dialect->refusal);
		repo_close(repo);
		return EXIT_FAILED;
	}
	if (request->options.list || request->options.purge) {
		err = undo_list(repo->io, repo->fd, &folders.entries, &folders.count);
		if (err != AS_OK)
			message("%s/" UNDO_FOLDER ": %s", repo->path, as_err_text(err));
	}
	int status = message_status(err);
	if (err == AS_OK && request->options.list)
		status = list(request, &folders);
	else if (err == AS_OK && request->options.purge)
		status = purge(request, repo, &folders);
	else if (err == AS_OK)
		status = take_back(request, repo);
	free(folders.entries);
	repo_close(repo);
	return status;
}

#include "build-config.h"

#include "src/break_lock.h"
#include "src/confirm.h"
#include "src/interrupt.h"
#include "src/lock_wait.h"
#include "src/message.h"
#include "src/out_plan.h"
#include "src/out_text.h"
#include "src/progress.h"
#include "src/repository.h"
#include "src/shell_quote.h"

#include "engine/check/diagnose.h"

#include <string.h>

#define ATTEMPTS 3	/* while programs that ignore locks keep changing the repository */

/* Why the repair must be planned again. */
enum again {
	AGAIN_NOT,
	AGAIN_CHANGED,		/* the plan was out of date before it was run */
	AGAIN_WAITED,		/* another process wrote while this one waited for the lock */
	AGAIN_OVERTAKEN		/* another process wrote first */
};

/* One attempt: what was found, the plan, and the result. */
struct attempt {
	struct request *request;
	enum repair action;
	struct repo *repo;
	struct verify *verify;
	struct diagnosis before;
	struct plan *plan;
	bool is_run;		/* the plan was carried out, at least in part */
	struct repair_report report;
	bool is_verified;	/* checked again from the disk; then these are set: */
	struct diagnosis after;
	uint64_t objects_after;
	bool is_broken;			/* the repair did not keep what its plan promised */
};

/* ---- JSON ---- */

/* The state to report: as planned, as verified afterwards, or unknown if the repair stopped. */
struct standing {
	bool has_transaction, has_objects;
	uint32_t transaction;
	uint64_t objects;
	const struct diagnosis *diagnosis;	/* NULL: unknown */
};

static struct standing find_standing(const struct attempt *attempt)
{
	const struct plan *plan = attempt->plan;
	struct standing standing = {
		.has_transaction = plan->has_after && plan->is_filled,
		.transaction = plan->after,
		.has_objects = plan->is_filled,
		.objects = plan->objects_after,
		.diagnosis = &attempt->before,
	};
	if (attempt->is_run) {
		standing.has_transaction = attempt->report.has_after;
		standing.transaction = attempt->report.after;
		standing.has_objects = plan->is_filled && attempt->is_verified;
		standing.objects = attempt->objects_after;
		standing.diagnosis = attempt->is_verified ? &attempt->after : NULL;
	}
	return standing;
}

static void write_json(struct attempt *attempt)
{
	const struct plan *plan = attempt->plan;
	const struct standing now = find_standing(attempt);
	const bool fits = plan->bytes_free <= INT64_MAX;
	const char *undo = attempt->report.undo;
	const bool has_steps = plan->is_refused && attempt->before.by_hand[0];
	json_t *object = json_object();
	json_add(&object, "action", json_text(repair_name(attempt->action)));
	json_add(&object, "repository", json_text(attempt->repo->path));
	json_add(&object, "dry_run", json_boolean(attempt->request->options.dry_run));
	json_add(&object, "transaction_before", json_number_if(plan->has_before, plan->before));
	json_add(&object, "transaction_after",
		 json_number_if(now.has_transaction, now.transaction));
	json_add(&object, "objects_before", json_number_if(plan->is_filled, plan->objects_before));
	json_add(&object, "objects_after", json_number_if(now.has_objects, now.objects));
	json_add(&object, "lost", json_named_keys(plan->lost, plan->lost_count));
	json_add(&object, "created", json_plan_files(plan, PLAN_MAKE));
	json_add(&object, "replaced", json_plan_files(plan, PLAN_REPLACE));
	json_add(&object, "removed", json_plan_files(plan, PLAN_MOVE));
	json_add(&object, "undo", json_text(undo[0] ? undo : NULL));
	json_add(&object, "lost_causes", json_lost_causes(plan));
	json_add(&object, "suspects", json_suspects(plan));
	json_add(&object, "entries_copied", json_number(plan->entries_copied));
	json_add(&object, "bytes_copied", json_number(plan->bytes_copied));
	json_add(&object, "deletes_written", json_number(plan->deletes_written));
	json_add(&object, "bytes_needed", json_number(plan->bytes_needed));
	json_add(&object, "bytes_free", json_number_if(fits, plan->bytes_free));
	json_add(&object, "bytes_in_undo", json_number(plan->bytes_in_undo));
	json_add(&object, "hardware_doubt", json_boolean(plan->hardware_doubt));
	json_add(&object, "refused", json_text(plan->is_refused ? plan->refusal : NULL));
	json_add(&object, "done", json_boolean(attempt->is_run && attempt->report.is_done));
	json_add(&object, "clean",
		 now.diagnosis ? json_boolean(now.diagnosis->clean) : json_null());
	json_add(&object, "verdict", json_text(now.diagnosis ? now.diagnosis->verdict : NULL));
	json_add(&object, "bytes_created", json_number(plan_sum(plan, PLAN_MAKE).bytes));
	json_add(&object, "by_hand", json_text(has_steps ? attempt->before.by_hand : NULL));
	json_add(&object, "older", json_named_keys(plan->older, plan->older_count));
	json_add(&object, "left_out", json_named_keys(plan->left_out, plan->left_out_count));
	json_add(&object, "dropped", json_named_keys(plan->dropped, plan->dropped_count));
	json_add(&object, "at_least", json_boolean(plan->loss_is_unknown));
	json_add(&object, "possibly_deleted", json_number(plan->possibly_deleted));
	json_add(&object, "not_planned",
		 json_text(plan->not_planned[0] ? plan->not_planned : NULL));
	json_add(&object, "next_step", json_text(plan->next_step));
	json_object_out(&attempt->request->out, object);
}

/* ---- text ---- */

static void write_plan(struct attempt *attempt)
{
	struct out *out = &attempt->request->out;
	const struct plan_text lines = out_plan_lines(out, confirm_is_wanted(attempt->request));
	if (out->json) {
		write_json(attempt);
		return;
	}
	text_line(out, TONE_STRONG, "Plan: %s %s", repair_name(attempt->action),
		  attempt->repo->path);
	text_blank_line(out);
	plan_text_plan(attempt->plan, &lines);
}

static void write_report(struct attempt *attempt)
{
	struct out *out = &attempt->request->out;
	const struct plan_text lines = out_plan_lines(out, confirm_is_wanted(attempt->request));
	char path[SHELL_QUOTE_SIZE];
	plan_text_report(attempt->plan, &attempt->report, &lines);
	text_blank_line(out);
	if (attempt->is_verified) {
		text_paragraph(out, 0, "Verified again from the disk:");
		text_paragraph(out, 2, attempt->after.verdict);
		text_paragraph(out, 2, attempt->after.advice);
	}
	if (attempt->report.undo[0])
		text_line(out, TONE_FAINT, "To take it back: atticscope undo %s",
			  shell_quote(attempt->repo->path, path));
}

/* ---- planning ---- */

/* Without a lock to read under, the one to write under is taken before anything is planned: others
 * could write meanwhile, and who holds it is better known at once. */
static enum as_err lock_early(const struct attempt *attempt)
{
	const struct permit *permit;
	if (lock_state(repo_lock(attempt->repo), NULL) != LOCK_DEFERRED ||
	    !repair_dialect(attempt->repo, attempt->action))
		return AS_OK;
	const enum as_err err = repository_upgrade(attempt->request, attempt->repo, &permit);
	return err == AS_OK && repo_is_changed(attempt->repo) ? AS_ERR_CHANGED : err;
}

static enum as_err open_and_plan(struct attempt *attempt)
{
	const struct options *options = &attempt->request->options;
	const struct repair_options wishes = {
		.keep_tail = options->keep_tail, .drop_tail = options->drop_tail,
		.with_suspects = options->with_suspects, .no_undo = options->no_undo,
		.no_older = options->no_older,
		.with_older_manifest = options->with_older_manifest,
		.drop_readable = options->drop_readable,
		.threads = options->threads,
	};
	struct verify_progress figures = { .cancel = false };
	struct as_error error = { .code = AS_OK };
	enum as_err err = repository_open_waiting(attempt->request, !options->dry_run,
						  &attempt->repo);
	if (err == AS_OK && !options->dry_run)
		err = lock_early(attempt);
	if (err != AS_OK)
		return err;
	err = repository_verify(attempt->request, attempt->repo, NULL, &attempt->verify);
	if (err != AS_OK)
		return err;
	diagnose(attempt->repo, attempt->verify, &attempt->before);
	struct progress *bar = progress_begin("planning", attempt->repo, &figures);
	err = plan_make(attempt->repo, attempt->verify, attempt->action, &wishes, &figures,
			&attempt->plan, &error);
	progress_end(bar);
	if (err != AS_OK)
		message_failure(err, &error);
	return err;
}

/* ---- doing it ---- */

static enum as_err run_plan(struct attempt *attempt, struct as_error *error)
{
	struct repair_progress figures = { .cancel = false };
	const struct permit *permit;
	enum as_err err = repository_upgrade(attempt->request, attempt->repo, &permit);
	if (err != AS_OK)
		return err;
	struct progress *bar = progress_begin_repair(&figures);
	interrupt_watch(&figures.cancel);
	err = repair_run(attempt->plan, permit, &figures, &attempt->report, error);
	progress_end(bar);
	lock_lower(repo_lock(attempt->repo));
	attempt->is_run = attempt->report.has_changed || err == AS_OK;
	if (err != AS_OK && err != AS_ERR_CHANGED)
		message_failure(err, error);
	return err;
}

/* Read everything again from the disk. The shared lock is held meanwhile, so no other writer's work
 * is included. Sets attempt->is_verified on success. */
static void verify_again(struct attempt *attempt)
{
	const struct repo_options options = { .may_write = false };
	struct as_error error = { .code = AS_OK };
	struct verify *verify;
	struct repo *repo;
	const enum as_err err = repo_open(attempt->repo->path, &options, &repo, &error);
	if (err != AS_OK) {
		message_failure(err, &error);
		return;
	}
	if (repository_verify(attempt->request, repo, NULL, &verify) == AS_OK) {
		diagnose(repo, verify, &attempt->after);
		attempt->objects_after = verify->objects;
		attempt->is_verified = true;
		attempt->is_broken = attempt->report.is_done &&
				     repair_check(attempt->plan, verify, &error) != AS_OK;
		if (attempt->is_broken)
			message_failure(AS_ERR_INTEGRITY, &error);
		verify_free(verify);
	}
	repo_close(repo);
}

static int finish(struct attempt *attempt)
{
	struct out *out = &attempt->request->out;
	verify_again(attempt);
	if (!attempt->is_verified)
		message("the result could not be verified; run check");
	if (out->json)
		write_json(attempt);
	else
		write_report(attempt);
	/* Without the report the person could think that nothing was done. */
	if (!out_flush(out))
		message("%s: the %s is done, although the report could not be written",
			attempt->repo->path, repair_name(attempt->action));
	if (!attempt->is_verified || attempt->is_broken || !attempt->after.clean)
		return EXIT_PROBLEMS;
	return attempt->before.clean ? EXIT_DONE : EXIT_REPAIRED;
}

/* Say what a repair that stopped has left. */
static void report_stop(const struct attempt *attempt)
{
	char path[SHELL_QUOTE_SIZE];
	if (!attempt->report.has_changed) {
		message("nothing was changed");
		return;
	}
	message_check("the repair was not finished; see what is left to do with",
		      attempt->repo->path);
	if (attempt->report.undo[0])
		message("take back what it did with: atticscope undo %s",
			shell_quote(attempt->repo->path, path));
}

static int carry_out(struct attempt *attempt, enum again *again)
{
	struct as_error error = { .code = AS_OK };
	if (confirm_is_wanted(attempt->request)) {
		write_plan(attempt);
		if (!confirm_ask(attempt->request, repair_name(attempt->action)))
			return EXIT_CANCELLED;
		text_blank_line(&attempt->request->out);
	}
	const enum as_err err = run_plan(attempt, &error);
	if (err == AS_ERR_CHANGED)
		*again = AGAIN_CHANGED;
	else if (err == AS_ERR_LOCK_FAILED && attempt->request->options.lock_wait > 0)
		*again = AGAIN_OVERTAKEN;
	if (*again != AGAIN_NOT)
		return EXIT_FAILED;
	if (err == AS_OK)
		return finish(attempt);
	report_stop(attempt);
	if (attempt->is_run && attempt->request->out.json)
		write_json(attempt);
	return message_status(err);
}

/* ---- what needs no doing ---- */

/* A dry run also shows the plan, as far as it could be made. */
static int report_refused(struct attempt *attempt)
{
	if (attempt->request->out.json || attempt->request->options.dry_run)
		write_plan(attempt);
	message("%s: %s refused: %s", attempt->repo->path, repair_name(attempt->action),
		attempt->plan->refusal);
	if (attempt->plan->hardware_doubt)
		message("copy the repository to another disk first (ddrescue), and repair "
			"the copy");
	message_lines(attempt->before.by_hand);
	if (attempt->repo->dialect->refusal)
		return EXIT_FAILED;
	return attempt->before.clean ? EXIT_FAILED : EXIT_PROBLEMS;
}

static int report_empty(struct attempt *attempt)
{
	struct out *out = &attempt->request->out;
	const struct plan_text lines = out_plan_lines(out, false);
	if (out->json) {
		write_json(attempt);
	} else {
		plan_text_plan(attempt->plan, &lines);
		if (!attempt->before.clean)
			text_paragraph(out, 0, attempt->before.verdict);
	}
	return attempt->before.clean ? EXIT_DONE : EXIT_PROBLEMS;
}

static int try_once(struct request *request, enum repair action, enum again *again)
{
	struct attempt attempt = { .request = request, .action = action };
	int status = EXIT_DONE;
	*again = AGAIN_NOT;
	const enum as_err err = open_and_plan(&attempt);
	if (err == AS_ERR_CHANGED)
		*again = AGAIN_WAITED;
	if (err != AS_OK)
		status = message_status(err);
	else if (attempt.plan->is_refused)
		status = report_refused(&attempt);
	else if (attempt.plan->is_empty)
		status = report_empty(&attempt);
	else if (request->options.dry_run)
		write_plan(&attempt);
	else
		status = carry_out(&attempt, again);
	plan_free(attempt.plan);
	verify_free(attempt.verify);
	if (attempt.repo)
		repo_close(attempt.repo);
	return status;
}

int cmd_repair(struct request *request)
{
	const char *name = request->command->name;
	enum repair action = REPAIR_RECOVER;
	enum again again = AGAIN_NOT;
	int status = EXIT_FAILED;
	if (request->options.keep_tail && request->options.drop_tail) {
		message("--keep-tail and --drop-tail contradict each other");
		return EXIT_USAGE;
	}
	if (!confirm_is_possible(request, name))
		return EXIT_USAGE;
	const enum as_err err = break_lock(request);
	if (err != AS_OK)
		return message_status(err);
	while (strcmp(repair_name(action), name) != 0)
		action++;
	for (int changes = 0; changes < ATTEMPTS;) {
		status = try_once(request, action, &again);
		changes += again == AGAIN_CHANGED || again == AGAIN_WAITED;
		if (again == AGAIN_NOT ||
		    (again == AGAIN_OVERTAKEN && !lock_wait_pause(request)))
			break;
		if (again == AGAIN_OVERTAKEN)
			message("planning again when the other process is done");
		else if (changes < ATTEMPTS)
			message(again == AGAIN_WAITED
				? "the repository was changed before its lock was free: planning "
				  "with what is there now"
				: "the repository was changed after it was read, by a program "
				  "that ignores locks: planning again");
	}
	if (again != AGAIN_NOT)
		message(again == AGAIN_OVERTAKEN ? "nothing was changed"
			: "the repository keeps changing; nothing was done");
	return status;
}

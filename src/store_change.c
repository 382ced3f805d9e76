#include "build-config.h"

#include "src/store_change.h"

#include "engine/repair/plan_text.h"
#include "src/break_lock.h"
#include "src/interrupt.h"
#include "src/lock_wait.h"
#include "src/message.h"
#include "src/out_json.h"
#include "src/out_text.h"
#include "src/repository.h"
#include "ui/session/format.h"

#include <inttypes.h>
#include <string.h>

#define ATTEMPTS 3	/* while others write between the opening and the lock */

/* ---- opening ---- */

/* Opening a repository of Borg takes no lock, and what is seen of it beside a writer may be half of
 * a change. So it is opened while *@locked has the lock, which waits for others; the library takes
 * it again for the first change. NULL: there is no such lock. */
static enum as_err lock_for_opening(const struct request *request, struct repo **locked)
{
	const struct repo_options options = { .may_write = true };
	const struct permit *permit;
	struct repo *repo;
	enum as_err err = AS_OK;
	*locked = NULL;
	if (repo_open(request->args[0], &options, &repo, NULL) != AS_OK)
		return AS_OK;	/* as_open says why */
	if (!repo->dialect->refusal && lock_state(repo_lock(repo), NULL) == LOCK_DEFERRED)
		err = repository_upgrade(request, repo, &permit);
	if (lock_state(repo_lock(repo), NULL) == LOCK_EXCLUSIVE)
		*locked = repo;
	else
		repo_close(repo);
	return err;
}

static enum as_err open_store(struct store_change *change, struct as_error *error)
{
	enum as_err err;
	do {
		const struct as_options options = {
			.lock_wait = lock_wait_to_write(change->request),
			.interrupt = lock_wait_is_interrupted,
		};
		err = as_open(change->path, &options, &change->store, error);
	} while (err == AS_ERR_LOCK_FAILED && lock_wait_pause(change->request));
	if (err == AS_ERR_LOCK_FAILED && interrupt_came())
		return as_fail(error, AS_ERR_CANCELLED, 0, "cancelled while waiting");
	return err;
}

static enum as_err open_in_order(struct store_change *change, struct as_error *error)
{
	const struct as_state *state = &change->before;
	struct repo *locked;
	enum as_err err = lock_for_opening(change->request, &locked);
	change->is_reported = err != AS_OK;
	if (err == AS_OK)
		err = open_store(change, error);
	if (err != AS_OK) {
		repo_close(locked);
		return err;
	}
	as_get_state(change->store, &change->before);
	if (state->needs_rollback || state->needs_recover) {
		err = state->needs_rollback ? AS_ERR_UNCOMMITTED : AS_ERR_INDEX;
		as_fail(error, err, 0, "%s: %s", change->path,
			state->why[0] ? state->why : as_err_text(err));
	} else {
		err = as_len(change->store, &change->objects_before, error);
	}
	repo_close(locked);
	if (err != AS_OK) {
		as_close(change->store);
		change->store = NULL;
	}
	return err;
}

/* Print why nothing can be changed, and what the person can do about it. Returns @err. */
static enum as_err report_failure(const struct store_change *change, enum as_err err,
				  const struct as_error *error)
{
	if (!change->is_reported)
		lock_wait_report(change->request, err, error);
	if (err == AS_ERR_UNCOMMITTED || err == AS_ERR_INDEX)
		message_check("nothing can be changed until that is repaired; see the rest with",
			      change->path);
	return err;
}

enum as_err store_change_begin(struct request *request, struct store_change *change)
{
	struct as_error error = { .code = AS_OK };
	char owner[OWNER_TEXT_SIZE];
	*change = (struct store_change){ .request = request, .path = request->args[0] };
	interrupt_catch();
	enum as_err err = break_lock(request);
	if (err != AS_OK)
		return err;
	err = open_in_order(change, &error);
	if (err == AS_OK && change->before.has_other_owner) {
		plan_text_owner(change->before.owner, owner);
		message("%s", owner);
	}
	return report_failure(change, err, &error);
}

/* ---- changing ---- */

/* Open the store again if another process holds a lock. Two processes that wait for each other's
 * shared lock would wait for ever. So the library refuses one of them at once; that one must
 * release its own lock and pause, so that the other can go first. And where opening takes no lock,
 * others may have written since. True: try again. */
static bool open_again(struct store_change *change, enum as_err *err, struct as_error *error)
{
	const bool has_time = lock_wait_left(change->request) > 0;
	const bool waits = *err == AS_ERR_LOCK_FAILED && has_time;
	const bool was_overtaken = *err == AS_ERR_CHANGED &&
				   change->before.dialect == AS_DIALECT_BORG &&
				   (change->overtaken++ < ATTEMPTS || has_time);
	if (!waits && !was_overtaken)
		return false;
	as_close(change->store);
	change->store = NULL;
	if (waits)
		lock_wait_pause(change->request);
	*err = open_in_order(change, error);
	return *err == AS_OK;
}

enum as_err store_change_apply(struct store_change *change, const uint8_t key[KEY_SIZE],
			       const struct input_value *value)
{
	struct as_error error = { .code = AS_OK };
	enum as_err err;
	do
		err = value ? as_put(change->store, key, KEY_SIZE, value->data, value->len, &error)
			    : as_delete(change->store, key, KEY_SIZE, &error);
	while (open_again(change, &err, &error));
	return report_failure(change, err, &error);
}

int store_change_abandon(struct store_change *change, enum as_err err)
{
	struct as_state state = { .in_transaction = false };
	struct as_error error = { .code = AS_OK };
	if (change->store)
		as_get_state(change->store, &state);
	if ((state.in_transaction || state.dead) &&
	    as_rollback(change->store, 0, &error) != AS_OK) {
		message_failure(error.code, &error);
		message_check("nothing was committed, but what was written could not be removed; "
			      "see the rest with",
			      change->path);
	} else {
		message("nothing was changed");
	}
	as_close(change->store);
	return message_status(err);
}

/* ---- the report ---- */

/* The state after the commit. */
struct outcome {
	struct as_state state;
	bool is_counted;	/* false: something failed, and objects is unknown */
	uint64_t objects;
	struct as_report report;
};

static void write_json(struct out *out, const struct store_change *change,
		       const struct change_summary *summary, const struct outcome *outcome)
{
	const struct as_report *report = &outcome->report;
	const struct as_state *before = &change->before, *after = &outcome->state;
	json_t *keys = summary->keys ? json_array() : json_null();
	for (uint64_t i = 0; i < summary->count && summary->keys; i++)
		json_append(&keys, json_key(summary->keys + i * KEY_SIZE));
	json_t *object = json_object();
	json_add(&object, "action", json_text(summary->action));
	json_add(&object, "repository", json_text(change->path));
	json_add(&object, "transaction_before",
		 json_number_if(before->has_transaction, before->transaction));
	json_add(&object, "transaction_after",
		 json_number_if(after->has_transaction, after->transaction));
	json_add(&object, "objects_before", json_number(change->objects_before));
	json_add(&object, "objects_after", json_number_if(outcome->is_counted, outcome->objects));
	json_add(&object, "keys", keys);
	json_add(&object, "count", json_number(summary->count));
	json_add(&object, "bytes", json_number(summary->bytes));
	json_add(&object, "segments_compacted", json_number(report->segments_compacted));
	json_add(&object, "entries_copied", json_number(report->entries_copied));
	json_add(&object, "bytes_copied", json_number(report->bytes_copied));
	json_add(&object, "bytes_freed", json_number(report->bytes_freed));
	json_add(&object, "segments_skipped", json_number(report->segments_skipped));
	json_object_out(out, object);
}

static void write_text(struct out *out, const struct change_summary *summary,
		       const struct outcome *outcome)
{
	const struct as_report *report = &outcome->report;
	char figure[FORMAT_SIZE], freed[FORMAT_SIZE], objects[FORMAT_SIZE + 16] = "";
	char transaction[32] = "no transaction", compacted[96] = "";
	if (outcome->is_counted)
		snprintf(objects, sizeof(objects), ", %s object%s",
			 format_count(outcome->objects, figure, sizeof(figure)),
			 plural(outcome->objects));
	if (outcome->state.has_transaction)
		snprintf(transaction, sizeof(transaction), "transaction %" PRIu32,
			 outcome->state.transaction);
	if (report->segments_compacted > 0)
		snprintf(compacted, sizeof(compacted),
			 "; %" PRIu32 " segment%s compacted, %s freed",
			 report->segments_compacted, plural(report->segments_compacted),
			 format_bytes(report->bytes_freed, freed, sizeof(freed)));
	text_line(out, TONE_PLAIN, "%s; %s%s%s", summary->text, transaction, objects, compacted);
}

/* ---- committing ---- */

/* The transaction is durable, but compaction failed, for want of space or by an interrupt. Without
 * it the rest may succeed. */
static void finish_without_compaction(struct store_change *change, enum as_err err,
				      const struct as_error *first,
				      const struct as_report *report)
{
	struct as_error error = { .code = AS_OK };
	message_failure(err, first);
	if (report->segments_left > 0) {
		message("the transaction is committed, index and hints are written; %" PRIu32
			" segment%s that nothing refers to could not be removed; a later put or "
			"delete tries that again", report->segments_left,
			plural(report->segments_left));
	} else if (as_commit(change->store, AS_NO_COMPACT, NULL, &error) == AS_OK) {
		message("the transaction is committed, but not all superseded entries could be "
			"removed; a later put or delete tries that again");
	} else {
		message_failure(error.code, &error);
		message_check("the transaction is committed, but index and hints could not be "
			      "written; see the rest with", change->path);
	}
}

int store_change_commit(struct store_change *change, struct request *request,
			const struct change_summary *summary)
{
	struct out *out = &request->out;
	struct outcome outcome = { .objects = 0 };
	struct as_error error = { .code = AS_OK };
	int status = EXIT_DONE;
	enum as_err err = AS_ERR_CANCELLED;
	if (!interrupt_came())	/* the last chance to cancel */
		err = as_commit(change->store, 0, &outcome.report, &error);
	if (err != AS_OK && !outcome.report.committed) {
		message_failure(err, &error);
		return store_change_abandon(change, err);
	}
	if (err != AS_OK) {
		finish_without_compaction(change, err, &error, &outcome.report);
		status = EXIT_PROBLEMS;
	}
	as_get_state(change->store, &outcome.state);
	outcome.is_counted = as_len(change->store, &outcome.objects, NULL) == AS_OK;
	as_close(change->store);
	if (out->json)
		write_json(out, change, summary, &outcome);
	else
		write_text(out, summary, &outcome);
	/* Without the report the person could think that nothing was done. */
	if (!out_flush(out))
		message("%s is changed and committed, although the report could not be written",
			change->path);
	const struct as_report *report = &outcome.report;
	if (report->segments_skipped == 0)
		return status;
	message("warning: %" PRIu32 " segment%s with superseded entries could not be compacted: %s",
		report->segments_skipped, plural(report->segments_skipped),
		report->skipped.message[0] ? report->skipped.message
					   : as_err_text(report->skipped.code));
	message_check("the change itself is done; see the rest with", change->path);
	return EXIT_PROBLEMS;
}

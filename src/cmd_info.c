#include "build-config.h"

#include "src/interrupt.h"
#include "src/message.h"
#include "src/out_json.h"
#include "src/out_text.h"
#include "src/progress.h"
#include "src/repository.h"

#include "engine/check/diagnose.h"
#include "engine/check/witness.h"
#include "ui/session/format.h"

#include <inttypes.h>
#include <string.h>

#define HOLDERS_MAX 8
#define FINDINGS_SHOWN 20

struct evidence {
	struct witness witnesses[WITNESSES_MAX];
	size_t count;
};

static json_t *json_lock(struct lock *lock)
{
	static const char *const states[] = {
		[LOCK_NONE] = "none", [LOCK_SHARED] = "shared", [LOCK_EXCLUSIVE] = "exclusive",
		[LOCK_IMPOSSIBLE] = "impossible", [LOCK_DEFERRED] = "deferred",
	};
	struct lock_holder holders[HOLDERS_MAX];
	const struct lock_holder *first = &holders[0];
	json_t *object = json_object(), *holder = json_null();
	if (lock_holders(lock, holders, HOLDERS_MAX) > 0) {
		holder = json_object();
		json_add(&holder, "pid", json_number_if(first->pid > 0, (uint64_t)first->pid));
		json_add(&holder, "program", json_text(first->program[0] ? first->program : NULL));
		json_add(&holder, "exclusive", json_boolean(first->exclusive));
		json_add(&holder, "host", json_text(first->id.host[0] ? first->id.host : NULL));
		json_add(&holder, "elsewhere", json_boolean(first->is_elsewhere));
		json_add(&holder, "since",
			 json_number_if(first->since > 0, (uint64_t)first->since));
	}
	json_add(&object, "state", json_text(states[lock_state(lock, NULL)]));
	json_add(&object, "holder", holder);
	return object;
}

static json_t *json_index(const struct repo *repo)
{
	if (repo->index.fd < 0)
		return json_null();
	json_t *object = json_object();
	json_add(&object, "used", json_number(repo->index.used));
	json_add(&object, "buckets", json_number(repo->index.buckets));
	json_add(&object, "load", json_real((double)repo->index.used / repo->index.buckets));
	return object;
}

/* Values are null where nothing is known or nothing was compared. */
static json_t *json_witness(const struct witness *witness)
{
	const bool is_weighed = witness->credit != CREDIT_NONE;
	json_t *object = json_object();
	json_add(&object, "file", json_text(witness->file));
	json_add(&object, "state", json_text(is_weighed ? credit_name(witness->credit) : NULL));
	json_add(&object, "confirmed", json_number_if(witness->has_figures, witness->confirmed));
	json_add(&object, "of", json_number_if(witness->has_figures, witness->of));
	json_add(&object, "sampled", json_boolean(witness->is_sample));
	json_add(&object, "known", json_number_if(witness->has_keys, witness->known));
	json_add(&object, "objects", json_number_if(witness->has_keys, witness->objects));
	return object;
}

static void write_json(struct out *out, const struct repo *repo, struct lock *lock,
		       const struct evidence *evidence)
{
	const struct config *config = &repo->config;
	json_t *witnesses = json_array();
	for (size_t i = 0; i < evidence->count; i++)
		json_append(&witnesses, json_witness(&evidence->witnesses[i]));
	json_t *object = json_object();
	json_add(&object, "repository", json_text(repo->path));
	json_add(&object, "id", config->has_id ? json_key(config->id) : json_null());
	json_add(&object, "version", json_number_if(config->version > 0, config->version));
	json_add(&object, "segments_per_dir", json_number(config->segments_per_dir));
	json_add(&object, "max_segment_size", json_number(config->max_segment_size));
	json_add(&object, "transaction_id",
		 json_number_if(repo->has_transaction, repo->transaction));
	json_add(&object, "index_id", json_number_if(repo->has_index, repo->index_transaction));
	json_add(&object, "hints_id", json_number_if(repo->has_hints, repo->hints_transaction));
	json_add(&object, "tail_segments", json_number(repo->listing.count - repo->tail));
	json_add(&object, "segments", json_number(repo->listing.count));
	json_add(&object, "bytes", json_number(repository_bytes(repo)));
	json_add(&object, "index", json_index(repo));
	json_add(&object, "lock", json_lock(lock));
	json_add(&object, "dialect", json_text(repo->dialect->name));
	json_add(&object, "problems", json_number(repo->findings.count));
	json_add(&object, "witnesses", witnesses);
	json_add(&object, "hints_version",
		 json_number_if(repo->hints.version > 0, repo->hints.version));
	json_add(&object, "append_only", json_boolean(config->is_append_only));
	json_add(&object, "storage_quota", json_number(config->storage_quota));
	json_add(&object, "storage_quota_use",
		 json_number_if(repo->hints.has_quota_use && repo->hints.quota_use >= 0,
				(uint64_t)repo->hints.quota_use));
	json_object_out(out, object);
}

static void write_config(struct out *out, const struct repo *repo)
{
	const struct config *config = &repo->config;
	const int64_t used = repo->hints.quota_use > 0 ? repo->hints.quota_use : 0;
	char id[KEY_HEX_SIZE] = "unknown", size[FORMAT_SIZE];
	char quota_text[FORMAT_SIZE], used_text[FORMAT_SIZE];
	if (config->has_id)
		key_to_hex(config->id, id);
	format_bytes(config->max_segment_size, size, sizeof(size));
	text_field(out, "Id", "%s", id);
	if (config->is_append_only)
		text_field(out, "Mode", "append-only");
	if (config->storage_quota > 0)
		text_field(out, "Quota", "%s, %s used by the hints",
			   format_bytes(config->storage_quota, quota_text, sizeof(quota_text)),
			   format_bytes((uint64_t)used, used_text, sizeof(used_text)));
	if (config->version > 0)
		text_field(out, "Format", "%s, version %" PRIu32, repo->dialect->name,
			   config->version);
	else
		text_field(out, "Format", "%s, version unknown", repo->dialect->name);
	text_field(out, "Limits", "%s a segment, %" PRIu32 " segments a folder%s", size,
		   config->segments_per_dir, config->usable ? "" : " (as far as config tells)");
}

static void write_transactions(struct out *out, const struct repo *repo)
{
	if (repo->has_transaction)
		text_field(out, "Transaction", "%" PRIu32, repo->transaction);
	else
		text_field(out, "Transaction", "none: no segment ends in a COMMIT");
	if (repo->tail < repo->listing.count)
		text_field(out, "Tail", "%zu segments above it, from %" PRIu32,
			   repo->listing.count - repo->tail,
			   repo->listing.segments[repo->tail].number);
	if (!repo->has_index)
		text_field(out, "Index", "none");
	else if (repo->index.fd < 0)
		text_field(out, "Index", "index.%" PRIu32 ", of no use", repo->index_transaction);
	else
		text_field(out, "Index",
			   "index.%" PRIu32 ", %" PRIu32 " of %" PRIu32 " buckets used (%.1f %%)",
			   repo->index_transaction, repo->index.used, repo->index.buckets,
			   100 * ((double)repo->index.used / repo->index.buckets));
	if (!repo->has_hints)
		text_field(out, "Hints", "none");
	else if (!repo->hints.usable)
		text_field(out, "Hints", "hints.%" PRIu32 ", of no use", repo->hints_transaction);
	else
		text_field(out, "Hints", "hints.%" PRIu32 ", %zu segments, %zu to compact",
			   repo->hints_transaction, repo->hints.segment_count,
			   repo->hints.compact_count);
}

static void write_lock(struct out *out, struct lock *lock)
{
	static const char *const words[] = {
		[LOCK_NONE] = "not taken", [LOCK_SHARED] = "shared, held by this program",
		[LOCK_EXCLUSIVE] = "exclusive, held by this program",
		[LOCK_IMPOSSIBLE] = "cannot be taken here",
		[LOCK_DEFERRED] = "none, since reading needs none here",
	};
	struct lock_holder holders[HOLDERS_MAX];
	size_t count = lock_holders(lock, holders, HOLDERS_MAX);
	int sys;
	const enum lock_state state = lock_state(lock, &sys);
	if (state == LOCK_IMPOSSIBLE && sys)
		text_field(out, "Lock", "%s: %s", words[state], strerror(sys));
	else
		text_field(out, "Lock", "%s", words[state]);
	if (count > HOLDERS_MAX)
		count = HOLDERS_MAX;
	for (size_t i = 0; i < count; i++) {
		char who[LOCK_HOLDER_TEXT];
		lock_holder_text(&holders[i], who);
		text_field(out, "", "%s by %s", holders[i].exclusive ? "exclusive" : "shared", who);
	}
}

/* Opening found no problem, but a sample shows that a witness cannot be trusted. */
static bool write_doubt(struct out *out, const struct repo *repo, const struct evidence *evidence)
{
	for (size_t i = 0; repo->findings.count == 0 && i < evidence->count; i++) {
		const struct witness *witness = &evidence->witnesses[i];
		if (witness->credit == CREDIT_NONE || witness->credit == CREDIT_CREDIBLE)
			continue;
		text_line(out, TONE_WARNING,
			  "%s does not fit the log: run check, which verifies it.", witness->file);
		return true;
	}
	return false;
}

static void write_findings(struct out *out, const struct repo *repo,
			   const struct evidence *evidence)
{
	struct diagnosis diagnosis;
	diagnose(repo, NULL, &diagnosis);
	text_blank_line(out);
	for (size_t i = 0; i < repo->findings.count; i++) {
		char sentence[1024];
		if (i == FINDINGS_SHOWN) {
			text_line(out, TONE_FAINT, "and %zu more", repo->findings.count - i);
			break;
		}
		const struct finding *finding = &repo->findings.rows[i];
		finding_message(finding, sentence, sizeof(sentence));
		dialect_reword(repo->dialect, sentence, sizeof(sentence));
		text_line(out, severity_tones[finding->severity], "%s: %s",
			  severity_name(finding->severity), sentence);
	}
	if (write_doubt(out, repo, evidence))
		return;
	text_paragraph(out, 0, diagnosis.verdict);
	text_paragraph(out, 0, diagnosis.advice);
	text_by_hand(out, diagnosis.by_hand);
}

static void write_text(struct out *out, const struct repo *repo, struct lock *lock,
		       const struct evidence *evidence)
{
	char bytes[FORMAT_SIZE], worth[WITNESS_TEXT];
	format_bytes(repository_bytes(repo), bytes, sizeof(bytes));
	text_field(out, "Repository", "%s", repo->path);
	write_config(out, repo);
	text_field(out, "Segments", "%zu, %s", repo->listing.count, bytes);
	if (repo->dialect->is_read)
		write_transactions(out, repo);
	for (size_t i = 0; i < evidence->count; i++) {
		witness_text(&evidence->witnesses[i], worth);
		text_field(out, i == 0 ? "Witnesses" : "", "%s: %s", evidence->witnesses[i].file,
			   worth);
	}
	write_lock(out, lock);
	write_findings(out, repo, evidence);
}

/* Find what index and hints are worth, from a sample or from all keys. */
static enum as_err weigh(const struct request *request, const struct repo *repo,
			 struct evidence *evidence)
{
	struct verify_progress figures = { .cancel = false };
	struct verify *verify = NULL;
	if (!repo->dialect->is_read)
		return AS_OK;
	if (request->options.verify) {
		const enum as_err err = repository_verify(request, repo, NULL, &verify);
		if (err != AS_OK)
			return err;
	}
	interrupt_watch(&figures.cancel);
	evidence->count = witness_list(repo, verify, &figures.cancel, evidence->witnesses);
	interrupt_watch(NULL);
	verify_free(verify);
	return atomic_load(&figures.cancel) ? AS_ERR_CANCELLED : AS_OK;
}

int cmd_info(struct request *request)
{
	struct evidence evidence = { .count = 0 };
	struct repo *repo;
	enum as_err err = repository_open_any(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	const bool is_read = repo->dialect->is_read;
	err = weigh(request, repo, &evidence);
	if (!is_read)
		message("%s: %s", repo->path, repo->dialect->title);
	if (err == AS_OK && request->out.json)
		write_json(&request->out, repo, repo_lock(repo), &evidence);
	else if (err == AS_OK)
		write_text(&request->out, repo, repo_lock(repo), &evidence);
	repository_close(repo);
	return err == AS_OK && !is_read ? EXIT_FAILED : message_status(err);
}

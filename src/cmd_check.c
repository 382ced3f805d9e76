#include "build-config.h"

#include "src/check_scope.h"
#include "src/message.h"
#include "src/out_plan.h"
#include "src/out_text.h"
#include "src/progress.h"
#include "src/repository.h"
#include "src/shell_quote.h"

#include "engine/cache/records.h"
#include "engine/check/banner.h"
#include "engine/repair/undo.h"
#include "ui/session/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHOICES 2
#define PLACES_SHOWN 10		/* of one problem in text, unless --all */

struct report {
	const struct repo *repo;
	const struct verify *verify;
	const struct verify *whole; /* of everything, read now: what choices are weighed with */
	const struct check_scope *scope;
	struct diagnosis diagnosis;
};

/* The repairs to choose from. A single one is not weighed: that would take as long as planning
 * it. */
struct choices {
	enum repair repairs[CHOICES];
	struct plan *plans[CHOICES];	/* NULL: not weighed, or it cannot be known what it keeps */
	size_t count;
};

static struct choices weigh_choices(const struct request *request, const struct report *report)
{
	const struct repair_options options = { .threads = request->options.threads };
	const bool is_choice = report->diagnosis.alternative != REPAIR_NONE &&
			       !dialect_is_only_read(report->repo->dialect);
	struct choices choices = {
		.repairs = { report->diagnosis.recommended, report->diagnosis.alternative },
	};
	while (choices.count < CHOICES && choices.repairs[choices.count] != REPAIR_NONE)
		choices.count++;
	for (size_t i = 0; i < choices.count && is_choice; i++) {
		struct verify_progress figures = { .cancel = false };
		struct progress *bar = progress_begin("weighing", report->repo, &figures);
		plan_make(report->repo, report->whole, choices.repairs[i], &options, &figures,
			  &choices.plans[i], NULL);
		progress_end(bar);
	}
	return choices;
}

static void free_choices(struct choices *choices)
{
	for (size_t i = 0; i < choices->count; i++)
		plan_free(choices->plans[i]);
}

/* ---- JSON ---- */

static json_t *json_place(int64_t value)
{
	return value == FINDING_NOWHERE ? json_null() : json_integer(value);
}

static json_t *json_finding(const struct repo *repo, const struct finding *finding)
{
	const struct problem_info *info = &problem_table[finding->problem];
	char sentence[1024];
	finding_message(finding, sentence, sizeof(sentence));
	dialect_reword(repo->dialect, sentence, sizeof(sentence));
	json_t *object = json_object();
	json_add(&object, "code", json_text(info->id));
	json_add(&object, "severity", json_text(severity_name(finding->severity)));
	json_add(&object, "segment", json_place(finding->segment));
	json_add(&object, "offset", json_place(finding->offset));
	json_add(&object, "length", json_place(finding->length));
	json_add(&object, "key", finding->has_key ? json_key(finding->key) : json_null());
	json_add(&object, "message", json_text(sentence));
	json_add(&object, "repair", json_text(repair_name(finding->repair)));
	if (finding->has_key && key_is_manifest(finding->key))
		json_add(&object, "manifest", json_true());
	return object;
}

static json_t *json_choices(const struct request *request, const struct report *report)
{
	struct choices choices = weigh_choices(request, report);
	json_t *array = json_array();
	for (size_t i = 0; i < choices.count; i++) {
		const struct plan *plan = choices.plans[i];
		const bool is_known = plan && !plan->is_refused;
		const uint64_t loses = is_known ? plan_loses(plan, choices.plans[1 - i]) : 0;
		json_t *choice = json_object();
		json_add(&choice, "action", json_text(repair_name(choices.repairs[i])));
		json_add(&choice, "keeps",
			 json_number_if(is_known, is_known ? plan->objects_after : 0));
		json_add(&choice, "loses", json_number_if(is_known, loses));
		json_add(&choice, "refused",
			 json_text(plan && plan->is_refused ? plan->refusal : NULL));
		json_append(&array, choice);
	}
	free_choices(&choices);
	return array;
}

/* What repairs have kept, all in all. */
struct kept {
	size_t folders;
	uint64_t bytes;
	char oldest[UNDO_TIME_SIZE];	/* empty: no name tells a time */
};

static struct kept find_kept(const struct repo *repo)
{
	struct kept kept = { .folders = 0 };
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	struct undo_entry *entries = NULL;
	if (undo_list(repo->io, repo->fd, &entries, &kept.folders) != AS_OK)
		kept.folders = 0;
	for (size_t i = 0; i < kept.folders; i++) {
		kept.bytes += entries[i].bytes;
		undo_name_read(entries[i].name, when, action);
		if (when[0] && (!kept.oldest[0] || strcmp(when, kept.oldest) < 0))
			snprintf(kept.oldest, sizeof(kept.oldest), "%s", when);
	}
	free(entries);
	return kept;
}

static json_t *json_kept(const struct repo *repo)
{
	const struct kept kept = find_kept(repo);
	json_t *object = json_object();
	json_add(&object, "folders", json_number(kept.folders));
	json_add(&object, "bytes", json_number(kept.bytes));
	json_add(&object, "oldest", json_text(kept.oldest[0] ? kept.oldest : NULL));
	return object;
}

static json_t *json_banner(const struct report *report)
{
	struct banner banner;
	banner_make(report->repo, report->verify, &report->diagnosis, &banner);
	const struct { const char *name, *text; } rows[] = {
		{ "word", banner_word_text(banner.word) },
		{ "urgency", urgency_text(banner.urgency) },
		{ "line", banner.line }, { "act", banner.act }, { "first", banner.first },
		{ "then", banner.then }, { "meanwhile", banner.meanwhile },
		{ "if_not", banner.if_not }, { "cause", banner.cause },
	};
	json_t *object = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		json_add(&object, rows[i].name, json_text(rows[i].text[0] ? rows[i].text : NULL));
	return object;
}

static void write_json(struct request *request, const struct report *report)
{
	const struct repo *repo = report->repo;
	const struct verify *verify = report->verify;
	const struct findings *findings = &verify->findings;
	json_t *problems = json_array();
	uint64_t total = 0;
	for (size_t i = 0; i < findings->count; i++)
		json_append(&problems, json_finding(repo, &findings->rows[i]));
	for (int problem = 0; problem < PROBLEM_COUNT; problem++)
		total += findings->total[problem];
	json_t *object = json_object();
	json_add(&object, "repository", json_text(repo->path));
	json_add(&object, "transaction_id",
		 json_number_if(repo->has_transaction, repo->transaction));
	json_add(&object, "index_id", json_number_if(repo->has_index, repo->index_transaction));
	json_add(&object, "segments", json_number(repo->listing.count));
	json_add(&object, "bytes", json_number(verify->bytes));
	json_add(&object, "objects",
		 json_number_if(repo->dialect->is_read, verify->objects + verify->older));
	json_add(&object, "problems", problems);
	json_add(&object, "recommended", json_text(repair_name(report->diagnosis.recommended)));
	json_add(&object, "clean", json_boolean(report->diagnosis.clean));
	json_add(&object, "hints_id", json_number_if(repo->has_hints, repo->hints_transaction));
	json_add(&object, "tail", json_text(tail_kind_name(verify->tail)));
	json_add(&object, "superseded", json_number(verify->superseded));
	json_add(&object, "problems_total", json_number(total));
	json_add(&object, "omitted", json_number(total - findings->count));
	json_add(&object, "verdict", json_text(report->diagnosis.verdict));
	json_add(&object, "advice", json_text(report->diagnosis.advice));
	json_add(&object, "ways", json_choices(request, report));
	json_add(&object, "complete", json_boolean(verify->skipped == 0));
	json_add(&object, "segments_skipped", json_number(verify->skipped));
	json_add(&object, "segments_remembered", json_number(verify->remembered));
	json_add(&object, "dialect", json_text(repo->dialect->name));
	json_add(&object, "by_hand",
		 json_text(report->diagnosis.by_hand[0] ? report->diagnosis.by_hand : NULL));
	json_add(&object, "lost", json_number(verify->lost));
	json_add(&object, "at_least", json_boolean(verify->loss_is_unknown));
	json_add(&object, "possibly_deleted", json_number(verify->possibly_deleted));
	json_add(&object, "older", json_number(verify->older));
	json_add(&object, "undo", json_kept(repo));
	json_add(&object, "banner", json_banner(report));
	if (report->scope->is_part) {	/* what a merge needs */
		json_add(&object, "repository_id", json_key(repo->config.id));
		json_add(&object, "records", records_to_json(&report->scope->kept));
	}
	json_object_out(&request->out, object);
}

/* ---- text ---- */

/* "    segment 12, offset 3456, 41 bytes, key 00ab..: what else is known" */
static void write_place(struct out *out, const struct finding *finding)
{
	char segment[40] = "", offset[40] = "", length[40] = "", key[KEY_HEX_SIZE] = "";
	if (finding->segment != FINDING_NOWHERE)
		snprintf(segment, sizeof(segment), "segment %" PRId64, finding->segment);
	if (finding->offset != FINDING_NOWHERE)
		snprintf(offset, sizeof(offset), ", offset %" PRId64, finding->offset);
	if (finding->length != FINDING_NOWHERE)
		snprintf(length, sizeof(length), ", %" PRId64 " bytes", finding->length);
	if (finding->has_key)
		key_to_hex(finding->key, key);
	const bool has_place = segment[0] || key[0];
	if (has_place || finding->detail[0])
		text_line(out, TONE_PLAIN, "    %s%s%s%s%.16s%s%s%s", segment, offset, length,
			  key[0] ? segment[0] ? ", key " : "key " : "", key,
			  key[0] ? key_note(finding->key) : "",
			  has_place && finding->detail[0] ? ": " : "", finding->detail);
}

/* Write all findings of one problem and severity, from position @first. Returns the next
 * position. */
#define FOUND_MAX 256

static size_t write_group(struct out *out, const struct dialect *dialect,
			  const struct findings *findings, size_t first, bool all)
{
	const struct finding *head = &findings->rows[first];
	const struct problem_info *info = &problem_table[head->problem];
	const char *meaning = finding_meaning(head);
	size_t end = first;
	while (end < findings->count && findings->rows[end].problem == head->problem &&
	       findings->rows[end].severity == head->severity) {
		if (strcmp(finding_meaning(&findings->rows[end]), meaning) != 0)
			meaning = info->meaning;
		end++;
	}
	char found[FOUND_MAX];
	snprintf(found, sizeof(found), "%s", info->found);
	dialect_reword(dialect, found, sizeof(found));
	text_line(out, severity_tones[head->severity], "%s: %s [%s]",
		  severity_name(head->severity), found, info->id);
	const size_t shown = all || end - first <= PLACES_SHOWN ? end : first + PLACES_SHOWN;
	for (size_t i = first; i < shown; i++)
		write_place(out, &findings->rows[i]);
	uint64_t rest = end - shown;
	if (head->severity == info->severity)
		rest += findings->total[head->problem] - findings->kept[head->problem];
	if (rest > 0)
		text_line(out, TONE_FAINT, "    and %" PRIu64 " more", rest);
	/* Such a folder does the repository no harm, but Attic fails on it. */
	if (head->severity > SEVERITY_INFO || head->problem == PROBLEM_FOLDER_NAME)
		text_problem(out, dialect, info, meaning, head->repair);
	for (size_t i = first; i < end; i++)
		if (finding_is_of_lost_manifest(&findings->rows[i]))
			text_paragraph(out, 2, manifest_lost_text);
	text_blank_line(out);
	return end;
}

static void write_summary(struct out *out, const struct report *report)
{
	char bytes[FORMAT_SIZE], objects[FORMAT_SIZE], transaction[32] = "no transaction";
	const struct repo *repo = report->repo;
	const struct verify *verify = report->verify;
	const size_t unread = verify->remembered + verify->skipped;
	if (!repo->dialect->is_read) {
		text_line(out, TONE_STRONG, "%s: %s, %zu segments", repo->path,
			  repo->dialect->title, repo->listing.count);
		text_blank_line(out);
		return;
	}
	format_bytes(verify->bytes, bytes, sizeof(bytes));
	format_count(verify->objects + verify->older, objects, sizeof(objects));
	if (repo->has_transaction)
		snprintf(transaction, sizeof(transaction), "transaction %" PRIu32,
			 repo->transaction);
	text_line(out, TONE_STRONG, "%s: %s, %zu segments, %s, %s objects", repo->path, transaction,
		  repo->listing.count, bytes, objects);
	if (unread > 0)
		text_line(out, TONE_PLAIN, "%zu segments read; %zu found whole before and not read "
			  "again; %zu left out", repo->listing.count - unread, verify->remembered,
			  verify->skipped);
	const struct kept kept = find_kept(repo);
	if (kept.folders > 0)
		text_line(out, TONE_PLAIN, "%zu repair%s kept %s in %s/" UNDO_FOLDER
			  ", the oldest of %s; undo --purge frees it", kept.folders,
			  kept.folders == 1 ? " has" : "s have",
			  format_bytes(kept.bytes, bytes, sizeof(bytes)), repo->path,
			  kept.oldest[0] ? kept.oldest : "an unknown time");
	text_blank_line(out);
}

/* ---- what to type ---- */

static void write_recommended(struct request *request, const struct report *report)
{
	struct out *out = &request->out;
	char path[SHELL_QUOTE_SIZE];
	shell_quote(report->repo->path, path);
	if (report->diagnosis.undo_comes_first) {
		text_blank_line(out);
		text_line(out, TONE_STRONG, "Recommended: atticscope undo %s", path);
		return;
	}
	if (report->diagnosis.recommended == REPAIR_NONE)
		return;
	text_blank_line(out);
	if (report->diagnosis.alternative == REPAIR_NONE) {
		text_line(out, TONE_STRONG, "Recommended: atticscope %s %s",
			  repair_name(report->diagnosis.recommended), path);
		text_paragraph(out, 0, "It shows what it would do before it does anything.");
		return;
	}
	text_paragraph(out, 0, "There are two repairs. The first is recommended; the second gives "
		       "up the newest transaction. Each shows what it would do before it does "
		       "anything.");
	const struct plan_text lines = out_plan_lines(out, false);
	struct choices choices = weigh_choices(request, report);
	for (size_t i = 0; i < choices.count; i++) {
		text_line(out, TONE_STRONG, "  atticscope %s %s", repair_name(choices.repairs[i]),
			  path);
		if (choices.plans[i])
			plan_text_choice(choices.plans[i], choices.plans[1 - i], &lines);
	}
	free_choices(&choices);
}

static void write_text(struct request *request, const struct report *report)
{
	struct out *out = &request->out;
	const struct diagnosis *diagnosis = &report->diagnosis;
	const struct findings *findings = &report->verify->findings;
	write_summary(out, report);
	for (size_t i = 0; i < findings->count && out_goes_on(out);)
		i = write_group(out, report->repo->dialect, findings, i, request->options.all);
	if (!diagnosis->clean)
		text_line(out, TONE_PLAIN, "%u error%s, %u warning%s", diagnosis->errors,
			  plural(diagnosis->errors), diagnosis->warnings,
			  plural(diagnosis->warnings));
	text_paragraph(out, 0, diagnosis->verdict);
	text_paragraph(out, 0, diagnosis->advice);
	text_by_hand(out, diagnosis->by_hand);
	write_recommended(request, report);
}

/* All in one line, for cron. */
static void write_line(struct request *request, const struct report *report)
{
	const struct diagnosis *diagnosis = &report->diagnosis;
	const char *path = report->repo->path;
	char quoted[SHELL_QUOTE_SIZE];
	shell_quote(path, quoted);
	if (diagnosis->undo_comes_first)
		text_line(&request->out, TONE_PLAIN, "%s: %s Recommended: atticscope undo %s", path,
			  diagnosis->verdict, quoted);
	else if (diagnosis->recommended == REPAIR_NONE)
		text_line(&request->out, TONE_PLAIN, "%s: %s", path, diagnosis->verdict);
	else
		text_line(&request->out, TONE_PLAIN, "%s: %s Recommended: atticscope %s %s", path,
			  diagnosis->verdict, repair_name(diagnosis->recommended), quoted);
}

static int check(struct request *request, const struct repo *repo, struct check_scope *scope)
{
	struct report report = { .repo = repo, .scope = scope };
	struct verify *verify, *again = NULL;
	const enum as_err err = repository_verify(request, repo, &scope->verify, &verify);
	if (err != AS_OK)
		return message_status(err);
	verify_records_sort(&scope->kept);
	report.verify = report.whole = verify;
	diagnose(repo, verify, &report.diagnosis);
	/* A plan may not rely on earlier results. Without a plan the choices have no figures. */
	if (report.diagnosis.alternative != REPAIR_NONE && verify->remembered > 0 &&
	    repository_verify(request, repo, NULL, &again) == AS_OK)
		report.whole = again;
	const bool is_quiet = request->options.quiet;
	if (is_quiet && report.diagnosis.clean && !report.diagnosis.undo_comes_first)
		;	/* all is well */
	else if (request->out.json)
		write_json(request, &report);
	else if (is_quiet)
		write_line(request, &report);
	else
		write_text(request, &report);
	verify_free(again);
	verify_free(verify);
	if (!repo->dialect->is_read)
		return EXIT_FAILED;
	return report.diagnosis.clean ? EXIT_DONE : EXIT_PROBLEMS;
}

int cmd_check(struct request *request)
{
	struct check_scope scope;
	struct repo *repo;
	const enum as_err err = repository_open_any(request, &repo);
	if (err != AS_OK)
		return message_status(err);
	int status = check_scope_begin(request, repo, &scope);
	if (status == EXIT_DONE)
		status = check(request, repo, &scope);
	else
		scope.has_cache = false;
	check_scope_end(&scope, repo, status == message_status(AS_ERR_CANCELLED));
	repo_close(repo);	/* a change during the check is one of the findings */
	return status;
}

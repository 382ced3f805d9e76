#include "build-config.h"

#include "repair/plan_text.h"

#include "base/text.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 78u
#define LINE_SIZE 512
#define CHOICE_INDENT 6
#define PATH_WIDTH 22		/* "data/12345/4294967295" and a blank */

/* ---- lines ---- */

static void __attribute__((format(printf, 3, 4)))
put(const struct plan_text *to, enum plan_tone tone, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	to->line(to->context, tone, line);
}

/* Words of a sentence, in lines that fit. */
static void put_sentence(const struct plan_text *to, enum plan_tone tone, unsigned indent,
			 const char *text)
{
	char line[LINE_SIZE];
	const unsigned width = to->width ? to->width : WIDTH;
	size_t used = 0;
	for (const char *word = text + strspn(text, " "); *word;) {
		const size_t len = strcspn(word, " ");
		if (used > 0 && (used + 1 + len > width || used + 1 + len >= sizeof(line))) {
			to->line(to->context, tone, line);
			used = 0;
		}
		const int gap = used == 0 ? (int)indent : 1;
		snprintf(line + used, sizeof(line) - used, "%*s%.*s", gap, "", (int)len, word);
		used = strlen(line);
		word += len;
		word += strspn(word, " ");
	}
	if (used > 0)
		to->line(to->context, tone, line);
}

/* A sentence that is written for Attic, in the words of the repository's dialect. */
static void put_reworded(const struct plan *plan, const struct plan_text *to, enum plan_tone tone,
			 unsigned indent, const char *sentence)
{
	char text[LINE_SIZE];
	snprintf(text, sizeof(text), "%s", sentence);
	if (plan->dialect)
		dialect_reword(plan->dialect, text, sizeof(text));
	put_sentence(to, tone, indent, text);
}

static void put_transactions(const struct plan_text *to, bool has_before, uint32_t before,
			     bool has_after, uint32_t after)
{
	char from[UNITS_SIZE] = "none", until[UNITS_SIZE] = "none";
	if (has_before)
		snprintf(from, sizeof(from), "%" PRIu32, before);
	if (has_after)
		snprintf(until, sizeof(until), "%" PRIu32, after);
	put(to, PLAN_TONE_PLAIN, "  transaction  %s -> %s", from, until);
}

/* ---- the figures ---- */

static bool deletes_for_good(const struct plan *plan)
{
	return plan->action == REPAIR_ROLLBACK && plan->options.no_undo;
}

void plan_text_owner(uint32_t owner, char out[OWNER_TEXT_SIZE])
{
	snprintf(out, OWNER_TEXT_SIZE, "The repository belongs to user %" PRIu32 ", and this runs "
		 "as root: new files are given to that user. Where the file system does not allow "
		 "that they stay root's, and that user cannot read them.", owner);
}

/* What nobody should overlook comes before everything else. */
static void put_warnings(const struct plan *plan, const struct plan_text *to)
{
	char text[LINE_SIZE], owner[OWNER_TEXT_SIZE], number[64];
	if (plan->dropped_count > 0 && !plan->is_refused) {
		snprintf(text, sizeof(text), "This gives up %s that can be read now. The list "
			 "below names %s.", units_number(plan->dropped_count, "object", "objects",
							 number, sizeof(number)),
			 plan->dropped_count == 1 ? "it" : "them");
		put_sentence(to, PLAN_TONE_WARNING, 0, text);
		put(to, PLAN_TONE_PLAIN, "%s", "");
	}
	if (plan->hardware_doubt) {
		put_sentence(to, PLAN_TONE_WARNING, 0,
			     "The disk or the machine is in doubt: some bytes cannot be read, or "
			     "were not the same when they were read again. Copy the repository to "
			     "another disk first (ddrescue reads what a failing disk still gives), "
			     "and repair the copy. What cannot be read now may well be whole.");
		put(to, PLAN_TONE_PLAIN, "%s", "");
	}
	if (plan->caution && !plan->is_empty) {
		put_sentence(to, PLAN_TONE_WARNING, 0, plan->caution);
		put(to, PLAN_TONE_PLAIN, "%s", "");
	}
	if (plan->has_other_owner) {
		plan_text_owner(plan->owner, owner);
		put_sentence(to, PLAN_TONE_WARNING, 0, owner);
		put(to, PLAN_TONE_PLAIN, "%s", "");
	}
}

/* Can the text say that nothing is lost? */
static bool loses_nothing(const struct plan *plan)
{
	return plan->lost_count + plan->older_count + plan->left_out_count +
			       plan->dropped_count == 0 && !plan->loss_is_unknown;
}

/* What there is before and after, what is written, and the space that it takes. */
static void put_figures(const struct plan *plan, bool is_report, const struct plan_text *to)
{
	char count[64], size[UNITS_SIZE], left[UNITS_SIZE];
	put_transactions(to, plan->has_before, plan->before, plan->has_after, plan->after);
	put(to, PLAN_TONE_PLAIN, "  objects      %s -> %s%s",
	    units_count(plan->objects_before, size, sizeof(size)),
	    units_count(plan->objects_after, left, sizeof(left)),
	    loses_nothing(plan) ? ", none is lost" : "");
	if (plan->loss_is_unknown)
		put(to, PLAN_TONE_WARNING,
		    "               more may have been lost than can be named");
	if (plan->possibly_deleted > 0)
		put(to, PLAN_TONE_PLAIN, "               %s kept that may have been deleted",
		    units_count(plan->possibly_deleted, size, sizeof(size)));
	if (plan->entries_copied > 0)
		put(to, PLAN_TONE_PLAIN, "  copied       %s, %s",
		    units_number(plan->entries_copied, "entry", "entries", count, sizeof(count)),
		    units_bytes(plan->bytes_copied, size, sizeof(size)));
	if (plan->deletes_written > 0)
		put(to, PLAN_TONE_PLAIN,
		    "  written      %s, so that nothing superseded comes back",
		    units_number(plan->deletes_written, "DELETE", "DELETEs", count, sizeof(count)));
	units_bytes(plan->bytes_needed, size, sizeof(size));
	if (!is_report && plan->bytes_free == UINT64_MAX)
		put(to, PLAN_TONE_PLAIN, "  space        %s needed, how much is free is not known",
		    size);
	else if (!is_report)
		put(to, PLAN_TONE_PLAIN, "  space        %s needed, %s free", size,
		    units_bytes(plan->bytes_free, left, sizeof(left)));
	if (!deletes_for_good(plan) && plan->bytes_in_undo > 0)
		put(to, PLAN_TONE_PLAIN,
		    "  kept         %s in the undo folder; undo --purge frees it",
		    units_bytes(plan->bytes_in_undo, size, sizeof(size)));
}

/* ---- the lists ---- */

static size_t rows_shown(const struct plan_text *to, size_t count)
{
	return to->rows_max > 0 && count > to->rows_max ? to->rows_max : count;
}

static void put_rest(const struct plan_text *to, size_t rest)
{
	char figure[UNITS_SIZE];
	if (rest > 0)
		put(to, PLAN_TONE_FAINT, "  and %s more",
		    units_count(rest, figure, sizeof(figure)));
}

static void put_key(const struct plan_text *to, const uint8_t key[KEY_SIZE], const char *place)
{
	char hex[KEY_HEX_SIZE];
	key_to_hex(key, hex);
	put(to, PLAN_TONE_PLAIN, "  %s%s%s%s", hex, place[0] ? "  " : "", place, key_note(key));
}

/* A list of keys under @heading; with @loss those that are lost for that reason alone. */
static void put_keys(const struct lost_key *keys, size_t count, const enum loss *loss,
		     const char *heading, const struct plan_text *to)
{
	char number[64], place[32];
	size_t total = 0, shown = 0;
	for (size_t i = 0; i < count; i++)
		total += !loss || keys[i].loss == *loss;
	if (total == 0)
		return;
	put(to, PLAN_TONE_PLAIN, "%s", "");
	put(to, PLAN_TONE_WARNING, "%s %s (segment:offset)",
	    units_number(total, "key", "keys", number, sizeof(number)), heading);
	const size_t max = rows_shown(to, total);
	for (size_t i = 0; i < count && shown < max; i++) {
		const struct lost_key *key = &keys[i];
		if (loss && key->loss != *loss)
			continue;
		place[0] = '\0';
		if (key->has_place)
			snprintf(place, sizeof(place), "%" PRIu32 ":%" PRIu32, key->segment,
				 key->offset);
		put_key(to, key->key, place);
		shown++;
	}
	put_rest(to, total - max);
}

static void put_suspects(const struct plan *plan, const struct plan_text *to)
{
	char count[64], place[64];
	size_t taken = 0;
	if (plan->suspect_count == 0)
		return;
	for (size_t i = 0; i < plan->suspect_count; i++)
		taken += plan->suspects[i].is_taken;
	put(to, PLAN_TONE_PLAIN, "%s", "");
	put(to, PLAN_TONE_HEADING, "%s, %s",
	    units_number(plan->suspect_count, "suspect", "suspects", count, sizeof(count)),
	    taken == 0 ? "not brought back" : "marked + where brought back");
	put_sentence(to, PLAN_TONE_FAINT, 2,
		     to->has_keys
		     ? "Found only inside damaged entries, and nothing else speaks for them: they "
		       "may be payload, or deleted long ago. s plans to bring them back, or not."
		     : "Found only inside damaged entries, and nothing else speaks for them: they "
		       "may be payload, or deleted long ago. salvage --with-suspects brings them "
		       "back.");
	const size_t max = rows_shown(to, plan->suspect_count);
	for (size_t i = 0; i < max; i++) {
		const struct suspect *suspect = &plan->suspects[i];
		snprintf(place, sizeof(place), "%" PRIu32 ":%" PRIu32 "%s", suspect->segment,
			 suspect->offset, suspect->is_taken ? " +" : "");
		put_key(to, suspect->key, place);
	}
	put_rest(to, plan->suspect_count - max);
}

/* "3 files and 1 folder to be made: 20.1 KiB" */
static void put_things(const struct plan_text *to, const struct plan_sum *sum, const char *heading)
{
	char files[64] = "", folders[64] = "", size[UNITS_SIZE];
	if (sum->files > 0)
		units_number(sum->files, "file", "files", files, sizeof(files));
	if (sum->folders > 0)
		units_number(sum->folders, "folder", "folders", folders, sizeof(folders));
	put(to, PLAN_TONE_PLAIN, "%s", "");
	put(to, PLAN_TONE_HEADING, "%s%s%s %s%s%s", files,
	    sum->files > 0 && sum->folders > 0 ? " and " : "", folders, heading,
	    sum->files > 0 ? ": " : "",
	    sum->files > 0 ? units_bytes(sum->bytes, size, sizeof(size)) : "");
}

static void put_file(const struct plan_text *to, const char *path, uint64_t bytes,
		     const char *reason)
{
	char size[UNITS_SIZE];
	put(to, PLAN_TONE_PLAIN, "  %-*s%9s%s%s", PATH_WIDTH, path,
	    plan_is_folder(path) ? "" : units_bytes(bytes, size, sizeof(size)),
	    reason[0] ? "  " : "", reason);
}

static void put_files(const struct plan *plan, enum plan_change change, bool is_done,
		      const struct plan_text *to)
{
	static const char *const headings[][2] = {
		[PLAN_MAKE] = { "to be made", "made" },
		[PLAN_MOVE] = { "to be moved to the undo folder", "moved to the undo folder" },
		[PLAN_REPLACE] = { "to be replaced, the old ones kept in the undo folder",
				   "replaced, the old ones kept in the undo folder" },
	};
	static const char *const for_good[] = { "to be deleted for good", "deleted for good" };
	const struct plan_sum sum = plan_sum(plan, change);
	const size_t total = (size_t)(sum.files + sum.folders);
	const size_t max = rows_shown(to, total);
	const bool is_for_good = deletes_for_good(plan) && change != PLAN_MAKE;
	size_t shown = 0;
	if (total > 0)
		put_things(to, &sum, (is_for_good ? for_good : headings[change])[is_done]);
	for (size_t i = 0; i < plan->file_count && shown < max; i++) {
		const struct plan_file *file = &plan->files[i];
		if (file->change != change)
			continue;
		put_file(to, file->path, file->size, file->reason);
		shown++;
	}
	put_rest(to, total - max);
}

static void put_lists(const struct plan *plan, bool is_done, const struct plan_text *to)
{
	static const enum loss losses[] = {
		LOSS_DAMAGED, LOSS_MISSING, LOSS_UNREADABLE, LOSS_ROLLED_BACK
	};
	static const enum plan_change changes[] = { PLAN_MAKE, PLAN_REPLACE, PLAN_MOVE };
	/* The lost keys ascend, and zero is the lowest. */
	const bool loses_manifest = plan->lost_count > 0 && key_is_manifest(plan->lost[0].key);
	const char *left_out = "left out: only an older version is whole";
	if (plan->left_out_count == 1 && key_is_manifest(plan->left_out[0].key))
		left_out = "left out: an older manifest hides newer archives; the client's own "
			   "check finds all archives again without it";
	put_keys(plan->dropped, plan->dropped_count, NULL,
		 "given up that can be read now: the log alone does not give them", to);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		char heading[128];
		snprintf(heading, sizeof(heading), "lost: %s", loss_text(losses[i]));
		put_keys(plan->lost, plan->lost_count, &losses[i], heading, to);
	}
	if (loses_manifest)
		put_reworded(plan, to, PLAN_TONE_WARNING, 2, manifest_lost_text);
	if (plan->lost_count > (loses_manifest ? 1 : 0))
		put_reworded(plan, to, PLAN_TONE_FAINT, 2,
			     "A new backup stores again what is lost only once attic check "
			     "--repair was run and the client's cache is removed "
			     "(~/.cache/attic/ID, or below ATTIC_CACHE_DIR).");
	put_keys(plan->older, plan->older_count, NULL,
		 "kept in an older version: the newest is lost", to);
	put_keys(plan->left_out, plan->left_out_count, NULL, left_out, to);
	put_suspects(plan, to);
	if (plan->next_step) {
		put(to, PLAN_TONE_PLAIN, "%s", "");
		put_sentence(to, PLAN_TONE_WARNING, 0, plan->next_step);
	}
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		put_files(plan, changes[i], is_done, to);
}

/* ---- the whole ---- */

static void put_refusal(const struct plan *plan, const struct plan_text *to)
{
	static const char *const keys[] = {
		[OVERRIDE_NONE] = "",
		[OVERRIDE_DROP_READABLE] = "; D plans it anyway",
		[OVERRIDE_NO_UNDO] = ("; without the way back (:rollback no-undo) it can be done: "
				     "what is not committed is then deleted for good"),
	};
	char text[LINE_SIZE];
	if (to->has_keys && plan->override != OVERRIDE_NONE)
		snprintf(text, sizeof(text), "Refused: %.*s%s.", (int)plan->reason_len,
			 plan->refusal, keys[plan->override]);
	else
		snprintf(text, sizeof(text), "Refused: %s.", plan->refusal);
	put_sentence(to, PLAN_TONE_WARNING, 0, text);
}

void plan_text_plan(const struct plan *plan, const struct plan_text *to)
{
	static const char *const nothing_to_do[REPAIR_COUNT] = {
		[REPAIR_RECOVER] = "Nothing to do: index and hints fit the log.",
		[REPAIR_ROLLBACK] = "Nothing to do: no transaction was left unfinished.",
		[REPAIR_COMPACT] = "Nothing to do: no segment holds anything superseded.",
		[REPAIR_SALVAGE] = "Nothing to do: no segment is damaged.",
	};
	put_warnings(plan, to);
	if (plan->is_refused)
		put_refusal(plan, to);
	if (plan->not_planned[0])
		put_sentence(to, PLAN_TONE_WARNING, 0, plan->not_planned);
	if (plan->is_refused && !plan->is_filled)
		return;
	if (plan->is_refused)
		put(to, PLAN_TONE_PLAIN, "%s", "");
	if (plan->is_empty) {
		put_sentence(to, PLAN_TONE_PLAIN, 0, plan->is_refused
			     ? "Without the refusal there would be nothing to do."
			     : nothing_to_do[plan->action]);
		return;
	}
	put_figures(plan, false, to);
	put_lists(plan, false, to);
}

static void put_outcome(const char *name, const struct repair_report *report,
			const struct plan_text *to)
{
	if (report->is_done)
		put(to, PLAN_TONE_HEADING, "%s: done", name);
	else if (report->has_changed)
		put(to, PLAN_TONE_WARNING, "%s: stopped before its end; this was planned", name);
	else
		put(to, PLAN_TONE_WARNING, "%s: stopped, nothing was changed; this was planned",
		    name);
	if (report->undo[0])
		put(to, PLAN_TONE_PLAIN, "  undo folder  %s", report->undo);
}

void plan_text_report(const struct plan *plan, const struct repair_report *report,
		      const struct plan_text *to)
{
	put_warnings(plan, to);
	put_outcome(repair_name(plan->action), report, to);
	put_figures(plan, true, to);
	put_lists(plan, report->is_done, to);
}

/* ---- taking back ---- */

static void put_steps(const struct undo_plan *plan, bool is_done, const struct plan_text *to)
{
	static const struct { enum undo_change change; const char *planned, *done; } lists[] = {
		{ UNDO_PUT_BACK, "to be put back", "put back" },
		{ UNDO_PUT_BACK_OVER, "to be put back, over those of the repair",
		  "put back, over those of the repair" },
		{ UNDO_REMOVE, "to be removed, which the repair made",
		  "removed, which the repair had made" },
	};
	put_transactions(to, plan->has_before, plan->before, plan->has_after, plan->after);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct plan_sum sum = undo_plan_sum(plan, lists[i].change);
		const size_t total = (size_t)(sum.files + sum.folders);
		const size_t max = rows_shown(to, total);
		size_t shown = 0;
		if (total > 0)
			put_things(to, &sum, is_done ? lists[i].done : lists[i].planned);
		for (size_t j = 0; j < plan->step_count && shown < max; j++) {
			const struct undo_step *step = &plan->steps[j];
			if (step->change != lists[i].change)
				continue;
			put_file(to, step->path, step->size, step->reason);
			shown++;
		}
		put_rest(to, total - max);
	}
}

void plan_text_undo(const struct undo_plan *plan, const struct plan_text *to)
{
	char text[LINE_SIZE];
	if (plan->is_refused) {
		snprintf(text, sizeof(text), "Refused: %s.", plan->refusal);
		put_sentence(to, PLAN_TONE_WARNING, 0, text);
		if (!plan->is_filled) {
			put_sentence(to, PLAN_TONE_WARNING, 0,
				     "What it would do cannot be planned.");
			return;
		}
		put(to, PLAN_TONE_PLAIN, "%s", "");
	}
	if (plan->is_empty)
		put_sentence(to, PLAN_TONE_PLAIN, 0,
			     "Nothing to take back: no repair has left an undo folder.");
	else
		put_steps(plan, false, to);
}

void plan_text_undo_report(const struct undo_plan *plan, const struct repair_report *report,
			   const struct plan_text *to)
{
	put_outcome("undo", report, to);
	put_steps(plan, report->is_done, to);
}

/* ---- one of several ---- */

void plan_text_choice(const struct plan *plan, const struct plan *other, const struct plan_text *to)
{
	const uint64_t lost = plan_loses(plan, other);
	char keeps[64], loses[UNITS_SIZE];
	if (plan->is_refused) {
		put_sentence(to, PLAN_TONE_WARNING, CHOICE_INDENT, plan->refusal);
		return;
	}
	units_number(plan->objects_after, "object", "objects", keeps, sizeof(keeps));
	units_count(lost, loses, sizeof(loses));
	put(to, PLAN_TONE_PLAIN, "%*skeeps %s, loses %s%s", CHOICE_INDENT, "", keeps,
	    lost > 0 ? loses : loses_nothing(plan) ? "none" : "none that can be named",
	    plan->loss_is_unknown ? ", perhaps more" : "");
}

/* ---- as one string ---- */

static void add_line(void *context, enum plan_tone tone, const char *line)
{
	(void)tone;
	text_append(context, "%s\n", line);
}

char *plan_text_string(const struct plan *plan, const struct repair_report *report)
{
	struct text string = { .bytes = NULL };
	const struct plan_text to = { .line = add_line, .context = &string };
	if (report)
		plan_text_report(plan, report, &to);
	else
		plan_text_plan(plan, &to);
	return text_release(&string);
}

#include "build-config.h"

#include "check/diagnose.h"

#include "base/text.h"
#include "check/obstacle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Which repair goes first when several are called for: salvage leaves nothing for the others to do,
 * a rollback writes a new index where that is needed, and compaction can always wait. */
static const enum repair by_urgency[] = {
	REPAIR_SALVAGE, REPAIR_ROLLBACK, REPAIR_RECOVER, REPAIR_COMPACT
};

struct weight {
	bool wants[REPAIR_COUNT];
	bool writes_entries;	/* salvage is wanted for what only entries mend */
	enum repair wanted;	/* first of these by urgency, whatever is against it */
	bool is_foreign;	/* the repository is not in Attic's format */
	bool is_unread;		/* part of it cannot be read */
	bool attic_deletes, attic_fails, unmendable, manifest_lost, manifest_older;
};

static void weigh(const struct finding *finding, struct weight *weight)
{
	/* What is only worth knowing calls for no repair; compaction is never more than that. */
	if (finding->severity > SEVERITY_INFO || finding->repair == REPAIR_COMPACT)
		weight->wants[finding->repair] = true;
	if (finding->severity > SEVERITY_INFO && finding->repair == REPAIR_NONE)
		weight->unmendable = true;
	if (finding->cause == CAUSE_DENIED)
		weight->is_unread = true;
	if (finding_is_of_lost_manifest(finding))
		weight->manifest_lost = true;
	if (finding->problem == PROBLEM_OBJECT_OLDER && finding->has_key &&
	    key_is_manifest(finding->key))
		weight->manifest_older = true;
	if (finding->problem == PROBLEM_TAIL_COMMIT_DAMAGED ||
	    finding->problem == PROBLEM_TAIL_WAS_COMMITTED ||
	    finding->problem == PROBLEM_NO_COMMIT)
		weight->attic_deletes = true;
	if (finding->problem == PROBLEM_FOLDER_NAME)
		weight->attic_fails = true;
}

static void count(const struct findings *findings, struct diagnosis *d)
{
	unsigned by_severity[SEVERITY_ERROR + 1] = { 0 };
	for (size_t i = 0; i < findings->count; i++)
		by_severity[findings->rows[i].severity]++;
	for (int problem = 0; problem < PROBLEM_COUNT; problem++) {
		const uint64_t omitted = findings->total[problem] - findings->kept[problem];
		by_severity[problem_table[problem].severity] += (unsigned)omitted;
	}
	d->errors = by_severity[SEVERITY_ERROR];
	d->warnings = by_severity[SEVERITY_WARNING];
	d->infos = by_severity[SEVERITY_INFO];
}

static const char *const repair_advice[REPAIR_COUNT] = {
	[REPAIR_SALVAGE] =
		"Salvage copies every whole entry out of the damaged segments, keeps the damaged "
		"ones aside, and names what is lost. Until then make no new backup into it.",
	[REPAIR_ROLLBACK] =
		"A writer stopped before its commit. Rollback moves what it left aside; everything "
		"that was committed stays. Make sure that no backup is running.",
	[REPAIR_RECOVER] =
		"Recover writes a new index and new hints from the log, and touches no segment.",
	[REPAIR_COMPACT] =
		"Compaction would free the space of entries that nothing refers to any longer. "
		"It can wait.",
};

/* Is nothing of the log damaged, and does it still not give every object by itself? */
static bool needs_entries(const struct verify *verify)
{
	return verify && !verify->log_is_damaged && verify->damage_count == 0 &&
	       (verify->deletes_moved > 0 || verify->returned > 0);
}

/* Does the newest whole version of an object lie in a file beside its segment? */
static bool has_older_beside(const struct verify *verify)
{
	for (size_t i = 0; verify && i < verify->gone_count; i++)
		if (verify->gone[i].has_older && verify->gone[i].older_copy != UINT32_MAX)
			return true;
	return false;
}

static const char *advice_for(const struct weight *weight, const struct diagnosis *d)
{
	if (weight->writes_entries && d->recommended == REPAIR_SALVAGE)
		return "Salvage writes again what the log alone would not give, moves aside "
		       "what does not belong to it, and writes index and hints. Until then the "
		       "index must not be rebuilt.";
	if (d->data_is_older && d->recommended == REPAIR_RECOVER)
		return "Look for the rest of data/ first: another copy of this repository, or the "
		       "last segments of this one. Where there is none, recover makes index and "
		       "hints fit what is there.";
	if (weight->attic_deletes && d->recommended == REPAIR_SALVAGE)
		return "Do not let Attic open the repository, not even to list it: it would delete "
		       "the newest transaction. Salvage keeps what is whole of it.";
	if (d->recommended == REPAIR_COMPACT && !d->clean)
		return "Compaction writes again what the log alone would not give, and moves "
		       "aside what does not belong to it. Nothing is given up. Until then the "
		       "index must not be rebuilt.";
	if (d->recommended != REPAIR_NONE)
		return repair_advice[d->recommended];
	if (weight->unmendable && !weight->is_foreign)
		return "No repair of this program mends this; the list of problems says what to do "
		       "about each.";
	return "";
}

/* What the newest undo folder is called, and what made it, as far as its name tells. */
struct remains {
	enum repair repair;		/* REPAIR_NONE: no name that a repair gives */
	char repair_of[48];		/* "salvage of 2026-11-22 22:10 UTC" */
	const char *name;
};

static struct remains read_remains(const struct repo *repo)
{
	struct remains remains = { .repair_of = "repair", .name = "NAME" };
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	undo_name_read(repo->undo_name, when, action);
	for (enum repair repair = REPAIR_RECOVER; repair < REPAIR_COUNT; repair++)
		if (strcmp(repair_name(repair), action) == 0)
			remains.repair = repair;
	if (remains.repair == REPAIR_NONE)
		return remains;
	remains.name = repo->undo_name;
	snprintf(remains.repair_of, sizeof(remains.repair_of), "%s of %.10s %.5s UTC",
		 repair_name(remains.repair), when, when + 11);
	return remains;
}

/* A repair was cut short: what finishes it, and what takes it back. */
static void advise_after_repair(const struct remains *remains, const struct weight *weight,
				struct diagnosis *d)
{
	char ways[UNDO_NAME_MAX + 96];
	if (d->recommended != REPAIR_NONE && d->recommended == remains->repair)
		snprintf(ways, sizeof(ways), ": running it again finishes it, undo takes back "
			 "what it did.");
	else if (!d->clean && d->recommended != REPAIR_NONE)
		snprintf(ways, sizeof(ways), ": %s continues from there, undo takes back what it "
			 "did.", repair_name(d->recommended));
	else if (d->verified)
		snprintf(ways, sizeof(ways), "%s: undo takes back what it did, undo --purge %s "
			 "leaves it at that.", d->clean ? ", and nothing is wrong" : "",
			 remains->name);
	else
		snprintf(ways, sizeof(ways), ": verifying tells what is left to do, undo takes "
			 "back what it did.");
	const char *more = advice_for(weight, d);
	snprintf(d->advice, sizeof(d->advice), "The %s was cut short%s%s%s",
		 remains->repair_of, ways, *more ? " " : "", more);
}

/* Is the manifest of the newest undo folder damaged, as verifying found? */
static bool is_no_way_back(const struct repo *repo, const struct findings *findings)
{
	char path[UNDO_FOLDER_MAX + sizeof("/" UNDO_MANIFEST)], folder[UNDO_FOLDER_MAX];
	undo_folder_path(repo->undo_name, folder);
	snprintf(path, sizeof(path), "%s/" UNDO_MANIFEST, folder);
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].problem == PROBLEM_UNDO_UNREADABLE &&
		    strncmp(findings->rows[i].detail, path, strlen(path)) == 0)
			return true;
	return false;
}

/* Put @sentence behind the others in @text. */
static void append(char *text, size_t size, const char *sentence)
{
	buffer_append(text, size, "%s%s", text[0] ? " " : "", sentence);
}

static void advise(const struct repo *repo, const struct obstacle_ground *ground,
		   const struct weight *weight, struct diagnosis *d)
{
	const struct findings *findings = ground->findings;
	const struct remains remains = read_remains(repo);
	const struct obstacle *obstacle = obstacle_advising(ground);
	if (obstacle) {
		snprintf(d->advice, sizeof(d->advice), "%s", obstacle->advice);
	} else if (repo->undo_state == UNDO_DONE || is_no_way_back(repo, findings)) {
		snprintf(d->advice, sizeof(d->advice), "%s", advice_for(weight, d));
	} else if (repo->undo_state == UNDO_UNDOING) {
		d->undo_comes_first = true;
		snprintf(d->advice, sizeof(d->advice), "Taking back the %s was cut short: undo, "
			 "once more, finishes that. Let nothing write to the repository before.",
			 remains.repair_of);
		if (!d->clean && d->recommended != REPAIR_NONE)
			buffer_append(d->advice, sizeof(d->advice),
				      " The alternative is %s, which repairs the repository as it "
				      "is now.",
				      repair_name(d->recommended));
	} else {
		advise_after_repair(&remains, weight, d);
	}
	if (weight->manifest_older && d->recommended == REPAIR_SALVAGE)
		append(d->advice, sizeof(d->advice), "Only an older version of the manifest, the "
		       "list of all archives, is whole. Salvage leaves that out where newer "
		       "objects are whole, since it would hide their archives: afterwards attic "
		       "check --repair makes it again from the other objects.");
	if (weight->manifest_lost)
		append(d->advice, sizeof(d->advice), "The manifest is lost, the list of all "
		       "archives: afterwards attic check --repair makes it again from the other "
		       "objects.");
	if (weight->attic_fails)
		append(d->advice, sizeof(d->advice), "Before Attic is run, move each folder whose "
		       "name is no number out of data: it fails on them.");
}

/* What is lost, never better than known. */
static void write_loss(const struct verify *verify, struct diagnosis *d)
{
	const uint64_t lost = verify->lost, older = verify->older;
	const bool unknown = verify->loss_is_unknown;
	char *out = d->verdict;
	const size_t size = sizeof(d->verdict);
	snprintf(out, size, "%s: ",
		 d->data_is_older ? "The data is older than index and hints"
		 : verify->log_is_damaged ? "The log is damaged"
					  : "The log is not complete");
	if (lost > 0)
		buffer_append(out, size, "%s%" PRIu64 " object%s lost", unknown ? "at least " : "",
			      lost, lost == 1 ? " is" : "s are");
	if (older > 0)
		buffer_append(out, size, "%s%" PRIu64 " %s left in an older version",
			      lost > 0 ? " and " : "", older,
			      older == 1 ? "object is" : "objects are");
	if (unknown)
		buffer_append(out, size, lost + older > 0 ? "; there may have been more" :
			      "nothing names an object that is lost, but there may have been some");
	buffer_append(out, size, unknown ? "; everything that is whole can be saved."
					 : "; everything else can be saved.");
}

/* What the verdict says, the more important first. */
enum verdict_kind {
	SAYS_FOREIGN, SAYS_PART, SAYS_NOTHING_YET, SAYS_WHOLE, SAYS_CHANGED, SAYS_IN_USE,
	SAYS_UNREAD, SAYS_LOSS, SAYS_UNREADABLE, SAYS_ENTRIES, SAYS_UPGRADE, SAYS_DAMAGED,
	SAYS_TAIL, SAYS_INDEX, SAYS_OTHERS
};

/* The sentences without figures: once the data was verified, and before, where that differs. */
static const char *const sentences[][2] = {
	[SAYS_NOTHING_YET] = { NULL, "Nothing wrong at first sight; the data has not been verified "
				     "yet." },
	[SAYS_CHANGED] = { "The repository changed while it was read: nothing certain can be said "
			   "about it.", NULL },
	[SAYS_IN_USE] = { "Another process may be writing to the repository: nothing certain can "
			  "be said about it.", NULL },
	[SAYS_UNREAD] = { "Part of the repository cannot be read; what lies there is unknown, not "
			   "lost.", NULL },
	[SAYS_ENTRIES] = { "No byte of the log is damaged, and no object is lost; but the log "
			   "alone would not give every object.", NULL },
	[SAYS_UPGRADE] = { "An upgrade to Borg was not finished; no object is lost.",
			   "An upgrade to Borg was not finished; the data is not verified yet." },
	[SAYS_DAMAGED] = { "The log is damaged; no object is lost.",
			   "The log is damaged; verification will show what is lost." },
	[SAYS_TAIL] = { "A transaction was begun and never committed; what was committed is whole.",
			"A transaction was begun and never committed; what was committed is not "
			"verified yet." },
	[SAYS_INDEX] = { "Index or hints do not fit the log; the log is whole.",
			 "Index or hints do not fit the log; the log is not verified yet." },
	[SAYS_OTHERS] = { NULL, NULL },
};

static enum verdict_kind verdict_kind(const struct repo *repo,
				      const struct obstacle_ground *ground,
				      const struct weight *weight, const struct verify *verify,
				      const struct diagnosis *d)
{
	const bool is_salvage = weight->wanted == REPAIR_SALVAGE;
	const struct { bool applies; enum verdict_kind kind; } rows[] = {
		{ !repo->dialect->is_read, SAYS_FOREIGN },
		{ d->in_part, SAYS_PART },
		{ d->clean && !d->verified, SAYS_NOTHING_YET },
		{ d->clean, SAYS_WHOLE },
		{ obstacle_is_any(ground, OBSTACLE_CHANGED), SAYS_CHANGED },
		{ obstacle_is_any(ground, OBSTACLE_IN_USE), SAYS_IN_USE },
		{ weight->is_unread || obstacle_is_any(ground, OBSTACLE_UNREAD), SAYS_UNREAD },
		{ verify && (verify->lost > 0 || verify->older > 0 || verify->loss_is_unknown),
		  SAYS_LOSS },
		{ verify && verify->findings.total[PROBLEM_OBJECT_UNREADABLE] > 0,
		  SAYS_UNREADABLE },
		{ is_salvage && needs_entries(verify), SAYS_ENTRIES },
		{ is_salvage && repo->dialect->segment_magic_before &&
		  !(verify && verify->log_is_damaged), SAYS_UPGRADE },
		{ is_salvage, SAYS_DAMAGED },
		{ weight->wanted == REPAIR_ROLLBACK, SAYS_TAIL },
		{ weight->wanted == REPAIR_RECOVER, SAYS_INDEX },
		{ true, SAYS_OTHERS },
	};
	size_t i = 0;
	while (!rows[i].applies)
		i++;
	return rows[i].kind;
}

static void write_verdict(const struct repo *repo, const struct obstacle_ground *ground,
			  const struct weight *weight, const struct verify *verify,
			  struct diagnosis *d)
{
	const enum verdict_kind kind = verdict_kind(repo, ground, weight, verify, d);
	const unsigned problems = d->errors + d->warnings;
	const char *const *sentence = sentences[kind];
	const size_t segments = repo->listing.count;
	char *out = d->verdict;
	const size_t size = sizeof(d->verdict);
	uint64_t unreadable;
	switch (kind) {
	case SAYS_FOREIGN:
		snprintf(out, size, "The repository's format is not Attic's: %s.",
			 repo->dialect->title);
		break;
	case SAYS_PART:
		snprintf(out, size, "%zu of %zu segments were looked at; %s.",
			 segments - verify->skipped, segments,
			 problems == 0 ? "nothing is wrong with them"
				       : "not all is well with them");
		break;
	case SAYS_WHOLE:
		snprintf(out, size, "The repository is whole: every entry, the index and the hints "
			 "agree (%" PRIu64 " objects).", verify->objects);
		break;
	case SAYS_LOSS:
		write_loss(verify, d);
		break;
	case SAYS_UNREADABLE:
		unreadable = verify->findings.total[PROBLEM_OBJECT_UNREADABLE];
		snprintf(out, size, "Part of the log cannot be read: %" PRIu64 " object%s there, "
			 "unknown and not lost.", unreadable, unreadable == 1 ? " lies" : "s lie");
		break;
	case SAYS_OTHERS:
		snprintf(out, size, "%u problem%s; the log is %s.", problems,
			 problems == 1 ? "" : "s", d->verified ? "whole" : "not verified yet");
		break;
	default:
		snprintf(out, size, "%s", sentence[sentence[1] && !d->verified]);
	}
}

void diagnose(const struct repo *repo, const struct verify *verify, struct diagnosis *d)
{
	const struct findings *findings = verify ? &verify->findings : &repo->findings;
	struct weight weight = { 0 };
	*d = (struct diagnosis){ .verified = verify && verify->complete };
	d->in_part = verify && verify->skipped > 0;
	for (size_t i = 0; i < findings->count; i++)
		weigh(&findings->rows[i], &weight);
	count(findings, d);
	d->clean = d->errors + d->warnings == 0;
	for (size_t i = 0; i < ARRAY_SIZE(by_urgency) && weight.wanted == REPAIR_NONE; i++)
		if (weight.wants[by_urgency[i]])
			weight.wanted = by_urgency[i];
	/* Recover writes no entry: what the log alone does not give has to be written once more. */
	if ((weight.wanted == REPAIR_RECOVER && needs_entries(verify)) ||
	    (weight.wanted != REPAIR_SALVAGE && has_older_beside(verify)))
		weight.wanted = REPAIR_SALVAGE;
	weight.writes_entries = needs_entries(verify);
	d->data_is_older = verify && verify->index_credit == CREDIT_CREDIBLE && verify->has_end &&
			   verify->index.transaction > verify->end && !verify->log_is_damaged;
	const struct obstacle_ground ground = {
		.findings = findings, .clean = d->clean, .in_part = d->in_part,
	};
	if (!(obstacle_not_recommended(&ground) & REPAIR_BIT(weight.wanted)))
		d->recommended = weight.wanted;
	/* Without a transaction before it there is nothing to go back to. */
	if (d->recommended == REPAIR_SALVAGE && repo->has_transaction && verify &&
	    (verify->tail == TAIL_COMMIT_DAMAGED || verify->tail == TAIL_WAS_COMMITTED))
		d->alternative = REPAIR_ROLLBACK;
	weight.is_foreign = obstacle_is_any(&ground, OBSTACLE_FOREIGN);
	write_verdict(repo, &ground, &weight, verify, d);
	advise(repo, &ground, &weight, d);
	obstacle_by_hand(repo, &ground, d->by_hand, sizeof(d->by_hand));
	dialect_reword(repo->dialect, d->verdict, sizeof(d->verdict));
	dialect_reword(repo->dialect, d->advice, sizeof(d->advice));
	dialect_reword(repo->dialect, d->by_hand, sizeof(d->by_hand));
	if (!d->by_hand[0] || !obstacle_is_any(&ground, OBSTACLE_CONFIG))
		return;
	buffer_append(d->by_hand, sizeof(d->by_hand), "\nThen run check again");
	if (weight.wanted != REPAIR_NONE && weight.wanted != REPAIR_COMPACT)
		buffer_append(d->by_hand, sizeof(d->by_hand), ": %s comes next",
			      repair_name(weight.wanted));
	buffer_append(d->by_hand, sizeof(d->by_hand), ".");
}

#include "build-config.h"

#include "check/banner.h"

#include "base/units.h"
#include "check/obstacle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *banner_word_text(enum banner_word word)
{
	static const char *const texts[] = {
		[BANNER_READING] = "READING", [BANNER_INTACT] = "INTACT",
		[BANNER_SMALLER] = "INTACT, could be smaller",
		[BANNER_OUT_OF_STEP] = "OUT OF STEP", [BANNER_UNFINISHED] = "UNFINISHED",
		[BANNER_DAMAGED] = "DAMAGED", [BANNER_UNREADABLE] = "UNREADABLE",
		[BANNER_NOT_OURS] = "NOT OURS",
	};
	return texts[word];
}

const char *urgency_text(enum urgency urgency)
{
	static const char *const texts[] = {
		[URGENCY_NONE] = "", [URGENCY_CAN_WAIT] = "can wait",
		[URGENCY_BEFORE_BACKUP] = "before the next backup", [URGENCY_NOW] = "act now",
	};
	return texts[urgency];
}

/* ---- what is the matter ---- */

/* The first that applies is told. */
enum matter {
	MATTER_NOT_OURS, MATTER_READING, MATTER_UNDO, MATTER_USED_BY, MATTER_CHANGED,
	MATTER_NONCE, MATTER_FOLDER, MATTER_SMALLER, MATTER_WHOLE,
	MATTER_CONFIG, MATTER_DENIED, MATTER_DISK, MATTER_OLDER_DATA, MATTER_LOSS, MATTER_NO_END,
	MATTER_END,
	MATTER_ENTRIES, MATTER_UPGRADE, MATTER_DAMAGE, MATTER_UNFINISHED, MATTER_LIKE_FINISHED,
	MATTER_INDEX_FAILS, MATTER_INDEX_WRONG, MATTER_HINTS_WRONG, MATTER_HINTS_GONE,
	MATTER_DIGESTS_FAIL, MATTER_INDEX_GONE, MATTER_MINOR, MATTER_ODD_FILES, MATTER_COUNT
};

struct answer {
	enum banner_word word;
	enum urgency urgency;
	const char *act, *first, *meanwhile, *if_not, *cause;
};

static const char reading_is_safe[] = "Reading is safe.";
static const char no_backup[] = "Make no backup until it is repaired; stop scheduled ones.";
static const char by_client[] = "Attic refuses the repository; its objects stay as they are.";

static const struct answer answers[MATTER_COUNT] = {
	[MATTER_NOT_OURS] = {
		BANNER_NOT_OURS, URGENCY_CAN_WAIT, "Nothing is wrong by that.", NULL,
		"This program changes no byte of it.", "Nothing happens.", NULL,
	},
	[MATTER_READING] = {
		BANNER_READING, URGENCY_NONE, NULL, NULL, NULL, NULL, NULL,
	},
	[MATTER_UNDO] = {
		BANNER_UNFINISHED, URGENCY_BEFORE_BACKUP, "Let nothing write to it before.", NULL,
		reading_is_safe, "It stays neither as the repair left it nor as it was before.",
		"Taking a repair back was cut short.",
	},
	[MATTER_USED_BY] = {
		BANNER_UNFINISHED, URGENCY_CAN_WAIT,
		"A backup may be running. What is read meanwhile can look damaged.", NULL,
		"Change nothing.", "Nothing happens while the other program works.",
		"Another program is using it.",
	},
	[MATTER_CHANGED] = {
		BANNER_UNFINISHED, URGENCY_CAN_WAIT, "This result cannot be relied on.", NULL,
		"Let one program write at a time.", "Nothing happens.",
		"Another program wrote to it meanwhile.",
	},
	[MATTER_NONCE] = {
		BANNER_INTACT, URGENCY_BEFORE_BACKUP, "The next encrypted backup fails.", NULL,
		reading_is_safe, "Backups fail; the objects stay as they are.",
		"The file nonce, a counter of the encryption, is damaged.",
	},
	[MATTER_FOLDER] = {
		BANNER_INTACT, URGENCY_BEFORE_BACKUP,
		"Move the folder whose name is no number out of data.", NULL, reading_is_safe,
		"Attic fails on the name; the objects stay as they are.",
		"Something put a folder of another name into data.",
	},
	[MATTER_SMALLER] = {
		BANNER_SMALLER, URGENCY_CAN_WAIT, "Backups can go on.", NULL, NULL,
		"Space on the disk stays wasted, nothing else.", NULL,
	},
	[MATTER_WHOLE] = {
		BANNER_INTACT, URGENCY_NONE, "Nothing. Backups can go on.", NULL, NULL, NULL, NULL,
	},
	[MATTER_CONFIG] = {
		BANNER_DAMAGED, URGENCY_BEFORE_BACKUP,
		"Backups fail until the file config is right again.",
		"Have you another copy of this repository? Its config may serve here.",
		"It can be viewed here.", by_client, "The file config was changed or lost.",
	},
	[MATTER_DENIED] = {
		BANNER_UNREADABLE, URGENCY_BEFORE_BACKUP, no_backup, NULL,
		"What can be read can be used.", "A repair now would give up what it cannot see.",
		"Permissions keep this user from reading some of it.",
	},
	[MATTER_DISK] = {
		BANNER_UNREADABLE, URGENCY_NOW, no_backup,
		"Copy the repository to another disk (ddrescue reads what a failing disk still "
		"gives), and repair the copy.",
		"Read as little as possible from this disk, and write nothing to it.",
		"A failing disk loses more with every hour that it runs.",
		"The disk refuses to give some of the bytes.",
	},
	[MATTER_OLDER_DATA] = {
		BANNER_DAMAGED, URGENCY_NOW, no_backup,
		"Look for the rest of the data: another copy, or the newest files of this one.",
		reading_is_safe, "Backups that use the missing objects cannot be restored fully.",
		"The data is of an earlier time than what is known of it: a copy that was broken "
		"off, or an old one put back.",
	},
	[MATTER_LOSS] = {
		BANNER_DAMAGED, URGENCY_NOW, no_backup,
		"Have you another copy of this repository? Intact files from it may bring back "
		"what is hit here. Without one that is lost.",
		"Reading is safe. New backups would count on the lost objects.",
		"Backups that use these objects cannot be restored fully.", NULL,
	},
	[MATTER_END] = {
		BANNER_DAMAGED, URGENCY_NOW,
		"Do not let Attic open it, not even to list it. Stop scheduled backups.", NULL,
		"It can be viewed here.",
		"Attic deletes the newest backup when it next opens the repository.",
		"The mark that the newest backup was finished is damaged or gone.",
	},
	[MATTER_NO_END] = {
		BANNER_DAMAGED, URGENCY_NOW,
		"Do not let Attic open it, not even to list it. Stop scheduled backups.", NULL,
		"It can be viewed here.",
		"Attic deletes everything when it next opens the repository.",
		"No mark is left that any backup was finished.",
	},
	[MATTER_ENTRIES] = {
		BANNER_DAMAGED, URGENCY_BEFORE_BACKUP, "The index must not be rebuilt before.",
		NULL, reading_is_safe,
		"When the index is rebuilt, deleted objects come back or live ones are gone.",
		"Files came back, or are not in their order.",
	},
	[MATTER_UPGRADE] = {
		BANNER_UNFINISHED, URGENCY_BEFORE_BACKUP,
		"Run nothing on it but salvage or borg upgrade.", NULL, "It can be viewed here.",
		"Neither Attic nor Borg can open it.", "An upgrade to Borg was interrupted.",
	},
	[MATTER_DAMAGE] = {
		BANNER_DAMAGED, URGENCY_BEFORE_BACKUP, no_backup, NULL, reading_is_safe,
		"Attic stops at the damaged places when it rebuilds its index or tidies up.", NULL,
	},
	[MATTER_UNFINISHED] = {
		BANNER_UNFINISHED, URGENCY_CAN_WAIT, "Make sure that no backup is running.", NULL,
		"All that was finished can be read.",
		"The unfinished part is deleted by Attic itself when it next works on the "
		"repository.",
		"A backup was cut off: killed, or power or network failed.",
	},
	[MATTER_LIKE_FINISHED] = {
		BANNER_UNFINISHED, URGENCY_BEFORE_BACKUP,
		"Do not let Attic open it before the rollback.", NULL,
		"All that was finished can be read.",
		"Attic takes the unfinished part for a finished backup.",
		"A backup was cut off: killed, or power or network failed.",
	},
	[MATTER_INDEX_FAILS] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "Make no backup before it is rebuilt.",
		NULL, "Everything can be read here.",
		"Attic fails on the index or, worse, believes it.",
		"Bytes of the index changed, or it was cut off.",
	},
	[MATTER_INDEX_WRONG] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "Make no backup before it is rebuilt.",
		NULL, "Everything can be read here.",
		"Attic believes the index: objects seem to be missing, and tidying up can then "
		"delete live ones.",
		"Bytes of the index changed, or it is of another time.",
	},
	[MATTER_HINTS_WRONG] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "Make no backup before they are right.",
		NULL, reading_is_safe,
		"Tidying up by wrong counts stops half-way or may delete live objects.",
		"The counts beside the index changed, or are of another time.",
	},
	[MATTER_HINTS_GONE] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "The next backup fails.", NULL,
		reading_is_safe, "Backups fail; the objects stay as they are.",
		"The counts beside the index are missing or damaged.",
	},
	[MATTER_DIGESTS_FAIL] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "Every command of Attic fails.", NULL,
		"It can be viewed here.", "Attic fails; the objects stay as they are.",
		"The file with the digests of the index is damaged.",
	},
	[MATTER_INDEX_GONE] = {
		BANNER_OUT_OF_STEP, URGENCY_CAN_WAIT, "Nothing is in danger.", NULL,
		reading_is_safe, "Attic rebuilds it by itself at its next start, which takes long.",
		"The index, or what belongs to it, is missing or of an earlier time.",
	},
	[MATTER_MINOR] = {
		BANNER_OUT_OF_STEP, URGENCY_CAN_WAIT, "Backups can go on.", NULL, reading_is_safe,
		"No object is in danger.", "Something beside the objects does not fit them.",
	},
	[MATTER_ODD_FILES] = {
		BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP, "Let nothing write to it before.", NULL,
		"It can be viewed here.",
		"Attic fails on it, or takes it for a part of the repository.",
		"Something lies in the repository that does not belong there.",
	},
};

/* ---- which matter it is ---- */

static bool any(const struct findings *findings, const enum problem *problems, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (findings->total[problems[i]] > 0)
			return true;
	return false;
}
#define ANY(findings, ...) \
	any(findings, (const enum problem[]){ __VA_ARGS__ }, \
	    sizeof((const enum problem[]){ __VA_ARGS__ }) / sizeof(enum problem))

static bool is_denied(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->rows[i].cause == CAUSE_DENIED &&
		    findings->rows[i].severity > SEVERITY_INFO)
			return true;
	return false;
}

static enum matter matter_of_clean(const struct findings *findings, const struct diagnosis *d)
{
	if (findings->total[PROBLEM_NONCE] > 0)
		return MATTER_NONCE;
	if (findings->total[PROBLEM_FOLDER_NAME] > 0)
		return MATTER_FOLDER;
	return d->recommended == REPAIR_COMPACT ? MATTER_SMALLER : MATTER_WHOLE;
}

/* Nothing of the log is damaged: which file beside it does not fit? */
static enum matter matter_beside(const struct repo *repo, const struct findings *f)
{
	/* Without index, or where the digests do not fit, the client makes all of it again. */
	const bool is_rebuilt = ANY(f, PROBLEM_INDEX_MISSING, PROBLEM_INDEX_STALE,
				    PROBLEM_INTEGRITY_DIGEST);
	if (ANY(f, PROBLEM_INTEGRITY_FORMAT, PROBLEM_INTEGRITY_UNREADABLE))
		return MATTER_DIGESTS_FAIL;
	if (is_rebuilt && !ANY(f, PROBLEM_INDEX_TOO_NEW))
		return MATTER_INDEX_GONE;
	if (ANY(f, PROBLEM_INDEX_HEADER, PROBLEM_INDEX_LENGTH, PROBLEM_INDEX_UNREADABLE,
		PROBLEM_INDEX_DEGENERATE))
		return MATTER_INDEX_FAILS;
	if (ANY(f, PROBLEM_INDEX_FOREIGN, PROBLEM_INDEX_TOO_NEW, PROBLEM_INDEX_COUNT,
		PROBLEM_INDEX_DUPLICATE, PROBLEM_INDEX_UNREACHABLE, PROBLEM_INDEX_MAPPING,
		PROBLEM_INDEX_KEY_MISSING, PROBLEM_INDEX_KEY_DELETED))
		return MATTER_INDEX_WRONG;
	if (ANY(f, PROBLEM_HINTS_COUNT, PROBLEM_HINTS_STALE, PROBLEM_HINTS_TOO_NEW))
		return MATTER_HINTS_WRONG;
	/* Borg makes these again, where it knows their version. */
	if (ANY(f, PROBLEM_HINTS_MISSING, PROBLEM_HINTS_UNREADABLE, PROBLEM_HINTS_FORMAT))
		return repo->dialect->hints_version_max == 1 ? MATTER_HINTS_GONE
							     : MATTER_INDEX_GONE;
	if (ANY(f, PROBLEM_HINTS_VERSION))
		return MATTER_HINTS_GONE;
	return ANY(f, PROBLEM_NOT_A_FILE, PROBLEM_SEGMENT_NAME, PROBLEM_INDEX_NAME)
		? MATTER_ODD_FILES : MATTER_MINOR;
}

static enum matter matter_of(const struct repo *repo, const struct verify *verify,
			     const struct diagnosis *d)
{
	const struct findings *f = verify ? &verify->findings : &repo->findings;
	const struct obstacle_ground ground = {
		.findings = f, .clean = d->clean, .in_part = d->in_part,
	};
	const bool is_config = ANY(f, PROBLEM_CONFIG_MISSING, PROBLEM_CONFIG_UNREADABLE,
				   PROBLEM_CONFIG_SYNTAX, PROBLEM_CONFIG_VERSION,
				   PROBLEM_CONFIG_ID, PROBLEM_CONFIG_LIMITS);
	const bool is_named = verify && (verify->lost > 0 || verify->older > 0);
	const bool is_hit = is_named || (verify && verify->loss_is_unknown);
	/* Is more known than there is data? */
	const bool is_ahead = d->data_is_older ||
			      (!is_named && ANY(f, PROBLEM_INDEX_TOO_NEW, PROBLEM_HINTS_TOO_NEW,
						PROBLEM_INDEX_STALE, PROBLEM_INDEX_MISSING));
	const struct { bool applies; enum matter matter; } rows[] = {
		{ !repo->dialect->is_read, MATTER_NOT_OURS },
		{ !verify || !verify->complete || d->in_part, MATTER_READING },
		{ d->undo_comes_first, MATTER_UNDO },
		{ d->clean, matter_of_clean(f, d) },
		{ obstacle_is_any(&ground, OBSTACLE_CHANGED), MATTER_CHANGED },
		{ ANY(f, PROBLEM_RANGE_UNREADABLE, PROBLEM_UNSTABLE_READ), MATTER_DISK },
		{ is_denied(f), MATTER_DENIED },
		{ ANY(f, PROBLEM_OBJECT_UNREADABLE, PROBLEM_SEGMENT_UNREADABLE,
		      PROBLEM_FOLDER_UNREADABLE, PROBLEM_DATA_MISSING), MATTER_DISK },
		{ is_hit && is_ahead, MATTER_OLDER_DATA },
		{ is_hit && (is_named || verify->log_is_damaged), MATTER_LOSS },
		{ ANY(f, PROBLEM_NO_COMMIT), MATTER_NO_END },
		{ ANY(f, PROBLEM_TAIL_COMMIT_DAMAGED, PROBLEM_TAIL_WAS_COMMITTED), MATTER_END },
		{ obstacle_is_any(&ground, OBSTACLE_IN_USE), MATTER_USED_BY },
		{ is_config, MATTER_CONFIG },
		{ ANY(f, PROBLEM_UPGRADE_INTERRUPTED) && !verify->log_is_damaged,
		  MATTER_UPGRADE },
		{ ANY(f, PROBLEM_DELETE_MOVED, PROBLEM_SEGMENT_RETURNED), MATTER_ENTRIES },
		{ d->recommended == REPAIR_SALVAGE || (verify && verify->log_is_damaged),
		  MATTER_DAMAGE },
		{ ANY(f, PROBLEM_TAIL_LIKE_COMMIT), MATTER_LIKE_FINISHED },
		{ d->recommended == REPAIR_ROLLBACK ||
		  ANY(f, PROBLEM_TAIL_UNCOMMITTED, PROBLEM_TAIL_TORN), MATTER_UNFINISHED },
		{ true, matter_beside(repo, f) },
	};
	size_t i = 0;
	while (!rows[i].applies)
		i++;
	return rows[i].matter;
}

/* ---- figures ---- */

/* "4 of 462 objects are damaged or missing; 458 can be saved." */
static void write_loss(const struct verify *verify, char *out, size_t size)
{
	const uint64_t hit = verify->lost + verify->older;
	const uint64_t kept = verify->objects + verify->older;
	char hits[UNITS_SIZE], all[48], rest[UNITS_SIZE], figure[UNITS_SIZE], older[64] = "";
	units_count(hit, hits, sizeof(hits));
	units_count(kept, rest, sizeof(rest));
	if (verify->older > 0)
		snprintf(older, sizeof(older), ", %s of them in an older version",
			 units_count(verify->older, figure, sizeof(figure)));
	units_number(kept + verify->lost, "object", "objects", all, sizeof(all));
	if (hit == 0)
		snprintf(out, size, "Objects may be missing that nothing names; %s can be saved.",
			 units_number(kept, "object", "objects", all, sizeof(all)));
	else
		snprintf(out, size, "%s%s of %s %s damaged or missing; %s can be saved%s.",
			 verify->loss_is_unknown ? "At least " : "", hits, all,
			 hit == 1 ? "is" : "are", rest, older);
}

/* What is not right beside objects that are. */
static const char *const besides[MATTER_COUNT] = {
	[MATTER_CONFIG] = "the settings in the file config are not right",
	[MATTER_UPGRADE] = "an upgrade to Borg was not finished",
	[MATTER_INDEX_FAILS] = "their index cannot be used",
	[MATTER_INDEX_WRONG] = "their index does not fit them",
	[MATTER_HINTS_WRONG] = "the counts beside the index do not fit them",
	[MATTER_HINTS_GONE] = "the counts beside the index cannot be used",
	[MATTER_DIGESTS_FAIL] = "the digests of the index cannot be used",
	[MATTER_INDEX_GONE] = "their index is missing or out of date",
	[MATTER_MINOR] = "something small beside them does not fit",
	[MATTER_ODD_FILES] = "something lies among them that does not belong there",
	[MATTER_UNDO] = "taking a repair back was cut short",
};

static void write_line(const struct repo *repo, const struct verify *verify, enum matter matter,
		       char *out, size_t size)
{
	char all[64];
	const uint64_t objects = verify ? verify->objects + verify->older : 0;
	const bool is_unknown = verify && verify->loss_is_unknown;
	units_number(objects, is_unknown ? "object found" : "object",
		     is_unknown ? "objects found" : "objects", all, sizeof(all));
	switch (matter) {
	case MATTER_NOT_OURS:
		snprintf(out, size, "This is a repository of %s, and this program reads those of "
			 "Attic and Borg 1.x.", repo->dialect->title);
		return;
	case MATTER_READING:
		snprintf(out, size, "Not everything was read yet; nothing can be said before.");
		return;
	case MATTER_DISK:
	case MATTER_DENIED:
		snprintf(out, size, "Some of it cannot be read now; %s %s intact.", all,
			 objects == 1 ? "is" : "are");
		return;
	case MATTER_LOSS:
	case MATTER_OLDER_DATA:
		write_loss(verify, out, size);
		return;
	case MATTER_WHOLE:
	case MATTER_SMALLER:
	case MATTER_NONCE:
	case MATTER_FOLDER:
		if (objects == 0)
			snprintf(out, size, "The repository is empty, and in order.");
		else
			snprintf(out, size, "All %s were verified; index and hints agree.", all);
		return;
	case MATTER_UNFINISHED:
	case MATTER_LIKE_FINISHED:
		snprintf(out, size, "A backup was not finished; the %s before it %s intact.", all,
			 objects == 1 ? "is" : "are");
		return;
	case MATTER_CHANGED:
		snprintf(out, size, "It was changed while it was read.");
		return;
	case MATTER_USED_BY:
		snprintf(out, size, "Another program is using the repository.");
		return;
	case MATTER_END:
	case MATTER_NO_END:
		snprintf(out, size, "No object is lost so far: all %s can be saved.", all);
		return;
	default:
		if (besides[matter])
			snprintf(out, size, "All %s %s intact; %s.", all,
				 objects == 1 ? "is" : "are", besides[matter]);
		else
			snprintf(out, size, "No object is lost: all %s can be saved.", all);
	}
}

/* ---- the way on ---- */

static const char *then_of(const struct diagnosis *d, enum matter matter)
{
	static const char *const repairs[REPAIR_COUNT] = {
		[REPAIR_SALVAGE] = "salvage keeps everything that is intact. It shows its plan and "
			"asks first; undo takes it back until the next backup.",
		[REPAIR_RECOVER] = "recover rebuilds the index and what belongs to it. It shows "
			"its plan and asks first; undo takes it back until the next backup.",
		[REPAIR_ROLLBACK] = "rollback moves the unfinished part aside. It shows its plan "
			"and asks first; undo takes it back until the next backup.",
		[REPAIR_COMPACT] = "compact frees the space of what was replaced or deleted. It "
			"shows its plan and asks first; undo takes it back until the next backup.",
	};
	if (d->undo_comes_first)
		return "undo, once more, finishes taking the repair back.";
	if (matter == MATTER_USED_BY || matter == MATTER_CHANGED)
		return "Wait until the other program is done, and read again.";
	if (d->recommended != REPAIR_NONE)
		return repairs[d->recommended];
	if (matter == MATTER_WHOLE || matter == MATTER_READING)
		return "";
	return d->by_hand[0] ? "A person's hand has to mend it; the steps are given in full."
			     : "No repair here mends it; each problem says what to do.";
}

/* Where it is damage that cannot be told from one answer alone. */
static void write_cause(const struct repo *repo, const struct verify *verify, char *out,
			size_t size)
{
	size_t damaged = 0, missing = 0;
	for (size_t i = 0; i < repo->listing.count; i++)
		damaged += verify->facts[i].damaged > 0;
	for (size_t i = 0; i < verify->missing_count; i++)
		missing += verify->missing[i].lost > 0;
	if (missing > 0)
		snprintf(out, size, "%zu of the data files %s missing: deleted, not restored, or "
			 "not copied.", missing, missing == 1 ? "is" : "are");
	else if (damaged > 0)
		snprintf(out, size, "Bytes changed in %zu of %zu data files: disk, memory or "
			 "cable.", damaged, repo->listing.count);
	else
		snprintf(out, size, "Data files were moved, renamed or put there by something "
			 "else.");
}

static void say(char *out, const struct repo *repo, const char *text)
{
	snprintf(out, BANNER_TEXT, "%s", text ? text : "");
	dialect_reword(repo->dialect, out, BANNER_TEXT);
}

void banner_make(const struct repo *repo, const struct verify *verify,
		 const struct diagnosis *diagnosis, struct banner *banner)
{
	const enum matter matter = matter_of(repo, verify, diagnosis);
	const struct answer *answer = &answers[matter];
	*banner = (struct banner){ .word = answer->word, .urgency = answer->urgency };
	write_line(repo, verify, matter, banner->line, sizeof(banner->line));
	say(banner->act, repo, answer->act);
	say(banner->first, repo, answer->first);
	say(banner->then, repo, then_of(diagnosis, matter));
	say(banner->meanwhile, repo, answer->meanwhile);
	say(banner->if_not, repo, answer->if_not);
	say(banner->cause, repo, answer->cause);
	if (matter == MATTER_LOSS || matter == MATTER_DAMAGE)
		write_cause(repo, verify, banner->cause, sizeof(banner->cause));
}

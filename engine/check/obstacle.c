#include "build-config.h"

#include "check/obstacle.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PLACES_MAX 5	/* that are listed of one obstacle */

#define ALL_REPAIRS (REPAIR_BIT(REPAIR_RECOVER) | REPAIR_BIT(REPAIR_ROLLBACK) | \
		     REPAIR_BIT(REPAIR_COMPACT) | REPAIR_BIT(REPAIR_SALVAGE))

#define UNREAD PROBLEM_DATA_MISSING, PROBLEM_FOLDER_UNREADABLE, PROBLEM_SEGMENT_UNREADABLE
#define UNREAD_IN_PLAN "The plan counts as lost what cannot be read; it may well be whole."
#define DENIED_ADVICE "A permission to read part of it is missing; the problems say whose that " \
	"is and who is asking. Run this as its owner, or give the permission; a repair now would " \
	"count what it cannot see as lost."
#define DENIED_BY_HAND "Run this program as the owner of these files, or give the permission to " \
	"read them. Then run check again."

/* The first that is there is told first. */
const struct obstacle obstacle_table[] = {
	{
		.kind = OBSTACLE_FOREIGN,
		.problems = { PROBLEM_FOREIGN_FORMAT }, .count = 1,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.refusal = "this repository is in Borg's format, and this program changes Attic "
			   "repositories only",
	},
	{
		.kind = OBSTACLE_CHANGED,
		.problems = { PROBLEM_CHANGED }, .count = 1,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "Another process wrote to the repository while it was read. Read it "
			  "again; what was found now may not be so.",
		.refusal = "the repository changed while it was read: read it again",
		.not_planned = "The plan rests on what was read, which may be half old and half "
			       "new.",
	},
	{
		.kind = OBSTACLE_IN_USE,
		.problems = { PROBLEM_WRITER }, .count = 1, .unless_clean = true,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "Another process holds the exclusive lock and may be writing. Read it "
			  "again when it is done; what was found now may not be so.",
		.refusal = "another process holds the exclusive lock and may be writing",
		.not_planned = "The plan rests on what was read, which may be half old and half "
			       "new.",
	},
	{
		.kind = OBSTACLE_IN_USE,
		.problems = { PROBLEM_LOCK_UNKNOWN }, .count = 1, .unless_clean = true,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "A process that cannot be seen from here holds a lock, and may be "
			  "writing: what was found may be its unfinished work.",
		.refusal = "a process that cannot be seen from here holds a lock and may be "
			   "writing",
		.not_planned = "The plan rests on what was read, which may be half old and half "
			       "new.",
		.by_hand = "Look on the machine that the lock names whether the process is alive. "
			   "If it is, wait until it is done and read again. If nothing uses the "
			   "repository, repair it with --break-lock.",
	},
	{
		.kind = OBSTACLE_IN_USE,
		.problems = { PROBLEM_LOCK_DAMAGED }, .count = 1,
		.causes = CAUSE_BIT(CAUSE_DENIED),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "This user may not look at the lock, so nobody can tell whether the "
			  "repository is in use.",
		.refusal = "this user may not look at the lock, so nobody can tell whether the "
			   "repository is in use",
		.not_planned = "The plan rests on what was read, which may be half old and half "
			       "new.",
		.by_hand = "Run this program as the user to whom the repository belongs, or as "
			   "root: a backup may be running.",
	},
	{
		.kind = OBSTACLE_IN_USE,
		.problems = { PROBLEM_LOCK_DAMAGED }, .count = 1,
		.causes = CAUSE_BIT(CAUSE_UNKNOWN),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "What lies in the place of the lock names no process, so nobody can "
			  "tell whether the repository is in use.",
		.refusal = "what lies in the place of the lock names no process, so nobody can "
			   "tell whether the repository is in use",
		.not_planned = "The plan rests on what was read, which may be half old and half "
			       "new.",
		.by_hand = "Make sure that nothing uses the repository, on any machine. Then "
			   "repair it with --break-lock.",
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { UNREAD }, .count = 3, .causes = CAUSE_BIT(CAUSE_DENIED),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = DENIED_ADVICE,
		.refusal = "a permission to read part of the repository is missing, and what lies "
			   "there would count as lost: run this as its owner, or give the "
			   "permission",
		.not_planned = UNREAD_IN_PLAN,
		.by_hand = DENIED_BY_HAND,
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { UNREAD }, .count = 3, .causes = CAUSE_BIT(CAUSE_KIND),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "A link, or something else of the wrong kind, has the name of a folder "
			  "or file of the repository. Move it away first; a repair now would "
			  "count as lost what should be there.",
		.refusal = "something of the wrong kind has the name of a folder or file of the "
			   "repository, and what should be there would count as lost: move it away "
			   "first",
		.not_planned = UNREAD_IN_PLAN,
		.by_hand = "Find out who put it there, and move it out of the repository. If it is "
			   "a link to the folder or file, put that in its place; if a copy has it, "
			   "restore it. Then run check again.",
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { UNREAD }, .count = 3, .causes = CAUSE_BIT(CAUSE_ABSENT),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "What should be there is missing, as where a disk is not mounted. Mount "
			  "it first; a repair now would count as lost what lies on it.",
		.refusal = "the folder data, or one below it, is not there, and what should be in "
			   "it would count as lost: mount the disk that it lies on, or restore it",
		.not_planned = UNREAD_IN_PLAN,
		.by_hand = "Mount the disk that it lies on, or restore it from a copy. Then run "
			   "check again.",
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { UNREAD }, .count = 3, .causes = CAUSE_BIT(CAUSE_DISK),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "The system cannot read part of it, as with a failing disk. Copy the "
			  "disk first (ddrescue), and look at the copy; a repair now would count "
			  "what it cannot see as lost.",
		.refusal = "the system cannot read part of the repository, and what lies there "
			   "would count as lost: copy the disk first (ddrescue), and repair the "
			   "copy",
		.not_planned = UNREAD_IN_PLAN,
		.by_hand = "Look at what the system's log says of the disk. Copy the repository to "
			   "another disk (ddrescue), and run check on the copy.",
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { UNREAD }, .count = 3, .causes = CAUSE_BIT(CAUSE_UNKNOWN),
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "Part of it cannot be read. Find out why first; a repair now would count "
			  "what it cannot see as lost.",
		.refusal = "part of the repository cannot be read, and would count as lost: mend "
			   "that first",
		.not_planned = UNREAD_IN_PLAN,
		.by_hand = "Find out why it cannot be read, and mend that. Then run check again.",
	},
	{
		.kind = OBSTACLE_UNREAD,
		.problems = { PROBLEM_NOT_A_FILE }, .count = 1, .where = OBSTACLE_AT_SEGMENT,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "Something that is no ordinary file has the name of a segment. Move it "
			  "away first; a repair now would count what should be there as lost.",
		.refusal = "something that is not a file has the name of a segment: move it away "
			   "first",
		.not_planned = "The plan counts as lost what should be in its place.",
		.by_hand = "Find out who put it there, and move it out of the repository. If a "
			   "copy has the segment, restore it. Then run check again.",
	},
	{
		.problems = { PROBLEM_NOT_A_FILE }, .count = 1, .where = OBSTACLE_ELSEWHERE,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "A folder has the name of an index or of hints. Move it away first: "
			  "every writer fails on it. No object is in danger.",
		.refusal = "a folder has the name of an index or of hints: move it away first",
		.by_hand = "Find out who put it there, and move it out of the repository. Then run "
			   "check again.",
	},
	{
		.problems = { PROBLEM_CONFIG_UNREADABLE, PROBLEM_INDEX_UNREADABLE,
			      PROBLEM_HINTS_UNREADABLE }, .count = 3,
		.causes = CAUSE_BIT(CAUSE_DENIED), .not_recommended = ALL_REPAIRS,
		.advice = DENIED_ADVICE,
		.by_hand = DENIED_BY_HAND,
	},
	{
		.problems = { PROBLEM_UNSTABLE_READ }, .count = 1,
		.not_recommended = ALL_REPAIRS & ~REPAIR_BIT(REPAIR_ROLLBACK),
		.refused = ALL_REPAIRS & ~REPAIR_BIT(REPAIR_ROLLBACK),
		.advice = "The disk or the machine cannot be trusted. Copy the repository to "
			  "another disk first (ddrescue), and repair the copy.",
		.refusal = "two readings of one place differ: the disk, its cable or the memory "
			   "is at fault; copy the repository to another machine first (ddrescue)",
		.not_planned = "The plan rests on readings that cannot be trusted.",
		.by_hand = "Copy the repository to another disk and another machine (ddrescue), "
			   "and run check on the copy.",
	},
	{
		.problems = { PROBLEM_RANGE_UNREADABLE }, .count = 1,
		.advice = "The disk or the machine cannot be trusted. Copy the repository to "
			  "another disk first (ddrescue), and repair the copy.",
	},
	{
		.is_part = true, .not_recommended = ALL_REPAIRS,
		.advice = "Index and hints are compared when all segments were read; before a "
			  "repair all of them are.",
	},
	{
		.kind = OBSTACLE_CONFIG,
		.problems = { PROBLEM_CONFIG_MISSING, PROBLEM_CONFIG_UNREADABLE,
			      PROBLEM_CONFIG_SYNTAX, PROBLEM_CONFIG_VERSION, PROBLEM_CONFIG_ID,
			      PROBLEM_CONFIG_LIMITS }, .count = 6,
		.not_recommended = ALL_REPAIRS, .refused = ALL_REPAIRS,
		.advice = "The config file must be mended by hand first; everything else was read "
			  "with what could be understood of it.",
		.refusal = "the config cannot be used; mend it first, by hand",
	},
	{
		.problems = { PROBLEM_UNDO_UNREADABLE }, .count = 1, .is_folder_itself = true,
		.not_recommended = ALL_REPAIRS,
		.advice = "What a repair replaces goes to the folder undo, which cannot be used.",
		.by_hand = "Move undo out of the repository, or make it a folder that can be read "
			   "and written. Then run check again.",
	},
	{
		.problems = { PROBLEM_SEGMENT_NAME, PROBLEM_INDEX_NAME }, .count = 2,
		.by_hand = "Move it out of the repository: Attic takes it for one of its own "
			   "files. Then run check again.",
	},
	{
		.is_disorder = true,
		.not_recommended = REPAIR_BIT(REPAIR_COMPACT),
		.refused = REPAIR_BIT(REPAIR_COMPACT),
		.refusal = "the repository is not in order: what check names comes first",
	},
};
const size_t obstacle_count = ARRAY_SIZE(obstacle_table);

static bool is_of_row(const struct obstacle *row, const struct finding *finding)
{
	if (row->is_disorder && finding->severity > SEVERITY_INFO &&
	    finding->repair != REPAIR_COMPACT)
		return true;
	if (row->causes && !(row->causes & CAUSE_BIT(finding->cause)))
		return false;
	if (row->where != OBSTACLE_ANYWHERE &&
	    (row->where == OBSTACLE_AT_SEGMENT) != (finding->segment != FINDING_NOWHERE))
		return false;
	for (unsigned i = 0; i < row->count; i++)
		if (finding->problem == row->problems[i])
			return !row->is_folder_itself ||
			       strncmp(finding->detail, UNDO_FOLDER ":",
				       strlen(UNDO_FOLDER ":")) == 0;
	return false;
}

bool obstacle_is_there(const struct obstacle *row, const struct obstacle_ground *ground)
{
	if (row->unless_clean && ground->clean)
		return false;
	if (row->is_part && ground->in_part)
		return true;
	for (size_t i = 0; i < ground->findings->count; i++)
		if (is_of_row(row, &ground->findings->rows[i]))
			return true;
	return false;
}

bool obstacle_is_any(const struct obstacle_ground *ground, enum obstacle_kind kind)
{
	for (size_t i = 0; i < obstacle_count; i++)
		if (obstacle_table[i].kind == kind && obstacle_is_there(&obstacle_table[i], ground))
			return true;
	return false;
}

unsigned obstacle_not_recommended(const struct obstacle_ground *ground)
{
	unsigned repairs = 0;
	for (size_t i = 0; i < obstacle_count; i++)
		if (obstacle_is_there(&obstacle_table[i], ground))
			repairs |= obstacle_table[i].not_recommended;
	return repairs;
}

const struct obstacle *obstacle_refusing(const struct obstacle_ground *ground, enum repair repair)
{
	for (size_t i = 0; i < obstacle_count; i++)
		if ((obstacle_table[i].refused & REPAIR_BIT(repair)) &&
		    obstacle_is_there(&obstacle_table[i], ground))
			return &obstacle_table[i];
	return NULL;
}

const struct obstacle *obstacle_advising(const struct obstacle_ground *ground)
{
	for (size_t i = 0; i < obstacle_count; i++)
		if (obstacle_table[i].advice && obstacle_is_there(&obstacle_table[i], ground))
			return &obstacle_table[i];
	return NULL;
}

/* ---- what a person has to do ---- */

static void add(char *out, size_t size, const char *before, const char *text)
{
	buffer_append(out, size, "%s%s%s", out[0] ? "\n" : "", before, text);
}

/* The places alone, then what to do: a detail may be empty, or only say why. */
static void add_row(const struct obstacle *row, const struct findings *findings, char *out,
		    size_t size)
{
	size_t places = 0;
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->rows[i];
		char place[FINDING_DETAIL_MAX + 64];
		if (!is_of_row(row, finding) || ++places > PLACES_MAX)
			continue;
		if (finding->segment != FINDING_NOWHERE && !strchr(finding->detail, '/'))
			snprintf(place, sizeof(place), "segment %" PRId64 "%s%s", finding->segment,
				 finding->detail[0] ? ": " : "", finding->detail);
		else if (finding->detail[0])
			snprintf(place, sizeof(place), "%s", finding->detail);
		else
			snprintf(place, sizeof(place), "%s", problem_table[finding->problem].found);
		add(out, size, "    ", place);
	}
	if (places > PLACES_MAX)
		add(out, size, "    ", "and more, as the problems say");
	add(out, size, "", row->by_hand);
}

void obstacle_by_hand(const struct repo *repo, const struct obstacle_ground *ground, char *out,
		      size_t size)
{
	out[0] = '\0';
	if (repo->dialect->by_hand && !ground->clean && !obstacle_is_any(ground, OBSTACLE_IN_USE))
		add(out, size, "", repo->dialect->by_hand);
	for (size_t i = 0; i < obstacle_count; i++) {
		const struct obstacle *row = &obstacle_table[i];
		const size_t len = strlen(out);
		if (!obstacle_is_there(row, ground))
			continue;
		if (row->by_hand)
			add_row(row, ground->findings, out, size);
		else if (row->kind == OBSTACLE_CONFIG && len + 2 < size) {
			const size_t gap = len > 0;
			config_mend_text(&repo->config, &repo->mend, ground->findings,
					 out + len + gap, size - len - gap);
			if (gap)
				out[len] = out[len + gap] ? '\n' : '\0';
		}
	}
}

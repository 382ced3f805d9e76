/* engine/check/obstacle.h - what prevents a repair, in one table.
 *
 * check reads it for what it recommends and advises, a plan for what it refuses. A repair that a
 * row stops is never recommended, so that no plan refuses what check recommends.
 */
#ifndef ATTICSCOPE_OBSTACLE_H
#define ATTICSCOPE_OBSTACLE_H

#include "repo/repo.h"

#define OBSTACLE_PROBLEMS 6

/* What a row is about, where the verdict says so. */
enum obstacle_kind {
	OBSTACLE_OTHER,
	OBSTACLE_FOREIGN,	/* the repository is not in Attic's format */
	OBSTACLE_CHANGED,	/* it changed while it was read */
	OBSTACLE_IN_USE,	/* another process may be writing */
	OBSTACLE_UNREAD,	/* part of the log cannot be read */
	OBSTACLE_CONFIG		/* config must be mended by hand */
};

struct obstacle {
	enum obstacle_kind kind;
	/* It is there when one of these is among the findings (0 to count - 1) ... */
	enum problem problems[OBSTACLE_PROBLEMS];
	unsigned count;
	unsigned causes;	/* CAUSE_BIT()s: only those with such a cause; 0: with any */
	/* ... and only at a segment, or only elsewhere */
	enum { OBSTACLE_ANYWHERE, OBSTACLE_AT_SEGMENT, OBSTACLE_ELSEWHERE } where;
	bool is_part;		/* ... or only a part was read */
	bool is_disorder;	/* ... or anything above info that compaction does not mend */
	bool is_folder_itself;	/* the problem counts only for all of undo/, not for one below it */
	bool unless_clean;	/* it does not matter where nothing else is wrong */
	/* REPAIR_BIT()s: what check does not recommend, and what a plan refuses. The latter are
	 * among the former. */
	unsigned not_recommended, refused;
	const char *advice;	/* check's, or NULL: it says nothing that the verdict does not */
	const char *refusal;	/* a plan's; NULL where it refuses nothing */
	/* What a plan that it refuses does not know, as a sentence; NULL where it says nothing.
	 * What config does not say the plan finds out itself. */
	const char *not_planned;
	/* What a person has to do, after the list of what was found; NULL where no hand helps.
	 * For config, config_mend_text says it. */
	const char *by_hand;
};
#define REPAIR_BIT(repair) (1u << (repair))
#define CAUSE_BIT(cause) (1u << (cause))

extern const struct obstacle obstacle_table[];
extern const size_t obstacle_count;

/* What the rows are compared with. */
struct obstacle_ground {
	const struct findings *findings;
	bool clean;		/* no finding above info */
	bool in_part;		/* some segments were not read */
};

/* Is @row there? */
bool obstacle_is_there(const struct obstacle *row, const struct obstacle_ground *ground);

/* Is any row of @kind there? */
bool obstacle_is_any(const struct obstacle_ground *ground, enum obstacle_kind kind);

/* REPAIR_BIT()s of what is not to be recommended. */
unsigned obstacle_not_recommended(const struct obstacle_ground *ground);

/* The first row that refuses @repair, or NULL. */
const struct obstacle *obstacle_refusing(const struct obstacle_ground *ground, enum repair repair);

/* The first row with an advice, or NULL. */
const struct obstacle *obstacle_advising(const struct obstacle_ground *ground);

/* What a person has to do about all that is there, to the letter: lines apart by LF; what stands in
 * the repository, or is to be written, indented by four blanks. Empty where no hand helps. */
void obstacle_by_hand(const struct repo *repo, const struct obstacle_ground *ground, char *out,
		      size_t size);

#endif

/* engine/repair/plan_text.h - a plan, and what came of it, in lines for people. Pure text: no
 * terminal, no file. The command line, the terminal's plan screen, and plan.txt and report.txt of
 * the undo folder all show these lines.
 */
#ifndef ATTICSCOPE_PLAN_TEXT_H
#define ATTICSCOPE_PLAN_TEXT_H

#include "repair/undo.h"

enum plan_tone {
	PLAN_TONE_PLAIN,
	PLAN_TONE_HEADING,	/* above a list */
	PLAN_TONE_WARNING,	/* a doubt or a loss */
	PLAN_TONE_FAINT		/* what can be done about it */
};

/* Where the lines go. Lines bear no newline, are printable ASCII and, but for keys with their
 * places, no longer than width. An empty one separates two sections. */
struct plan_text {
	unsigned width;		/* columns; 0: 78 */
	bool has_keys;		/* name the terminal's keys instead of the command line's options */
	size_t rows_max;	/* of each list, then their number; 0: all */
	void (*line)(void *context, enum plan_tone tone, const char *line);
	void *context;
};

/* What @plan would do, what it costs and what it needs; a doubt
 * about the hardware comes first. An empty plan is one sentence; so is one that is refused before
 * it was filled. Else the reason for the refusal comes before what would be done. */
void plan_text_plan(const struct plan *plan, const struct plan_text *to);

/* What @report says was done of @plan, and the plan's lists, now as facts. */
void plan_text_report(const struct plan *plan, const struct repair_report *report,
		      const struct plan_text *to);

/* The same for an undo. Only has_changed and is_done of @report count. */
void plan_text_undo(const struct undo_plan *plan, const struct plan_text *to);
void plan_text_undo_report(const struct undo_plan *plan, const struct repair_report *report,
			   const struct plan_text *to);

/* @plan in a line, to stand below the command that makes it: what it keeps and what it loses, also
 * of what only @other knows (see plan_loses; may be NULL), or why it is refused. */
void plan_text_choice(const struct plan *plan, const struct plan *other,
		      const struct plan_text *to);

/* That root changes the repository of user @owner, and what becomes of the files it makes: a
 * sentence or two. */
#define OWNER_TEXT_SIZE 256u
void plan_text_owner(uint32_t owner, char out[OWNER_TEXT_SIZE]);

/* All lines of the plan or, where @report is not NULL, of the report, in memory that the caller
 * frees. NULL: out of memory. */
char *plan_text_string(const struct plan *plan, const struct repair_report *report);

#endif

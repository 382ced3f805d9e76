/* engine/check/banner.h - five answers for a person who knows no word of the format: how bad is it,
 * what is to be done, what may be done meanwhile, what happens otherwise, and why it came to this.
 * Pure.
 *
 * The sentences name no segment, log or transaction. What they promise is what verifying has shown:
 * nothing is called intact that was not read. */
#ifndef ATTICSCOPE_BANNER_H
#define ATTICSCOPE_BANNER_H

#include "check/diagnose.h"

enum banner_word {
	BANNER_READING,		/* not all was read yet */
	BANNER_INTACT,
	BANNER_SMALLER,		/* intact, and could be smaller */
	BANNER_OUT_OF_STEP,	/* nothing is lost; files beside the objects do not fit them */
	BANNER_UNFINISHED,	/* a backup, an upgrade or an undo was cut off */
	BANNER_DAMAGED,
	BANNER_UNREADABLE,	/* the disk or a permission refuses to show some of it */
	BANNER_NOT_OURS		/* another format */
};
/* "INTACT", "OUT OF STEP", ... */
const char *banner_word_text(enum banner_word word);

enum urgency {
	URGENCY_NONE,
	URGENCY_CAN_WAIT,
	URGENCY_BEFORE_BACKUP,	/* the next backup fails, or builds on something wrong */
	URGENCY_NOW		/* an object is hit, or the client's next start deletes something */
};
/* "", "can wait", "before the next backup", "act now" */
const char *urgency_text(enum urgency urgency);

#define BANNER_TEXT 240u	/* bytes of an answer, NUL included */

/* Each answer is a sentence or two, and may be empty but for line. */
struct banner {
	enum banner_word word;
	enum urgency urgency;
	char line[BANNER_TEXT];		/* what is the matter, with figures of a whole */
	char act[BANNER_TEXT];		/* what that means for backups */
	char first[BANNER_TEXT];	/* what to look for before any repair */
	char then[BANNER_TEXT];		/* the way on */
	char meanwhile[BANNER_TEXT];	/* what may be done until then */
	char if_not[BANNER_TEXT];	/* what happens when nothing is done */
	char cause[BANNER_TEXT];
};

/* @diagnosis is that of @repo and @verify. NULL for @verify, or one that is not complete: nothing
 * but what opening showed is known. */
void banner_make(const struct repo *repo, const struct verify *verify,
		 const struct diagnosis *diagnosis, struct banner *banner);

#endif

/* engine/check/diagnose.h - what the findings amount to, and what to do about it. Pure. */
#ifndef ATTICSCOPE_DIAGNOSE_H
#define ATTICSCOPE_DIAGNOSE_H

#include "check/check.h"

struct diagnosis {
	bool clean;			/* no finding above info */
	bool verified;			/* false: from opening alone, the data was not read */
	bool in_part;			/* only some of the segments were read */
	/* REPAIR_NONE where nothing needs doing or nothing here helps */
	enum repair recommended;
	/* The other way on, where the newest transaction stands in doubt: what is recommended keeps
	 * it, this gives it up. Else REPAIR_NONE. */
	enum repair alternative;
	/* Taking a repair back was cut short: before that is finished comes no repair, although
	 * recommended names the one that would lead forward. */
	bool undo_comes_first;
	bool data_is_older;		/* than index and hints: the rest of it may be elsewhere */
	/* findings in all, also those beyond what the list keeps */
	unsigned errors, warnings, infos;
	char verdict[320];		/* one sentence for a tired person */
	char advice[1024];		/* what to do, and why; may be empty */
	/* What only a person's hand can do, to the letter: see obstacle_by_hand. May be empty. */
	char by_hand[2048];
};

/* Weigh the findings of @verify (complete), or of @repo alone where @verify is NULL. */
void diagnose(const struct repo *repo, const struct verify *verify, struct diagnosis *diagnosis);

#endif

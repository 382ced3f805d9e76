/* src/check_scope.h - which part of the repository a check reads, and what it takes as known. */
#ifndef ATTICSCOPE_CHECK_SCOPE_H
#define ATTICSCOPE_CHECK_SCOPE_H

#include "engine/check/check.h"
#include "src/command.h"

struct check_scope {
	struct verify_scope verify;
	bool is_part;		/* a range or a shard: its report is to be merged */
	bool has_cache;		/* what was found is kept for the next check */
	struct verify_records known, kept;
};

/* What the options in @request ask for. EXIT_DONE, or the exit status; the message was printed. */
int check_scope_begin(const struct request *request, const struct repo *repo,
		      struct check_scope *scope);

/* Keep what was found for the next check, where that was asked for. @is_cut_short: the check did
 * not come to its end, and what was known before stays. */
void check_scope_end(struct check_scope *scope, const struct repo *repo, bool is_cut_short);

#endif

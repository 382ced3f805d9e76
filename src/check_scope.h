/* src/check_scope.h - which part of the repository a check reads, and which earlier results it
 * trusts. */
#ifndef ATTICSCOPE_CHECK_SCOPE_H
#define ATTICSCOPE_CHECK_SCOPE_H

#include "engine/check/check.h"
#include "src/command.h"

struct check_scope {
	struct verify_scope verify;
	bool is_part;		/* a range or a shard, whose report will be merged */
	bool has_cache;		/* the results are saved for the next check */
	struct verify_records known, kept;
};

/* Set *@scope as the options of @request ask. EXIT_DONE, or the exit status after a message. */
int check_scope_begin(const struct request *request, const struct repo *repo,
		      struct check_scope *scope);

/* Save the results for the next check, where that was asked for. @is_cut_short: the check did not
 * finish, so earlier results stay. */
void check_scope_end(struct check_scope *scope, const struct repo *repo, bool is_cut_short);

#endif

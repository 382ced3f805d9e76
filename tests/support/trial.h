/* tests/support/trial.h - runs one row of operations.h again and again from the same beginning, and
 * checks what each fault leaves.
 *
 * What is left opens, and check tells the truth about it. The recommended steps lead to the objects
 * before the operation or to those after it, and to those after it if the operation reported
 * success. What the repairs did can be taken back to the last byte, before those steps and after
 * them. */
#ifndef ATTICSCOPE_TESTS_TRIAL_H
#define ATTICSCOPE_TESTS_TRIAL_H

#include "tests/support/builder.h"
#include "tests/support/follow_advice.h"
#include "tests/support/operations.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct trial {
	const struct operation *operation;
	char folder[BUILDER_PATH];	/* its own; faults happen on "disk" in it */
	char repo[BUILDER_PATH];	/* on "disk" */
	struct contents before, after;
	uint64_t origin;		/* advice_digest before all repairs */
};

struct trial_state {
	const char *folder;	/* "disk", or a copy of it; the repository is "repo" in it */
	bool is_done;		/* the operation reported success */
	const struct contents *end;	/* the only right contents; NULL: before or after */
	enum way_back way_back;
	uint64_t origin;	/* the digest that BACK_TO_ORIGIN must give */
	unsigned steps;		/* set by trial_check: how many were recommended */
};

/* Make the beginning, and run the operation once, through @io, which fails nothing. A failure fails
 * the test. */
void trial_begin(struct trial *trial, const struct operation *operation);
void trial_run(struct trial *trial, const struct io *io);
void trial_end(struct trial *trial);

/* Put the disk back to the beginning. */
void trial_reset(const struct trial *trial);

/* A state of "disk", or of a copy of it in @folder, with the way back of the operation. */
struct trial_state trial_state(const struct trial *trial, const char *folder, bool is_done);

/* A path in the trial's folder, and the repository's path in @folder. */
const char *trial_path(const struct trial *trial, const char *name, char out[BUILDER_PATH]);
const char *trial_repo(const char *folder, char out[BUILDER_PATH]);

/* What is wrong with @state, or NULL. Repairs the repository in it, and takes that back. */
const char *trial_check(const struct trial *trial, struct trial_state *state,
			char text[ADVICE_TEXT]);

/* Write one test for each of the @count @rows to @tests; returns the place behind them. */
struct CMUnitTest *trial_tests(struct CMUnitTest *tests, const struct operation *rows,
			       size_t count, CMUnitTestFunction run);
/* Run the @count @tests, in memory if possible; those that match the pattern in the environment
 * variable @pattern, or all. Frees @tests. */
int trial_run_tests(const char *group, const char *pattern, struct CMUnitTest *tests, size_t count);

#endif

/* tests/trial.h - one row of operations.h, tried again and again from the same beginning, and
 * judged.
 *
 * What is left after a fault opens, and tells the truth; the steps that it recommends lead to the
 * objects before or the objects after, and to those after where the operation said that it was
 * done; what the repairs did can be taken back to the last byte, before that and after. */
#ifndef ATTICSCOPE_TESTS_TRIAL_H
#define ATTICSCOPE_TESTS_TRIAL_H

#include "tests/builder.h"
#include "tests/follow_advice.h"
#include "tests/operations.h"

struct trial {
	const struct operation *operation;
	char folder[BUILDER_PATH];	/* of its own; "disk" in it is what is tried */
	char repo[BUILDER_PATH];	/* on the disk */
	struct contents before, after;
	uint64_t origin;		/* advice_digest before all repairs */
};

struct trial_state {
	const char *folder;	/* "disk", or a copy of it: the repository is "repo" in it */
	bool is_done;		/* the operation said so */
	/* what taking everything back must give; else as the operation says */
	bool has_origin;
	uint64_t origin;
	unsigned steps;		/* set by trial_judge: so many were recommended */
};

/* Make the beginning, and do the operation once without a fault. Fails the test where that fails.
 */
void trial_begin(struct trial *trial, const struct operation *operation);
void trial_end(struct trial *trial);

/* The disk as it was in the beginning. */
void trial_reset(const struct trial *trial);

/* A path in the trial's folder, and that of the repository in such a one. */
const char *trial_path(const struct trial *trial, const char *name, char out[BUILDER_PATH]);
const char *trial_repo(const char *folder, char out[BUILDER_PATH]);

/* What is wrong with @state, or NULL. Mends it, and takes that back. */
const char *trial_judge(const struct trial *trial, struct trial_state *state,
			char text[ADVICE_TEXT]);

#endif

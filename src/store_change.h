/* src/store_change.h - what put and delete have in common: open the repository, refuse one in
 * disorder, wait for locks, commit or roll back, and report what was done.
 *
 * Every failure is reported on standard error. */
#ifndef ATTICSCOPE_STORE_CHANGE_H
#define ATTICSCOPE_STORE_CHANGE_H

#include "engine/base/bytes.h"
#include "src/command.h"
#include "src/input_value.h"

struct store_change {
	struct as_store *store;
	const struct request *request;
	const char *path;
	struct as_state before;	/* when it was opened */
	uint64_t objects_before;
	unsigned overtaken;	/* so often another process wrote before the lock was taken */
	bool is_reported;	/* the failure to open was */
};

/* What a command did, for the report. */
struct change_summary {
	const char *action;	/* in JSON */
	char text[160];		/* for people: "put 12 bytes under ..." */
	const uint8_t *keys;	/* back to back; NULL: too many to list */
	uint64_t count;		/* of values put or objects deleted, and of keys unless NULL */
	uint64_t bytes;		/* of the values put */
};

/* Open the repository that @request names first, and catch interrupts. A repository in disorder is
 * refused with AS_ERR_UNCOMMITTED or AS_ERR_INDEX. After an error there is nothing to close. */
enum as_err store_change_begin(struct request *request, struct store_change *change);

/* as_put or, if @value is NULL, as_delete; the first one waits for the lock. After an error, call
 * only store_change_abandon. */
enum as_err store_change_apply(struct store_change *change, const uint8_t key[KEY_SIZE],
			       const struct input_value *value);

/* Commit, close, and write @summary to standard output. If the commit fails or an interrupt came,
 * do what store_change_abandon does. Returns the exit status. */
int store_change_commit(struct store_change *change, struct request *request,
			const struct change_summary *summary);

/* Roll back, print that nothing was changed, and close. Returns the exit status for @err, the
 * reason, which was already printed. */
int store_change_abandon(struct store_change *change, enum as_err err);

#endif

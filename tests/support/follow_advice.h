/* tests/support/follow_advice.h - what a person does with a repository that may be damaged: check
 * it, take the recommended step, check again; or undo repairs. And what the repository holds.
 *
 * Fails no test: each function returns what is wrong as text, or NULL. */
#ifndef ATTICSCOPE_TESTS_FOLLOW_ADVICE_H
#define ATTICSCOPE_TESTS_FOLLOW_ADVICE_H

#include "engine/base/io.h"
#include "engine/check/diagnose.h"
#include "engine/repair/repair.h"

#define ADVICE_TEXT 1024u

/* Run @action, recommended or not. Everything goes through @io, the check as well. */
const char *advice_repair(const char *repo, const struct io *io, enum repair action,
			  char text[ADVICE_TEXT]);
/* Undo the newest repair. */
const char *advice_undo(const char *repo, const struct io *io, char text[ADVICE_TEXT]);

/* A fault that comes while the lock is given back leaves an empty folder, which is a lock until it
 * is some seconds old. Let them pass; the functions here do. */
void advice_wait(const char *repo);

/* Take the recommended step. *@is_clean: there was none to take. */
const char *advice_step(const char *repo, const struct io *io, bool *is_clean,
			char text[ADVICE_TEXT]);
/* Take recommended steps until the repository is clean; four must do. *@steps counts them. */
const char *advice_follow(const char *repo, const struct io *io, unsigned *steps,
			  char text[ADVICE_TEXT]);
/* Undo all repairs, the newest first, until no undo folder is left. */
const char *advice_undo_all(const char *repo, const struct io *io, char text[ADVICE_TEXT]);

/* A digest of the bytes and paths of all files below @repo; those in undo/ only @with_undo, and
 * those of the lock never. No part of the engine is used. */
uint64_t advice_digest(const char *repo, bool with_undo);

/* ---- objects ---- */

struct object {
	uint8_t key[KEY_SIZE];
	uint64_t digest;	/* of the value */
};

struct contents {
	struct object *objects;	/* ascending by key */
	size_t count;
};

/* Read all objects of @repo, which must be in order, through the store: by index and hints, and by
 * the log alone, which must agree. */
const char *contents_read(const char *repo, struct contents *contents, char text[ADVICE_TEXT]);
bool contents_equal(const struct contents *left, const struct contents *right);
/* Is every object of @part the same in @whole? */
bool contents_are_of(const struct contents *part, const struct contents *whole);
void contents_free(struct contents *contents);

#endif

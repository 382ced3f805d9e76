/* tests/follow_advice.h - what a person does with a repository that something happened to: look,
 * take the step that is recommended, look again; or take repairs back. And what the repository
 * holds.
 *
 * Fails no test: what is wrong comes back as a text, NULL where nothing is. */
#ifndef ATTICSCOPE_TESTS_FOLLOW_ADVICE_H
#define ATTICSCOPE_TESTS_FOLLOW_ADVICE_H

#include "engine/base/io.h"
#include "engine/check/diagnose.h"
#include "engine/repair/repair.h"

#define ADVICE_TEXT 1024u

/* Run @action, whether it is recommended or not; through @io, with all that comes before. */
const char *advice_repair(const char *repo, const struct io *io, enum repair action,
			  char text[ADVICE_TEXT]);
/* Take the newest repair back. */
const char *advice_undo(const char *repo, const struct io *io, char text[ADVICE_TEXT]);

/* Take the recommended step. *@is_clean: none was due. */
const char *advice_step(const char *repo, const struct io *io, bool *is_clean,
			char text[ADVICE_TEXT]);
/* Take recommended steps until the repository is clean; four must do. *@steps were taken. */
const char *advice_follow(const char *repo, const struct io *io, unsigned *steps,
			  char text[ADVICE_TEXT]);
/* Take back all repairs that are there, the newest first, until nothing is left of them. */
const char *advice_undo_all(const char *repo, const struct io *io, char text[ADVICE_TEXT]);

/* A digest of the bytes and paths of all files below @repo but those in undo/. */
uint64_t advice_digest(const char *repo);

/* ---- objects ---- */

struct object {
	uint8_t key[KEY_SIZE];
	uint64_t digest;	/* of the value */
};

struct contents {
	struct object *objects;	/* ascending by key */
	size_t count;
};

/* What the store reads from @repo, which must be in order: by index and hints, and once more by the
 * log alone, which must be the same. */
const char *contents_read(const char *repo, struct contents *contents, char text[ADVICE_TEXT]);
bool contents_equal(const struct contents *left, const struct contents *right);
/* Is everything in @part the same in @whole? */
bool contents_are_of(const struct contents *part, const struct contents *whole);
void contents_free(struct contents *contents);

#endif

/* tests/wreck.h - a repository with a known history, and random damage to it. */
#ifndef ATTICSCOPE_TESTS_WRECK_H
#define ATTICSCOPE_TESTS_WRECK_H

#include "engine/check/replay.h"
#include "engine/repo/view.h"
#include "tests/builder.h"

#define WRECK_OBJECTS 120u
#define WRECK_FILES 64u

struct wreck_object {
	uint8_t key[BUILDER_KEY];
	bool is_live;
	uint32_t segment, offset, size; /* of its PUT, when it is live */
	bool survives;                  /* the bytes of that PUT, after the damage */
};

struct wreck_file {
	char path[BUILDER_PATH];
	int64_t segment; /* -1: index or hints */
	uint8_t *bytes;
	size_t len;
	bool is_touched; /* and must be written anew */
};

struct wreck {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	struct wreck_object objects[WRECK_OBJECTS];
	struct wreck_file files[WRECK_FILES];
	size_t count, segments; /* segments come first in files */
	uint64_t random;
	char story[256]; /* what was done to it */
	bool is_scattered; /* files lie where none belong, or were repaired */
};

/* cmocka's setup and teardown: *@state is a struct wreck, undamaged. */
int wreck_setup(void **state);
int wreck_teardown(void **state);

/* Begin anew with @seed: what is done from now on follows from it. */
void wreck_seed(struct wreck *wreck, unsigned seed);

/* Do one more damage, told of in wreck->story: a bit flipped in a segment or the index, a page of a
 * segment zeroed or repeated elsewhere, a segment cut off or lost, index or hints lost. */
void wreck_damage(struct wreck *wreck);

/* The same, or: two segments swapped, a segment there twice or in the wrong folder, an index or
 * hints of another repository or of an older transaction, a tail that was never committed. */
void wreck_damage_more(struct wreck *wreck);

/* Put everything back. */
void wreck_restore(struct wreck *wreck);

/* Do the bytes of the object's PUT still stand where they stood? */
bool wreck_survives(const struct wreck *wreck, const struct wreck_object *object);

/* The value that @object was last written with; @object->size - 41 bytes, lent. */
const uint8_t *wreck_value(const struct wreck *wreck, const struct wreck_object *object);

/* Does @place of the repository that @view shows hold the object as it was last written? */
bool wreck_reads_right(const struct wreck *wreck, const struct view *view,
		       const struct wreck_object *object, const struct replay_event *place);

#endif

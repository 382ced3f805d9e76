/* tests/support/damaged_repo.h - a repository with a known history, and random damage to it. */
#ifndef ATTICSCOPE_TESTS_DAMAGED_REPO_H
#define ATTICSCOPE_TESTS_DAMAGED_REPO_H

#include "engine/check/replay.h"
#include "engine/repo/repo.h"
#include "tests/support/builder.h"

#define DAMAGED_OBJECTS 120u
#define DAMAGED_FILES 64u

struct damaged_object {
	uint8_t key[BUILDER_KEY];
	bool is_live;
	uint32_t segment, offset, size; /* of its PUT, when it is live */
	bool survives;                  /* the bytes of that PUT, after the damage */
};

struct damaged_file {
	char path[BUILDER_PATH];
	int64_t segment; /* -1: index, hints or, of Borg, integrity */
	uint8_t *bytes;
	size_t len;
	bool is_touched; /* damaged; restoring writes it again */
};

struct damaged_repo {
	char folder[BUILDER_PATH], repo[BUILDER_PATH];
	struct damaged_object objects[DAMAGED_OBJECTS];
	struct damaged_file files[DAMAGED_FILES];
	size_t count, segments; /* segments come first in files */
	bool is_borg;
	uint64_t random;
	char story[256]; /* what was done to it */
	bool is_scattered; /* files lie where none belong, or were repaired */
};

/* cmocka's setup and teardown: *@state is a struct damaged_repo, undamaged, of Attic or of Borg. */
int damaged_repo_setup(void **state);
int damaged_repo_setup_borg(void **state);
int damaged_repo_teardown(void **state);

/* The same for both: *@state is a struct damaged_pair. */
struct damaged_pair {
	struct damaged_repo *repos[2];	/* of Attic, of Borg */
};
int damaged_repo_setup_both(void **state);
int damaged_repo_teardown_both(void **state);

/* The segment number @n of those that hold more than a COMMIT. */
const struct damaged_file *damaged_repo_data(const struct damaged_repo *damaged, size_t n);

/* Seed the random numbers that choose each damage. */
void damaged_repo_seed(struct damaged_repo *damaged, unsigned seed);

/* Do one more damage and describe it in damaged->story: a bit flipped in a segment or the index, a
 * page of a segment zeroed or repeated elsewhere, a segment cut off or lost, index or hints lost.
 */
void damaged_repo_damage(struct damaged_repo *damaged);

/* The same, or two segments swapped, a segment there twice or in the wrong folder, an index or
 * hints of another repository or an older transaction, a tail that was never committed. */
void damaged_repo_damage_more(struct damaged_repo *damaged);

/* Undo all damage. */
void damaged_repo_restore(struct damaged_repo *damaged);

/* Is the object's PUT undamaged and in its place? */
bool damaged_repo_survives(const struct damaged_repo *damaged, const struct damaged_object *object);

/* The value that @object was last written with: @object->size - 41 bytes, owned by @damaged. */
const uint8_t *damaged_repo_value(const struct damaged_repo *damaged,
				  const struct damaged_object *object);

/* Does the object at @place in @repo have its last value? */
bool damaged_repo_reads_right(const struct damaged_repo *damaged, const struct repo *opened,
			      const struct damaged_object *object,
			      const struct replay_event *place);

#endif

/* tests/support/small_repo.h - a small repository, and the engine's picture of it. */
#ifndef ATTICSCOPE_TESTS_SMALL_REPO_H
#define ATTICSCOPE_TESTS_SMALL_REPO_H

#include "engine/check/diagnose.h"
#include "tests/support/builder.h"

struct small_repo {
	char folder[BUILDER_PATH], path[BUILDER_PATH];	/* of the test, and of the repository */
	struct builder *builder;
	struct repo *repo;		/* NULL: not opened */
	struct as_error error;
	struct diagnosis diagnosis;
};

/* Begin one with @objects objects of 200 bytes, numbers 0 and up, and no COMMIT yet. *@state is the
 * struct small_repo, for cmocka. */
struct small_repo *small_repo_new(void **state, uint32_t segments_per_dir,
				  uint32_t max_segment_size, unsigned objects);

/* cmocka's setup and teardown. Objects 0 to 19 of 200 bytes, in segments of about 1000; 5 deleted,
 * 6 overwritten in a second transaction. */
int small_repo_setup(void **state);
int small_repo_teardown(void **state);

/* Open it, or open it again, without a lock. @io: NULL is the system's. Codes of repo_open. */
enum as_err small_repo_open(struct small_repo *world, const struct io *io);

/* The first @nibbles digits of the key of object @number. */
struct key_prefix small_repo_prefix(unsigned number, unsigned nibbles);

#endif

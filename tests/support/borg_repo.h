/* tests/support/borg_repo.h - makes a repository of the builder one that Borg wrote.
 *
 * Magics, README, config, hints of version 2 and integrity.N are encoded here a second time. Any
 * failure ends the program with a message. */
#ifndef ATTICSCOPE_TESTS_BORG_REPO_H
#define ATTICSCOPE_TESTS_BORG_REPO_H

#include "tests/support/builder.h"

/* Write the repository, whose newest transaction is whole, in Borg's format. */
void borg_repo_make(const struct builder *builder);

/* The same, with hints that say @quota_use, and that no older PUT of the key @shadow is left (NULL:
 * of none). */
void borg_repo_make_with(const struct builder *builder, uint32_t quota_use, const uint8_t *shadow);

/* Write @lines behind the id in config, in the place of what stands there. */
void borg_repo_config(const struct builder *builder, const char *lines);

/* Write integrity.N of the newest transaction, with the digests that index and hints have now. */
void borg_repo_seal(const struct builder *builder);

#endif

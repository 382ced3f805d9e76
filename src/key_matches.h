/* src/key_matches.h - the keys that a prefix may stand for. */
#ifndef ATTICSCOPE_KEY_MATCHES_H
#define ATTICSCOPE_KEY_MATCHES_H

#include "engine/check/check.h"

#define KEY_MATCHES_KEPT 4

struct key_matches {
	uint64_t count;
	uint8_t keys[KEY_MATCHES_KEPT][KEY_SIZE]; /* the first ones found */
};

/* By the index, read to its end or up to where the disk refuses. None where there is no index. */
void key_matches_in_index(const struct repo *repo, const struct key_prefix *prefix,
			  struct key_matches *matches);

/* By the log, with all evidence weighed: objects, and those that are lost. Needs a complete
 * @verify. */
void key_matches_in_log(const struct verify *verify, const struct key_prefix *prefix,
			struct key_matches *matches);

/* Say on standard error that @text may be any of them. */
void key_matches_report(const struct key_matches *matches, const char *text);

#endif

/* src/key_matches.h - the keys that a prefix may stand for. */
#ifndef ATTICSCOPE_KEY_MATCHES_H
#define ATTICSCOPE_KEY_MATCHES_H

#include "engine/check/check.h"

#define CANDIDATES_KEPT 4

struct candidates {
	uint64_t count;
	uint8_t keys[CANDIDATES_KEPT][KEY_SIZE];	/* the first ones found */
};

/* By the index, read to its end or up to where the disk refuses. None where there is no index. */
void candidates_from_index(const struct repo *repo, const struct key_prefix *prefix,
			   struct candidates *candidates);

/* By the log, with all evidence weighed: objects, and those that are lost. Needs a complete
 * @verify. */
void candidates_from_log(const struct verify *verify, const struct key_prefix *prefix,
			 struct candidates *candidates);

/* Say on standard error that @text may be any of them. */
void candidates_report(const struct candidates *candidates, const char *text);

#endif

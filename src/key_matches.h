/* src/key_matches.h - the keys that begin with a prefix. */
#ifndef ATTICSCOPE_KEY_MATCHES_H
#define ATTICSCOPE_KEY_MATCHES_H

#include "engine/check/check.h"

#define KEY_MATCHES_KEPT 4

struct key_matches {
	const struct key_prefix *prefix;
	uint64_t count;
	uint8_t keys[KEY_MATCHES_KEPT][KEY_SIZE]; /* the first ones found */
};

/* Find them in the index, up to where the disk cannot read it. None if there is no index. */
void key_matches_in_index(const struct repo *repo, const struct key_prefix *prefix,
			  struct key_matches *matches);

/* Find them in the log, with all evidence weighed: objects, and lost ones. Needs a complete
 * @verify. */
void key_matches_in_log(const struct verify *verify, const struct key_prefix *prefix,
			struct key_matches *matches);

/* Print that @text may be any of them. */
void key_matches_report(const struct key_matches *matches, const char *text);

#endif

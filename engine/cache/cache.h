/* engine/cache/cache.h - records of verified segments in the user's own cache folder:
 * $XDG_CACHE_HOME/atticscope/<repository id>.json, or ~/.cache/atticscope/.
 *
 * Losing it costs time and nothing else. It is written to the cache folder, never into the
 * repository.
 */
#ifndef ATTICSCOPE_CACHE_H
#define ATTICSCOPE_CACHE_H

#include "check/known.h"
#include "repo/repo.h"

#define CACHE_FILE_MAX (1024u * 1024u * 1024u)	/* bytes; a larger one is not read */

/* Load what is known of @repo's repository into @records, sorted. False: there is a cache and it
 * cannot be used; @why says so, and @records is empty. No cache, or no id, is none at all. */
bool cache_load(const struct repo *repo, struct verify_records *records, char *why, size_t size);

/* Replace what is known by @records. False: @why. */
bool cache_save(const struct repo *repo, const struct verify_records *records, char *why,
		size_t size);

#endif

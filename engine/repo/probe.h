/* engine/repo/probe.h - a quick look whether index and hints are those of the log.
 *
 * check/check.h checks them against every entry. This is for callers that cannot wait for that:
 * it reads a bounded part of the index, of the hints in memory, and headers of some entries. It
 * finds an index of another repository, an empty one and one of another time, but not a few
 * wrong bits.
 */
#ifndef ATTICSCOPE_PROBE_H
#define ATTICSCOPE_PROBE_H

#include "repo/repo.h"

#define PROBE_TEXT_SIZE 256u

/* Check @index and @hints, both of one transaction, against the segments of @repo up to it:
 * - nearly all of up to 64 mappings, spread over the index, lead to the PUT of their key; those
 *   into damage and into missing segments that the hints list do not count;
 * - no segment above all that the hints list holds a PUT;
 * - the index maps some key into the newest segment that the hints count objects in.
 * @why is empty where all that holds, and says what does not. AS_ERR_MEMORY, AS_ERR_IO (the index
 * cannot be read). */
enum as_err probe_witnesses(const struct repo *repo, const struct index_file *index,
			    const struct hints *hints, char why[PROBE_TEXT_SIZE]);

/* Can the repo's index be asked for one object without reading the log? It is the newest
 * transaction's, its hints count as many objects, and the probe finds nothing. */
bool probe_repo(const struct repo *repo);

#endif

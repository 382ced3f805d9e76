/* engine/format/hints.h - REPO/hints.T: live counts per segment and the candidates for compaction.
 *
 * Source: attic/repository.py, write_index: one msgpack map of the old family (raw strings):
 *   "version": 1, "segments": {segment: number of live PUTs}, "compact": [segments]
 */
#ifndef ATTICSCOPE_HINTS_H
#define ATTICSCOPE_HINTS_H

#include "base/io.h"
#include "base/problem.h"

#define HINTS_FILE_MAX (256u * 1024u * 1024u)	/* bytes: 25 million segments; more is refused */

struct hints_segment {
	uint32_t segment;
	int64_t live;		/* as stored; a negative count is possible and wrong */
};

struct hints {
	bool usable;		/* read and understood */
	uint32_t transaction;	/* the T of hints.T */
	uint32_t version;
	struct hints_segment *segments; /* ascending by segment, each once */
	size_t segment_count;
	uint32_t *compact;	/* ascending, each once */
	size_t compact_count;
};

/* Parse the bytes of a hints file. Takes no more memory than the bytes justify, whatever their
 * counts claim. Sets usable, or appends PROBLEM_HINTS_FORMAT or _VERSION. AS_ERR_MEMORY only. */
enum as_err hints_parse(const uint8_t *data, size_t len, uint32_t transaction, struct hints *hints,
			struct findings *findings);

/* Read REPO/hints.@transaction; missing or unreadable is a finding (PROBLEM_HINTS_MISSING,
 * _UNREADABLE). AS_ERR_MEMORY only. */
enum as_err hints_read(const struct io *io, int repo_fd, uint32_t transaction, struct hints *hints,
		       struct findings *findings);

void hints_free(struct hints *hints);

/* The row of @segment, or NULL. */
const struct hints_segment *hints_find(const struct hints *hints, uint32_t segment);

/* Is @segment in the compact list? */
bool hints_is_compact(const struct hints *hints, uint32_t segment);

#endif

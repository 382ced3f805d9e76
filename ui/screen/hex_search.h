/* ui/screen/hex_search.h - search for bytes in a segment or in the index. */
#ifndef ATTICSCOPE_HEX_SEARCH_H
#define ATTICSCOPE_HEX_SEARCH_H

#include "app/search.h"

/* A target for search_start: query->bytes in the segment at @position of the listing, or in the
 * index. @show is called with the offset of the match. NULL: out of memory. */
struct search_target *hex_search_target(struct session *session, bool of_index, size_t position,
					const struct query *query,
					void (*show)(struct screen *screen, uint64_t offset));

#endif

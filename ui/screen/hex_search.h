/* ui/screen/hex_search.h - looking for bytes in a segment or in the index. */
#ifndef ATTICSCOPE_HEX_SEARCH_H
#define ATTICSCOPE_HEX_SEARCH_H

#include "app/search.h"

/* The bytes of the segment at @position of the listing, or of the index, to be searched for
 * query->bytes; @show is called with the offset. NULL: out of memory. */
struct search_target *hex_search_target(struct session *session, bool of_index, size_t position,
					const struct query *query,
					void (*show)(struct screen *screen, uint64_t offset));

#endif

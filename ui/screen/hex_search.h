/* ui/screen/hex_search.h - search for bytes in a segment or in the index. */
#ifndef ATTICSCOPE_HEX_SEARCH_H
#define ATTICSCOPE_HEX_SEARCH_H

#include "widget/model.h"

/* A model for search_start, whose rows are the @length bytes of the file at @position (see
 * raw_open). A batch and what is searched for must fit a window together. NULL: out of memory. */
struct model *hex_search_model(struct session *session, size_t position, uint64_t length);

#endif

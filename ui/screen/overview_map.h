/* ui/screen/overview_map.h - the geometry of the overview's map: which segments share a cell. Pure.
 *
 * Segments are counted by their position in the listing, cells line by line from the top left. */
#ifndef ATTICSCOPE_OVERVIEW_MAP_H
#define ATTICSCOPE_OVERVIEW_MAP_H

#include "widget/position.h"

#include <stddef.h>

/* How many segments share a cell, so that @count of them fit into @room cells. 0: no room. */
size_t map_group(size_t count, size_t room);

/* How many cells @count segments take, with @group in each; 0 if @group is 0. */
size_t map_cells(size_t count, size_t group);

/* The position after the last segment of @cell, which exists. */
size_t map_end(size_t count, size_t group, size_t cell);

/* Where @motion leads from @cell. There are @cells, in lines of @width, which is at least 1. */
size_t map_move(size_t cell, size_t cells, size_t width, enum motion motion);

#endif

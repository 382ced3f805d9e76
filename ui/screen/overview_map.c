#include "build-config.h"

#include "screen/overview_map.h"

size_t map_group(size_t count, size_t room)
{
	if (room == 0)
		return 0;
	return count <= room ? 1 : (count + room - 1) / room;
}

size_t map_cells(size_t count, size_t group)
{
	return group ? (count + group - 1) / group : 0;
}

size_t map_end(size_t count, size_t group, size_t cell)
{
	const size_t end = (cell + 1) * group;
	return end < count ? end : count;
}

size_t map_move(size_t cell, size_t cells, size_t width, enum motion motion)
{
	if (cells == 0)
		return 0;
	switch (motion) {
	case MOTION_LEFT:
		return cell - (cell > 0);
	case MOTION_RIGHT:
		return cell + (cell + 1 < cells);
	case MOTION_UP:
	case MOTION_SCROLL_UP:
		return cell >= width ? cell - width : cell;
	case MOTION_DOWN:
	case MOTION_SCROLL_DOWN:
		return cell + width < cells ? cell + width : cell;
	case MOTION_PAGE_UP:
	case MOTION_HOME:
		return 0;
	default:
		return cells - 1;
	}
}

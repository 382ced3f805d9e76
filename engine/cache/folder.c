#include "build-config.h"

#include "cache/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)	/* needs no right to list it */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool folder_is_within(int fd, int outer)
{
	struct stat wanted, here, above = { 0 };
	bool is_top = false;
	int at = openat(fd, ".", FLAGS);
	bool is_known = at >= 0 && fstat(outer, &wanted) == 0 && fstat(at, &here) == 0;
	while (is_known && !is_top && !is_same(&here, &wanted)) {
		const int up = openat(at, "..", FLAGS);
		is_known = up >= 0 && fstat(up, &above) == 0;
		is_top = is_known && is_same(&above, &here);
		close(at);
		at = up;
		here = above;
	}
	if (at >= 0)
		close(at);
	return !is_top;
}

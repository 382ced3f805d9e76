/* engine/cache/folder.h - where an open folder lies: for what the program writes outside of the
 * repository, which does not go through struct io. */
#ifndef ATTICSCOPE_FOLDER_H
#define ATTICSCOPE_FOLDER_H

#include <stdbool.h>

/* Is the open folder @fd the folder @outer, or somewhere below it, whatever its path says? True
 * also where that cannot be found out: better not write there. */
bool folder_is_within(int fd, int outer);

#endif

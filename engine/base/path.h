/* engine/base/path.h - paths as strings. Nothing is looked up. */
#ifndef ATTICSCOPE_PATH_H
#define ATTICSCOPE_PATH_H

#include <stdbool.h>

/* Cut @path, which is not empty, down to the folder that it lies in: "data/0/7" to "data/0", "data"
 * to ".", "/data" to "/". False, and nothing changes: it is "." or "/". */
bool path_parent(char *path);

#endif

/* engine/format/names.h - what the name of a file of a repository means. */
#ifndef ATTICSCOPE_NAMES_H
#define ATTICSCOPE_NAMES_H

#include <stdbool.h>

/* "index.tmp", "hints.N.tmp": what a writing of index or hints leaves that is cut short. */
bool name_is_temporary(const char *path);

#endif

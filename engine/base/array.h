/* engine/base/array.h - arrays that grow by one row at a time. */
#ifndef ATTICSCOPE_ARRAY_H
#define ATTICSCOPE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Make room in the array *@rows, of *@capacity rows of @size bytes, for one row behind @count.
 * False: out of memory, and all is as before. An array of no capacity is NULL. */
bool rows_reserve(void **rows, size_t count, size_t *capacity, size_t size);

#endif

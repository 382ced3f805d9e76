/* engine/base/array.h - arrays that grow by one element at a time. */
#ifndef ATTICSCOPE_ARRAY_H
#define ATTICSCOPE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Make room in *@array, which holds *@capacity elements of @size bytes, for one more after the
 * first @count. False: out of memory, and nothing has changed. An array of no capacity is NULL. */
bool array_reserve(void **array, size_t count, size_t *capacity, size_t size);

#endif

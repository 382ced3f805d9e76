/* engine/base/array.h - arrays that grow by one element at a time, and searching sorted ones. */
#ifndef ATTICSCOPE_ARRAY_H
#define ATTICSCOPE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Make room in @array for one more element after the first @count; @capacity says how many it has
 * room for. All three are lvalues. False: out of memory, and nothing has changed. An array of no
 * capacity is NULL. */
#define ARRAY_RESERVE(array, count, capacity) \
	array_reserve(&(array), (count), &(capacity), sizeof(*(array)))

/* The function behind it: @array points to the pointer to the elements, of @size bytes each. */
bool array_reserve(void *array, size_t count, size_t *capacity, size_t size);

/* The number of elements that come before @key in @array, which is sorted: where the element equal
 * to @key is, or where it belongs. @compare is called as by bsearch, the key first. @array may be
 * NULL where @count is 0; so it may in array_find and array_sort. */
size_t array_lower_bound(const void *array, size_t count, size_t size, const void *key,
			 int (*compare)(const void *key, const void *element));

/* An element equal to @key, or NULL: bsearch. */
void *array_find(const void *array, size_t count, size_t size, const void *key,
		 int (*compare)(const void *key, const void *element));

/* qsort */
void array_sort(void *array, size_t count, size_t size,
		int (*compare)(const void *a, const void *b));

/* For all three: compare the uint32_t, or the key, that each of the two is or begins with. */
int array_compare_u32(const void *a, const void *b);
int array_compare_key(const void *a, const void *b);

#endif

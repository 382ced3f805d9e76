#include "build-config.h"

#include "base/array.h"

#include "base/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 16u

bool array_reserve(void *array, size_t count, size_t *capacity, size_t size)
{
	void *elements, *grown;
	if (count < *capacity)
		return true;
	/* The pointer has the caller's type: it is copied, not accessed as a void *. */
	memcpy(&elements, array, sizeof(elements));
	const size_t wanted = *capacity > 0 ? 2 * *capacity : CAPACITY_FIRST;
	grown = reallocarray(elements, wanted, size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*capacity = wanted;
	return true;
}

size_t array_lower_bound(const void *array, size_t count, size_t size, const void *key,
			 int (*compare)(const void *key, const void *element))
{
	size_t low = 0, high = count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (compare(key, (const char *)array + middle * size) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *array_find(const void *array, size_t count, size_t size, const void *key,
		 int (*compare)(const void *key, const void *element))
{
	return count > 0 ? bsearch(key, array, count, size, compare) : NULL;
}

void array_sort(void *array, size_t count, size_t size,
		int (*compare)(const void *a, const void *b))
{
	if (count > 1)
		qsort(array, count, size, compare);
}

int array_compare_u32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

int array_compare_key(const void *a, const void *b)
{
	return memcmp(a, b, KEY_SIZE);
}

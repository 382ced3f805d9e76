#include "build-config.h"

#include "base/array.h"

#include <stdlib.h>

#define CAPACITY_FIRST 16u

bool array_reserve(void **array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	const size_t wanted = *capacity > 0 ? 2 * *capacity : CAPACITY_FIRST;
	void *larger = reallocarray(*array, wanted, size);
	if (!larger)
		return false;
	*array = larger;
	*capacity = wanted;
	return true;
}

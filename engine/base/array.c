#include "build-config.h"

#include "base/array.h"

#include <stdlib.h>

#define ROWS_FIRST 16u

bool rows_reserve(void **rows, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return true;
	const size_t wanted = *capacity > 0 ? 2 * *capacity : ROWS_FIRST;
	void *larger = reallocarray(*rows, wanted, size);
	if (!larger)
		return false;
	*rows = larger;
	*capacity = wanted;
	return true;
}

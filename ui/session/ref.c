#include "build-config.h"

#include "session/ref.h"

#include <stdlib.h>

void *ref_new(size_t size, void (*free)(void *object))
{
	struct ref *ref = calloc(1, size);
	if (!ref)
		return NULL;
	atomic_store(&ref->count, 1);
	ref->free = free;
	return ref;
}

void *ref_hold(void *object)
{
	struct ref *ref = object;
	atomic_fetch_add(&ref->count, 1);
	return ref;
}

void ref_release(void *object)
{
	struct ref *ref = object;
	if (!ref || atomic_fetch_sub(&ref->count, 1) != 1)
		return;
	ref->free(ref);
	free(ref);
}

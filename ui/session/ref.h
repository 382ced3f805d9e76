/* ui/session/ref.h - objects that several owners hold, in several threads. The last one that
 * releases such an object frees it. */
#ifndef ATTICSCOPE_REF_H
#define ATTICSCOPE_REF_H

#include <stdatomic.h>
#include <stddef.h>

/* The head of such an object. */
struct ref {
	atomic_uint count;
	void (*free)(void *object);	/* free what it has, but not its own memory */
};

/* A zeroed object of @size bytes, which begins with a struct ref, for one owner. NULL: out of
 * memory. */
void *ref_new(size_t size, void (*free)(void *object));

/* Add an owner. Returns @object. */
void *ref_hold(void *object);

/* Give @object up, unless it is NULL. */
void ref_release(void *object);

#endif

#include "build-config.h"

#include "ui/session/ref.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct thing {
	struct ref ref;
	unsigned *freed;
};

static void free_thing(void *object)
{
	(*((struct thing *)object)->freed)++;
}

static void the_last_owner_frees_it(void **state)
{
	unsigned freed = 0;
	struct thing *thing = ref_new(sizeof(*thing), free_thing);
	assert_non_null(thing);
	assert_null(thing->freed);
	thing->freed = &freed;
	assert_ptr_equal(ref_hold(thing), thing);
	ref_release(thing);
	assert_int_equal(freed, 0);
	ref_release(thing);
	assert_int_equal(freed, 1);
	ref_release(NULL);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_owner_frees_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

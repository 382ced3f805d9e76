#include "build-config.h"

#include "engine/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

struct row { uint32_t number, other; };

static void room_is_made_for_one_element_at_a_time(void **state)
{
	struct row *rows = NULL;
	size_t capacity = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_true(ARRAY_RESERVE(rows, i, capacity));
		assert_true(capacity > i);
		rows[i] = (struct row){ i, 2 * i };
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(rows[i].other, 2 * i);
	free(rows);
	(void)state;
}

static void a_search_finds_the_place_of_every_key(void **state)
{
	static const struct row rows[] = { { 3, 0 }, { 5, 0 }, { 5, 1 }, { 9, 0 } };
	static const size_t places[] = { 0, 0, 0, 0, 1, 1, 3, 3, 3, 3, 4, 4 };
	for (uint32_t key = 0; key < 12; key++) {
		assert_int_equal(array_lower_bound(rows, 4, sizeof(*rows), &key, array_compare_u32),
				 places[key]);
		const struct row *found =
			array_find(rows, 4, sizeof(*rows), &key, array_compare_u32);
		assert_int_equal(found != NULL, key == 3 || key == 5 || key == 9);
		if (found)
			assert_int_equal(found->number, key);
	}
	(void)state;
}

static void no_array_is_an_empty_one(void **state)
{
	const uint32_t key = 7;
	assert_int_equal(array_lower_bound(NULL, 0, 4, &key, array_compare_u32), 0);
	assert_null(array_find(NULL, 0, 4, &key, array_compare_u32));
	array_sort(NULL, 0, 4, array_compare_u32);
	(void)state;
}

static void numbers_above_2_31_are_not_negative(void **state)
{
	uint32_t numbers[] = { 0x80000000, 1, UINT32_MAX, 0x7fffffff };
	array_sort(numbers, 4, sizeof(*numbers), array_compare_u32);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[1], 0x7fffffff);
	assert_int_equal(numbers[2], 0x80000000);
	assert_int_equal(numbers[3], UINT32_MAX);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_is_made_for_one_element_at_a_time),
		cmocka_unit_test(a_search_finds_the_place_of_every_key),
		cmocka_unit_test(no_array_is_an_empty_one),
		cmocka_unit_test(numbers_above_2_31_are_not_negative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "ui/widget/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void columns_that_do_not_fit_are_dropped_by_rank(void **state)
{
	static const struct column columns[] = {
		{ .title = "a", .width = 10 }, { .title = "b", .width = 10, .rank = 2 },
		{ .title = "c", .width = 10, .rank = 1, .grows = true },
	};
	int widths[3];
	table_layout(columns, 3, 34, widths);
	assert_int_equal(widths[0] + widths[1] + widths[2], 30);
	table_layout(columns, 3, 33, widths);
	assert_int_equal(widths[1], 0);
	assert_int_equal(widths[2], 21);	/* what is left of 33 after 10 and a gap of 2 */
	table_layout(columns, 3, 21, widths);
	assert_int_equal(widths[2], 0);
	table_layout(columns, 3, 3, widths);
	assert_int_equal(widths[0], 10);	/* rank 0 stays; drawing clips it */
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_that_do_not_fit_are_dropped_by_rank),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The history of a key as rows. How it is found is tested by unit/check/test_history.c. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/screens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COL_SEGMENT, COL_OFFSET, COL_TAG, COL_SIZE, COL_CRC, COL_STATUS, COL_INDEX };

/* Show object @number by the first @digits digits of its key. */
static struct screen *show(struct world *world, unsigned number, unsigned digits)
{
	const struct key_prefix prefix = small_repo_prefix(number, digits);
	struct place place = { .has_key = true, .key_digits = digits };
	memcpy(place.key, prefix.bytes, KEY_SIZE);
	return open_screen(world, &key_screen, &place);
}

/* Object 6 was put in segment 1, deleted and put once more in segment 4. */
static void every_entry_of_the_key_is_a_row(void **state)
{
	static const char *const rows[][4] = {
		{ "1", "PUT", "superseded", "" }, { "4", "DELETE", "tombstone", "" },
		{ "4", "PUT", "live", "<- the index" },
	};
	struct world *world = *state;
	static const unsigned digits[] = { 64, 12 };
	for (size_t i = 0; i < ARRAY_SIZE(digits); i++) {
		show(world, 6, digits[i]);
		assert_int_equal(count_rows(world), ARRAY_SIZE(rows));
		for (uint64_t row = 0; row < ARRAY_SIZE(rows); row++) {
			expect_cell(world, row, COL_SEGMENT, rows[row][0]);
			expect_cell(world, row, COL_TAG, rows[row][1]);
			expect_cell(world, row, COL_STATUS, rows[row][2]);
			expect_cell(world, row, COL_INDEX, rows[row][3]);
			expect_cell(world, row, COL_CRC, "ok");
		}
		const struct row last = row_at(world, 2);
		uint8_t key[BUILDER_KEY];
		builder_key(6, key);
		assert_memory_equal(last.place.key, key, KEY_SIZE);	/* all of it */
		assert_int_equal(last.place.key_digits, 64);
		assert_int_equal(last.place.segment, 4);
		assert_int_equal(last.place.offset, 90);
	}
	expect_cell(world, 2, COL_SIZE, "47 B");
}

static void a_damaged_entry_is_marked(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	builder_segment_path(world->small->builder, 4, path);
	builder_flip(path, 90 + 42, 1);
	show(world, 6, 64);
	assert_int_equal(count_rows(world), 3);
	const struct row row = row_at(world, 2);
	assert_string_equal(row_cell(&row, COL_TAG), "DAMAGED");
	assert_string_equal(row_cell(&row, COL_CRC), "BAD");
	assert_int_equal(row.cell_style[COL_CRC], STYLE_BAD);
	assert_string_equal(row_cell(&row, COL_STATUS), "damaged");
}

static void a_key_that_nothing_has_gives_no_rows(void **state)
{
	struct world *world = *state;
	show(world, 77, 64);
	assert_int_equal(count_rows(world), 0);
	app_leave(&world->app, NULL);
	open_screen(world, &key_screen, NULL);		/* nor does no key at all */
	assert_null(app_top(&world->app)->table->model);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_entry_of_the_key_is_a_row),
		TEST(a_damaged_entry_is_marked),
		TEST(a_key_that_nothing_has_gives_no_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The numbers and texts of each dialect, as its client has them. */
#include "build-config.h"

#include "engine/format/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void attic_has_the_numbers_of_its_source(void **state)
{
	const struct dialect *d = &dialect_attic;
	assert_string_equal(d->name, "attic");
	assert_string_equal(d->readme, "This is an Attic repository\n");
	assert_string_equal(d->segment_magic, "ATTICSEG");
	assert_string_equal(d->index_magic, "ATTICIDX");
	assert_int_equal(d->entry_max, 20971520);
	assert_int_equal(d->hints_version, 1);
	assert_int_equal(d->index_buckets_min, 1024);
	assert_int_equal(d->segments_per_dir, 10000);
	assert_int_equal(d->max_segment_size, 5242880);
	(void)state;
}

/* What the readers rely on, whatever the dialect. */
static void a_row_is_whole(void **state)
{
	static const struct dialect *const rows[] = { &dialect_attic };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct dialect *d = rows[i];
		assert_true(d->name[0] && d->title[0]);
		assert_int_equal(strlen(d->segment_magic), 8);
		assert_int_equal(strlen(d->index_magic), 8);
		assert_string_not_equal(d->segment_magic, d->index_magic);
		assert_true(d->entry_max > 41 && d->max_segment_size > 8);
		/* An index that has just grown does not shrink at once, nor one that has shrunk. */
		assert_true(d->index_growth >= 2 && d->index_used_max <= 100);
		assert_true(d->index_used_min * d->index_growth < d->index_used_max);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attic_has_the_numbers_of_its_source),
		cmocka_unit_test(a_row_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

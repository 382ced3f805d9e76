#include "build-config.h"

#include "engine/repo/undo_folders.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static void names_are_read_as_they_are_written(void **state)
{
	static const struct { const char *name, *when, *action; } rows[] = {
		{ "20261122T215501Z-salvage", "2026-11-22T21:55:01Z", "salvage" },
		{ "20261122T215501Z.001-compact", "2026-11-22T21:55:01Z", "compact" },
		{ "20261122T215501Z", "2026-11-22T21:55:01Z", "" },
		{ "20261122T215501Z-", "2026-11-22T21:55:01Z", "" },
		{ "20261122T21550Z-salvage", "", "" },
		{ "20261122T215501Z\xff-salvage", "2026-11-22T21:55:01Z", "" },
		{ "2026-salvage", "", "" },
		{ "", "", "" },
	};
	char when[UNDO_TIME_SIZE], action[UNDO_NAME_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		undo_name_read(rows[i].name, when, action);
		assert_string_equal(when, rows[i].when);
		assert_string_equal(action, rows[i].action);
	}
	(void)state;
}

static void a_name_counts_as_a_repairs_only_in_the_form_that_a_repair_gives(void **state)
{
	static const struct { const char *name; bool counts; } rows[] = {
		{ "20261122T215501Z-salvage", true },
		{ "20261122T215501Z.001-compact", true },
		{ "20260228T235959Z-", true },
		{ "20261122T215501Z", false },
		{ "20261122T215501Z.01-salvage", false },
		{ "20261122T215501Z.1000-salvage", false },
		{ "20261122T215501Z.-salvage", false },
		{ "20261122T215501Zsalvage", false },
		{ "20260230T215501Z-salvage", false },
		{ "20261122T215560Z-salvage", false },
		{ "99991231T235959Z.999-x", false },
		{ "99990101T000000Z-salvage", false },
		{ "by-hand", false },
		{ "", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (undo_name_is_repairs(rows[i].name) != rows[i].counts)
			fail_msg("'%s'", rows[i].name);
	(void)state;
}

static void the_stamp_of_a_repair_comes_after_all_that_are_there(void **state)
{
	static const struct { const char *newest, *stamp; } rows[] = {
		{ "", "20261122T215501Z" },
		{ "20261122T215500Z.999-salvage", "20261122T215501Z" },
		{ "20261122T215501Z-salvage", "20261122T215501Z.001" },
		{ "20261122T215501Z.009-salvage", "20261122T215501Z.010" },
		{ "20261122T215501Z.999-salvage", "20261122T215502Z" },
		{ "20281231T235959Z.999-salvage", "20290101T000000Z" },
		{ "99991231T235959Z.999-x", "20261122T215501Z" },
		{ "99981231T235959Z.998-salvage", "99981231T235959Z.999" },
		{ "99981231T235959Z.999-salvage", NULL },
	};
	const time_t now = 1795384501;	/* 2026-11-22 21:55:01 UTC */
	char stamp[UNDO_STAMP_SIZE];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const bool can = undo_stamp_after(rows[i].newest, now, stamp);
		assert_int_equal(can, rows[i].stamp != NULL);
		if (can)
			assert_string_equal(stamp, rows[i].stamp);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_read_as_they_are_written),
		cmocka_unit_test(a_name_counts_as_a_repairs_only_in_the_form_that_a_repair_gives),
		cmocka_unit_test(the_stamp_of_a_repair_comes_after_all_that_are_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

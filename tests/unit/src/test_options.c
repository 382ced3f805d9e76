#include "build-config.h"

#include "src/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool set(enum option_id id, struct options *options, const char *argument)
{
	return option_set(&option_table[id], options, argument);
}

static void every_row_is_whole(void **state)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		const struct option_row *row = &option_table[i];
		const bool reads = row->number || row->set;
		if (!row->name || !row->name[0] || !row->help || !row->help[0])
			fail_msg("option %d has no name or no help", i);
		if (!row->flag && !reads)
			fail_msg("--%s changes nothing", row->name);
		if (reads != (row->argument != NULL))
			fail_msg("--%s: the argument is not as the row says", row->name);
		if (row->number && row->min > row->max)
			fail_msg("--%s accepts no number", row->name);
	}
	(void)state;
}

static void no_name_and_no_letter_comes_twice(void **state)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		for (int j = 0; j < i; j++) {
			const struct option_row *a = &option_table[i], *b = &option_table[j];
			if (strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter))
				fail_msg("--%s and --%s", a->name, b->name);
		}
	}
	(void)state;
}

/* Each flag alone: exactly one byte of the options differs from the default, and it is its own. */
static void a_flag_sets_its_own_field(void **state)
{
	static const struct options nothing;
	static const struct { enum option_id id; size_t field; } cases[] = {
		{ OPTION_ALL, offsetof(struct options, all) },
		{ OPTION_BATCH, offsetof(struct options, batch) },
		{ OPTION_BREAK_LOCK, offsetof(struct options, break_lock) },
		{ OPTION_DROP_READABLE, offsetof(struct options, drop_readable) },
		{ OPTION_DROP_TAIL, offsetof(struct options, drop_tail) },
		{ OPTION_DRY_RUN, offsetof(struct options, dry_run) },
		{ OPTION_FORCE, offsetof(struct options, force) },
		{ OPTION_FULL, offsetof(struct options, full) },
		{ OPTION_HELP, offsetof(struct options, help) },
		{ OPTION_INCREMENTAL, offsetof(struct options, incremental) },
		{ OPTION_JSON, offsetof(struct options, json) },
		{ OPTION_KEEP_TAIL, offsetof(struct options, keep_tail) },
		{ OPTION_LIST, offsetof(struct options, list) },
		{ OPTION_MERGE, offsetof(struct options, merge) },
		{ OPTION_NO_LOCK, offsetof(struct options, no_lock) },
		{ OPTION_NO_OLDER, offsetof(struct options, no_older) },
		{ OPTION_NO_UNDO, offsetof(struct options, no_undo) },
		{ OPTION_NO_VERIFY, offsetof(struct options, no_verify) },
		{ OPTION_OLDER, offsetof(struct options, older) },
		{ OPTION_PURGE, offsetof(struct options, purge) },
		{ OPTION_QUIET, offsetof(struct options, quiet) },
		{ OPTION_VERIFY, offsetof(struct options, verify) },
		{ OPTION_VERSION, offsetof(struct options, version) },
		{ OPTION_WITH_OLDER_MANIFEST, offsetof(struct options, with_older_manifest) },
		{ OPTION_WITH_SUSPECTS, offsetof(struct options, with_suspects) },
		{ OPTION_YES, offsetof(struct options, yes) },
	};
	size_t flags = 0;
	for (int i = 0; i < OPTION_COUNT; i++)
		flags += option_table[i].argument == NULL;
	assert_int_equal(flags, COUNT(cases));
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options, expected;
		memcpy(&options, &nothing, sizeof(options));
		memcpy(&expected, &nothing, sizeof(expected));
		((char *)&expected)[cases[i].field] = true;
		assert_true(set(cases[i].id, &options, NULL));
		assert_memory_equal(&options, &expected, sizeof(options));
	}
	(void)state;
}

static void a_number_keeps_to_its_limits(void **state)
{
	static const struct { enum option_id id; size_t field; unsigned min, max; } cases[] = {
		{ OPTION_LOCK_WAIT, offsetof(struct options, lock_wait), 0, 604800 },
		{ OPTION_MAX_DURATION, offsetof(struct options, max_duration), 1, 31536000 },
		{ OPTION_MAX_SEGMENT_SIZE, offsetof(struct options, max_segment_size), 1,
		  2147483647 },
		{ OPTION_OLDER_THAN, offsetof(struct options, older_than), 0, 36500 },
		{ OPTION_SEGMENTS_PER_DIR, offsetof(struct options, segments_per_dir), 1,
		  2147483647 },
		{ OPTION_THREADS, offsetof(struct options, threads), 0, 256 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options = { .json = false };
		const unsigned *number = (const void *)((char *)&options + cases[i].field);
		char text[16];
		snprintf(text, sizeof(text), "%u", cases[i].min);
		assert_true(set(cases[i].id, &options, text));
		assert_int_equal(*number, cases[i].min);
		snprintf(text, sizeof(text), "%u", cases[i].max);
		assert_true(set(cases[i].id, &options, text));
		assert_int_equal(*number, cases[i].max);
		snprintf(text, sizeof(text), "%u", cases[i].max + 1);
		assert_false(set(cases[i].id, &options, text));
		if (cases[i].min > 0)
			assert_false(set(cases[i].id, &options, "0"));
	}
	(void)state;
}

static void a_number_is_digits_and_nothing_else(void **state)
{
	static const char *const wrong[] = {
		"", " ", "-1", "+1", " 1", "1 ", "1k", "1M", "0x10", "1.5", "1e3", "1,000", "one",
		"18446744073709551617", "99999999999999999999999999",
	};
	struct options options = { .json = false };
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (set(OPTION_THREADS, &options, wrong[i]))
			fail_msg("'%s' is accepted", wrong[i]);
		assert_int_equal(options.threads, 0);
	}
	assert_true(set(OPTION_THREADS, &options, "007"));
	assert_int_equal(options.threads, 7);
	(void)state;
}

static void a_color_is_one_of_three_words(void **state)
{
	static const struct { const char *word; enum color_mode color; } cases[] = {
		{ "always", COLOR_ALWAYS }, { "never", COLOR_NEVER }, { "auto", COLOR_AUTO },
	};
	static const char *const wrong[] = { "", "Always", "alway", "always ", "yes", "1" };
	struct options options = { .json = false };
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(set(OPTION_COLOR, &options, cases[i].word));
		assert_int_equal(options.color, cases[i].color);
	}
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(set(OPTION_COLOR, &options, wrong[i]));
	(void)state;
}

static void segments_are_one_or_a_range(void **state)
{
	static const struct { const char *text; unsigned first, last; } cases[] = {
		{ "0", 0, 0 }, { "17", 17, 17 }, { "17-40", 17, 40 }, { "5-5", 5, 5 },
		{ "0-4294967295", 0, 4294967295 },
	};
	static const char *const wrong[] = {
		"", "-", "17-", "-17", "40-17", "1-2-3", "1/2", "a-b", "17 - 40", "4294967296",
		"0-4294967296", "000000000000000000000000000000001-2",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct options options = { .json = false };
		assert_true(set(OPTION_SEGMENTS, &options, cases[i].text));
		assert_true(options.has_segments);
		assert_int_equal(options.first, cases[i].first);
		assert_int_equal(options.last, cases[i].last);
	}
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct options options = { .json = false };
		if (set(OPTION_SEGMENTS, &options, wrong[i]))
			fail_msg("'%s' is accepted", wrong[i]);
	}
	(void)state;
}

static void a_shard_is_a_part_of_a_number(void **state)
{
	static const char *const wrong[] = {
		"", "/", "1", "1/", "/4", "0/4", "5/4", "1/0", "1-4", "1/4/4", "1/1000001",
	};
	struct options options = { .json = false };
	assert_true(set(OPTION_SHARD, &options, "3/4"));
	assert_int_equal(options.shard, 3);
	assert_int_equal(options.shards, 4);
	assert_true(set(OPTION_SHARD, &options, "1000000/1000000"));
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (set(OPTION_SHARD, &options, wrong[i]))
			fail_msg("'%s' is accepted", wrong[i]);
	(void)state;
}

static void that_days_were_given_is_known_even_of_0(void **state)
{
	struct options options = { .json = false };
	assert_true(set(OPTION_OLDER_THAN, &options, "0"));
	assert_true(options.has_older_than);
	assert_int_equal(options.older_than, 0);
	(void)state;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(no_name_and_no_letter_comes_twice),
		cmocka_unit_test(a_flag_sets_its_own_field),
		cmocka_unit_test(a_number_keeps_to_its_limits),
		cmocka_unit_test(a_number_is_digits_and_nothing_else),
		cmocka_unit_test(a_color_is_one_of_three_words),
		cmocka_unit_test(segments_are_one_or_a_range),
		cmocka_unit_test(a_shard_is_a_part_of_a_number),
		cmocka_unit_test(that_days_were_given_is_known_even_of_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The numbers and texts of each dialect, as its client has them. */
#include "build-config.h"

#include "engine/base/error.h"
#include "engine/format/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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

static const struct dialect *const rows[] = {
	&dialect_attic, &dialect_borg, &dialect_borg_1_0, &dialect_mixed, &dialect_borg2,
};

static void every_row_is_whole(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct dialect *row = rows[i];
		assert_true(row->name && row->title && row->client && row->frame);
		assert_int_equal(!row->refusal, !row->by_hand);
		if (!row->is_read)
			continue;
		assert_int_equal(strlen(row->segment_magic), 8);
		assert_int_equal(strlen(row->index_magic), 8);
		assert_int_equal(row->entry_max, 20971520);
		assert_true(row->hints_version >= 1 &&
			    row->hints_version <= row->hints_version_max);
		assert_int_equal(row->has_integrity, row->hints_version == 2);
		assert_true(row->segments_per_dir > 0 && row->max_segment_size > 0 &&
			    row->max_segment_size <= row->max_segment_size_limit);
		assert_non_null(row->id_places);
		assert_string_not_equal(row->segment_magic, row->index_magic);
		/* An index that has just grown does not shrink at once, nor one that has shrunk. */
		assert_true(row->index_used_max <= 100);
		assert_true(row->refusal ||
			    row->index_used_min * row->index_growth < row->index_used_max);
	}
	(void)state;
}

static void each_dialect_knows_its_magics(void **state)
{
	static const struct { const char *magic; bool is_of[4], is_of_any; } cases[] = {
		{ "ATTICSEG", { true, false, false, true }, true },
		{ "BORG_SEG", { false, true, true, true }, true },
		{ "BORG_SEH", { false, false, false, false }, false },
		{ "BORG_IDX", { false, false, false, false }, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(cases[i].is_of); j++)
			assert_int_equal(dialect_has_magic(rows[j], cases[i].magic),
					 cases[i].is_of[j]);
		assert_int_equal(dialect_has_magic(NULL, cases[i].magic), cases[i].is_of_any);
	}
	(void)state;
}

static void hints_choose_the_row(void **state)
{
	assert_ptr_equal(dialect_of_hints(&dialect_borg, 1), &dialect_borg_1_0);
	assert_ptr_equal(dialect_of_hints(&dialect_borg, 2), &dialect_borg);
	assert_ptr_equal(dialect_of_hints(&dialect_borg, 9), &dialect_borg);
	assert_ptr_equal(dialect_of_hints(&dialect_borg_1_0, 2), &dialect_borg);
	assert_ptr_equal(dialect_of_hints(&dialect_attic, 2), &dialect_attic);
	assert_ptr_equal(dialect_of_hints(&dialect_mixed, 2), &dialect_mixed);
	(void)state;
}

static void sentences_are_said_in_the_words_of_the_dialect(void **state)
{
	static const struct { const char *text, *borg; } cases[] = {
		{ "", "" },
		{ "Attic", "Borg" },
		{ "Attic's, and Attic's. (Attic)", "Borg's, and Borg's. (Borg)" },
		{ "data/Attic, Latticework, an_Attic", "data/Attic, Latticework, an_Attic" },
		{ "run attic check --repair", "run borg check --repair" },
		{ "Do not let Attic open it, not even to list it.",
		  "Do not let Borg write to it." },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[100];
		for (size_t j = 0; j < ARRAY_SIZE(rows); j++) {
			snprintf(text, sizeof(text), "%s", cases[i].text);
			dialect_reword(rows[j], text, sizeof(text));
			assert_string_equal(text, strncmp(rows[j]->name, "borg", 5) == 0
					    ? cases[i].borg : cases[i].text);
		}
	}
	(void)state;
}

/* A sentence can grow. */
static void what_has_no_room_is_cut_off(void **state)
{
	char text[16] = "Attic Attic Att";
	dialect_reword(&dialect_borg, text, 8);
	assert_string_equal(text, "Borg Bo");
	char longer[44] = "Attic deletes every segment when it opens ";
	dialect_reword(&dialect_borg, longer, sizeof(longer));
	assert_string_equal(longer, "Borg deletes every segment when it opens ");
	(void)state;
}

/* Attic's double; Borg's are a list of primes. */
static void an_index_grows_and_shrinks_by_its_dialect(void **state)
{
	static const struct { uint64_t buckets, more, fewer; } attic[] = {
		{ 1024, 2048, 0 }, { 3000, 6000, 1500 }, { 2048, 4096, 1024 },
	}, borg[] = {
		{ 1024, 1031, 0 }, { 1031, 2053, 0 }, { 2053, 4099, 1031 }, { 3000, 4099, 2053 },
		{ 262147, 445649, 131101 }, { 2062383853, UINT64_MAX, 1873768367 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(attic); i++) {
		assert_int_equal(dialect_more_buckets(&dialect_attic, attic[i].buckets),
				 attic[i].more);
		assert_int_equal(dialect_fewer_buckets(&dialect_attic, attic[i].buckets),
				 attic[i].fewer);
	}
	for (size_t i = 0; i < ARRAY_SIZE(borg); i++) {
		assert_int_equal(dialect_more_buckets(&dialect_borg, borg[i].buckets),
				 borg[i].more);
		assert_int_equal(dialect_fewer_buckets(&dialect_borg, borg[i].buckets),
				 borg[i].fewer);
	}
	for (const uint32_t *size = dialect_borg.index_sizes; size[1]; size++)
		assert_true(size[0] < size[1]);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attic_has_the_numbers_of_its_source),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(each_dialect_knows_its_magics),
		cmocka_unit_test(hints_choose_the_row),
		cmocka_unit_test(sentences_are_said_in_the_words_of_the_dialect),
		cmocka_unit_test(what_has_no_room_is_cut_off),
		cmocka_unit_test(an_index_grows_and_shrinks_by_its_dialect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "build-config.h"

#include "engine/format/hints.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FINE PROBLEM_COUNT	/* no problem */

#define VERS "\xa7" "version"
#define SEGS "\xa8" "segments"
#define COMP "\xa7" "compact"
#define MAP32_ALL "\xdf\xff\xff\xff\xff"
#define ARRAY32_ALL "\xdd\xff\xff\xff\xff"

/* {version: 1, segments: {0: 3, 300: 0, 70000: 200}, compact: [300, 0]} */
static const char sample[] = "\x83" VERS "\x01" SEGS "\x83" "\x00\x03" "\xcd\x01\x2c\x00"
			     "\xce\x00\x01\x11\x70\xcc\xc8" COMP "\x92" "\xcd\x01\x2c\x00";

#define TEXT(bytes) bytes, sizeof(bytes) - 1

static enum problem parse_of(const struct dialect *dialect, const void *bytes, size_t len,
			     struct hints *hints)
{
	/* The bytes end where the sanitizer sees it. */
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(hints_parse(copy, len, dialect, 9, hints, &findings), AS_OK);
	assert_true(findings.count <= 1);
	const enum problem problem = findings.count > 0 ? findings.rows[0].problem : FINE;
	assert_int_equal(hints->usable, problem == FINE);
	assert_int_equal(hints->transaction, 9);
	findings_free(&findings);
	free(copy);
	return problem;
}

static enum problem parse(const void *bytes, size_t len, struct hints *hints)
{
	return parse_of(&dialect_attic, bytes, len, hints);
}

static void check(const char *name, const void *bytes, size_t len, enum problem expected)
{
	struct hints hints;
	const enum problem problem = parse(bytes, len, &hints);
	if (problem != expected)
		fail_msg("%s: %s", name, problem == FINE ? "fine" : problem_table[problem].id);
	if (problem != FINE)
		assert_null(hints.rows);
	hints_free(&hints);
}

static void counts_and_compact_list_are_read_and_sorted(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT(sample), &hints), FINE);
	assert_int_equal(hints.version, 1);
	assert_int_equal(hints.segment_count, 3);
	assert_int_equal(hints.rows[0].segment, 0);
	assert_int_equal(hints.rows[0].live, 3);
	assert_int_equal(hints.rows[1].segment, 300);
	assert_int_equal(hints.rows[1].live, 0);
	assert_int_equal(hints.rows[2].segment, 70000);
	assert_int_equal(hints.rows[2].live, 200);
	assert_int_equal(hints.compact_count, 2);
	assert_true(hints.rows[0].is_compact && hints.rows[1].is_compact);
	assert_false(hints.rows[2].is_compact);
	hints_free(&hints);
	(void)state;
}

static void look_ups_find_what_is_there_and_nothing_else(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT(sample), &hints), FINE);
	assert_int_equal(hints_find(&hints, 300)->live, 0);
	assert_int_equal(hints_find(&hints, 70000)->live, 200);
	assert_null(hints_find(&hints, 1));
	assert_null(hints_find(&hints, UINT32_MAX));
	assert_true(hints_is_compact(&hints, 0));
	assert_true(hints_is_compact(&hints, 300));
	assert_false(hints_is_compact(&hints, 70000));
	assert_int_equal(hints_last(&hints), 70000);
	hints_free(&hints);
	assert_int_equal(hints_last(&hints), 0);
	assert_null(hints_find(&hints, 0));
	assert_false(hints_is_compact(&hints, 0));
	(void)state;
}

static void the_order_of_the_keys_does_not_matter(void **state)
{
	check("compact first", TEXT("\x83" COMP "\x91\x05" SEGS "\x81\x05\x00" VERS "\x01"),
	      FINE);
	check("empty lists", TEXT("\x83" SEGS "\x80" VERS "\x01" COMP "\x90"), FINE);
	(void)state;
}

static void every_width_of_numbers_names_and_counts_is_read(void **state)
{
	check("wide", TEXT("\xdf\x00\x00\x00\x03"
			   "\xd9\x07version" "\xcf\x00\x00\x00\x00\x00\x00\x00\x01"
			   "\xda\x00\x08segments" "\xde\x00\x02"
			   "\xd3\x00\x00\x00\x00\xff\xff\xff\xff" "\xd2\x00\x00\x00\x01"
			   "\xd1\x00\x05" "\xd0\x01"
			   "\xdb\x00\x00\x00\x07" "compact" "\xdc\x00\x01\x05"), FINE);
	(void)state;
}

static void negative_counts_are_kept_as_they_are(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT("\x83" VERS "\x01" SEGS "\x81\x05\xff" COMP "\x90"),
			       &hints), FINE);
	assert_int_equal(hints.rows[0].live, -1);
	hints_free(&hints);
	(void)state;
}

static void every_truncation_is_refused(void **state)
{
	for (size_t len = 0; len < sizeof(sample) - 1; len++)
		check("truncated", sample, len, PROBLEM_HINTS_FORMAT);
	(void)state;
}

static void bytes_behind_the_map_are_refused(void **state)
{
	check("one zero more", sample, sizeof(sample), PROBLEM_HINTS_FORMAT);
	(void)state;
}

static void every_flipped_bit_is_judged_without_harm(void **state)
{
	char copy[sizeof(sample) - 1];
	for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
		memcpy(copy, sample, sizeof(copy));
		copy[bit / 8] ^= (char)(1u << bit % 8);
		struct hints hints;
		parse(copy, sizeof(copy), &hints);
		hints_free(&hints);
	}
	(void)state;
}

/* A number that cannot be a version is not kept as one; the finding names it all the same. */
static void a_version_that_is_none_is_told_and_not_kept(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT("\x83" VERS "\x02" SEGS "\x80" COMP "\x90"), &hints),
			 PROBLEM_HINTS_VERSION);
	assert_int_equal(hints.version, 2);
	assert_int_equal(parse(TEXT("\x83" VERS "\xff" SEGS "\x80" COMP "\x90"), &hints),
			 PROBLEM_HINTS_VERSION);
	assert_int_equal(hints.version, 0);
	assert_int_equal(parse(TEXT("\x83" VERS "\xcf\x00\x00\x00\x01\x00\x00\x00\x01" SEGS "\x80"
				    COMP "\x90"), &hints), PROBLEM_HINTS_VERSION);
	assert_int_equal(hints.version, 0);
	(void)state;
}

static void wrong_types_are_refused(void **state)
{
	static const struct { const char *name; const char *bytes; size_t len; } cases[] = {
		{ "a number", TEXT("\x05") },
		{ "a string", TEXT("\xa7" "version") },
		{ "nil", TEXT("\xc0") },
		{ "an array", TEXT("\x93\x01\x80\x90") },
		{ "an empty array", TEXT("\x90") },
		{ "an empty map", TEXT("\x80") },
		{ "an unused lead byte", TEXT("\xc1") },
		{ "names as bin", TEXT("\x83\xc4\x07version\x01" SEGS "\x80" COMP "\x90") },
		{ "names as ext", TEXT("\x83\xc7\x07\x01version\x01" SEGS "\x80" COMP "\x90") },
		{ "a number as name", TEXT("\x83\x01\x01" SEGS "\x80" COMP "\x90") },
		{ "version as string", TEXT("\x83" VERS "\xa1" "1" SEGS "\x80" COMP "\x90") },
		{ "version as float", TEXT("\x83" VERS "\xca\x3f\x80\x00\x00" SEGS "\x80"
					   COMP "\x90") },
		{ "version as map", TEXT("\x83" VERS "\x80" SEGS "\x80" COMP "\x90") },
		{ "version as nil", TEXT("\x83" VERS "\xc0" SEGS "\x80" COMP "\x90") },
		{ "version named segments", TEXT("\x83" VERS SEGS SEGS "\x80" COMP "\x90") },
		{ "segments as array", TEXT("\x83" VERS "\x01" SEGS "\x90" COMP "\x90") },
		{ "segments as number", TEXT("\x83" VERS "\x01" SEGS "\x01" COMP "\x90") },
		{ "compact as map", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP "\x80") },
		{ "compact as number", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP "\x07") },
		{ "a segment by name", TEXT("\x83" VERS "\x01" SEGS "\x81\xa1" "0\x01" COMP
					    "\x90") },
		{ "a negative segment", TEXT("\x83" VERS "\x01" SEGS "\x81\xff\x01" COMP
					     "\x90") },
		{ "segment 2^32", TEXT("\x83" VERS "\x01" SEGS "\x81\xcf\x00\x00\x00\x01\x00\x00"
				       "\x00\x00\x01" COMP "\x90") },
		{ "a count as true", TEXT("\x83" VERS "\x01" SEGS "\x81\x00\xc3" COMP "\x90") },
		{ "a count as name", TEXT("\x83" VERS "\x01" SEGS "\x81\x00\xa1" "1" COMP
					  "\x90") },
		{ "a count as map", TEXT("\x83" VERS "\x01" SEGS "\x81\x00\x80" COMP "\x90") },
		{ "a count above 2^63", TEXT("\x83" VERS "\x01" SEGS "\x81\x00\xcf\xff\xff\xff\xff"
					     "\xff\xff\xff\xff" COMP "\x90") },
		{ "a name in the compact list", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP
						     "\x91\xa0") },
		{ "a list in the compact list", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP
						     "\x91\x90") },
		{ "a compact segment 2^32", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP "\x91\xcf"
						 "\x00\x00\x00\x01\x00\x00\x00\x00") },
		{ "compact inside segments", TEXT("\x83" VERS "\x01" SEGS "\x81" COMP "\x91\x01"
						  COMP "\x90") },
		{ "an unknown key", TEXT("\x84" VERS "\x01" SEGS "\x80" COMP "\x90\xa1x\x01") },
		{ "no version", TEXT("\x82" SEGS "\x80" COMP "\x90") },
		{ "no segments", TEXT("\x82" VERS "\x01" COMP "\x90") },
		{ "no compact", TEXT("\x82" VERS "\x01" SEGS "\x80") },
		{ "version twice", TEXT("\x84" VERS "\x01" VERS "\x01" SEGS "\x80" COMP
					"\x90") },
		{ "segments twice", TEXT("\x84" VERS "\x01" SEGS "\x80" SEGS "\x80" COMP
					 "\x90") },
		{ "compact twice", TEXT("\x84" VERS "\x01" SEGS "\x80" COMP "\x90" COMP
					"\x90") },
		{ "a segment twice", TEXT("\x83" VERS "\x01" SEGS "\x83\x05\x01\x06\x01\x05\x01"
					  COMP "\x90") },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(cases[i].name, cases[i].bytes, cases[i].len, PROBLEM_HINTS_FORMAT);
	(void)state;
}

static void a_segment_twice_in_the_compact_list_is_there_once(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT("\x83" VERS "\x01" SEGS "\x80" COMP "\x94\x02\x01\x02\x01"),
			       &hints), FINE);
	assert_int_equal(hints.compact_count, 2);
	assert_int_equal(hints.segment_count, 0);
	assert_int_equal(hints.count, 2);
	assert_int_equal(hints.rows[0].segment, 1);
	assert_int_equal(hints.rows[1].segment, 2);
	assert_null(hints_find(&hints, 1));
	assert_int_equal(hints_last(&hints), 0);
	hints_free(&hints);
	(void)state;
}

static void another_version_is_told_apart_from_damage(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT("\x83" VERS "\x02" SEGS "\x81\x00\x01" COMP "\x81\x00\x09"),
			       &hints), PROBLEM_HINTS_VERSION);
	assert_int_equal(hints.version, 2);
	check("version 0", TEXT("\x83" VERS "\x00" SEGS "\x80" COMP "\x90"),
	      PROBLEM_HINTS_VERSION);
	check("version -1", TEXT("\x83" VERS "\xff" SEGS "\x80" COMP "\x90"),
	      PROBLEM_HINTS_VERSION);
	(void)state;
}

/* Run @test with hardly any memory left to ask for. */
static void with_little_memory(void (*test)(void))
{
#ifdef SANITIZED
	test();		/* needs terabytes itself, and ends the program on such a demand */
#else
	struct rlimit before;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	const struct rlimit little = { 256u << 20, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
	test();
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
#endif
}

static void parse_huge_counts(void)
{
	check("map", TEXT(MAP32_ALL), PROBLEM_HINTS_FORMAT);
	check("array", TEXT(ARRAY32_ALL), PROBLEM_HINTS_FORMAT);
	check("map and more", TEXT(MAP32_ALL VERS "\x01"), PROBLEM_HINTS_FORMAT);
	check("segments", TEXT("\x83" VERS "\x01" SEGS MAP32_ALL "\x00\x01"),
	      PROBLEM_HINTS_FORMAT);
	check("compact", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP ARRAY32_ALL "\x01"),
	      PROBLEM_HINTS_FORMAT);
	check("name", TEXT("\x83\xdb\xff\xff\xff\xffversion"), PROBLEM_HINTS_FORMAT);
	check("bytes", TEXT("\x83\xc6\xff\xff\xff\xffversion"), PROBLEM_HINTS_FORMAT);
	check("ext", TEXT("\x83\xc9\xff\xff\xff\xff\x01version"), PROBLEM_HINTS_FORMAT);
	check("nested", TEXT("\x81" SEGS "\x81" MAP32_ALL MAP32_ALL), PROBLEM_HINTS_FORMAT);
}

static void huge_counts_take_no_memory(void **state)
{
	with_little_memory(parse_huge_counts);
	(void)state;
}

#define DEEP (8u << 20)

static void parse_deep_nesting(void)
{
	static const uint8_t leads[] = { 0x91, 0x81, 0xdd };
	uint8_t *bytes = malloc(DEEP);
	assert_non_null(bytes);
	for (size_t i = 0; i < ARRAY_SIZE(leads); i++) {
		memset(bytes, leads[i], DEEP);
		check("deep", bytes, DEEP, PROBLEM_HINTS_FORMAT);
		memcpy(bytes, "\x81" SEGS, 10);
		check("deep segments", bytes, DEEP, PROBLEM_HINTS_FORMAT);
	}
	free(bytes);
}

static void deep_nesting_is_refused(void **state)
{
	with_little_memory(parse_deep_nesting);
	(void)state;
}

/* Two bytes each, and a row of sixteen bytes in memory, if nobody looked. */
static void parse_repetitions(void)
{
	static const char head[] = "\x83" VERS "\x01" SEGS "\xdf\x01\x00\x00\x00";
	static const char list[] = "\x83" VERS "\x01" SEGS "\x80" COMP "\xdd\x01\x00\x00\x00";
	const size_t len = sizeof(head) - 1 + (32u << 20);
	uint8_t *bytes = calloc(1, len + 64);
	assert_non_null(bytes);
	struct hints hints;
	struct findings findings;
	findings_init(&findings);
	memcpy(bytes, head, sizeof(head) - 1);
	assert_int_equal(hints_parse(bytes, len, &dialect_attic, 1, &hints, &findings), AS_OK);
	assert_int_equal(findings.total[PROBLEM_HINTS_FORMAT], 1);
	hints_free(&hints);
	memcpy(bytes, list, sizeof(list) - 1);
	assert_int_equal(hints_parse(bytes, sizeof(list) - 1 + (16u << 20), &dialect_attic, 1,
				     &hints, &findings),
			 AS_OK);
	assert_true(hints.usable);
	assert_int_equal(hints.compact_count, 1);
	hints_free(&hints);
	findings_free(&findings);
	free(bytes);
}

static void repetitions_take_no_memory(void **state)
{
	with_little_memory(parse_repetitions);
	(void)state;
}

/* A compact list before the segments that are counted, none of them both. */
static void both_lists_are_merged_without_crawling(void **state)
{
	enum { COUNT = 1000000 };
	static const char head[] = "\x83" VERS "\x01" COMP "\xdd\x00\x0f\x42\x40";
	static const char middle[] = SEGS "\xdf\x00\x0f\x42\x40";
	uint8_t *bytes = malloc(64 + COUNT * 11), *p = bytes;
	struct hints hints;
	assert_non_null(bytes);
	p = mempcpy(p, head, sizeof(head) - 1);
	for (uint32_t i = 0; i < COUNT; i++, p += 5)
		memcpy(p, (uint8_t[]){ 0xce, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
		       5);
	p = mempcpy(p, middle, sizeof(middle) - 1);
	for (uint32_t i = COUNT; i < 2 * COUNT; i++, p += 6)
		memcpy(p, (uint8_t[]){ 0xce, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i,
				       1 }, 6);
	assert_int_equal(parse(bytes, (size_t)(p - bytes), &hints), FINE);
	assert_int_equal(hints.count, 2 * COUNT);
	assert_int_equal(hints.compact_count, COUNT);
	assert_true(hints.rows[COUNT - 1].is_compact && !hints.rows[COUNT - 1].is_counted);
	assert_true(hints.rows[COUNT].is_counted && hints.rows[COUNT].live == 1);
	hints_free(&hints);
	free(bytes);
	(void)state;
}

static void check_file(const struct scratch *scratch, enum problem problem)
{
	struct hints hints;
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(hints_read(&io_system, scratch->fd, &dialect_attic, 4294967295, &hints,
				    &findings), AS_OK);
	assert_int_equal(findings.count, problem == FINE ? 0 : 1);
	if (problem != FINE)
		assert_int_equal(findings.rows[0].problem, problem);
	assert_int_equal(hints.usable, problem == FINE);
	assert_int_equal(hints.transaction, 4294967295);
	findings_free(&findings);
	hints_free(&hints);
}

static void a_whole_file_is_read(void **state)
{
	scratch_file(*state, "hints.4294967295", TEXT(sample));
	check_file(*state, FINE);
}

static void a_missing_file_is_a_problem(void **state)
{
	check_file(*state, PROBLEM_HINTS_MISSING);
}

static void what_is_no_file_is_unreadable(void **state)
{
	scratch_fifo(*state, "hints.4294967295");
	check_file(*state, PROBLEM_HINTS_UNREADABLE);
}

static void a_bad_sector_is_told_with_the_words_of_the_system(void **state)
{
	const struct scratch *scratch = *state;
	struct fault fault;
	fault_init(&fault);
	fault.bad_offset = 20;
	fault.bad_length = 5;
	scratch_file(scratch, "hints.9", TEXT(sample));
	struct hints hints;
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(hints_read(&fault.io, scratch->fd, &dialect_attic, 9, &hints,
				    &findings), AS_OK);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, PROBLEM_HINTS_UNREADABLE);
	assert_non_null(strstr(findings.rows[0].detail, "Input/output error"));
	assert_false(hints.usable);
	findings_free(&findings);
	hints_free(&hints);
}

#define with_scratch(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

/* ---- Borg's version 2 ---- */

#define QUOTA "\xb1" "storage_quota_use"
#define SHADOW "\xac" "shadow_index"
#define EIGHT "12345678"
#define KEY_A "\xda\x00\x20" "a" EIGHT EIGHT EIGHT "1234567"
#define KEY_B "\xda\x00\x20" "b" EIGHT EIGHT EIGHT "1234567"

/* {version: 2, segments: {1: 3, 2: 0}, compact: {2: 9, 1: 700}, storage_quota_use: 70000,
 * shadow_index: {b: [1, 300], a: []}} */
static const char sample_2[] = "\x85" VERS "\x02" SEGS "\x82" "\x01\x03" "\x02\x00" COMP "\x82"
			       "\x02\x09" "\x01\xcd\x02\xbc" QUOTA "\xce\x00\x01\x11\x70"
			       SHADOW "\x82" KEY_B "\x92\x01\xcd\x01\x2c" KEY_A "\x90";

static void version_2_is_read_where_the_dialect_has_it(void **state)
{
	struct hints hints;
	assert_int_equal(parse(TEXT(sample_2), &hints), PROBLEM_HINTS_VERSION);
	assert_int_equal(hints.version, 2);
	hints_free(&hints);
	assert_int_equal(parse_of(&dialect_borg, TEXT(sample_2), &hints), FINE);
	assert_int_equal(hints.version, 2);
	assert_int_equal(hints.segment_count, 2);
	assert_int_equal(hints.compact_count, 2);
	assert_int_equal(hints_find(&hints, 1)->live, 3);
	assert_int_equal(hints_find(&hints, 1)->freeable, 700);
	assert_int_equal(hints_find(&hints, 2)->freeable, 9);
	assert_true(hints.has_quota_use);
	assert_int_equal(hints.quota_use, 70000);
	assert_int_equal(hints.shadow_count, 2);
	const struct hints_shadow *a = hints_find_shadow(&hints, (const uint8_t *)KEY_A + 3);
	const struct hints_shadow *b = hints_find_shadow(&hints, (const uint8_t *)KEY_B + 3);
	assert_int_equal(a->count, 0);
	assert_int_equal(b->count, 2);
	assert_int_equal(hints.shadow_segments[b->first], 1);
	assert_int_equal(hints.shadow_segments[b->first + 1], 300);
	assert_null(hints_find_shadow(&hints, (const uint8_t *)EIGHT EIGHT EIGHT EIGHT));
	hints_free(&hints);
	/* Borg reads Attic's version as well. */
	assert_int_equal(parse_of(&dialect_borg, TEXT(sample), &hints), FINE);
	assert_int_equal(hints.version, 1);
	assert_false(hints.has_quota_use);
	hints_free(&hints);
	(void)state;
}

static void no_prefix_of_version_2_is_whole(void **state)
{
	for (size_t len = 0; len < sizeof(sample_2) - 1; len++) {
		struct hints hints;
		assert_int_equal(parse_of(&dialect_borg, sample_2, len, &hints),
				 PROBLEM_HINTS_FORMAT);
		assert_null(hints.rows);
		assert_null(hints.shadow);
		hints_free(&hints);
	}
	(void)state;
}

static void what_is_wrong_with_version_2_is_found(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		enum problem problem;
	} cases[] = {
		{ "as 1.1 writes it", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" QUOTA "\x00"),
		  FINE },
		{ "as short as can be", TEXT("\x83" VERS "\x02" SEGS "\x80" COMP "\x80"), FINE },
		{ "an array to compact", TEXT("\x83" VERS "\x02" SEGS "\x80" COMP "\x90"),
		  PROBLEM_HINTS_FORMAT },
		{ "version 1 with a map", TEXT("\x83" VERS "\x01" SEGS "\x80" COMP "\x80"),
		  PROBLEM_HINTS_FORMAT },
		{ "version 1 with a quota", TEXT("\x84" VERS "\x01" SEGS "\x80" COMP "\x90" QUOTA
						 "\x00"), PROBLEM_HINTS_FORMAT },
		{ "a quota that is a text", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" QUOTA
						 "\xa0"), PROBLEM_HINTS_FORMAT },
		{ "an array of shadows", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW
					      "\x90"), PROBLEM_HINTS_FORMAT },
		{ "a short key", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW "\x81"
				      "\xa1" "x" "\x90"), PROBLEM_HINTS_FORMAT },
		{ "a number as key", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW "\x81"
					  "\x01\x90"), PROBLEM_HINTS_FORMAT },
		{ "no list", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW "\x81" KEY_A
				  "\x01"), PROBLEM_HINTS_FORMAT },
		{ "a key in a list", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW "\x81"
					  KEY_A "\x91" KEY_B), PROBLEM_HINTS_FORMAT },
		{ "a list in a list", TEXT("\x84" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW "\x81"
					   KEY_A "\x91\x90"), PROBLEM_HINTS_FORMAT },
		{ "two shadow indexes", TEXT("\x85" VERS "\x02" SEGS "\x80" COMP "\x80" SHADOW
					     "\x80" SHADOW "\x80"), PROBLEM_HINTS_FORMAT },
		{ "version 9", TEXT("\x83" VERS "\x09" SEGS "\x80" COMP "\x80"),
		  PROBLEM_HINTS_VERSION },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct hints hints;
		const enum problem problem =
			parse_of(&dialect_borg, cases[i].bytes, cases[i].len, &hints);
		if (problem != cases[i].problem)
			fail_msg("%s", cases[i].name);
		hints_free(&hints);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2_is_read_where_the_dialect_has_it),
		cmocka_unit_test(no_prefix_of_version_2_is_whole),
		cmocka_unit_test(what_is_wrong_with_version_2_is_found),
		cmocka_unit_test(counts_and_compact_list_are_read_and_sorted),
		cmocka_unit_test(look_ups_find_what_is_there_and_nothing_else),
		cmocka_unit_test(the_order_of_the_keys_does_not_matter),
		cmocka_unit_test(every_width_of_numbers_names_and_counts_is_read),
		cmocka_unit_test(negative_counts_are_kept_as_they_are),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bytes_behind_the_map_are_refused),
		cmocka_unit_test(every_flipped_bit_is_judged_without_harm),
		cmocka_unit_test(a_version_that_is_none_is_told_and_not_kept),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(a_segment_twice_in_the_compact_list_is_there_once),
		cmocka_unit_test(another_version_is_told_apart_from_damage),
		cmocka_unit_test(huge_counts_take_no_memory),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(repetitions_take_no_memory),
		cmocka_unit_test(both_lists_are_merged_without_crawling),
		with_scratch(a_whole_file_is_read),
		with_scratch(a_missing_file_is_a_problem),
		with_scratch(what_is_no_file_is_unreadable),
		with_scratch(a_bad_sector_is_told_with_the_words_of_the_system),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

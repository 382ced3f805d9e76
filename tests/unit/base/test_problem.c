#include "build-config.h"

#include "engine/base/problem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void every_row_of_the_table_is_whole(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		const struct problem_info *info = &problem_table[i];
		if (!info->id || !info->found || !info->meaning || !info->stake || !info->meanwhile)
			fail_msg("row %d has a hole", i);
		if (!*info->id || !*info->found || !*info->meaning || !*info->stake ||
		    !*info->meanwhile)
			fail_msg("%s has an empty text", info->id);
	}
	(void)state;
}

static void ids_are_kebab_case_and_unique(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		const char *id = problem_table[i].id;
		if (strspn(id, "abcdefghijklmnopqrstuvwxyz-") != strlen(id) || *id == '-' ||
		    id[strlen(id) - 1] == '-' || strstr(id, "--"))
			fail_msg("%s is not kebab-case", id);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(id, problem_table[j].id);
	}
	(void)state;
}

static void sentences_are_written_alike(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++) {
		const struct problem_info *info = &problem_table[i];
		if (info->found[strlen(info->found) - 1] == '.')
			fail_msg("%s: what was found ends in a full stop", info->id);
		const char *sentences[] = { info->meaning, info->stake, info->meanwhile };
		for (size_t j = 0; j < ARRAY_SIZE(sentences); j++) {
			const char *text = sentences[j];
			const size_t len = strlen(text);
			const bool starts_well = isupper((unsigned char)*text) ||
						 strncmp(text, "segments_per_dir", 16) == 0;
			if (!starts_well || text[len - 1] != '.' || strstr(text, "  "))
				fail_msg("%s: '%s'", info->id, text);
		}
		for (int j = 0; j < i; j++)
			assert_string_not_equal(info->found, problem_table[j].found);
	}
	(void)state;
}

static void what_harms_nothing_needs_no_repair_but_compact_and_salvage(void **state)
{
	for (int i = 0; i < PROBLEM_COUNT; i++)
		if (problem_table[i].severity == SEVERITY_INFO) {
			const enum repair repair = problem_table[i].repair;
			assert_true(repair != REPAIR_RECOVER && repair != REPAIR_ROLLBACK);
		}
	(void)state;
}

static void names_are_those_of_the_json(void **state)
{
	assert_string_equal(severity_name(SEVERITY_INFO), "info");
	assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
	assert_string_equal(severity_name(SEVERITY_ERROR), "error");
	assert_null(repair_name(REPAIR_NONE));
	assert_string_equal(repair_name(REPAIR_RECOVER), "recover");
	assert_string_equal(repair_name(REPAIR_ROLLBACK), "rollback");
	assert_string_equal(repair_name(REPAIR_COMPACT), "compact");
	assert_string_equal(repair_name(REPAIR_SALVAGE), "salvage");
	(void)state;
}

static void a_message_tells_place_sentence_and_detail(void **state)
{
	struct finding finding = finding_of(PROBLEM_ENTRY_CRC);
	char text[512];
	finding_message(&finding, text, sizeof(text));
	assert_string_equal(text, "the entry's checksum does not match its bytes");
	finding.segment = 17;
	finding.offset = 5754;
	strcpy(finding.detail, "stored 3bfd912c, computed 00112233");
	finding_message(&finding, text, sizeof(text));
	assert_string_equal(text, "segment 17, offset 5754: the entry's checksum does not "
				  "match its bytes (stored 3bfd912c, computed 00112233)");
	finding.offset = FINDING_NOWHERE;
	finding.has_key = true;
	memset(finding.key, 0xab, sizeof(finding.key));
	finding.detail[0] = '\0';
	finding_message(&finding, text, sizeof(text));
	assert_string_equal(text, "segment 17, key abababababababab..: "
				  "the entry's checksum does not match its bytes");
	(void)state;
}

static void a_message_is_one_line_whatever_the_detail_holds(void **state)
{
	struct finding finding = finding_of(PROBLEM_STRAY_FILE);
	strcpy(finding.detail, "a\nb\rc\x1b[31m\x7f");
	char text[512];
	finding_message(&finding, text, sizeof(text));
	assert_non_null(strstr(text, "(a?b?c?[31m?)"));
	(void)state;
}

static void a_message_is_cut_to_its_room(void **state)
{
	struct finding finding = finding_of(PROBLEM_ENTRY_CRC);
	finding.segment = finding.offset = INT64_MAX;
	finding.has_key = true;
	memset(finding.detail, 'x', sizeof(finding.detail) - 1);
	for (size_t size = 1; size < 400; size++) {
		char text[400];
		memset(text, '#', sizeof(text));
		finding_message(&finding, text, size);
		assert_true(strnlen(text, size) < size);
		assert_int_equal(text[size], '#');
	}
	(void)state;
}

static void a_note_takes_severity_and_repair_from_the_table(void **state)
{
	struct findings findings;
	findings_init(&findings);
	assert_int_equal(findings_note(&findings, PROBLEM_TAIL_TORN, 3, 99, "%s", "x"), AS_OK);
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.total[PROBLEM_TAIL_TORN], 1);
	const struct finding *row = &findings.rows[0];
	assert_int_equal(row->severity, SEVERITY_WARNING);
	assert_int_equal(row->repair, REPAIR_ROLLBACK);
	assert_int_equal(row->segment, 3);
	assert_int_equal(row->offset, 99);
	assert_int_equal(row->length, FINDING_NOWHERE);
	assert_false(row->has_key);
	assert_string_equal(row->detail, "x");
	findings_free(&findings);
	(void)state;
}

static void sorting_puts_errors_first_then_problem_and_place(void **state)
{
	struct findings findings;
	findings_init(&findings);
	findings_note(&findings, PROBLEM_STRAY_FILE, FINDING_NOWHERE, FINDING_NOWHERE, "b");
	findings_note(&findings, PROBLEM_STRAY_FILE, FINDING_NOWHERE, FINDING_NOWHERE, "a");
	findings_note(&findings, PROBLEM_TAIL_TORN, 5, 8, "%s", "");
	findings_note(&findings, PROBLEM_ENTRY_CRC, 4, 8, "%s", "");
	findings_note(&findings, PROBLEM_ENTRY_CRC, 3, 900, "%s", "");
	findings_note(&findings, PROBLEM_ENTRY_CRC, 3, 80, "%s", "");
	findings_note(&findings, PROBLEM_SEGMENT_MAGIC, 9, 0, "%s", "");
	findings_sort(&findings);
	static const struct { enum problem problem; int64_t segment, offset; } order[] = {
		{ PROBLEM_SEGMENT_MAGIC, 9, 0 }, { PROBLEM_ENTRY_CRC, 3, 80 },
		{ PROBLEM_ENTRY_CRC, 3, 900 }, { PROBLEM_ENTRY_CRC, 4, 8 },
		{ PROBLEM_TAIL_TORN, 5, 8 }, { PROBLEM_STRAY_FILE, -1, -1 },
		{ PROBLEM_STRAY_FILE, -1, -1 },
	};
	assert_int_equal(findings.count, ARRAY_SIZE(order));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		assert_int_equal(findings.rows[i].problem, order[i].problem);
		assert_int_equal(findings.rows[i].segment, order[i].segment);
		assert_int_equal(findings.rows[i].offset, order[i].offset);
	}
	assert_string_equal(findings.rows[5].detail, "a");
	findings_free(&findings);
	(void)state;
}

/* Add the places 0 to 9999 in the order that @step makes, with a few rows of another problem. */
static void add_many(struct findings *findings, unsigned step)
{
	findings_init(findings);
	for (unsigned i = 0; i < 10000; i++) {
		const int64_t segment = (int64_t)(i * step % 10000);
		assert_int_equal(findings_note(findings, PROBLEM_ENTRY_CRC, segment, 8, "%s", ""),
				 AS_OK);
		if (segment % 1000 == 0)
			findings_note(findings, PROBLEM_STRAY_FILE, segment, 8, "%s", "");
	}
}

static void check_many(struct findings *findings)
{
	findings_sort(findings);
	assert_int_equal(findings->total[PROBLEM_ENTRY_CRC], 10000);
	assert_int_equal(findings->total[PROBLEM_STRAY_FILE], 10);
	assert_int_equal(findings->count, 2000 + 10);
	for (size_t i = 0; i < 2000; i++)
		assert_int_equal(findings->rows[i].segment, i);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(findings->rows[2000 + i].segment, 1000 * i);
}

static void the_bound_keeps_the_first_places_whatever_order_they_come_in(void **state)
{
	static const unsigned steps[] = { 1, 9999, 7, 3331, 6667 };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct findings findings;
		add_many(&findings, steps[i]);
		assert_true(findings.capacity <= 8192);
		check_many(&findings);
		findings_free(&findings);
	}
	(void)state;
}

static void adding_goes_on_after_sorting(void **state)
{
	struct findings findings;
	findings_init(&findings);
	for (int64_t i = 9999; i >= 0; i--) {
		findings_note(&findings, PROBLEM_ENTRY_CRC, i, 8, "%s", "");
		if (i % 1000 == 0) {
			findings_note(&findings, PROBLEM_STRAY_FILE, i, 8, "%s", "");
			findings_sort(&findings);
		}
	}
	check_many(&findings);
	findings_free(&findings);
	(void)state;
}

static void merged_lists_count_all_and_keep_the_first(void **state)
{
	struct findings all, parts[4];
	findings_init(&all);
	for (int64_t part = 0; part < 4; part++) {
		findings_init(&parts[part]);
		for (int64_t i = 0; i < 10000; i++)
			if (i * 13 % 4 == part)
				findings_note(&parts[part], PROBLEM_ENTRY_CRC, i, 8, "%s", "");
		for (int64_t i = 0; i < 10000; i += 1000)
			if (part == 2)
				findings_note(&parts[part], PROBLEM_STRAY_FILE, i, 8, "%s", "");
	}
	for (int part = 3; part >= 0; part--) {
		assert_int_equal(findings_merge(&all, &parts[part]), AS_OK);
		findings_free(&parts[part]);
	}
	check_many(&all);
	findings_free(&all);
	(void)state;
}

static void an_empty_list_can_be_sorted_and_merged(void **state)
{
	struct findings a, b;
	findings_init(&a);
	findings_init(&b);
	findings_sort(&a);
	assert_int_equal(findings_merge(&a, &b), AS_OK);
	assert_int_equal(a.count, 0);
	findings_free(&a);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_is_whole),
		cmocka_unit_test(ids_are_kebab_case_and_unique),
		cmocka_unit_test(sentences_are_written_alike),
		cmocka_unit_test(what_harms_nothing_needs_no_repair_but_compact_and_salvage),
		cmocka_unit_test(names_are_those_of_the_json),
		cmocka_unit_test(a_message_tells_place_sentence_and_detail),
		cmocka_unit_test(a_message_is_one_line_whatever_the_detail_holds),
		cmocka_unit_test(a_message_is_cut_to_its_room),
		cmocka_unit_test(a_note_takes_severity_and_repair_from_the_table),
		cmocka_unit_test(sorting_puts_errors_first_then_problem_and_place),
		cmocka_unit_test(the_bound_keeps_the_first_places_whatever_order_they_come_in),
		cmocka_unit_test(adding_goes_on_after_sorting),
		cmocka_unit_test(merged_lists_count_all_and_keep_the_first),
		cmocka_unit_test(an_empty_list_can_be_sorted_and_merged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

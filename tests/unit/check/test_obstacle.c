/* What check recommends is never refused: both read one table. */
#include "build-config.h"

#include "engine/check/diagnose.h"
#include "engine/check/obstacle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const enum repair repairs[] = {
	REPAIR_RECOVER, REPAIR_ROLLBACK, REPAIR_COMPACT, REPAIR_SALVAGE
};

static void every_row_is_whole(void **state)
{
	for (size_t i = 0; i < obstacle_count; i++) {
		const struct obstacle *row = &obstacle_table[i];
		if (!row->count && !row->is_part && !row->is_disorder)
			fail_msg("row %zu applies to nothing", i);
		if (row->refused & ~row->not_recommended)
			fail_msg("row %zu: check recommends what a plan refuses", i);
		if ((row->refused != 0) != (row->refusal != NULL))
			fail_msg("row %zu refuses without a reason, or has one for nothing", i);
		if (row->refusal && row->refusal[strlen(row->refusal) - 1] == '.')
			fail_msg("row %zu: the refusal ends in a full stop", i);
		if (row->advice && row->advice[strlen(row->advice) - 1] != '.')
			fail_msg("row %zu: the advice is no sentence", i);
		if (row->by_hand && row->by_hand[strlen(row->by_hand) - 1] != '.')
			fail_msg("row %zu: the instruction is no sentence", i);
	}
	(void)state;
}

/* Findings with @problem and, where it is one, @other; both at segment 7. */
static void note(struct findings *findings, enum problem problem, enum problem other)
{
	findings_init(findings);
	assert_int_equal(findings_note(findings, problem, 7, FINDING_NOWHERE, "data/0/7"), AS_OK);
	if (other != PROBLEM_COUNT)
		assert_int_equal(findings_note(findings, other, FINDING_NOWHERE, FINDING_NOWHERE,
					       "undo: x"), AS_OK);
	findings_sort(findings);
}

/* Every pair of problems, through the whole of diagnose and the refusals of a plan. */
static void nothing_recommended_is_refused(void **state)
{
	struct repo opened = {
		.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic }, .fd = -1,
	};
	struct verify verify = { .repo = &opened, .complete = true };
	unsigned recommended = 0, refused = 0;
	for (int a = 0; a < PROBLEM_COUNT; a++)
		for (int b = 0; b <= PROBLEM_COUNT; b++) {
			struct diagnosis d;
			note(&verify.findings, (enum problem)a, (enum problem)b);
			diagnose(&opened, &verify, &d);
			const struct obstacle_ground ground = {
				.findings = &verify.findings, .clean = d.clean,
			};
			for (size_t i = 0; i < ARRAY_SIZE(repairs); i++)
				refused += obstacle_refusing(&ground, repairs[i]) != NULL;
			recommended += d.recommended != REPAIR_NONE;
			if (d.recommended != REPAIR_NONE &&
			    obstacle_refusing(&ground, d.recommended))
				fail_msg("%s, %s: %s is recommended and refused",
					 problem_table[a].id,
					 b < PROBLEM_COUNT ? problem_table[b].id : "-",
					 repair_name(d.recommended));
			findings_free(&verify.findings);
		}
	assert_true(recommended > 100 && refused > 100);
	(void)state;
}

/* What each problem alone stops. All others stop compact, if they are more than worth knowing. */
static const struct {
	enum problem problem;
	unsigned refused;
	bool has_advice, has_hand;
} rows[] = {
	{ PROBLEM_FOREIGN_FORMAT, 0x1e, false, false },
	{ PROBLEM_CHANGED, 0x1e, true, false },
	{ PROBLEM_DATA_MISSING, 0x1e, true, true },
	{ PROBLEM_FOLDER_UNREADABLE, 0x1e, true, true },
	{ PROBLEM_SEGMENT_UNREADABLE, 0x1e, true, true },
	{ PROBLEM_NOT_A_FILE, 0x1e, true, true },
	{ PROBLEM_CONFIG_MISSING, 0x1e, true, true },
	{ PROBLEM_CONFIG_UNREADABLE, 0x1e, true, true },
	{ PROBLEM_CONFIG_SYNTAX, 0x1e, true, true },
	{ PROBLEM_CONFIG_VERSION, 0x1e, true, true },
	{ PROBLEM_CONFIG_ID, 0x1e, true, true },
	{ PROBLEM_CONFIG_LIMITS, 0x1e, true, true },
	{ PROBLEM_UNSTABLE_READ, 0x1a, true, true },
	{ PROBLEM_RANGE_UNREADABLE, 0x08, true, false },
	{ PROBLEM_SEGMENT_NAME, 0x08, false, true },
	{ PROBLEM_INDEX_NAME, 0x08, false, true },
	{ PROBLEM_ENTRY_CRC, 0x08, false, false },
	{ PROBLEM_INDEX_MISSING, 0x08, false, false },
	{ PROBLEM_STRAY_FILE, 0x00, false, false },
	{ PROBLEM_COMPACT_PENDING, 0x00, false, false },
	{ PROBLEM_WRITER, 0x00, false, false },		/* nothing else is wrong */
	{ PROBLEM_LOCK_UNKNOWN, 0x00, false, false },
	{ PROBLEM_LOCK_STALE, 0x00, false, false },
	{ PROBLEM_LOCK_DAMAGED, 0x1e, true, true },
};

static void each_problem_stops_what_it_should(void **state)
{
	struct repo opened = {
		.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic }, .fd = -1,
	};
	struct verify verify = { .repo = &opened, .complete = true };
	assert_int_equal(REPAIR_BIT(REPAIR_RECOVER) | REPAIR_BIT(REPAIR_ROLLBACK) |
			 REPAIR_BIT(REPAIR_COMPACT) | REPAIR_BIT(REPAIR_SALVAGE), 0x1e);
	assert_int_equal(REPAIR_BIT(REPAIR_ROLLBACK), 0x04);
	assert_int_equal(REPAIR_BIT(REPAIR_COMPACT), 0x08);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct diagnosis d;
		unsigned refused = 0;
		note(&verify.findings, rows[i].problem, PROBLEM_COUNT);
		diagnose(&opened, &verify, &d);
		const struct obstacle_ground ground = {
			.findings = &verify.findings, .clean = d.clean,
		};
		for (size_t j = 0; j < ARRAY_SIZE(repairs); j++)
			if (obstacle_refusing(&ground, repairs[j]))
				refused |= REPAIR_BIT(repairs[j]);
		if (refused != rows[i].refused ||
		    (obstacle_advising(&ground) != NULL) != rows[i].has_advice ||
		    (d.by_hand[0] != '\0') != rows[i].has_hand)
			fail_msg("%s: refused %#x, advice %d, by hand %s",
				 problem_table[rows[i].problem].id, refused,
				 obstacle_advising(&ground) != NULL, d.by_hand);
		findings_free(&verify.findings);
	}
	(void)state;
}

static void a_writer_matters_where_anything_is_wrong(void **state)
{
	struct repo opened = {
		.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic }, .fd = -1,
	};
	struct verify verify = { .repo = &opened, .complete = true };
	struct diagnosis d;
	note(&verify.findings, PROBLEM_WRITER, PROBLEM_INDEX_MISSING);
	diagnose(&opened, &verify, &d);
	assert_int_equal(d.recommended, REPAIR_NONE);
	assert_non_null(strstr(d.advice, "exclusive lock"));
	findings_free(&verify.findings);
	note(&verify.findings, PROBLEM_LOCK_UNKNOWN, PROBLEM_INDEX_MISSING);
	diagnose(&opened, &verify, &d);
	assert_int_equal(d.recommended, REPAIR_NONE);
	assert_non_null(strstr(d.advice, "unfinished work"));
	assert_non_null(strstr(d.by_hand, "--break-lock"));
	findings_free(&verify.findings);
	note(&verify.findings, PROBLEM_LOCK_STALE, PROBLEM_INDEX_MISSING);
	diagnose(&opened, &verify, &d);
	assert_int_equal(d.recommended, REPAIR_RECOVER);
	findings_free(&verify.findings);
	(void)state;
}

/* All of undo/ cannot be used; one folder below it that cannot is only worth knowing. */
static void only_the_undo_folder_itself_stops_a_repair(void **state)
{
	struct repo opened = {
		.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic }, .fd = -1,
	};
	struct verify verify = { .repo = &opened, .complete = true };
	struct diagnosis d;
	note(&verify.findings, PROBLEM_INDEX_MISSING, PROBLEM_UNDO_UNREADABLE);
	diagnose(&opened, &verify, &d);
	assert_int_equal(d.recommended, REPAIR_NONE);
	assert_non_null(strstr(d.by_hand, "    undo: x\n"));
	findings_free(&verify.findings);
	note(&verify.findings, PROBLEM_UNDO_UNREADABLE, PROBLEM_INDEX_MISSING);
	diagnose(&opened, &verify, &d);
	assert_int_equal(d.recommended, REPAIR_RECOVER);
	assert_string_equal(d.by_hand, "");
	findings_free(&verify.findings);
	(void)state;
}

/* However much is found, the instruction ends within its room and names the first places. */
static void a_long_list_is_cut(void **state)
{
	struct repo opened = {
		.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic }, .fd = -1,
	};
	struct verify verify = { .repo = &opened, .complete = true };
	struct diagnosis d;
	findings_init(&verify.findings);
	for (int i = 0; i < 100; i++)
		assert_int_equal(findings_note(&verify.findings, PROBLEM_NOT_A_FILE, i,
					       FINDING_NOWHERE, "data/0/%d is a FIFO", i), AS_OK);
	findings_sort(&verify.findings);
	diagnose(&opened, &verify, &d);
	assert_non_null(strstr(d.by_hand, "    data/0/0 is a FIFO\n"));
	assert_non_null(strstr(d.by_hand, "    data/0/4 is a FIFO\n    and more"));
	assert_null(strstr(d.by_hand, "data/0/5 "));
	findings_free(&verify.findings);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(nothing_recommended_is_refused),
		cmocka_unit_test(each_problem_stops_what_it_should),
		cmocka_unit_test(a_writer_matters_where_anything_is_wrong),
		cmocka_unit_test(only_the_undo_folder_itself_stops_a_repair),
		cmocka_unit_test(a_long_list_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

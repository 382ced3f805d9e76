#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void two_ways_exist_where_the_newest_of_several_transactions_is_in_doubt(void **state)
{
	static const struct {
		void (*damage)(struct world *world);
		enum repair recommended, alternative;
	} cases[] = {
		{ commit_flip, REPAIR_SALVAGE, REPAIR_ROLLBACK },
		{ commit_flip_alone, REPAIR_SALVAGE, REPAIR_ROLLBACK },
		{ zeros_after_commit, REPAIR_SALVAGE, REPAIR_ROLLBACK },
		{ only_commit_flip, REPAIR_SALVAGE, REPAIR_NONE },
		{ no_commit, REPAIR_SALVAGE, REPAIR_NONE },
		{ crc, REPAIR_SALVAGE, REPAIR_NONE },
		{ add_tail, REPAIR_ROLLBACK, REPAIR_NONE },
		{ index_missing, REPAIR_RECOVER, REPAIR_NONE },
		{ nothing, REPAIR_COMPACT, REPAIR_NONE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		struct diagnosis *d = &world.diagnosis;
		world_new(&world);
		cases[i].damage(&world);
		world_judge(&world, 1);
		if (d->recommended != cases[i].recommended ||
		    d->alternative != cases[i].alternative)
			fail_msg("case %zu: %d, or %d", i, d->recommended, d->alternative);
		if (cases[i].damage == only_commit_flip)
			assert_int_equal(world.verify->tail, TAIL_COMMIT_DAMAGED);
		diagnose(world.repo, NULL, d);	/* before it was verified nothing is known of it */
		assert_int_equal(d->alternative, REPAIR_NONE);
		world_free(&world);
	}
	(void)state;
}

/* What is recommended for each problem alone, however the tail looks. */
static const struct {
	enum problem problem;
	enum repair recommended;
} recommendations[] = {
	{ PROBLEM_FOREIGN_FORMAT, REPAIR_NONE },
	{ PROBLEM_CONFIG_MISSING, REPAIR_NONE },
	{ PROBLEM_CONFIG_UNREADABLE, REPAIR_NONE },
	{ PROBLEM_UPGRADE_INTERRUPTED, REPAIR_SALVAGE },
	{ PROBLEM_HINTS_QUOTA, REPAIR_RECOVER },
	{ PROBLEM_HINTS_SHADOW, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_MISSING, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_UNREADABLE, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_FORMAT, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_VERSION, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_DIGEST, REPAIR_RECOVER },
	{ PROBLEM_INTEGRITY_OLD, REPAIR_NONE },
	{ PROBLEM_APPEND_ONLY, REPAIR_NONE },
	{ PROBLEM_NONCE, REPAIR_NONE },
	{ PROBLEM_CONFIG_SYNTAX, REPAIR_NONE },
	{ PROBLEM_CONFIG_VERSION, REPAIR_NONE },
	{ PROBLEM_CONFIG_ID, REPAIR_NONE },
	{ PROBLEM_CONFIG_LIMITS, REPAIR_NONE },
	{ PROBLEM_DATA_MISSING, REPAIR_NONE },
	{ PROBLEM_FOLDER_UNREADABLE, REPAIR_NONE },
	{ PROBLEM_FOLDER_NAME, REPAIR_NONE },
	{ PROBLEM_SEGMENT_MISPLACED, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_DUPLICATE, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_NAME, REPAIR_NONE },
	{ PROBLEM_NOT_A_FILE, REPAIR_NONE },
	{ PROBLEM_STRAY_FILE, REPAIR_NONE },
	{ PROBLEM_SEGMENT_MISSING, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_COPY, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_RETURNED, REPAIR_COMPACT },
	{ PROBLEM_SEGMENT_FOREIGN, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_MISNAMED, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_UNREADABLE, REPAIR_NONE },
	{ PROBLEM_RANGE_UNREADABLE, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_MAGIC, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_TOO_LARGE, REPAIR_SALVAGE },
	{ PROBLEM_SEGMENT_NUMBER, REPAIR_NONE },
	{ PROBLEM_SEGMENT_SHORT, REPAIR_NONE },
	{ PROBLEM_ENTRY_SIZE_SMALL, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_SIZE_LARGE, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_TAG, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_TORN, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_CRC, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_ZEROS, REPAIR_SALVAGE },
	{ PROBLEM_ENTRY_SUSPECT, REPAIR_NONE },
	{ PROBLEM_OBJECT_LOST, REPAIR_SALVAGE },
	{ PROBLEM_OBJECT_OLDER, REPAIR_SALVAGE },
	{ PROBLEM_LOSS_UNKNOWN, REPAIR_SALVAGE },
	{ PROBLEM_OBJECT_UNREADABLE, REPAIR_NONE },
	{ PROBLEM_DELETE_LOST, REPAIR_SALVAGE },
	{ PROBLEM_OBJECT_POSSIBLY_DELETED, REPAIR_RECOVER },
	{ PROBLEM_DELETE_MOVED, REPAIR_COMPACT },
	{ PROBLEM_TAIL_UNCOMMITTED, REPAIR_ROLLBACK },
	{ PROBLEM_TAIL_TORN, REPAIR_ROLLBACK },
	{ PROBLEM_TAIL_COMMIT_DAMAGED, REPAIR_SALVAGE },
	{ PROBLEM_TAIL_WAS_COMMITTED, REPAIR_SALVAGE },
	{ PROBLEM_TAIL_LIKE_COMMIT, REPAIR_ROLLBACK },
	{ PROBLEM_NO_COMMIT, REPAIR_SALVAGE },
	{ PROBLEM_INDEX_NAME, REPAIR_NONE },
	{ PROBLEM_INDEX_MISSING, REPAIR_RECOVER },
	{ PROBLEM_INDEX_UNREADABLE, REPAIR_RECOVER },
	{ PROBLEM_INDEX_HEADER, REPAIR_RECOVER },
	{ PROBLEM_INDEX_LENGTH, REPAIR_RECOVER },
	{ PROBLEM_INDEX_STALE, REPAIR_RECOVER },
	{ PROBLEM_INDEX_TOO_NEW, REPAIR_RECOVER },
	{ PROBLEM_INDEX_FOREIGN, REPAIR_RECOVER },
	{ PROBLEM_INDEX_OLD, REPAIR_NONE },
	{ PROBLEM_INDEX_COUNT, REPAIR_RECOVER },
	{ PROBLEM_INDEX_DUPLICATE, REPAIR_RECOVER },
	{ PROBLEM_INDEX_UNREACHABLE, REPAIR_RECOVER },
	{ PROBLEM_INDEX_DEGENERATE, REPAIR_RECOVER },
	{ PROBLEM_INDEX_MAPPING, REPAIR_RECOVER },
	{ PROBLEM_INDEX_KEY_MISSING, REPAIR_RECOVER },
	{ PROBLEM_INDEX_KEY_DELETED, REPAIR_RECOVER },
	{ PROBLEM_HINTS_MISSING, REPAIR_RECOVER },
	{ PROBLEM_HINTS_UNREADABLE, REPAIR_RECOVER },
	{ PROBLEM_HINTS_FORMAT, REPAIR_RECOVER },
	{ PROBLEM_HINTS_VERSION, REPAIR_RECOVER },
	{ PROBLEM_HINTS_STALE, REPAIR_RECOVER },
	{ PROBLEM_HINTS_TOO_NEW, REPAIR_RECOVER },
	{ PROBLEM_HINTS_OLD, REPAIR_NONE },
	{ PROBLEM_HINTS_COUNT, REPAIR_RECOVER },
	{ PROBLEM_COMPACT_PENDING, REPAIR_COMPACT },
	{ PROBLEM_SEGMENT_EMPTIED, REPAIR_COMPACT },
	{ PROBLEM_REPAIR_INTERRUPTED, REPAIR_NONE },
	{ PROBLEM_UNDO_INTERRUPTED, REPAIR_NONE },
	{ PROBLEM_UNDO_UNREADABLE, REPAIR_NONE },
	{ PROBLEM_UNSTABLE_READ, REPAIR_NONE },
	{ PROBLEM_WRITER, REPAIR_NONE },
	{ PROBLEM_LOCK_UNKNOWN, REPAIR_NONE },
	{ PROBLEM_LOCK_DAMAGED, REPAIR_NONE },
	{ PROBLEM_LOCK_STALE, REPAIR_NONE },
	{ PROBLEM_CHANGED, REPAIR_NONE },
};

/* Every problem with every kind of tail: salvage keeps a newest transaction that is in doubt, and
 * where an older one is whole, rollback is the alternative. Nothing else has one. */
static void each_problem_has_its_repair_and_perhaps_an_alternative(void **state)
{
	static const enum tail_kind tails[] = {
		TAIL_NONE, TAIL_UNCOMMITTED, TAIL_TORN, TAIL_COMMIT_DAMAGED, TAIL_WAS_COMMITTED
	};
	assert_int_equal(ARRAY_SIZE(recommendations), PROBLEM_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(recommendations); i++)
		for (size_t j = 0; j < 2 * ARRAY_SIZE(tails); j++) {
			struct repo repo = {
				.dialect = &dialect_attic, .mend = { .dialect = &dialect_attic },
				.fd = -1, .has_transaction = j % 2,
			};
			struct verify verify = {
				.repo = &repo, .complete = true, .tail = tails[j / 2],
			};
			const bool is_doubted = tails[j / 2] == TAIL_COMMIT_DAMAGED ||
						tails[j / 2] == TAIL_WAS_COMMITTED;
			const bool has_two = recommendations[i].recommended == REPAIR_SALVAGE &&
					     repo.has_transaction && is_doubted;
			struct diagnosis d;
			findings_init(&verify.findings);
			assert_int_equal(findings_note(&verify.findings, recommendations[i].problem,
						       7, FINDING_NOWHERE, "data/0/7"), AS_OK);
			findings_sort(&verify.findings);
			diagnose(&repo, &verify, &d);
			findings_free(&verify.findings);
			if (d.recommended != recommendations[i].recommended ||
			    d.alternative != (has_two ? REPAIR_ROLLBACK : REPAIR_NONE))
				fail_msg("%s, tail %s: %d, or %d",
					 problem_table[recommendations[i].problem].id,
					 tail_kind_name(tails[j / 2]), d.recommended,
					 d.alternative);
		}
	(void)state;
}

static void the_verdict_is_one_sentence_for_each_kind(void **state)
{
	static const struct {
		void (*damage)(struct world *world);
		const char *verified, *opened;	/* "": not asked */
	} cases[] = {
		{ nothing, "The repository is whole: every entry, the index and the hints agree "
			   "(25 objects).",
		  "Nothing wrong at first sight; the data has not been verified yet." },
		{ crc, "The log is damaged: 1 object is lost; everything else can be saved.", "" },
		{ delete_lost, "The log is damaged; no object is lost.", "" },
		{ add_tail, "A transaction was begun and never committed; what was committed is "
			    "whole.",
		  "A transaction was begun and never committed; what was committed is not "
		  "verified yet." },
		{ index_missing, "Index or hints do not fit the log; the log is whole.",
		  "Index or hints do not fit the log; the log is not verified yet." },
		{ last_segment_unreadable, "Part of the repository cannot be read; what lies there "
					   "is unknown, not lost.", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		world_new(&world);
		fault_init(&world.fault);
		cases[i].damage(&world);
		world_judge(&world, 1);
		assert_string_equal(world.diagnosis.verdict, cases[i].verified);
		diagnose(world.repo, NULL, &world.diagnosis);
		if (cases[i].opened[0])
			assert_string_equal(world.diagnosis.verdict, cases[i].opened);
		world_free(&world);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			two_ways_exist_where_the_newest_of_several_transactions_is_in_doubt),
		cmocka_unit_test(each_problem_has_its_repair_and_perhaps_an_alternative),
		cmocka_unit_test(the_verdict_is_one_sentence_for_each_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
		cmocka_unit_test(the_verdict_is_one_sentence_for_each_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

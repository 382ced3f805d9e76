/* May more be lost than can be named? Rule 5 of doc/reliability.md: only where a credible witness
 * covers every damaged byte is it said that nothing else is lost. */
#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Zeros over what was overwritten later: the fifth entry of segment 0 is object 4's first. */
static void superseded_zeros(struct world *w)
{
	builder_zero(path_of(w, "data/0/0"), 8 + 4 * 341, 341);
}

static void foreign_index(struct world *w)
{
	zeros(w);
	index_of_another_repository(w);
}

static void foreign_index_over_older_data(struct world *w)
{
	data_older(w);
	index_of_another_repository(w);
}

static void without(struct world *world, bool has_index, bool has_hints)
{
	if (!has_index)
		unlink(index_path(world));
	if (!has_hints)
		unlink(hints_path(world));
}

static void a_credible_witness_must_cover_every_damaged_byte(void **state)
{
	static const struct {
		const char *name;
		void (*damage)(struct world *world);
		/* with both; with the index, with the hints alone; with neither */
		bool both, index, hints, none;
	} cases[] = {
		{ "a whole log", nothing, false, false, false, false },
		/* It names itself, but its key may be damaged too. */
		{ "a damaged entry", crc, false, false, true, true },
		/* The hints know how many there were, and the index which. */
		{ "zeros", zeros, false, false, true, true },
		/* Also where both count the same: a PUT, and the DELETE of what the log holds
		 * instead, may have been there. */
		{ "zeros over nothing live", superseded_zeros, false, false, true, true },
		/* A number without a file is no flaw of a log that nobody contradicts. */
		{ "a segment missing", segment_missing, false, false, true, false },
		{ "another's segment", segment_foreign, false, false, false, false },
		{ "a foreign index", foreign_index, true, true, true, true },
		/* They speak against all of the log, and nobody for it. */
		{ "wrong hints", hints_count, false, false, true, false },
		/* What came between the log's end and theirs was lost, or they are not ours. */
		{ "a later foreign index", foreign_index_over_older_data, true, true, true,
		  false },
		{ "an uncommitted tail", add_tail, false, false, false, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned kept = 0; kept < 4; kept++) {
			const bool expected[] = {
				cases[i].none, cases[i].index, cases[i].hints, cases[i].both,
			};
			struct world world;
			world_new(&world);
			cases[i].damage(&world);
			without(&world, kept & 1, kept & 2);
			world_judge(&world, 1);
			if (world.verify->loss_is_unknown != expected[kept] ||
			    (found(&world, PROBLEM_LOSS_UNKNOWN) == 1) != expected[kept])
				fail_msg("%s, kept %u: %s", cases[i].name, kept,
					 expected[kept] ? "nobody is told" : "told for nothing");
			world_free(&world);
		}
	(void)state;
}

static void the_damage_is_counted_in_the_finding(void **state)
{
	struct world world;
	world_new(&world);
	zeros_without_witness(&world);
	world_judge(&world, 1);
	assert_string_equal(finding_row(&world, PROBLEM_LOSS_UNKNOWN)->detail,
			    "1 damaged place, 341 bytes");
	world_free(&world);
	world_new(&world);
	zeros_without_witness(&world);
	superseded_zeros(&world);
	world_judge(&world, 1);
	const struct finding *finding = finding_row(&world, PROBLEM_LOSS_UNKNOWN);
	assert_string_equal(finding->detail, "2 damaged places, 682 bytes");
	assert_int_equal(finding->repair, REPAIR_SALVAGE);
	world_free(&world);
	(void)state;
}

/* An intact index of an earlier time, and a log that goes on above it: with a hole, or without. */
static void a_hole_above_an_earlier_index_may_have_held_anything(void **state)
{
	for (unsigned has_hole = 0; has_hole < 2; has_hole++) {
		struct world world;
		world_new(&world);
		const uint32_t head = builder_head(world.builder);
		unlink(hints_path(&world));
		index_stale(&world);		/* now index.2 */
		if (has_hole)
			unlink(path_of(&world, "data/%u/%u", (head - 1) / 4, head - 1));
		world_judge(&world, 1);
		assert_int_equal(world.verify->loss_is_unknown, has_hole);
		if (has_hole) {
			const struct finding *finding = finding_row(&world, PROBLEM_LOSS_UNKNOWN);
			assert_string_equal(finding->detail,
					    "segments above transaction 2 are not there");
			assert_int_equal(finding->repair, REPAIR_RECOVER);
		}
		world_free(&world);
	}
	(void)state;
}

/* The newest index has lost the bucket of one object of the missing segment. */
static void what_the_newest_index_has_lost_an_older_one_may_know(void **state)
{
	for (unsigned has_older = 0; has_older < 2; has_older++) {
		struct world world;
		uint32_t segment, offset;
		uint8_t count;
		char older[BUILDER_PATH];
		world_new(&world);
		const char *path = put_path(&world, 5, &segment, &offset);
		builder_path(world.builder, "index.2", older);
		if (has_older)
			copy_file(index_path(&world), older);
		unlink(path);
		unlink(hints_path(&world));
		index_key_missing(&world);
		read_bytes(index_path(&world), 8, &count, 1);
		count--;				/* the index fits itself */
		builder_patch(index_path(&world), 8, &count, 1);
		world_judge(&world, 1);
		assert_true(world.verify->lost > 0);
		assert_int_equal(world.verify->loss_is_unknown, has_older);
		world_free(&world);
	}
	(void)state;
}

static void where_no_commit_says_where_the_log_ends_nothing_is_certain(void **state)
{
	struct world world;
	world_new(&world);
	no_commit(&world);
	world_judge(&world, 1);
	assert_true(world.verify->loss_is_unknown);
	world_free(&world);
	(void)state;
}

/* Data of an earlier time: the newer index names all that is lost. The hints alone cannot. */
static void of_what_came_later_an_index_names_all_and_hints_name_nothing(void **state)
{
	for (unsigned has_index = 0; has_index < 2; has_index++) {
		struct world world;
		world_new(&world);
		data_older(&world);
		without(&world, has_index, true);
		world_judge(&world, 1);
		assert_int_equal(world.verify->loss_is_unknown, !has_index);
		assert_int_equal(world.verify->lost, has_index ? 2 : 0);
		world_free(&world);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_credible_witness_must_cover_every_damaged_byte),
		cmocka_unit_test(the_damage_is_counted_in_the_finding),
		cmocka_unit_test(a_hole_above_an_earlier_index_may_have_held_anything),
		cmocka_unit_test(what_the_newest_index_has_lost_an_older_one_may_know),
		cmocka_unit_test(where_no_commit_says_where_the_log_ends_nothing_is_certain),
		cmocka_unit_test(of_what_came_later_an_index_names_all_and_hints_name_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

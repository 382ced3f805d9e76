/* What index and hints are worth, by what they share with the log: rules 2 and 3 of
 * doc/reliability.md. */
#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Objects of four segments that the index does not know, and hints that do not count them. */
static void hints_made_of_a_wrong_index(struct world *w)
{
	static const unsigned numbers[] = { 5, 10, 15, 20 };
	for (uint32_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		const int64_t live = i < 3 ? 5 : 4;
		const uint64_t bucket = bucket_of(w, numbers[i]);
		builder_patch(index_path(w), bucket + 32, "\xfe\xff\xff\xff", 4);
		set_row(w, (struct hints_segment){ .segment = i + 1, .live = live - 1 });
	}
}

static void index_without_the_newest(struct world *w)
{
	for (unsigned i = 24; i < 26; i++)
		builder_patch(index_path(w), bucket_of(w, i) + 32, "\xfe\xff\xff\xff", 4);
}

static void three_damaged_segments_and_no_index(struct world *w)
{
	for (unsigned number = 7; number < 22; number += 5)
		patch_put(w, number, 100, "????", 4);
	unlink(index_path(w));
}

static void each_witness_has_the_credit_that_it_earned(void **state)
{
	static const struct {
		const char *name;
		void (*damage)(struct world *world);
		enum credit index, hints;
	} cases[] = {
		{ "whole", nothing, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		/* Nine in ten are enough. */
		{ "one wrong place", index_mapping, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		{ "a key missing", index_key_missing, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		{ "two keys missing", index_without_the_newest, CREDIT_CREDIBLE,
		  CREDIT_CREDIBLE },
		{ "seven keys missing", index_of_an_earlier_time, CREDIT_OLDER, CREDIT_CREDIBLE },
		{ "an earlier name", index_stale, CREDIT_OLDER, CREDIT_CREDIBLE },
		{ "another's index", index_of_another_repository, CREDIT_FOREIGN,
		  CREDIT_CREDIBLE },
		{ "an empty index", index_empty, CREDIT_FOREIGN, CREDIT_CREDIBLE },
		{ "every key damaged", index_of_elsewhere, CREDIT_DAMAGED, CREDIT_CREDIBLE },
		{ "no index", index_missing, CREDIT_NONE, CREDIT_CREDIBLE },
		{ "wrong hints", hints_count, CREDIT_CREDIBLE, CREDIT_FOREIGN },
		/* That nothing but the index bears them out is no credit. */
		{ "hints of the index", hints_made_of_a_wrong_index, CREDIT_OLDER, CREDIT_OLDER },
		/* What is wrong where the damage is costs nothing. */
		{ "a damaged entry", crc, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		{ "three damaged entries", three_damaged_segments_and_no_index, CREDIT_NONE,
		  CREDIT_CREDIBLE },
		{ "a DELETE lost", delete_lost, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		/* A segment that they list and that is missing is what they testify. */
		{ "a segment missing", segment_missing, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
		{ "a tail", add_tail, CREDIT_CREDIBLE, CREDIT_CREDIBLE },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		world_new(&world);
		cases[i].damage(&world);
		world_judge(&world, 1);
		if (world.verify->index_credit != cases[i].index ||
		    world.verify->hints_credit != cases[i].hints)
			fail_msg("%s: index %s, hints %s", cases[i].name,
				 credit_name(world.verify->index_credit),
				 credit_name(world.verify->hints_credit));
		world_free(&world);
	}
	(void)state;
}

static void the_figures_are_those_of_the_repository(void **state)
{
	struct world world;
	world_new(&world);
	index_mapping(&world);			/* of object 5, to another place of its segment */
	index_without_the_newest(&world);
	world_judge(&world, 3);
	const struct index_figures *index = &world.verify->index_figures;
	assert_int_equal(index->used, 23);
	assert_int_equal(index->confirmed, 22);
	assert_int_equal(index->live, 25);
	assert_int_equal(index->known, 23);
	assert_int_equal(index->excused, 0);
	assert_false(index->is_stale || index->is_beyond);
	assert_int_equal(world.verify->hints_figures.rows, 7);
	assert_int_equal(world.verify->hints_figures.right, 7);
	world_free(&world);
	(void)state;
}

/* An object that the index does not have may have been deleted in the damage: that costs the index
 * nothing. Without damage, there is no excuse. */
static void what_a_lost_delete_explains_is_excused(void **state)
{
	struct world world;
	world_new(&world);
	delete_lost(&world);			/* of object 3 */
	world_judge(&world, 1);
	assert_int_equal(world.verify->index_figures.live, 26);
	assert_int_equal(world.verify->index_figures.known, 25);
	assert_int_equal(world.verify->index_figures.excused, 1);
	world_free(&world);
	world_new(&world);
	index_key_missing(&world);
	world_judge(&world, 1);
	assert_int_equal(world.verify->index_figures.known, 24);
	assert_int_equal(world.verify->index_figures.excused, 0);
	world_free(&world);
	(void)state;
}

/* One object and the manifest, both in the same places as in another repository. */
static struct builder *make(const struct world *world, const char *name, unsigned number)
{
	static const uint8_t manifest[BUILDER_KEY];
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	snprintf(path, sizeof(path), "%.400s/%s", world->folder, name);
	struct builder *builder = builder_new(path, 100, 10000);
	builder_key(number, key);
	builder_put_some(builder, key, 100);
	builder_put_some(builder, manifest, 100);
	builder_transaction(builder);
	return builder;
}

static void to_share_the_manifest_is_no_credit(void **state)
{
	struct world world;
	char ours[BUILDER_PATH], theirs[BUILDER_PATH];
	world_new(&world);
	struct builder *one = make(&world, "one", 1), *another = make(&world, "another", 2);
	builder_path(one, "index.0", ours);
	builder_path(another, "index.0", theirs);
	assert_int_equal(rename(theirs, ours), 0);
	snprintf(world.path, sizeof(world.path), "%.400s/one", world.folder);
	world_judge(&world, 1);
	assert_int_equal(world.verify->index_credit, CREDIT_FOREIGN);
	builder_free(one);
	builder_free(another);
	world_free(&world);
	(void)state;
}

static void the_last_place_of_a_lost_delete_is_the_end_of_the_last_damage(void **state)
{
	static const struct {
		void (*damage)(struct world *world);
		uint32_t segment;
		bool is_whole_segment;
	} cases[] = {
		{ crc, 1, false }, { segment_missing, 1, true }, { segment_foreign, 1, true },
		{ segments_swapped, 6, true },	/* their order is a guess */
	};
	struct world world;
	uint32_t segment, offset;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_new(&world);
		cases[i].damage(&world);
		put_path(&world, 7, &segment, &offset);
		world_judge(&world, 1);
		assert_int_equal(world.verify->last_place,
				 replay_time(cases[i].segment, cases[i].is_whole_segment
					     ? UINT32_MAX : offset + 341 - 1));
		world_free(&world);
	}
	world_new(&world);
	world_judge(&world, 1);
	assert_int_equal(world.verify->last_place, 0);
	world_free(&world);
	(void)state;
}

static void a_missing_segment_has_the_objects_that_the_index_places_in_it(void **state)
{
	struct world world;
	world_new(&world);
	segment_missing(&world);
	unlink(path_of(&world, "data/0/3"));
	world_judge(&world, 1);
	assert_int_equal(world.verify->missing_count, 2);
	const struct verify_missing *missing = world.verify->missing;
	assert_int_equal(missing[0].segment, 1);
	assert_int_equal(missing[1].segment, 3);
	for (size_t i = 0; i < 2; i++) {
		uint32_t count = 0;
		for (unsigned number = 0; number < OBJECTS + 2; number++) {
			uint32_t segment = UINT32_MAX, offset;
			if (number != 3)
				put_path(&world, number, &segment, &offset);
			count += segment == missing[i].segment;
		}
		assert_true(count > 1);
		assert_int_equal(missing[i].mapped, count);
		assert_int_equal(missing[i].moved_on, 0);
		assert_int_equal(missing[i].lost, count);
	}
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_witness_has_the_credit_that_it_earned),
		cmocka_unit_test(the_figures_are_those_of_the_repository),
		cmocka_unit_test(what_a_lost_delete_explains_is_excused),
		cmocka_unit_test(to_share_the_manifest_is_no_credit),
		cmocka_unit_test(
			the_last_place_of_a_lost_delete_is_the_end_of_the_last_damage),
		cmocka_unit_test(a_missing_segment_has_the_objects_that_the_index_places_in_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files that came back, are of elsewhere, or bear another's number: rule 7 of
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

/* The facts of the file that bears @number. */
static const struct segment_facts *facts_of(const struct world *world, uint32_t number)
{
	const size_t position = listing_find(&world->repo->listing, number);
	assert_true(position != LISTING_NONE);
	return &world->verify->facts[position];
}

static void expect_no_roles(const struct world *world)
{
	assert_false(world->verify->has_roles);
	for (size_t i = 0; i < world->repo->listing.count; i++) {
		assert_int_equal(world->verify->facts[i].role, ROLE_LOG);
		assert_int_equal(world->verify->facts[i].number,
				 world->repo->listing.segments[i].number);
	}
}

static void files_under_each_others_number_are_read_as_what_they_are(void **state)
{
	struct world world;
	struct verify_source source;
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		world_new(&world);
		segments_swapped(&world);		/* 1 and 2 */
		world_judge(&world, threads);
		assert_true(world.verify->has_roles);
		assert_int_equal(facts_of(&world, 1)->number, 2);
		assert_int_equal(facts_of(&world, 2)->number, 1);
		assert_int_equal(facts_of(&world, 1)->role, ROLE_LOG);
		assert_true(verify_find_source(world.verify, 1, 8, &source));
		assert_string_equal(source.path, "data/0/2");
		assert_int_equal(found(&world, PROBLEM_SEGMENT_MISNAMED), 2);
		assert_int_equal(world.verify->objects, 25);
		assert_int_equal(world.verify->lost, 0);
		world_free(&world);
	}
	(void)state;
}

static void a_file_of_another_repository_takes_no_part_in_the_log(void **state)
{
	struct world world;
	struct replay_event place;
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	segment_foreign(&world);
	world_judge(&world, 1);
	assert_int_equal(facts_of(&world, 1)->role, ROLE_FOREIGN);
	assert_int_equal(facts_of(&world, 2)->role, ROLE_LOG);
	assert_int_equal(found(&world, PROBLEM_SEGMENT_FOREIGN), 1);
	assert_int_equal(world.verify->objects, 20);
	assert_int_equal(world.verify->lost, 5);
	for (unsigned i = 800; i < 805; i++) {
		builder_key(i, key);
		assert_false(verify_lookup(world.verify, key, &place));
	}
	world_free(&world);
	(void)state;
}

/* Neither index nor hints know anything of it. Its object is not brought back. */
static void a_segment_that_came_back_takes_no_part_in_the_log(void **state)
{
	struct world world;
	struct replay_event place;
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	segment_returned(&world);
	world_judge(&world, 1);
	assert_int_equal(facts_of(&world, 7)->role, ROLE_RETURNED);
	assert_int_equal(found(&world, PROBLEM_SEGMENT_RETURNED), 1);
	assert_int_equal(world.verify->objects, 26);
	builder_key(60, key);
	assert_false(verify_lookup(world.verify, key, &place));
	builder_key(61, key);
	assert_true(verify_lookup(world.verify, key, &place));
	world_free(&world);
	(void)state;
}

/* Three objects, an older manifest in a segment of its own, a COMMIT; another object and the newer
 * manifest, a COMMIT. The segment of the older manifest and the newest COMMIT have changed places.
 */
static void build_exchanged(struct world *world)
{
	static const uint8_t manifest[BUILDER_KEY];
	char older[BUILDER_PATH], commit[BUILDER_PATH], other[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	*world = (struct world){ .writer_fd = -1, .io = &io_system };
	builder_make_folder(world->folder);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->folder);
	world->builder = builder_new(world->path, 100, 4000);
	builder_use_borg(world->builder);
	for (unsigned i = 0; i < 4; i++) {
		if (i == 3) {
			builder_close_segment(world->builder);
			builder_put_some(world->builder, manifest, 200);
			builder_transaction(world->builder);
		}
		builder_key(i, key);
		builder_put_some(world->builder, key, 100);
	}
	builder_put_some(world->builder, manifest, 150);
	builder_transaction(world->builder);
	builder_segment_path(world->builder, 1, older);
	builder_segment_path(world->builder, 4, commit);
	builder_path(world->builder, "other", other);
	assert_int_equal(rename(commit, other), 0);
	assert_int_equal(rename(older, commit), 0);
	assert_int_equal(rename(other, older), 0);
}

/* The digests say that index and hints are those of the newest COMMIT. Nothing can be newer. */
static void an_older_segment_in_the_place_of_the_newest_commit_is_set_apart(void **state)
{
	static const uint8_t manifest[BUILDER_KEY];
	struct world world;
	struct replay_event place;
	build_exchanged(&world);
	world_judge(&world, 1);
	assert_int_equal(facts_of(&world, 4)->role, ROLE_RETURNED);
	assert_true(verify_lookup(world.verify, manifest, &place));
	assert_int_equal(place.segment, 3);
	world_free(&world);
	(void)state;
}

static void without_digests_it_may_be_newer_than_index_and_hints(void **state)
{
	struct world world;
	build_exchanged(&world);
	unlink(path_of(&world, "integrity.4"));
	world_judge(&world, 1);
	assert_int_equal(facts_of(&world, 4)->role, ROLE_LOG);
	world_free(&world);
	(void)state;
}

/* Where the hints know it, or there are none, it stays: keeping costs space alone. */
static void it_needs_both_witnesses_to_set_a_segment_apart(void **state)
{
	for (unsigned is_listed = 0; is_listed < 2; is_listed++) {
		struct world world;
		struct replay_event place;
		uint8_t key[BUILDER_KEY];
		world_new(&world);
		segment_returned(&world);
		if (is_listed)
			set_row(&world, (struct hints_segment){ .segment = 7, .live = 1 });
		else
			unlink(hints_path(&world));
		world_judge(&world, 1);
		expect_no_roles(&world);
		builder_key(60, key);
		assert_true(verify_lookup(world.verify, key, &place));
		world_free(&world);
	}
	(void)state;
}

/* The hints may not list one with nothing but DELETEs and a COMMIT. */
static void a_segment_without_a_put_never_counts_as_returned(void **state)
{
	struct world world;
	uint8_t key[BUILDER_KEY];
	world_new(&world);
	builder_key(8, key);
	builder_delete(world.builder, key);
	builder_transaction(world.builder);
	builder_key(62, key);
	builder_put_some(world.builder, key, 300);
	builder_transaction(world.builder);
	set_row(&world, (struct hints_segment){ .segment = 7, .live = 0 });
	world_judge(&world, 1);
	assert_int_equal(facts_of(&world, 7)->deletes, 1);
	expect_no_roles(&world);
	assert_true(world.diagnosis.clean);
	world_free(&world);
	(void)state;
}

static void swapped_behind_an_earlier_index(struct world *w)
{
	segments_swapped(w);
	index_stale(w);
}

static void swapped_behind_no_index(struct world *w)
{
	segments_swapped(w);
	unlink(index_path(w));
}

static void an_index_that_is_no_witness_of_now_gives_no_roles(void **state)
{
	static void (*const damages[])(struct world *world) = {
		index_of_another_repository, index_empty, swapped_behind_an_earlier_index,
		swapped_behind_no_index, index_of_an_earlier_time, nothing,
	};
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct world world;
		world_new(&world);
		damages[i](&world);
		world_judge(&world, 1);
		expect_no_roles(&world);
		world_free(&world);
	}
	(void)state;
}

/* Several wrong places of the index, and each in a segment that has other objects which fit. */
static void wrong_places_of_the_index_do_not_make_a_file_foreign(void **state)
{
	struct world world;
	world_new(&world);
	for (unsigned i = 0; i < OBJECTS + 2; i += 5)
		builder_flip(index_path(&world), bucket_of(&world, i) + 36, 1);
	world_judge(&world, 1);
	expect_no_roles(&world);
	assert_int_equal(world.verify->objects, 25);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_under_each_others_number_are_read_as_what_they_are),
		cmocka_unit_test(a_file_of_another_repository_takes_no_part_in_the_log),
		cmocka_unit_test(a_segment_that_came_back_takes_no_part_in_the_log),
		cmocka_unit_test(an_older_segment_in_the_place_of_the_newest_commit_is_set_apart),
		cmocka_unit_test(without_digests_it_may_be_newer_than_index_and_hints),
		cmocka_unit_test(it_needs_both_witnesses_to_set_a_segment_apart),
		cmocka_unit_test(a_segment_without_a_put_never_counts_as_returned),
		cmocka_unit_test(an_index_that_is_no_witness_of_now_gives_no_roles),
		cmocka_unit_test(wrong_places_of_the_index_do_not_make_a_file_foreign),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

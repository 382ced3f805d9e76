#include "build-config.h"

#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void lookup_and_status_follow_the_log(void **state)
{
	struct world world;
	struct replay_event place;
	struct segment_entry entry = { .tag = SEGMENT_PUT };
	uint32_t segment, offset;
	bool known;
	world_new(&world);
	index_mapping(&world);		/* the index is wrong about object 5 */
	world_judge(&world, 1);
	for (unsigned i = 0; i < OBJECTS + 2; i++) {
		builder_key(i, entry.key);
		assert_int_equal(verify_lookup(world.verify, entry.key, &place), i != 3);
		if (i == 3)
			continue;
		put_path(&world, i, &segment, &offset);
		assert_int_equal(place.segment, segment);
		assert_int_equal(place.offset, offset);
		entry.offset = offset;
		assert_int_equal(entry_status(world.repo, world.verify, segment, &entry, &known),
				 STATUS_LIVE);
		assert_true(known);
		entry.offset = offset + 1;
		assert_int_equal(entry_status(world.repo, world.verify, segment, &entry, &known),
				 STATUS_SUPERSEDED);
		assert_int_equal(entry_status(world.repo, world.verify, 4000, &entry, &known),
				 STATUS_UNCOMMITTED);
	}
	builder_key(3, entry.key);
	assert_int_equal(entry_status(world.repo, world.verify, 0, &entry, &known), STATUS_DELETED);
	entry.tag = SEGMENT_DELETE;
	assert_int_equal(entry_status(world.repo, world.verify, 0, &entry, &known),
			 STATUS_TOMBSTONE);
	entry.tag = SEGMENT_COMMIT;
	assert_int_equal(entry_status(world.repo, world.verify, 0, &entry, &known), STATUS_COMMIT);
	entry.tag = SEGMENT_DAMAGED;
	assert_int_equal(entry_status(world.repo, world.verify, 0, &entry, &known), STATUS_DAMAGED);
	world_free(&world);
	(void)state;
}

static void without_verification_the_index_tells_the_status_or_nobody_does(void **state)
{
	struct world world;
	struct segment_entry entry = { .tag = SEGMENT_PUT };
	uint32_t segment, offset;
	bool known;
	world_new(&world);
	world_judge(&world, 1);
	builder_key(5, entry.key);
	put_path(&world, 5, &segment, &offset);
	entry.offset = offset;
	assert_int_equal(entry_status(world.repo, NULL, segment, &entry, &known), STATUS_LIVE);
	assert_true(known);
	world_forget(&world);
	index_stale(&world);
	world_judge(&world, 1);
	entry_status(world.repo, NULL, segment, &entry, &known);
	assert_false(known);
	world_free(&world);
	(void)state;
}

static void the_replay_without_an_index_gives_the_same(void **state)
{
	struct world world;
	world_new(&world);
	world_judge(&world, 1);
	uint32_t with_index[64];
	assert_true(world.repo->listing.count <= 64);
	for (size_t i = 0; i < world.repo->listing.count; i++)
		with_index[i] = world.verify->facts[i].live;
	world_forget(&world);
	index_missing(&world);
	world_judge(&world, 2);
	assert_false(world.verify->index_was_compared);
	assert_int_equal(world.verify->objects, 25);
	for (size_t i = 0; i < world.repo->listing.count; i++)
		assert_int_equal(world.verify->facts[i].live, with_index[i]);
	world_free(&world);
	(void)state;
}

/* More than the list of findings holds of one problem. */
#define LOST 2500u

struct gone_walk {
	uint8_t last[KEY_SIZE];
	unsigned count;
};

static enum as_err count_lost(void *context, const uint8_t key[KEY_SIZE],
			      enum verify_outcome outcome, const struct replay_event *place)
{
	struct gone_walk *walk = context;
	assert_int_equal(outcome, OUTCOME_LOST);
	assert_int_equal(place->segment, 0);
	assert_true(walk->count == 0 || memcmp(walk->last, key, KEY_SIZE) < 0);
	memcpy(walk->last, key, KEY_SIZE);
	return ++walk->count == LOST + 1 ? AS_ERR_CANCELLED : AS_OK;
}

static void every_lost_key_comes_once_and_in_order(void **state)
{
	struct world world = { .io = &io_system, .writer_fd = -1 };
	struct gone_walk walk = { .count = 0 };
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	builder_make_folder(world.folder);
	snprintf(world.path, sizeof(world.path), "%.400s/repo", world.folder);
	world.builder = builder_new(world.path, 100, 1000000);
	for (unsigned i = 0; i < LOST + 10; i++) {
		builder_key(i, key);
		builder_put_some(world.builder, key, 10);
		if (i == LOST - 1)
			builder_commit(world.builder);
	}
	builder_transaction(world.builder);
	builder_segment_path(world.builder, 0, path);
	assert_int_equal(unlink(path), 0);
	world_judge(&world, 2);
	assert_int_equal(world.verify->findings.total[PROBLEM_OBJECT_LOST], LOST);
	assert_int_equal(world.verify->findings.kept[PROBLEM_OBJECT_LOST], FINDINGS_KEPT);
	assert_int_equal(verify_each_gone(world.verify, count_lost, &walk), AS_OK);
	assert_int_equal(walk.count, LOST);
	walk.count = LOST;
	memset(walk.last, 0, sizeof(walk.last));
	assert_int_equal(verify_each_gone(world.verify, count_lost, &walk), AS_ERR_CANCELLED);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup_and_status_follow_the_log),
		cmocka_unit_test(without_verification_the_index_tells_the_status_or_nobody_does),
		cmocka_unit_test(the_replay_without_an_index_gives_the_same),
		cmocka_unit_test(every_lost_key_comes_once_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

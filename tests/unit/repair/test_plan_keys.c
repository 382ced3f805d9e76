/* Which objects there are after a repair, and which are named: lost, older, left out, dropped. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"
#include "tests/unit/check/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Damage a repository of 25 objects, check it, and plan. */
static struct plan *make_plan(struct world *world, void (*damage)(struct world *world),
			      enum repair action, const struct repair_options *options)
{
	struct verify_progress progress = { .cancel = false };
	struct plan *plan;
	world_new(world);
	fault_init(&world->fault);
	damage(world);
	world_judge(world, 1);
	assert_int_equal(plan_make(world->repo, world->verify, action, options, &progress, &plan,
				   NULL), AS_OK);
	assert_true(plan->is_filled);
	return plan;
}

static void end_plan(struct world *world, struct plan *plan)
{
	plan_free(plan);
	world_free(world);
}

static bool is_of(const struct lost_key *key, unsigned number)
{
	uint8_t wanted[BUILDER_KEY];
	builder_key(number, wanted);
	return memcmp(key->key, wanted, BUILDER_KEY) == 0;
}

/* Bytes that the disk refuses, at the same offset of every file: behind the end of the index. */
static void unreadable(struct world *w)
{
	builder_write_index(w->builder, builder_head(w->builder), 30);
	w->fault.bad_offset = 18 + 30 * 40 + 100;
	w->fault.bad_length = 20;
	w->io = &w->fault.io;
}

/* What is gone has the reason, and each key comes once. */
static void each_lost_object_is_named_with_its_reason(void **state)
{
	static const struct {
		void (*damage)(struct world *world);
		enum loss loss;
		size_t count;
	} cases[] = {
		{ crc, LOSS_DAMAGED, 1 }, { zeros, LOSS_DAMAGED, 1 },
		{ segment_missing, LOSS_MISSING, 5 }, { segment_foreign, LOSS_MISSING, 5 },
	};
	const struct repair_options options = { .threads = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		struct plan *plan = make_plan(&world, cases[i].damage, REPAIR_SALVAGE, &options);
		assert_int_equal(plan->lost_count, cases[i].count);
		for (size_t j = 0; j < plan->lost_count; j++) {
			assert_int_equal(plan->lost[j].loss, cases[i].loss);
			assert_true(plan->lost[j].has_place);
			assert_int_equal(plan->lost[j].segment, 1);
			if (j > 0)
				assert_true(memcmp(plan->lost[j - 1].key, plan->lost[j].key,
						   KEY_SIZE) < 0);
		}
		assert_int_equal(plan->objects_before, 25);
		assert_int_equal(plan->objects_after, 25 - cases[i].count);
		assert_int_equal(plan->work->objects, 25 - cases[i].count);
		end_plan(&world, plan);
	}
	(void)state;
}

static void what_the_disk_refuses_may_be_whole_and_is_named_so(void **state)
{
	const struct repair_options options = { .threads = 1 };
	struct world world;
	struct plan *plan = make_plan(&world, unreadable, REPAIR_SALVAGE, &options);
	assert_true(plan->lost_count > 0);
	for (size_t i = 0; i < plan->lost_count; i++)
		assert_int_equal(plan->lost[i].loss, LOSS_UNREADABLE);
	assert_true(plan->hardware_doubt);
	end_plan(&world, plan);
	(void)state;
}

static void damage_newest_and_lose_index(struct world *w)
{
	newest_version_damaged(w);
	unlink(index_path(w));
}

/* Object 4: its newest version is damaged, the one before is whole. The same with an index, and
 * with several threads without one. */
static void an_older_version_is_kept_unless_it_is_not_wanted(void **state)
{
	static void (*const damages[])(struct world *world) = {
		newest_version_damaged, damage_newest_and_lose_index,
	};
	for (size_t i = 0; i < 2 * ARRAY_SIZE(damages); i++) {
		const bool is_wanted = i % 2 == 0;
		const struct repair_options options = { .threads = 3, .no_older = !is_wanted };
		struct world world;
		struct plan *plan = make_plan(&world, damages[i / 2], REPAIR_SALVAGE, &options);
		assert_int_equal(plan->lost_count, 0);
		assert_int_equal(plan->older_count, is_wanted);
		assert_int_equal(plan->left_out_count, !is_wanted);
		assert_true(is_of(is_wanted ? plan->older : plan->left_out, 4));
		assert_int_equal(plan->objects_after, is_wanted ? 25 : 24);
		assert_int_equal(plan->work->objects, is_wanted ? 25 : 24);
		end_plan(&world, plan);
	}
	(void)state;
}

/* The second version of the manifest is damaged. */
static void put_manifest(struct world *w, bool has_newer)
{
	static const uint8_t manifest[BUILDER_KEY];
	uint8_t key[BUILDER_KEY];
	uint32_t segment, offset;
	char path[BUILDER_PATH];
	builder_put_some(w->builder, manifest, 300);
	builder_transaction(w->builder);
	if (has_newer) {
		builder_key(60, key);
		builder_put_some(w->builder, key, 300);
	}
	builder_put_some(w->builder, manifest, 200);
	builder_transaction(w->builder);
	assert_true(builder_find(w->builder, manifest, &segment, &offset));
	builder_segment_path(w->builder, segment, path);
	builder_flip(path, offset + 100, 1);
}

static void manifest_before_newer_objects(struct world *w) { put_manifest(w, true); }
static void manifest_behind_all_objects(struct world *w) { put_manifest(w, false); }

/* It would hide what is newer, and the client's own repair would then delete that. */
static void an_older_manifest_is_left_out_where_newer_objects_are_whole(void **state)
{
	static const struct {
		void (*damage)(struct world *world);
		bool is_wanted, is_kept;
	} cases[] = {
		{ manifest_before_newer_objects, false, false },
		{ manifest_before_newer_objects, true, true },
		{ manifest_behind_all_objects, false, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct repair_options options = {
			.threads = 1, .with_older_manifest = cases[i].is_wanted,
		};
		struct world world;
		struct plan *plan = make_plan(&world, cases[i].damage, REPAIR_SALVAGE, &options);
		assert_int_equal(plan->older_count, cases[i].is_kept);
		assert_int_equal(plan->left_out_count, !cases[i].is_kept);
		assert_true(key_is_manifest(cases[i].is_kept ? plan->older[0].key
							     : plan->left_out[0].key));
		assert_int_equal(plan->lost_count + plan->dropped_count, 0);
		end_plan(&world, plan);
	}
	(void)state;
}

/* A DELETE was moved behind the PUT: a repair that writes no entry cannot keep the object. */
static void what_the_log_alone_does_not_give_is_dropped_by_recover(void **state)
{
	static const struct { enum repair action; size_t dropped; } cases[] = {
		{ REPAIR_RECOVER, 1 }, { REPAIR_COMPACT, 0 }, { REPAIR_SALVAGE, 0 },
	};
	const struct repair_options options = { .threads = 1 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world world;
		struct plan *plan = make_plan(&world, delete_moved, cases[i].action, &options);
		assert_int_equal(plan->dropped_count, cases[i].dropped);
		if (plan->dropped_count > 0)
			assert_true(is_of(plan->dropped, 7));
		assert_int_equal(plan->lost_count, 0);
		assert_int_equal(plan->work->objects, 25 - cases[i].dropped);
		assert_int_equal(plan->is_refused, cases[i].dropped > 0);
		end_plan(&world, plan);
	}
	(void)state;
}

/* Objects 24 and 25 are of the last transaction, whose COMMIT is damaged. */
static void what_is_given_up_with_the_tail_is_rolled_back(void **state)
{
	const struct repair_options options = { .threads = 1, .drop_tail = true };
	struct world world;
	struct plan *plan = make_plan(&world, commit_flip_alone, REPAIR_SALVAGE, &options);
	assert_int_equal(plan->lost_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(plan->lost[i].loss, LOSS_ROLLED_BACK);
		assert_true(is_of(&plan->lost[i], 24) || is_of(&plan->lost[i], 25));
	}
	assert_int_equal(plan->objects_before, 25);
	assert_int_equal(plan->objects_after, 23);
	end_plan(&world, plan);
	(void)state;
}

/* The only whole entry of object 900 lies inside the damaged one of object 7. */
static void bury(struct world *w)
{
	uint8_t key[BUILDER_KEY], inner[60];
	builder_key(900, key);
	const size_t len = builder_encode(BUILDER_PUT, key, "inside", 6, inner);
	patch_put(w, 7, 100, inner, len);
}

static void a_suspect_is_named_and_brought_back_only_when_wanted(void **state)
{
	for (unsigned is_wanted = 0; is_wanted < 2; is_wanted++) {
		const struct repair_options options = { .threads = 1, .with_suspects = is_wanted };
		struct world world;
		uint32_t segment, offset;
		uint8_t key[BUILDER_KEY];
		struct plan *plan = make_plan(&world, bury, REPAIR_SALVAGE, &options);
		builder_key(900, key);
		put_path(&world, 7, &segment, &offset);
		assert_int_equal(plan->suspect_count, 1);
		assert_memory_equal(plan->suspects[0].key, key, KEY_SIZE);
		assert_int_equal(plan->suspects[0].segment, segment);
		assert_int_equal(plan->suspects[0].offset, offset + 100);
		assert_int_equal(plan->suspects[0].is_taken, is_wanted);
		assert_int_equal(plan->lost_count, 1);
		assert_int_equal(plan->objects_after, 24 + is_wanted);
		assert_int_equal(plan->work->objects, 24 + is_wanted);
		end_plan(&world, plan);
	}
	(void)state;
}

/* A plan that no longer is what happened: it says so, and points to undo. */
static void what_differs_from_the_promise_is_told(void **state)
{
	struct repo repo = { .path = (char[]){ "/r" } };
	struct plan_work work = { .objects = 25, .key_sum = 1000 };
	const struct plan plan = { .action = REPAIR_SALVAGE, .work = &work };
	struct verify after = { .repo = &repo, .complete = true, .objects = 25, .key_sum = 1000 };
	struct as_error error;
	assert_int_equal(repair_check(&plan, &after, &error), AS_OK);
	after.key_sum++;
	assert_int_equal(repair_check(&plan, &after, &error), AS_ERR_INTEGRITY);
	assert_string_equal(error.message, "/r: 25 objects can be read after the salvage, and the "
			    "plan promised 25 others: take it back with undo");
	after.objects = 24;
	assert_int_equal(repair_check(&plan, &after, &error), AS_ERR_INTEGRITY);
	assert_string_equal(error.message, "/r: 24 objects can be read after the salvage, and the "
			    "plan promised 25: take it back with undo");
	/* Only a check of everything can tell. */
	after.skipped = 1;
	assert_int_equal(repair_check(&plan, &after, &error), AS_OK);
	after.skipped = 0;
	after.remembered = 1;
	assert_int_equal(repair_check(&plan, &after, &error), AS_OK);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lost_object_is_named_with_its_reason),
		cmocka_unit_test(what_the_disk_refuses_may_be_whole_and_is_named_so),
		cmocka_unit_test(an_older_version_is_kept_unless_it_is_not_wanted),
		cmocka_unit_test(an_older_manifest_is_left_out_where_newer_objects_are_whole),
		cmocka_unit_test(what_the_log_alone_does_not_give_is_dropped_by_recover),
		cmocka_unit_test(what_is_given_up_with_the_tail_is_rolled_back),
		cmocka_unit_test(a_suspect_is_named_and_brought_back_only_when_wanted),
		cmocka_unit_test(what_differs_from_the_promise_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What log, index and hints say of one key, put into the testimony that evidence.c decides by.
 * test_evidence.c has the table of what follows from a testimony; here each fact of a check must
 * reach it, and the place must be that of the version that counts. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THERE = 3, LATER = 5, MISSING = 4, END = 9 };

/* A log of the segments THERE and LATER that ends in END, with index and hints of that transaction,
 * both credible. Bucket 1 is confirmed, bucket 0 is not. Whether the hints count objects as log or
 * index do in THERE is set by count(). */
struct world {
	struct listing_segment segments[2];
	struct segment_facts facts[2];
	struct hints_segment rows[3];
	struct verify_damage damage;
	struct verify_oddity oddity;
	struct verify_stranger stranger;
	_Atomic uint64_t confirmed;
	struct repo repo;
	struct verify verify;
	bool has_bucket, has_event;
	struct index_bucket bucket;
	struct replay_event event, place;
	uint8_t key[KEY_SIZE];
};

/* In segment THERE the hints count @hinted objects, the log holds @held, the index maps @mapped. */
static void count(struct world *world, int64_t hinted, uint32_t held, uint32_t mapped)
{
	world->rows[0].live = hinted;
	world->facts[0].held = held;
	world->facts[0].mapped = mapped;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->segments[0].number = THERE;
	world->segments[1].number = LATER;
	world->facts[0] = (struct segment_facts){ .number = THERE, .size = 1000 };
	world->facts[1] = (struct segment_facts){ .number = LATER, .size = 1000, .mapped = 1,
						  .held = 2 };
	world->rows[0] = (struct hints_segment){ .segment = THERE, .is_counted = true };
	world->rows[1] = (struct hints_segment){ .segment = MISSING, .is_counted = true };
	world->rows[2] = (struct hints_segment){ .segment = LATER, .live = 2, .is_counted = true };
	count(world, 7, 8, 9);		/* they count as neither */
	world->damage = (struct verify_damage){
		.segment = THERE, .offset = 100, .length = 100, .cause = SEGMENT_ZEROS,
	};
	atomic_init(&world->confirmed, 2);
	world->repo = (struct repo){
		.dialect = &dialect_attic,
		.listing = { .segments = world->segments, .count = 2 },
		.hints = { .usable = true, .transaction = END, .rows = world->rows, .count = 3 },
	};
	findings_init(&world->repo.findings);
	world->verify = (struct verify){
		.repo = &world->repo, .facts = world->facts, .damage = &world->damage,
		.damage_count = 1, .has_end = true, .end = END, .index_last = LATER,
		.index = { .transaction = END }, .index_credit = CREDIT_CREDIBLE,
		.hints_credit = CREDIT_CREDIBLE, .confirmed = &world->confirmed,
		.replay = replay_new(), .unanchored = replay_new(),
	};
	assert_true(world->verify.replay && world->verify.unanchored);
	world->key[0] = 1;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	replay_free(world->verify.replay);
	replay_free(world->verify.unanchored);
	findings_free(&world->repo.findings);
	free(world);
	return 0;
}

/* The index maps the key to @offset of @segment; a whole PUT of it stands there, or does not. */
static void map(struct world *world, uint32_t segment, uint32_t offset, bool is_confirmed)
{
	world->has_bucket = true;
	world->bucket = (struct index_bucket){
		.number = is_confirmed, .segment = segment, .offset = offset,
	};
	memcpy(world->bucket.key, world->key, KEY_SIZE);
}

/* The log has this event of the key. */
static void log_event(struct world *world, uint32_t segment, uint32_t offset, bool is_put)
{
	world->has_event = true;
	world->event = (struct replay_event){
		.segment = segment, .offset = offset, .size = 41, .is_put = is_put,
	};
}

/* Only searching found it. */
static void searched_event(struct world *world, uint32_t segment, uint32_t offset, bool is_put)
{
	log_event(world, segment, offset, is_put);
	assert_int_equal(replay_add(world->verify.unanchored, world->key, &world->event), AS_OK);
}

static void forget(struct world *world)
{
	world->has_bucket = world->has_event = false;
}

static enum verdict verdict(struct world *world)
{
	world->place = (struct replay_event){ .offset = 0 };
	return verify_find_verdict(&world->verify, world->key,
				   world->has_bucket ? &world->bucket : NULL,
				   world->has_event ? &world->event : NULL, &world->place);
}

static void expect_place(const struct world *world, uint32_t segment, uint32_t offset)
{
	assert_int_equal(world->place.segment, segment);
	assert_int_equal(world->place.offset, offset);
	assert_true(world->place.is_put);
}

/* ---- the index does not have the key ---- */

static void what_nobody_has_is_deleted(void **state)
{
	struct world *world = *state;
	assert_int_equal(verdict(world), VERDICT_DELETED);
	log_event(world, THERE, 50, false);
	assert_int_equal(verdict(world), VERDICT_DELETED);
	log_event(world, THERE, 50, true);
	world->verify.index_credit = CREDIT_NONE;
	assert_int_equal(verdict(world), VERDICT_UNWITNESSED);
	expect_place(world, THERE, 50);
}

static void the_hints_say_whether_an_unindexed_put_was_deleted(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	count(world, 8, 8, 9);			/* as the log */
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
	expect_place(world, THERE, 50);
	world->verify.last_place = replay_time(THERE, 51);	/* a DELETE can have been there */
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	count(world, 9, 8, 9);			/* as the index */
	assert_int_equal(verdict(world), VERDICT_DENIED);
	world->verify.hints_credit = CREDIT_OLDER;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->verify.hints_credit = CREDIT_CREDIBLE;
	world->verify.index_last = THERE - 1;	/* the PUT lies above all that the index knows */
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->verify.index_last = THERE;
	assert_int_equal(verdict(world), VERDICT_DENIED);
	world->verify.last_place = replay_time(THERE, 50);	/* nothing behind the PUT */
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	count(world, 7, 8, 9);
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
}

static void what_witnesses_place_in_damage_counts_for_both(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	count(world, 9, 8, 7);
	world->facts[0].wanted = 1;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);	/* like the log */
	world->facts[0].unmet = 2;
	world->facts[0].wanted = 2;
	assert_int_equal(verdict(world), VERDICT_DENIED);		/* like the index */
}

/* What the hints count in a missing segment may be what this file holds. */
static void hints_that_know_a_missing_segment_do_not_count_it_out(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	count(world, 0, 1, 0);
	assert_int_equal(verdict(world), VERDICT_DENIED);
	world->verify.hints_know_missing = true;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	count(world, 9, 8, 9);			/* it matters only where they count nothing */
	assert_int_equal(verdict(world), VERDICT_DENIED);
}

static void hints_of_another_transaction_say_nothing(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	count(world, 9, 8, 9);
	world->repo.hints.transaction = END - 1;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->repo.hints.transaction = END;
	world->repo.hints.usable = false;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
}

static void an_index_that_knows_nothing_in_the_segment_says_little(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	count(world, 7, 8, 1);
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
	count(world, 7, 8, 0);
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
}

/* A bucket has the key, but for a few bits or for the place. */
static void a_near_bucket_speaks_for_the_object(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->stranger = (struct verify_stranger){ .key = { 1 }, .is_near = true };
	world->verify.strangers = &world->stranger;
	world->verify.stranger_count = 1;
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
	world->verify.stranger_count = 0;
	map(world, THERE, 7, false);		/* no entry begins there */
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
	world->verify.index_credit = CREDIT_DAMAGED;
	world->verify.index_figures = (struct index_figures){ .live = 10, .known = 9 };
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
}

static void an_index_above_the_end_does_not_say_deleted(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	count(world, 9, 8, 9);
	world->verify.index.transaction = END + 1;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->verify.index_last = THERE - 1;
	assert_int_equal(verdict(world), VERDICT_UNWITNESSED);
	world->verify.index.transaction = END;
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->verify.has_end = false;		/* above the end of no log is every index */
	assert_int_equal(verdict(world), VERDICT_UNWITNESSED);
}

static void a_damaged_index_speaks_where_it_knows_the_keys(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	world->verify.last_place = replay_time(THERE, 51);
	world->verify.index_credit = CREDIT_DAMAGED;
	world->verify.index_figures = (struct index_figures){ .live = 12, .known = 9,
							      .excused = 2 };
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	world->verify.index_figures.excused = 1;
	assert_int_equal(verdict(world), VERDICT_UNWITNESSED);
}

static void what_only_searching_found_needs_more(void **state)
{
	struct world *world = *state;
	searched_event(world, THERE, 50, true);
	assert_int_equal(verdict(world), VERDICT_DELETED);
	count(world, 8, 8, 9);		/* as without it: it is not counted */
	assert_int_equal(verdict(world), VERDICT_DELETED);
	count(world, 10, 8, 9);		/* more than the log without it */
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	expect_place(world, THERE, 50);
	log_event(world, THERE, 60, true);	/* another event than that */
	count(world, 7, 8, 9);
	assert_int_equal(verdict(world), VERDICT_UNINDEXED);
}

/* ---- the index maps the key to a whole PUT of it ---- */

static void a_confirmed_mapping_is_the_place(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, true);
	assert_int_equal(verdict(world), VERDICT_AGREED);
	expect_place(world, THERE, 500);
	log_event(world, THERE, 499, false);
	assert_int_equal(verdict(world), VERDICT_AGREED);
	expect_place(world, THERE, 500);
	log_event(world, THERE - 1, 900, true);
	assert_int_equal(verdict(world), VERDICT_AGREED);
	expect_place(world, THERE, 500);
}

static void a_later_put_is_newer_unless_both_witnesses_know_nothing_of_it(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, true);
	log_event(world, LATER, 50, true);
	assert_int_equal(verdict(world), VERDICT_OUTDATED);
	expect_place(world, LATER, 50);
	count(world, 9, 8, 9);
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	expect_place(world, THERE, 500);
	count(world, 9, 9, 9);
	assert_int_equal(verdict(world), VERDICT_OUTDATED);
	world->facts[1].is_contradicted = true;
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	expect_place(world, THERE, 500);
}

static void a_later_delete_counts_as_the_hints_say(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, true);
	log_event(world, LATER, 50, false);
	assert_int_equal(verdict(world), VERDICT_POSSIBLY_DELETED);
	expect_place(world, THERE, 500);
	count(world, 8, 8, 9);
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	count(world, 9, 8, 9);
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	expect_place(world, THERE, 500);
}

/* No client deletes the manifest for good. */
static void a_delete_of_the_manifest_was_moved_where_nothing_can_be_lost_behind_it(void **state)
{
	struct world *world = *state;
	count(world, 8, 8, 9);
	memset(world->key, 0, KEY_SIZE);
	map(world, THERE, 500, true);
	log_event(world, LATER, 50, false);
	world->verify.last_place = replay_time(LATER, 50);
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	world->verify.last_place = replay_time(LATER, 51);
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	world->verify.last_place = 0;
	world->verify.end = END - 1;		/* then the index may be of a later time */
	world->verify.index_credit = CREDIT_OLDER;
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	world->verify.end = END;
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	world->key[31] = 1;
	map(world, THERE, 500, true);
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
}

/* An older index and hints of one time are heard about events up to it. */
static void older_witnesses_of_one_time_bear_each_other_out(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, true);
	log_event(world, LATER, 50, false);
	count(world, 9, 8, 9);
	world->verify.index_credit = world->verify.hints_credit = CREDIT_OLDER;
	world->verify.index_figures.is_stale = true;
	world->verify.index.transaction = world->repo.hints.transaction = LATER;
	assert_int_equal(verdict(world), VERDICT_DELETE_MOVED);
	world->verify.hints_credit = CREDIT_FOREIGN;
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	world->verify.hints_credit = CREDIT_OLDER;
	world->verify.index.transaction = LATER + 1;
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	world->verify.index.transaction = LATER;
	world->verify.index_figures.is_stale = false;
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
	world->verify.index_figures.is_stale = true;
	log_event(world, LATER + 1, 50, false);		/* of that they cannot know */
	assert_int_equal(verdict(world), VERDICT_UNDELETED);
}

/* ---- the index maps the key to something else ---- */

static void what_lies_in_damage_is_lost_or_older(void **state)
{
	struct world *world = *state;
	map(world, THERE, 150, false);
	assert_int_equal(verdict(world), VERDICT_LOST);
	log_event(world, THERE, 50, true);
	assert_int_equal(verdict(world), VERDICT_OLDER);
	expect_place(world, THERE, 50);
	log_event(world, LATER, 50, true);
	assert_int_equal(verdict(world), VERDICT_OUTDATED);
	expect_place(world, LATER, 50);
	/* A place behind the damage is whole, and not this PUT. */
	map(world, THERE, 200, false);
	log_event(world, THERE, 50, true);
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
	expect_place(world, THERE, 50);
}

static void what_cannot_be_read_may_be_whole(void **state)
{
	struct world *world = *state;
	map(world, THERE, 150, false);
	log_event(world, THERE, 50, true);
	world->damage.cause = SEGMENT_UNREADABLE;
	assert_int_equal(verdict(world), VERDICT_UNREADABLE);
	world->damage.cause = SEGMENT_ZEROS;
	world->facts[0].is_unopened = true;
	assert_int_equal(verdict(world), VERDICT_UNREADABLE);
}

/* It was lost where the hints count objects in it, or lack more than its file has. */
static void a_place_without_a_segment_needs_the_hints(void **state)
{
	struct world *world = *state;
	log_event(world, THERE, 50, true);
	map(world, MISSING, 60, false);
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
	world->rows[1].live = 1;
	assert_int_equal(verdict(world), VERDICT_OLDER);
	map(world, THERE, 960, false);			/* behind the end of the file */
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
	count(world, 9, 8, 8);
	assert_int_equal(verdict(world), VERDICT_OLDER);
}

static void a_damaged_key_names_no_object(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, false);
	assert_int_equal(verdict(world), VERDICT_LOST);
	world->oddity = (struct verify_oddity){ .bucket = 0, .key_is_damaged = true };
	world->verify.oddities = &world->oddity;
	world->verify.oddity_count = 1;
	assert_int_equal(verdict(world), VERDICT_PHANTOM);
	map(world, THERE, 150, false);			/* wherever it leads */
	assert_int_equal(verdict(world), VERDICT_PHANTOM);
}

/* Whole bytes stand where the index has the object: they are not of its time. */
static void an_overwritten_place_is_a_gap(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, false);
	log_event(world, THERE, 50, true);
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
	world->oddity = (struct verify_oddity){ .bucket = 0 };
	world->verify.oddities = &world->oddity;
	world->verify.oddity_count = 1;
	assert_int_equal(verdict(world), VERDICT_OLDER);
	world->verify.index_credit = CREDIT_DAMAGED;
	assert_int_equal(verdict(world), VERDICT_UNWITNESSED);
	world->verify.index_credit = CREDIT_CREDIBLE;
	world->verify.oddity_count = 0;
	count(world, 9, 8, 8);			/* the hints miss one in the segment, */
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
	world->facts[0].damaged = 1;		/* which is damaged */
	assert_int_equal(verdict(world), VERDICT_OLDER);
	world->verify.hints_credit = CREDIT_OLDER;
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
}

static void bytes_that_came_or_went_before_it_moved_it(void **state)
{
	struct world *world = *state;
	map(world, THERE, 500, false);
	searched_event(world, THERE, 480, true);
	assert_int_equal(verdict(world), VERDICT_MOVED);
	expect_place(world, THERE, 480);
	map(world, LATER, 500, false);
	assert_int_equal(verdict(world), VERDICT_MISDIRECTED);
}

/* ---- of a key ---- */

static void the_event_of_a_key_is_looked_up(void **state)
{
	struct world *world = *state;
	const struct replay_event put = { .segment = LATER, .offset = 50, .size = 41,
					  .is_put = true };
	struct replay_event place = { .offset = 0 };
	assert_int_equal(verify_find_verdict_of_key(&world->verify, world->key, NULL, &place),
			 VERDICT_DELETED);
	map(world, THERE, 500, true);
	assert_int_equal(verify_find_verdict_of_key(&world->verify, world->key, &world->bucket,
						    &place), VERDICT_AGREED);
	assert_int_equal(place.offset, 500);
	forget(world);
	assert_int_equal(replay_add(world->verify.replay, world->key, &put), AS_OK);
	assert_int_equal(verify_find_verdict_of_key(&world->verify, world->key, NULL, &place),
			 VERDICT_UNINDEXED);
	assert_int_equal(place.offset, 50);
	assert_int_equal(verify_find_verdict_of_key(&world->verify, world->key, &world->bucket,
						    &place), VERDICT_OUTDATED);
	assert_int_equal(place.segment, LATER);
}

/* What becomes of each verdict in the report. */
static void each_verdict_that_is_reported_has_its_problem(void **state)
{
	static const struct {
		enum verdict verdict;
		bool is_object;
		enum problem problem;	/* PROBLEM_COUNT: not reported here */
	} rows[] = {
		{ VERDICT_AGREED, true, PROBLEM_COUNT },
		{ VERDICT_DELETED, false, PROBLEM_COUNT },
		{ VERDICT_UNWITNESSED, true, PROBLEM_COUNT },
		{ VERDICT_UNINDEXED, true, PROBLEM_INDEX_KEY_MISSING },
		{ VERDICT_POSSIBLY_DELETED, true, PROBLEM_OBJECT_POSSIBLY_DELETED },
		{ VERDICT_DENIED, false, PROBLEM_DELETE_LOST },
		{ VERDICT_OUTDATED, true, PROBLEM_INDEX_MAPPING },
		{ VERDICT_UNDELETED, false, PROBLEM_INDEX_KEY_DELETED },
		{ VERDICT_DELETE_MOVED, true, PROBLEM_DELETE_MOVED },
		{ VERDICT_LOST, false, PROBLEM_COUNT },
		{ VERDICT_OLDER, false, PROBLEM_COUNT },
		{ VERDICT_UNREADABLE, false, PROBLEM_COUNT },
		{ VERDICT_MOVED, true, PROBLEM_INDEX_MAPPING },
		{ VERDICT_MISDIRECTED, true, PROBLEM_INDEX_MAPPING },
		{ VERDICT_PHANTOM, false, PROBLEM_INDEX_MAPPING },
	};
	assert_int_equal(ARRAY_SIZE(rows), VERDICT_COUNT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct verdict_info *info = &verdict_table[rows[i].verdict];
		const bool is_reported = rows[i].problem != PROBLEM_COUNT;
		assert_int_equal(info->is_object, rows[i].is_object);
		assert_int_equal(info->is_reported, is_reported);
		if (is_reported) {
			assert_int_equal(info->problem, rows[i].problem);
			assert_non_null(info->detail);
		}
	}
	(void)state;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_nobody_has_is_deleted),
		TEST(the_hints_say_whether_an_unindexed_put_was_deleted),
		TEST(what_witnesses_place_in_damage_counts_for_both),
		TEST(hints_that_know_a_missing_segment_do_not_count_it_out),
		TEST(hints_of_another_transaction_say_nothing),
		TEST(an_index_that_knows_nothing_in_the_segment_says_little),
		TEST(a_near_bucket_speaks_for_the_object),
		TEST(an_index_above_the_end_does_not_say_deleted),
		TEST(a_damaged_index_speaks_where_it_knows_the_keys),
		TEST(what_only_searching_found_needs_more),
		TEST(a_confirmed_mapping_is_the_place),
		TEST(a_later_put_is_newer_unless_both_witnesses_know_nothing_of_it),
		TEST(a_later_delete_counts_as_the_hints_say),
		TEST(a_delete_of_the_manifest_was_moved_where_nothing_can_be_lost_behind_it),
		TEST(older_witnesses_of_one_time_bear_each_other_out),
		TEST(what_lies_in_damage_is_lost_or_older),
		TEST(what_cannot_be_read_may_be_whole),
		TEST(a_place_without_a_segment_needs_the_hints),
		TEST(a_damaged_key_names_no_object),
		TEST(an_overwritten_place_is_a_gap),
		TEST(bytes_that_came_or_went_before_it_moved_it),
		TEST(the_event_of_a_key_is_looked_up),
		cmocka_unit_test(each_verdict_that_is_reported_has_its_problem),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

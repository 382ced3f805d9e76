/* Where a mapping of the index leads, and which event of the log counts for its key. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THERE = 3, UNOPENED = 7, MISSING = 5 };

/* Files of the segments THERE, of 1000 bytes with damage from 100 to 200 and unreadable from 300 to
 * 400, and UNOPENED; and what the log says of keys, which begin with their number. */
struct world {
	struct listing_segment segments[2];
	struct segment_facts facts[2];
	struct verify_damage damage[2];
	struct repo repo;
	struct verify verify;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	world->segments[0].number = THERE;
	world->segments[1].number = UNOPENED;
	world->facts[0] = (struct segment_facts){ .number = THERE, .size = 1000 };
	world->facts[1] = (struct segment_facts){ .number = UNOPENED, .is_unopened = true };
	world->damage[0] = (struct verify_damage){
		.segment = THERE, .offset = 100, .length = 100, .cause = SEGMENT_ZEROS,
	};
	world->damage[1] = (struct verify_damage){
		.segment = THERE, .offset = 300, .length = 100, .cause = SEGMENT_UNREADABLE,
	};
	world->repo.listing = (struct listing){ .segments = world->segments, .count = 2 };
	findings_init(&world->repo.findings);
	world->verify = (struct verify){
		.repo = &world->repo, .facts = world->facts, .damage = world->damage,
		.damage_count = 2, .replay = replay_new(), .unanchored = replay_new(),
	};
	assert_true(world->verify.replay && world->verify.unanchored);
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

static const uint8_t *key_of(uint8_t start)
{
	static uint8_t key[KEY_SIZE];
	key[0] = start;
	return key;
}

static void add(struct replay *replay, uint8_t key, struct replay_event event)
{
	assert_int_equal(replay_add(replay, key_of(key), &event), AS_OK);
}

static struct index_bucket bucket_of(uint8_t key, uint32_t segment, uint32_t offset)
{
	struct index_bucket bucket = { .segment = segment, .offset = offset };
	memcpy(bucket.key, key_of(key), KEY_SIZE);
	return bucket;
}

static void a_mapping_leads_somewhere(void **state)
{
	static const struct { uint32_t segment, offset; enum aim aim; } cases[] = {
		{ THERE, 7, AIM_NOWHERE }, { THERE, 8, AIM_WRONG }, { MISSING, 0, AIM_NOWHERE },
		{ MISSING, 8, AIM_MISSING }, { UNOPENED, 8, AIM_UNREADABLE },
		{ THERE, 99, AIM_WRONG }, { THERE, 100, AIM_DAMAGED }, { THERE, 199, AIM_DAMAGED },
		{ THERE, 200, AIM_WRONG }, { THERE, 300, AIM_UNREADABLE },
		/* No entry with a key has fewer than 41 bytes. */
		{ THERE, 959, AIM_WRONG }, { THERE, 960, AIM_BEYOND },
		{ THERE, UINT32_MAX, AIM_BEYOND },
	};
	const struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct index_bucket bucket =
			bucket_of(1, cases[i].segment, cases[i].offset);
		if (verify_aim(&world->verify, &bucket) != cases[i].aim)
			fail_msg("case %zu: %d", i, verify_aim(&world->verify, &bucket));
	}
}

/* Where a folder cannot be listed, or a link bears the segment's name, it is not missing. */
static void a_segment_without_a_file_may_be_elsewhere(void **state)
{
	static const struct {
		enum problem problem;
		int64_t segment;
		bool may_be;
	} cases[] = {
		{ PROBLEM_FOLDER_UNREADABLE, FINDING_NOWHERE, true },
		{ PROBLEM_DATA_MISSING, FINDING_NOWHERE, true },
		{ PROBLEM_NOT_A_FILE, MISSING, true },
		{ PROBLEM_NOT_A_FILE, MISSING + 1, false },
		{ PROBLEM_STRAY_FILE, FINDING_NOWHERE, false },
	};
	struct world *world = *state;
	const struct index_bucket bucket = bucket_of(1, MISSING, 8);
	assert_false(verify_may_be_elsewhere(&world->repo, MISSING));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(findings_note(&world->repo.findings, cases[i].problem,
					       cases[i].segment, FINDING_NOWHERE, " "), AS_OK);
		assert_int_equal(verify_may_be_elsewhere(&world->repo, MISSING), cases[i].may_be);
		assert_int_equal(verify_aim(&world->verify, &bucket),
				 cases[i].may_be ? AIM_UNREADABLE : AIM_MISSING);
		findings_drop(&world->repo.findings, cases[i].problem);
	}
}

static void searched_is_only_the_very_event_that_searching_found(void **state)
{
	const struct world *world = *state;
	const struct replay_event found = { .segment = 3, .offset = 500, .is_put = true };
	add(world->verify.unanchored, 1, found);
	add(world->verify.replay, 2, found);
	assert_true(verify_was_searched(&world->verify, key_of(1), &found));
	assert_false(verify_was_searched(&world->verify, key_of(2), &found));
	struct replay_event other = found;
	other.offset = 501;
	assert_false(verify_was_searched(&world->verify, key_of(1), &other));
	other = found;
	other.segment = 7;
	assert_false(verify_was_searched(&world->verify, key_of(1), &other));
}

static void a_put_has_moved_only_within_its_segment(void **state)
{
	const struct world *world = *state;
	struct replay_event event = { .segment = 3, .offset = 500, .is_put = true };
	const struct index_bucket here = bucket_of(1, 3, 480), there = bucket_of(1, 7, 480);
	assert_false(verify_has_moved(&world->verify, &here, &event));	/* it was not searched */
	add(world->verify.unanchored, 1, event);
	assert_true(verify_has_moved(&world->verify, &here, &event));
	assert_false(verify_has_moved(&world->verify, &there, &event));
	event.is_put = false;
	assert_false(verify_has_moved(&world->verify, &here, &event));
}

/* The event of key 1 that counts where the log has @sound, and searching found @searched (segment
 * 0: neither). The bucket, if any, is in segment @mapped. */
static void the_newest_event_that_counts_is_found(void **state)
{
	enum { NONE = 0 };
	static const struct {
		const char *name;
		struct replay_event sound, searched;
		uint32_t mapped;
		bool is_confirmed;
		uint32_t found;		/* offset; 0: none */
	} cases[] = {
		{ "nothing", { 0 }, { 0 }, 3, false, NONE },
		{ "sound alone", { 3, 50, 41, true }, { 0 }, 3, false, 50 },
		{ "a sound DELETE", { 3, 50, 41, false }, { 0 }, 3, true, 50 },
		{ "searched alone", { 0 }, { 3, 60, 41, true }, NONE, false, 60 },
		{ "a searched DELETE alone", { 0 }, { 3, 60, 41, false }, NONE, false, 60 },
		{ "searched, confirmed elsewhere", { 0 }, { 3, 60, 41, true }, 3, true, NONE },
		{ "both, no bucket", { 3, 50, 41, true }, { 3, 60, 41, true }, NONE, false, 50 },
		{ "both, supported", { 3, 50, 41, true }, { 3, 60, 41, true }, 3, false, 60 },
		{ "both, confirmed", { 3, 50, 41, true }, { 3, 60, 41, true }, 3, true, 50 },
		{ "supported, but older", { 3, 50, 41, true }, { 3, 40, 41, true }, 3, false, 50 },
		{ "supported in time", { 2, 50, 41, true }, { 3, 40, 41, true }, 3, false, 40 },
		{ "not in that segment", { 2, 50, 41, true }, { 7, 60, 41, true }, 3, false, 50 },
		{ "a DELETE in it", { 3, 50, 41, true }, { 3, 60, 41, false }, 3, false, 50 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct world *world = *state;
		const struct index_bucket bucket = bucket_of(1, cases[i].mapped, 30);
		struct replay_event event = { .offset = NONE };
		if (cases[i].sound.segment > 0)
			add(world->verify.replay, 1, cases[i].sound);
		if (cases[i].searched.segment > 0)
			add(world->verify.unanchored, 1, cases[i].searched);
		const bool is_found =
			verify_find_event(&world->verify, key_of(1),
					  cases[i].mapped ? &bucket : NULL,
					  cases[i].is_confirmed, &event);
		if (is_found != (cases[i].found != NONE) || event.offset != cases[i].found)
			fail_msg("%s: %d, %u", cases[i].name, is_found, event.offset);
		teardown(state);
		setup(state);
	}
}

static void an_oddity_is_found_by_its_bucket(void **state)
{
	struct verify_oddity oddities[] = { { .bucket = 2 }, { .bucket = 9 }, { .bucket = 70 } };
	struct world *world = *state;
	assert_null(verify_find_oddity(&world->verify, 9));
	world->verify.oddities = oddities;
	world->verify.oddity_count = ARRAY_SIZE(oddities);
	assert_ptr_equal(verify_find_oddity(&world->verify, 9), &oddities[1]);
	assert_ptr_equal(verify_find_oddity(&world->verify, 70), &oddities[2]);
	assert_null(verify_find_oddity(&world->verify, 8));
}

static void keys_are_near_that_differ_in_eight_bits_at_most(void **state)
{
	uint8_t a[KEY_SIZE] = { 0x55 }, b[KEY_SIZE] = { 0x55 };
	assert_true(verify_keys_are_near(a, b));
	b[31] = 0xff;
	assert_true(verify_keys_are_near(a, b));
	b[0] ^= 0x80;
	assert_false(verify_keys_are_near(a, b));
	b[31] = 0x7f;
	assert_true(verify_keys_are_near(a, b));
	(void)state;
}

static void only_a_stranger_with_a_near_bucket_is_near(void **state)
{
	struct verify_stranger strangers[] = {
		{ .key = { 1 }, .is_near = true }, { .key = { 2 } },
		{ .key = { 3 }, .is_near = true },
	};
	struct world *world = *state;
	world->verify.strangers = strangers;
	world->verify.stranger_count = ARRAY_SIZE(strangers);
	for (uint8_t start = 0; start < 5; start++)
		assert_int_equal(verify_is_near_bucket(&world->verify, key_of(start)),
				 start == 1 || start == 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_mapping_leads_somewhere),
		TEST(a_segment_without_a_file_may_be_elsewhere),
		TEST(searched_is_only_the_very_event_that_searching_found),
		TEST(a_put_has_moved_only_within_its_segment),
		TEST(the_newest_event_that_counts_is_found),
		TEST(an_oddity_is_found_by_its_bucket),
		cmocka_unit_test(keys_are_near_that_differ_in_eight_bits_at_most),
		TEST(only_a_stranger_with_a_near_bucket_is_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

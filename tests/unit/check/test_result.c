/* The result of a check: made from what opening found, filled by several threads, and freed. */
#include "build-config.h"

#include "engine/check/check_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A repository with the segments 3, 7 and 8, and the result of a check of it. */
struct world {
	struct listing_segment segments[3];
	struct hints_shadow shadow[2];
	struct repo repo;
	struct verify *verify;
	struct verify_progress progress;
	struct verify_run run;
};

static void begin(struct world *world)
{
	verify_free(world->verify);
	assert_int_equal(verify_new(&world->repo, &world->verify), AS_OK);
	world->run = (struct verify_run){
		.verify = world->verify, .repo = &world->repo, .progress = &world->progress,
	};
}

static int setup(void **state)
{
	static const uint32_t numbers[] = { 3, 7, 8 };
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		world->segments[i].number = numbers[i];
	world->repo.listing = (struct listing){ .segments = world->segments, .count = 3 };
	findings_init(&world->repo.findings);
	begin(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	verify_free(world->verify);
	findings_free(&world->repo.findings);
	free(world);
	return 0;
}

static void note(struct findings *findings, enum problem problem, int64_t segment)
{
	assert_int_equal(findings_note(findings, problem, segment, FINDING_NOWHERE, " "), AS_OK);
}

static void a_new_result_knows_nothing_but_the_segments(void **state)
{
	const struct world *world = *state;
	const struct verify *verify = world->verify;
	assert_ptr_equal(verify->repo, &world->repo);
	assert_int_equal(verify->index.fd, -1);
	assert_int_equal(verify->facts[0].number, 3);
	assert_int_equal(verify->facts[2].number, 8);
	assert_int_equal(verify->facts[1].state, SEGMENT_UNVERIFIED);
	assert_int_equal(replay_count(verify->replay) + replay_count(verify->unanchored) +
			 replay_count(verify->apart), 0);
	assert_int_equal(verify->findings.count, 0);
	assert_null(verify->shadow_is_there);
	assert_false(verify->complete);
	verify_free(NULL);
}

/* The check describes the tail and missing segments better than opening could. */
static void it_takes_over_what_opening_found_but_for_what_it_finds_itself(void **state)
{
	static const enum problem found[] = {
		PROBLEM_TAIL_UNCOMMITTED, PROBLEM_STRAY_FILE, PROBLEM_TAIL_WAS_COMMITTED,
		PROBLEM_NO_COMMIT, PROBLEM_SEGMENT_MISSING, PROBLEM_CONFIG_LIMITS,
	};
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(found); i++)
		note(&world->repo.findings, found[i], FINDING_NOWHERE);
	begin(world);
	const struct findings *findings = &world->verify->findings;
	assert_int_equal(findings->count, 2);
	assert_int_equal(findings->total[PROBLEM_STRAY_FILE], 1);
	assert_int_equal(findings->total[PROBLEM_CONFIG_LIMITS], 1);
	assert_int_equal(world->repo.findings.count, ARRAY_SIZE(found));
}

static void each_key_of_the_shadow_index_has_a_mark(void **state)
{
	struct world *world = *state;
	world->shadow[1].key[0] = 9;
	world->repo.hints = (struct hints){ .shadow = world->shadow, .shadow_count = 2 };
	begin(world);
	assert_false(world->verify->shadow_is_there[0] || world->verify->shadow_is_there[1]);
	const uint8_t other[KEY_SIZE] = { 8 };
	verify_note_shadow(&world->run, other);
	assert_false(world->verify->shadow_is_there[0] || world->verify->shadow_is_there[1]);
	verify_note_shadow(&world->run, world->shadow[1].key);
	assert_false(world->verify->shadow_is_there[0]);
	assert_true(world->verify->shadow_is_there[1]);
}

static void reading_once_more_begins_at_nothing(void **state)
{
	struct world *world = *state;
	struct verify *verify = world->verify;
	const struct replay_event event = { .segment = 3, .offset = 8, .is_put = true };
	struct replay *const replays[] = { verify->replay, verify->unanchored, verify->apart };
	const uint8_t key[KEY_SIZE] = { 1 };
	for (size_t i = 0; i < ARRAY_SIZE(replays); i++)
		assert_int_equal(replay_add(replays[i], key, &event), AS_OK);
	verify->damage_count = verify->copy_count = verify->fill_count = 1;
	verify->key_sum = 7;
	verify->bytes = 100;		/* all that was read counts */
	assert_int_equal(verify_begin_reading(verify), AS_OK);
	assert_int_equal(replay_count(verify->replay), 0);
	assert_int_equal(replay_count(verify->unanchored), 0);
	assert_int_equal(replay_count(verify->apart), 0);
	assert_int_equal(verify->damage_count + verify->copy_count + verify->fill_count, 0);
	assert_int_equal(verify->key_sum, 0);
	assert_int_equal(verify->bytes, 100);
}

static void the_first_failure_ends_the_run_and_stays(void **state)
{
	struct world *world = *state;
	assert_false(verify_should_stop(&world->run));
	verify_fail(&world->run, AS_ERR_MEMORY);
	verify_fail(&world->run, AS_ERR_CANCELLED);
	assert_true(verify_should_stop(&world->run));
	assert_int_equal(world->run.failure, AS_ERR_MEMORY);
	begin(world);
	assert_false(verify_should_stop(&world->run));
	world->progress.cancel = true;
	assert_true(verify_should_stop(&world->run));
	assert_int_equal(world->run.failure, AS_OK);
}

static void the_onlooker_counts_what_is_more_than_a_remark(void **state)
{
	struct world *world = *state;
	struct finding finding = finding_of(PROBLEM_OBJECT_LOST);
	assert_int_equal(verify_add(&world->run, &finding), AS_OK);
	finding.severity = SEVERITY_WARNING;
	assert_int_equal(verify_add(&world->run, &finding), AS_OK);
	finding.severity = SEVERITY_INFO;
	assert_int_equal(verify_add(&world->run, &finding), AS_OK);
	assert_int_equal(world->verify->findings.count, 3);
	assert_int_equal(world->progress.problems, 2);
}

static void a_copy_is_sorted_and_of_its_own(void **state)
{
	struct world *world = *state;
	struct findings copy;
	note(&world->verify->findings, PROBLEM_STRAY_FILE, FINDING_NOWHERE);
	note(&world->verify->findings, PROBLEM_OBJECT_LOST, 9);
	note(&world->verify->findings, PROBLEM_OBJECT_LOST, 4);
	assert_int_equal(verify_copy_findings(world->verify, &copy), AS_OK);
	note(&world->verify->findings, PROBLEM_OBJECT_LOST, 1);
	assert_int_equal(copy.count, 3);
	assert_int_equal(copy.rows[0].segment, 4);
	assert_int_equal(copy.rows[1].segment, 9);
	assert_int_equal(copy.rows[2].problem, PROBLEM_STRAY_FILE);
	/* The list itself waits for the end of the run. */
	assert_int_equal(world->verify->findings.rows[0].problem, PROBLEM_STRAY_FILE);
	findings_free(&copy);
}

/* Files may bear the number of another segment, or take no part in the log. */
static void a_segment_is_where_its_role_says(void **state)
{
	struct world *world = *state;
	struct verify *verify = world->verify;
	assert_int_equal(verify_position(verify, 3), 0);
	assert_int_equal(verify_position(verify, 4), LISTING_NONE);
	assert_ptr_equal(verify_facts(verify, 8), &verify->facts[2]);
	assert_null(verify_facts(verify, 9));
	verify->facts[0].number = 7;		/* two that were swapped, */
	verify->facts[1].number = 3;
	verify->facts[2].role = ROLE_RETURNED;	/* and one that is not of the log */
	assert_int_equal(verify_position(verify, 3), 0);	/* not asked before has_roles */
	verify->has_roles = true;
	assert_int_equal(verify_position(verify, 3), 1);
	assert_int_equal(verify_position(verify, 7), 0);
	assert_int_equal(verify_position(verify, 8), LISTING_NONE);
	verify->facts[1].role = ROLE_FOREIGN;
	assert_int_equal(verify_position(verify, 3), LISTING_NONE);
	verify->facts[2].role = ROLE_LOG;
	verify->facts[2].number = 4;		/* no file bears its number */
	assert_int_equal(verify_position(verify, 4), 2);
	assert_int_equal(verify_position(verify, 8), LISTING_NONE);
}

/* They are part of the JSON. */
static void names_are_those_of_the_json(void **state)
{
	static const char *const statuses[] = {
		[STATUS_LIVE] = "live", [STATUS_SUPERSEDED] = "superseded",
		[STATUS_DELETED] = "deleted", [STATUS_TOMBSTONE] = "tombstone",
		[STATUS_COMMIT] = "commit", [STATUS_UNCOMMITTED] = "uncommitted",
		[STATUS_DAMAGED] = "damaged", [STATUS_OLDER] = "older",
	};
	static const char *const tails[] = {
		[TAIL_NONE] = "none", [TAIL_UNCOMMITTED] = "uncommitted", [TAIL_TORN] = "torn",
		[TAIL_COMMIT_DAMAGED] = "commit damaged", [TAIL_WAS_COMMITTED] = "was committed",
	};
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		assert_string_equal(entry_status_name((enum entry_status)i), statuses[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++)
		assert_string_equal(tail_kind_name((enum tail_kind)i), tails[i]);
	(void)state;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_result_knows_nothing_but_the_segments),
		TEST(it_takes_over_what_opening_found_but_for_what_it_finds_itself),
		TEST(each_key_of_the_shadow_index_has_a_mark),
		TEST(reading_once_more_begins_at_nothing),
		TEST(the_first_failure_ends_the_run_and_stays),
		TEST(the_onlooker_counts_what_is_more_than_a_remark),
		TEST(a_copy_is_sorted_and_of_its_own),
		TEST(a_segment_is_where_its_role_says),
		cmocka_unit_test(names_are_those_of_the_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Random damage, alone and in pairs, to repositories of Attic and of Borg, and the repairs
 * recommended for it. Within three steps the repository is in order, nothing whose bytes survive is
 * lost, nothing deleted is back unless check named it as possibly deleted, and undoing the steps
 * restores every byte. */
#include "build-config.h"

#include "engine/repair/undo.h"
#include "tests/support/campaign.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/follow_advice.h"
#include "tests/support/opened_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 600u
#define SEEDS_LONG 4000u
#define STEPS_MAX 3u

static struct plan *make_plan(struct opened_repo *opened, enum repair action, const char *story)
{
	struct verify_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct as_error error = { .code = AS_OK };
	struct plan *plan;
	if (plan_make(opened->repo, opened->verify, action, &options, &progress, &plan, &error) !=
	    AS_OK)
		fail_msg("%s:%s", error.message, story);
	return plan;
}

/* Print what check says, for a person who debugs a failure. */
static void trace(const struct opened_repo *opened, enum repair action)
{
	char message[512];
	print_message("# recommended: %s\n", action == REPAIR_NONE ? "-" : repair_name(action));
	for (size_t i = 0; i < opened->verify->findings.count; i++) {
		finding_message(&opened->verify->findings.rows[i], message, sizeof(message));
		print_message("#   %s\n", message);
	}
}

/* Check says that an object which it names as possibly deleted stays. */
static void find_doubted(const struct damaged_repo *damaged, const struct verify *verify,
			 bool *doubted)
{
	const struct findings *findings = &verify->findings;
	for (size_t i = 0; i < findings->count; i++)
		for (unsigned j = 0; j < DAMAGED_OBJECTS; j++)
			doubted[j] |= findings->rows[i].problem ==
					      PROBLEM_OBJECT_POSSIBLY_DELETED &&
				      memcmp(findings->rows[i].key, damaged->objects[j].key,
					     BUILDER_KEY) == 0;
}

/* Run the recommended repair. False: there is none. */
static bool run_step(const struct damaged_repo *damaged, bool *doubted)
{
	struct opened_repo opened;
	struct repair_progress progress = { .cancel = false };
	struct repair_report report;
	struct as_error error = { .code = AS_OK };
	assert_true(opened_repo_open(&opened, damaged->repo));
	find_doubted(damaged, opened.verify, doubted);
	const enum repair action = opened.diagnosis.recommended;
	const bool is_due = !opened.diagnosis.clean && action != REPAIR_NONE;
	if (getenv("TRACE"))
		trace(&opened, action);
	if (!opened.diagnosis.clean && action == REPAIR_NONE)
		fail_msg("nothing is recommended: %s:%s", opened.diagnosis.verdict, damaged->story);
	if (is_due) {
		struct plan *plan = make_plan(&opened, action, damaged->story);
		if (plan->is_empty || plan->is_refused)
			fail_msg("%s is recommended, and %s %s:%s", repair_name(action),
				 plan->is_empty ? "has nothing to do" : "refused:", plan->refusal,
				 damaged->story);
		const struct permit *permit = opened_repo_upgrade(&opened);
		assert_non_null(permit);
		if (repair_run(plan, permit, &progress, &report, &error) != AS_OK)
			fail_msg("%s: %s:%s", repair_name(action), error.message, damaged->story);
		assert_true(report.is_done);
		assert_int_equal(report.entries_copied, plan->entries_copied);
		assert_int_equal(report.bytes_copied, plan->bytes_copied);
		assert_int_equal(report.has_after, plan->has_after);
		if (plan->has_after)
			assert_int_equal(report.after, plan->after);
		const uint64_t objects = plan->objects_after;
		plan_free(plan);
		lock_lower(repo_lock(opened.repo));
		opened_repo_close(&opened);
		assert_true(opened_repo_open(&opened, damaged->repo));
		if (opened.verify->objects != objects)
			fail_msg("%llu objects, planned %llu:%s",
				 (unsigned long long)opened.verify->objects,
				 (unsigned long long)objects, damaged->story);
	}
	opened_repo_close(&opened);
	return is_due;
}

struct tally {
	unsigned lost, come_back;
};

static void compare(const struct damaged_repo *damaged, const bool *survived, const bool *doubted,
		    bool has_witness, struct tally *tally)
{
	struct opened_repo opened;
	assert_true(opened_repo_open(&opened, damaged->repo));
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++) {
		const struct damaged_object *object = &damaged->objects[i];
		struct replay_event place;
		const bool is_found = verify_lookup(opened.verify, object->key, &place);
		if (object->is_live && survived[i])
			tally->lost += !is_found || !damaged_repo_reads_right(damaged, opened.repo,
									      object, &place);
		else if (!object->is_live)
			tally->come_back += is_found && has_witness && !doubted[i];
	}
	opened_repo_close(&opened);
}

static void undo_step(const struct damaged_repo *damaged)
{
	struct opened_repo opened;
	struct repair_progress progress = { .cancel = false };
	struct as_error error = { .code = AS_OK };
	struct undo_plan *plan;
	assert_true(opened_repo_open(&opened, damaged->repo));
	if (undo_plan_make(opened.repo, &plan, &error) != AS_OK)
		fail_msg("%s", error.message);
	if (plan->is_empty || plan->is_refused)
		fail_msg("undo: %s:%s", plan->refusal, damaged->story);
	const struct permit *permit = opened_repo_upgrade(&opened);
	assert_non_null(permit);
	if (undo_run(plan, permit, &progress, &error) != AS_OK)
		fail_msg("undo: %s:%s", error.message, damaged->story);
	assert_int_equal(progress.step, STEP_DONE);
	assert_true(progress.bytes_total > 0);
	assert_int_equal(progress.bytes_done, progress.bytes_total);
	undo_plan_free(plan);
	lock_lower(repo_lock(opened.repo));
	opened_repo_close(&opened);
}

/* Without a whole log or an intact index nobody can know what was deleted. */
static bool had_witness(const struct damaged_repo *damaged)
{
	struct opened_repo opened;
	bool log_is_whole = true;
	for (size_t i = 0; i < damaged->segments; i++)
		log_is_whole = log_is_whole && !damaged->files[i].is_touched;
	assert_true(opened_repo_open(&opened, damaged->repo));
	const bool has = log_is_whole || opened.verify->index_credit == CREDIT_CREDIBLE;
	opened_repo_close(&opened);
	return has;
}

static void repair(struct damaged_repo *damaged, struct tally *tally)
{
	bool survived[DAMAGED_OBJECTS], doubted[DAMAGED_OBJECTS] = { false };
	unsigned steps = 0;
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++)
		survived[i] = damaged->objects[i].is_live &&
			      damaged_repo_survives(damaged, &damaged->objects[i]);
	const bool has_witness = had_witness(damaged);
	const uint64_t before = advice_digest(damaged->repo, true);
	while (run_step(damaged, doubted))
		if (++steps > STEPS_MAX)
			fail_msg("not in order after %u steps:%s", steps, damaged->story);
	compare(damaged, survived, doubted, has_witness, tally);
	if (tally->lost || tally->come_back)
		fail_msg("%u lost, %u come back:%s", tally->lost, tally->come_back, damaged->story);
	for (; steps > 0; steps--)
		undo_step(damaged);
	if (advice_digest(damaged->repo, true) != before)
		fail_msg("taken back, and the files differ:%s", damaged->story);
}

/* The two dialects take turns. */
static void run_seeds(const struct damaged_pair *pair, unsigned how_many,
		      void (*damage)(struct damaged_repo *damaged))
{
	const char *only = getenv("SEED");
	const unsigned seeds = campaign_is_long() ? SEEDS_LONG : SEEDS;
	for (unsigned seed = 0; seed < seeds; seed++) {
		struct damaged_repo *damaged = pair->repos[seed % 2];
		struct tally tally = { 0 };
		if (only && seed != (unsigned)atoi(only))
			continue;
		damaged_repo_seed(damaged, 1000 * how_many + seed);
		for (unsigned i = 0; i < how_many; i++)
			damage(damaged);
		repair(damaged, &tally);
		damaged->is_scattered = true;
		damaged_repo_restore(damaged);
	}
	campaign_figure("random damages mended and taken back", seeds);
}

static void one_damage_is_mended_and_taken_back(void **state)
{
	run_seeds(*state, 1, damaged_repo_damage_more);
}

static void two_damages_are_mended_and_taken_back(void **state)
{
	run_seeds(*state, 2, damaged_repo_damage_more);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, damaged_repo_setup_both, damaged_repo_teardown_both)
	const struct CMUnitTest tests[] = {
		TEST(one_damage_is_mended_and_taken_back),
		TEST(two_damages_are_mended_and_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Random damage, alone and in pairs, to repositories of Attic and of Borg: what log and index
 * together say of each object is compared with what was written. No object whose bytes survive is
 * given up, and no deleted or replaced one comes back. */
#include "build-config.h"

#include "engine/check/diagnose.h"
#include "tests/support/campaign.h"
#include "tests/support/damaged_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SEEDS 600u
#define SEEDS_LONG 20000u

/* ---- comparing ---- */

struct tally {
	unsigned given_up, come_back, replaced, unnamed;
};

static bool is_named(const struct verify *verify, enum problem problem, const uint8_t *key)
{
	for (size_t i = 0; i < verify->findings.count; i++)
		if (verify->findings.rows[i].problem == problem &&
		    memcmp(verify->findings.rows[i].key, key, BUILDER_KEY) == 0)
			return true;
	return false;
}

/* A page that is there twice can hold whole entries: an older DELETE or PUT of the key, after the
 * newest. Without an index nobody can know that it was not written there. */
static bool is_outdated_by_copy(const struct verify *verify, const struct damaged_object *object)
{
	struct replay_event newest;
	return !verify->index_was_compared && replay_find(verify->replay, object->key, &newest) &&
	       replay_time(newest.segment, newest.offset) >
		       replay_time(object->segment, object->offset);
}

/* Nobody can know a key that damage removed from the index too. */
static bool has_a_name(const struct verify *verify, const struct damaged_object *object)
{
	struct index_bucket bucket;
	return verify->index_was_compared &&
	       index_lookup(&verify->repo->index, object->key, &bucket) == AS_OK;
}

static void compare(const struct damaged_repo *world, const struct verify *verify,
		    const struct damaged_object *object, struct tally *tally)
{
	struct replay_event place;
	const bool is_found = verify_lookup(verify, object->key, &place);
	/* Without index or hints nobody can know what was deleted or replaced: an object is given
	 * up only when both say so. In every other doubt it is kept and named. */
	const bool has_witnesses = verify->index_credit == CREDIT_CREDIBLE &&
				   verify->hints_credit == CREDIT_CREDIBLE &&
				   verify->log_is_damaged;
	if (!object->is_live) {
		tally->come_back +=
			is_found && has_witnesses &&
			!is_named(verify, PROBLEM_OBJECT_POSSIBLY_DELETED, object->key);
		return;
	}
	/* A wrong bit in the index can lead to where a newer version may have been: then the object
	 * is kept as an older one, or its mapping is called wrong. Both name it. */
	const bool found_right =
		is_found && damaged_repo_reads_right(world, verify->repo, object, &place);
	if (damaged_repo_survives(world, object))
		tally->given_up += !found_right && !is_outdated_by_copy(verify, object) &&
				   !is_named(verify, PROBLEM_OBJECT_OLDER, object->key);
	else if (is_found)
		tally->replaced += !found_right && has_witnesses &&
				   !is_named(verify, PROBLEM_INDEX_MAPPING, object->key);
	else
		tally->unnamed += has_a_name(verify, object) &&
				  !is_named(verify, PROBLEM_OBJECT_LOST, object->key) &&
				  !is_named(verify, PROBLEM_OBJECT_OLDER, object->key);
}

static struct tally compare_all(struct damaged_repo *world)
{
	const struct repo_options options = { .no_lock = true };
	struct verify_progress progress = { 0 };
	struct as_error error;
	struct repo *opened;
	struct verify *verify;
	struct tally tally = { 0 };
	assert_int_equal(repo_open(world->repo, &options, &opened, &error), AS_OK);
	assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	for (unsigned i = 0; i < DAMAGED_OBJECTS; i++)
		compare(world, verify, &world->objects[i], &tally);
	verify_free(verify);
	repo_close(opened);
	return tally;
}

/* The two dialects take turns. */
static struct tally run_seeds(const struct damaged_pair *pair, unsigned how_many)
{
	struct tally sum = { 0 };
	const unsigned seeds = campaign_is_long() ? SEEDS_LONG : SEEDS;
	for (unsigned seed = 0; seed < seeds; seed++) {
		struct damaged_repo *world = pair->repos[seed % 2];
		damaged_repo_seed(world, seed);
		for (unsigned i = 0; i < how_many; i++)
			damaged_repo_damage(world);
		const struct tally tally = compare_all(world);
		if (tally.given_up || tally.come_back || tally.replaced || tally.unnamed)
			print_message("#%s%s: given up %u, come back %u, replaced %u, "
				      "unnamed %u\n", world->is_borg ? " Borg," : "",
				      world->story, tally.given_up, tally.come_back,
				      tally.replaced, tally.unnamed);
		sum.given_up += tally.given_up;
		sum.come_back += tally.come_back;
		sum.replaced += tally.replaced;
		sum.unnamed += tally.unnamed;
		damaged_repo_restore(world);
	}
	campaign_figure("random damages checked", seeds);
	return sum;
}

static void an_undamaged_repository_is_read_right(void **state)
{
	const struct damaged_pair *pair = *state;
	for (unsigned i = 0; i < 2; i++) {
		const struct tally tally = compare_all(pair->repos[i]);
		assert_int_equal(tally.given_up + tally.come_back + tally.replaced + tally.unnamed,
				 0);
	}
}

static void one_damage_is_read_right(void **state)
{
	const struct tally tally = run_seeds(*state, 1);
	assert_int_equal(tally.given_up, 0);
	assert_int_equal(tally.come_back, 0);
	assert_int_equal(tally.replaced, 0);
	assert_int_equal(tally.unnamed, 0);
}

static void two_damages_are_read_right(void **state)
{
	const struct tally tally = run_seeds(*state, 2);
	assert_int_equal(tally.given_up, 0);
	assert_int_equal(tally.come_back, 0);
	assert_int_equal(tally.replaced, 0);
	assert_int_equal(tally.unnamed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_undamaged_repository_is_read_right),
		cmocka_unit_test(one_damage_is_read_right),
		cmocka_unit_test(two_damages_are_read_right),
	};
	return cmocka_run_group_tests(tests, damaged_repo_setup_both, damaged_repo_teardown_both);
}

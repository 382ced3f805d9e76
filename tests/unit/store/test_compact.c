#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/check/check.h"
#include "tests/support/follow_advice.h"
#include "tests/support/opened_repo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- compaction ---- */

static void compaction_keeps_what_lives_and_frees_the_rest(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 40; i++)
		put(world, i, 200, i);
	commit(world);
	for (unsigned i = 0; i < 40; i += 2)
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, &report, NULL), AS_OK);
	assert_int_equal(report.segments_compacted, 0);
	check(world);
	const unsigned before = count_segments(world);
	assert_int_equal(as_compact(world->store, &report, NULL), AS_OK);
	assert_int_equal(report.entries_copied, 20);
	assert_int_equal(report.bytes_copied, 20 * 241);
	assert_true(report.segments_compacted > 0);
	assert_true(count_segments(world) < before);
	check_repo(world);
	/* Again there is nothing to do. */
	world->fault.changes = 0;
	assert_int_equal(as_compact(world->store, &report, NULL), AS_OK);
	assert_int_equal(report.segments_compacted, 0);
	check_repo(world);
}

static void a_compaction_that_reaches_the_segment_limit_goes_on_in_the_next(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 100; i += 4)
		put(world, i, 310, i + 500);
	commit(world);
	check(world);
	check_repo(world);
	for (unsigned i = 0; i < 100; i++)
		if (i % 5)
			delete(world, i);
	commit(world);
	check_repo(world);
}

static void what_lies_only_in_the_hands_of_hints_is_compacted_at_last(void **state)
{
	struct world *world = *state;
	/* COMMIT after COMMIT that ends a compaction: no trail of segments may be left of them. */
	for (unsigned i = 0; i < 30; i++) {
		put(world, 1, 20, i);
		commit(world);
	}
	assert_true(count_segments(world) <= 3);
	check_repo(world);
}

/* What is left is named, and goes with the next compaction. */
static unsigned count_emptied(const struct world *world, uint32_t since, unsigned at)
{
	struct opened_repo opened;
	unsigned emptied;
	assert_true(opened_repo_open(&opened, world->repo));
	const char *wrong = opened_repo_check_hints(&opened, since, &emptied);
	if (wrong)
		fail_msg("change %u: %s", at, wrong);
	opened_repo_close(&opened);
	return emptied;
}

static void compact_again(struct world *world, uint32_t since, unsigned at)
{
	struct as_state state;
	advice_wait(world->repo);
	reopen(world);
	as_get_state(world->store, &state);
	if (state.needs_rollback)
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	if (state.needs_recover)
		assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	close_store(world);
	if (count_emptied(world, since, at) > 0)
		fail_msg("change %u: emptied segments stay", at);
}

/* As if the process had died at each change of a compaction. */
static void what_a_killed_compaction_leaves_is_named(void **state)
{
	struct world *world = *state;
	unsigned seen = 0, at = 0;
	bool was_reached = true;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 5; i < 12; i++)
		put(world, i, 100, i + 70);
	delete(world, 0);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	const uint32_t since = state_of(world).transaction;
	close_store(world);
	scratch_run("cp -r '%s' '%s-before'", world->repo, world->repo);
	while (was_reached) {
		scratch_run("rm -r '%s' && cp -r '%s-before' '%s'", world->repo, world->repo,
			    world->repo);
		reopen(world);
		world->fault.changes = 0;
		world->fault.fail_at = ++at;
		world->fault.fail_for_good = true;
		as_compact(world->store, NULL, NULL);
		close_store(world);
		was_reached = world->fault.changes >= at;
		world->fault.fail_at = 0;
		seen += count_emptied(world, since, at);
		compact_again(world, since, at);
	}
	assert_true(at > 10);
	assert_true(seen > 0);
	reopen(world);
	check_repo(world);
}

static void a_damaged_segment_is_skipped_and_its_deletes_outlive_it(void **state)
{
	struct world *world = *state;
	struct as_report report;
	struct as_state before;
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);			/* segment 0: objects 0, 1, 2 */
	before = state_of(world);
	assert_int_equal(before.transaction, 0);
	damage_segment(world, "data/0/0", 100);
	delete(world, 2);		/* whole, in the damaged segment */
	put(world, 5, 20, 5);
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	assert_int_equal(report.segments_skipped, 1);
	assert_int_equal(report.skipped.code, AS_ERR_INTEGRITY);
	assert_int_equal(report.skipped.segment, 0);
	assert_int_equal(report.skipped.damage, AS_DAMAGE_CHECKSUM);
	assert_true(is_there(world, "data/0/0"));
	/* Many commits later the DELETE of 2 is still in the log: without the index 2 is not back.
	 */
	for (unsigned i = 0; i < 5; i++) {
		put(world, 6, 30, i);
		commit(world);
	}
	assert_true(count_segments(world) < 6);
	close_store(world);
	struct repo *opened;
	struct verify *verify;
	struct verify_progress progress = { .cancel = false };
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	struct replay_event event;
	struct as_state now;
	reopen(world);
	now = state_of(world);
	snprintf(path, sizeof(path), "%.400s/index.%u", world->repo, now.transaction);
	close_store(world);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(repo_open(world->repo, NULL, &opened, NULL), AS_OK);
	assert_int_equal(verify_run(opened, 1, &progress, &verify), AS_OK);
	builder_key(2, key);
	assert_false(verify_lookup(verify, key, &event));
	builder_key(1, key);
	assert_true(verify_lookup(verify, key, &event));
	verify_free(verify);
	repo_close(opened);
}

/* ---- disorder ---- */

static void hints_of_segments_that_are_gone_mean_nothing(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 20; i++)
		delete(world, i);
	commit(world);
	scratch_run("rmdir '%s'/data/* 2>/dev/null || true", world->repo);
	put(world, 90, 10, 1);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[90].is_there = false;
	for (unsigned i = 40; i < 44; i++) {
		put(world, i, 10, i);
		assert_int_equal(as_commit(world->store, i % 2 ? AS_NO_COMPACT : 0, NULL,
					   &world->error), AS_OK);
	}
	check_repo(world);
}

static void what_hints_tell_of_a_segment_that_never_was_is_dropped(void **state)
{
	struct world *world = *state;
	fill_two_transactions(world);
	add_ghost(world, 0, false);
	assert_false(state_of(world).needs_recover);
	put(world, 50, 10, 50);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	expect_no_ghost(world);
	add_ghost(world, 0, false);
	assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
	expect_no_ghost(world);
	check_repo(world);
}

/* ---- failures ---- */

static void one_damaged_segment_does_not_make_the_log_grow(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 200; i < 203; i++)
		put(world, i, 300, i);
	commit(world);
	delete(world, 202);
	damage_segment(world, "data/0/0", 100);
	for (unsigned i = 0; i < 60; i++) {
		put(world, i % 7, 10, i);
		if (i > 3)
			delete(world, (i - 3) % 7);
		assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
		assert_true(report.bytes_copied < 2000);
	}
	assert_true(count_segments(world) < 8);
}

/* Disk full while compaction copies: what was copied is committed, which is what makes room; the
 * rest stays for the next time. */
static void a_full_disk_in_a_compaction_keeps_everything(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned at = 1; at < 40; at++) {
		for (unsigned i = 0; i < 24; i++)
			put(world, i, 300, at + i);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		for (unsigned i = 0; i < 24; i += 3)
			delete(world, i);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		world->fault.fail_kind = FAULT_CREATE;
		world->fault.fail_error = ENOSPC;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_compact(world->store, &report, &world->error);
		assert_true(err == AS_OK || err == AS_ERR_NO_SPACE);
		fault_init(&world->fault);
		check(world);
		assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
		check(world);
		check_repo(world);
		if (err == AS_OK)
			return;
	}
	fail_msg("never compacted");
}

/* A segment turns out damaged when some of it was copied already, and the new segment cannot be
 * removed: the compaction ends, and loses nothing. */
static void a_compaction_that_cannot_take_back_a_copy_ends_and_keeps_everything(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 24; i++)
		put(world, i, 300, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	for (unsigned i = 2; i < 24; i += 3)	/* the third and last entry of each segment */
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	unsigned ended = 0;
	for (unsigned segment = 0; segment < 4; segment++) {
		char name[32];
		snprintf(name, sizeof(name), "data/0/%u", segment);
		damage_segment(world, name, 8 + 2 * 341 + 100);
		world->fault.fail_kind = FAULT_REMOVE;
		world->fault.fail_error = EACCES;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = 1;
		const enum as_err err = as_compact(world->store, &report, &world->error);
		if (err == AS_ERR_IO) {
			ended++;
			assert_true(state_of(world).dead);
			assert_int_equal(as_compact(world->store, NULL, NULL), AS_ERR_DEAD);
		}
		fault_init(&world->fault);
		damage_segment(world, name, 8 + 2 * 341 + 100);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).dead);
		check(world);
	}
	assert_true(ended > 0);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
	check_repo(world);
}

static void a_compaction_can_be_stopped_and_goes_on_later(void **state)
{
	struct world *world = *state;
	unsigned left = 3;
	const struct as_options options = { .interrupt = say_stop, .context = &left };
	for (unsigned i = 0; i < 60; i++)
		put(world, i, 300, i);
	commit(world);
	for (unsigned i = 0; i < 60; i += 3)
		delete(world, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	as_close(world->store);
	assert_int_equal(as_open(world->repo, &options, &world->store, NULL), AS_OK);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_ERR_CANCELLED);
	check(world);
	check_repo(world);
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	check_repo(world);
}

/* ---- what can be read stays ---- */

/* The only whole version of an object is an older one, whose segment a compaction would empty. */
static void compacting_keeps_the_older_version_of_what_is_damaged(void **state)
{
	struct world *world = *state;
	struct as_report report;
	char newest[LISTING_PATH_MAX];
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 100, i);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	put(world, 3, 100, 33);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	log_segment_path(4, state_of(world).transaction, newest);
	put(world, 20, 100, 20);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	close_store(world);
	lose(world, newest);
	reopen(world);
	assert_false(state_of(world).needs_recover);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_int_equal(report.segments_skipped, 2);
	assert_non_null(strstr(report.skipped.message, "older version"));
	assert_true(is_there(world, "data/0/0"));
}

static ssize_t write_otherwise(const struct io *io, int fd, const void *data, size_t len,
			       off_t offset)
{
	uint8_t *bytes = malloc(len);
	assert_non_null(bytes);
	memcpy(bytes, data, len);
	bytes[len / 2] ^= 4;
	const ssize_t done = io_system.pwrite(io, fd, bytes, len, offset);
	free(bytes);
	return done;
}

static void a_compaction_that_does_not_copy_what_it_should_removes_nothing(void **state)
{
	struct world *world = *state;
	struct as_report report;
	fill_two_transactions(world);
	const struct io io = world->fault.io;
	put(world, 30, 100, 30);
	assert_int_equal(as_commit(world->store, AS_NO_COMPACT, NULL, NULL), AS_OK);
	world->fault.io.pwrite = write_otherwise;
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_ERR_INTEGRITY);
	world->fault.io = io;
	assert_false(report.committed);
	assert_int_equal(report.segments_compacted, 0);
	assert_true(is_there(world, "data/0/0") && is_there(world, "data/0/1"));
	check(world);
	check_repo(world);
	assert_int_equal(as_compact(world->store, &report, &world->error), AS_OK);
	assert_true(report.segments_compacted > 0);
	check_repo(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(compaction_keeps_what_lives_and_frees_the_rest),
		TEST(a_compaction_that_reaches_the_segment_limit_goes_on_in_the_next),
		TEST(what_lies_only_in_the_hands_of_hints_is_compacted_at_last),
		TEST(what_a_killed_compaction_leaves_is_named),
		{ "Borg: what_a_killed_compaction_leaves_is_named",
		  what_a_killed_compaction_leaves_is_named, setup_borg, teardown, NULL },
		TEST(a_damaged_segment_is_skipped_and_its_deletes_outlive_it),
		TEST(compacting_keeps_the_older_version_of_what_is_damaged),
		TEST(a_compaction_that_does_not_copy_what_it_should_removes_nothing),
		TEST(hints_of_segments_that_are_gone_mean_nothing),
		TEST(what_hints_tell_of_a_segment_that_never_was_is_dropped),
		TEST(one_damaged_segment_does_not_make_the_log_grow),
		TEST(a_full_disk_in_a_compaction_keeps_everything),
		TEST(a_compaction_that_cannot_take_back_a_copy_ends_and_keeps_everything),
		TEST(a_compaction_can_be_stopped_and_goes_on_later),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

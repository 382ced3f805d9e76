#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- values and transactions ---- */

static void a_hundred_puts_a_delete_and_a_reopen(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 100; i++)
		put(world, i, 10 + i, i);
	delete(world, 50);
	check(world);
	commit(world);
	check(world);
	reopen(world);
	check(world);
	check_repo(world);
}

static void several_transactions_add_up(void **state)
{
	struct world *world = *state;
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < 10; i++)
			put(world, round * 7 + i, 90, round * 100 + i);
		delete(world, round * 7 + 1);
		commit(world);
		check(world);
		check_repo(world);
	}
}

static void overwriting_within_one_transaction_leaves_the_last(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 20; i++)
		put(world, 7, 200, i);
	delete(world, 7);
	put(world, 7, 9, 99);
	put(world, 8, 9, 98);
	delete(world, 8);
	check(world);
	commit(world);
	check_repo(world);
	assert_int_equal(count_segments(world), 1);
}

static void transactions_of_one_kind_only(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 50, i);
	commit(world);
	check_repo(world);
	for (unsigned i = 0; i < 30; i++)
		put(world, i, 50, i + 1000);
	commit(world);
	check_repo(world);
	for (unsigned i = 0; i < 30; i++)
		delete(world, i);
	commit(world);
	check_repo(world);
	assert_int_equal(count_segments(world), 1);	/* one COMMIT must be left */
}

static void a_commit_without_changes_writes_nothing(void **state)
{
	struct world *world = *state;
	put(world, 1, 10, 1);
	commit(world);
	world->fault.changes = 0;
	struct as_report report;
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	assert_false(report.committed);
	assert_int_equal(report.transaction, state_of(world).transaction);
	assert_int_equal(world->fault.changes, 0);
}

static void closing_without_a_commit_leaves_the_last_one(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 10; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	const unsigned segments = count_segments(world);
	for (unsigned i = 5; i < 15; i++)
		put(world, i, 300, i + 7);
	delete(world, 0);
	close_store(world);
	world->expected = committed;
	assert_int_equal(count_segments(world), segments);
	expected_check_repo(&world->expected, world->repo);
}

static void a_rollback_forgets_the_transaction_and_the_next_one_works(void **state)
{
	struct world *world = *state;
	for (unsigned round = 0; round < 4; round++) {
		put(world, round, 400, round);
		commit(world);
		const struct expected_store committed = world->expected;
		for (unsigned i = 0; i < 8; i++)
			put(world, i, 500, 50 + i);
		assert_true(state_of(world).in_transaction);
		check(world);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		assert_false(state_of(world).in_transaction);
		world->expected = committed;
		check(world);
	}
	check_repo(world);
}

struct many {
	const struct expected_store *expected;
	size_t count, stop_at;
};

static void the_largest_object_is_stored_and_one_byte_more_refused(void **state)
{
	struct world *world = *state;
	put(world, 1, AS_VALUE_MAX, 1);
	put(world, 2, 10, 2);
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(AS_VALUE_MAX + 1, 3);
	builder_key(3, key);
	assert_int_equal(as_put(world->store, key, 32, value, AS_VALUE_MAX + 1, &world->error),
			 AS_ERR_TOO_LARGE);
	free(value);
	commit(world);
	check(world);
	put(world, 2, 11, 3);	/* has the large one's segment compacted */
	commit(world);
	check_repo(world);
}

static void deleting_what_is_not_there_is_an_error_and_changes_nothing(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	builder_key(9, key);
	assert_int_equal(as_delete(world->store, key, 32, &world->error), AS_ERR_OBJECT_NOT_FOUND);
	put(world, 1, 10, 1);
	assert_int_equal(as_delete(world->store, key, 32, NULL), AS_ERR_OBJECT_NOT_FOUND);
	commit(world);
	check_repo(world);
}

/* ---- segments and folders ---- */

static void a_segment_is_closed_before_the_first_entry_beyond_its_limit(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	struct stat st;
	for (unsigned i = 0; i < 9; i++)
		put(world, i, 459, i);	/* 500 bytes each: 8, 508, 1008 */
	commit(world);
	for (unsigned i = 0; i < 3; i++) {
		char name[32];
		snprintf(name, sizeof(name), "data/0/%u", i);
		path_of(world, name, path);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_size, i < 2 ? 1008 + 500 * 0 : 1008 + 500 - 500);
	}
	check_repo(world);
}

static void folders_are_made_where_the_numbers_cross(void **state)
{
	struct world *world = *state;
	for (unsigned i = 0; i < 60; i++)
		put(world, i, 700, i);
	commit(world);
	assert_true(is_there(world, "data/0/3"));
	assert_true(is_there(world, "data/1/4"));
	assert_false(is_there(world, "data/0/4"));
	assert_true(is_there(world, "data/7/28"));
	check_repo(world);
	/* A folder in the middle of a transaction may be there already, or be gone. */
	for (unsigned i = 0; i < 60; i++)
		delete(world, i);
	commit(world);
	check_repo(world);
}

static void a_file_in_the_place_of_the_next_segment_is_not_overwritten(void **state)
{
	struct world *world = *state;
	struct as_error error;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	char path[BUILDER_PATH];
	path_of(world, "data/0/1", path);
	builder_write_file(path, "mine", 4);
	builder_key(2, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &error), AS_ERR_CHANGED);
	assert_false(state_of(world).dead);
	unlink(path);
	put(world, 2, 1, 1);
	commit(world);
	check_repo(world);
}

/* As if the only segment had the number @number. */
static void renumber(struct world *world, uint32_t number)
{
	char path[BUILDER_PATH], folder[BUILDER_PATH], old[BUILDER_PATH], name[32];
	snprintf(name, sizeof(name), "data/%u", number / 4);
	path_of(world, name, folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(path, sizeof(path), "%.470s/%u", folder, number);
	path_of(world, "data/0/0", old);
	assert_int_equal(rename(old, path), 0);
	path_of(world, "index.0", old);
	unlink(old);
	path_of(world, "hints.0", old);
	unlink(old);
}

static void numbers_that_no_longer_fit_are_refused(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	close_store(world);
	renumber(world, 4294967293);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	check(world);
	builder_key(2, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_FULL);
	check(world);
}

/* Attic reads segment numbers as signed. */
static void the_highest_number_is_the_last_that_attic_reads(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 1, 10, 1);
	commit(world);
	close_store(world);
	renumber(world, 2147483646);
	reopen(world);
	assert_int_equal(as_recover(world->store, 0, &world->error), AS_OK);
	put(world, 2, 10, 2);
	commit(world);
	assert_int_equal(state_of(world).transaction, 2147483647);
	check_repo(world);
	builder_key(3, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_FULL);
	assert_non_null(strstr(world->error.message, "segment numbers end at 2147483647"));
	assert_false(state_of(world).dead);
	check_repo(world);
}

/* ---- disorder ---- */

static void a_folder_that_is_a_link_is_not_written_through(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	for (unsigned i = 0; i < 4; i++) {
		put(world, i, 10, i);
		commit(world);
	}
	close_store(world);
	scratch_folder(world->scratch, "outside");
	scratch_run("ln -s '%s/outside' '%s/data/1'", world->scratch->path, world->repo);
	builder_key(9, key);
	reopen(world);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_INTEGRITY);
	path_of(world, "data/1", path);
	assert_int_equal(unlink(path), 0);
	reopen(world);
	put(world, 5, 10, 5);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[5].is_there = false;
	/* Also when it comes while the store is open. */
	scratch_run("rmdir '%s/data/1' && ln -s '%s/outside' '%s/data/1'", world->repo,
		    world->scratch->path, world->repo);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_NOT_REGULAR);
	scratch_run("test -z \"$(ls '%s/outside')\"", world->scratch->path);
	check(world);
}

/* After a commit and a rollback the segments are listed again. */
static void a_folder_that_was_lost_meanwhile_refuses_to_be_written_to(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	fill_two_transactions(world);
	put(world, 60, 10, 60);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[60].is_there = false;
	scratch_run("mv '%s/data/0' '%s/aside' && ln -s ../aside '%s/data/0'", world->repo,
		    world->repo, world->repo);
	builder_key(60, key);
	errno = EINTR;	/* which has nothing to do with it */
	assert_int_equal(as_put(world->store, key, 32, "x", 1, &world->error), AS_ERR_INTEGRITY);
	assert_int_equal(world->error.sys, 0);
	assert_non_null(strstr(world->error.message, "/data: some of it is missing"));
	scratch_run("rm '%s/data/0' && mv '%s/aside' '%s/data/0'", world->repo, world->repo,
		    world->repo);
	put(world, 61, 10, 61);
	commit(world);
	check_repo(world);
}

/* ---- failures ---- */

static void a_full_disk_refuses_a_put_and_the_transaction_goes_on(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(600000, 1);
	for (unsigned i = 0; i < 5; i++)
		put(world, i, 100, i);
	builder_key(9, key);
	world->fault.fail_error = ENOSPC;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	assert_int_equal(as_put(world->store, key, 32, value, 600000, &world->error),
			 AS_ERR_NO_SPACE);
	builder_key(3, key);	/* one that is there: its DELETE must not stay either */
	assert_int_equal(as_put(world->store, key, 32, value, 600000, &world->error),
			 AS_ERR_NO_SPACE);
	assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_ERR_NO_SPACE);
	assert_false(state_of(world).dead);
	world->fault.fail_at = 0;
	check(world);
	put(world, 9, 600000, 1);
	commit(world);
	free(value);
	check_repo(world);
}

/* Each change of a put fails once: it is refused, nothing of it stays, and the next one works. */
static void a_put_that_fails_anywhere_is_taken_back(void **state)
{
	struct world *world = *state;
	static const int errors[] = { ENOSPC, EIO, EDQUOT };
	static const enum fault_change kinds[] = { FAULT_CREATE, FAULT_WRITE, FAULT_FOLDER };
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	for (unsigned at = 1; at <= 4; at++)
		for (unsigned i = 0; i < 36; i++) {
			world->fault.fail_kind = kinds[i % ARRAY_SIZE(kinds)];
			uint8_t key[BUILDER_KEY];
			const size_t size = i % 2 ? 300000 : 900;
			uint8_t *value = expected_value(size, at);
			builder_key(i, key);
			world->fault.changes = 0;
			world->fault.fail_at = at;
			world->fault.fail_error = errors[at % ARRAY_SIZE(errors)];
			const enum as_err err = as_put(world->store, key, 32, value, size, NULL);
			world->fault.fail_at = 0;
			free(value);
			assert_false(state_of(world).dead);
			if (err == AS_OK)
				world->expected.objects[i] = (struct expected_object){
					.is_there = true, .size = size, .seed = at,
				};
			check(world);
		}
	commit(world);
	check_repo(world);
}

/* From one change on everything fails, the taking back as well: the store says that nothing can be
 * said, and a rollback gives what was committed. */
static void a_put_that_cannot_be_taken_back_ends_the_transaction(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	uint8_t *value = expected_value(300000, 1);
	unsigned dead = 0;
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	builder_key(1, key);
	for (unsigned at = 1; at <= 8; at++) {
		for (unsigned i = 3; i < 9; i++)	/* the open segment is full */
			put(world, i, 300, at);
		world->fault.fail_error = EIO;
		world->fault.fail_for_good = true;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_put(world->store, key, 32, value, 300000, NULL);
		world->fault.fail_at = 0;
		assert_true(err == AS_OK || err == AS_ERR_IO);
		if (state_of(world).dead) {
			dead++;
			assert_int_equal(err, AS_ERR_IO);
			assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_DEAD);
			assert_int_equal(as_delete(world->store, key, 32, NULL), AS_ERR_DEAD);
			assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DEAD);
		}
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
	}
	free(value);
	assert_true(dead > 0);
	check_repo(world);
}

static void nothing_is_committed_that_another_process_removed(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	for (unsigned i = 0; i < 3; i++)
		put(world, i, 300, i);
	commit(world);
	const struct expected_store committed = world->expected;
	for (unsigned segment = 1; segment <= 2; segment++) {
		for (unsigned i = 0; i < 5; i++)
			put(world, i, 300, i + 100);
		assert_int_equal(log_flush(&world->store->log, NULL), AS_OK);
		snprintf(path, sizeof(path), "%.400s/data/0/%u", world->repo, segment);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(as_commit(world->store, 0, NULL, &world->error), AS_ERR_CHANGED);
		assert_non_null(strstr(world->error.message, path));
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
	}
	check_repo(world);
}

static void a_sync_that_fails_kills_the_transaction_and_a_rollback_helps(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	const struct expected_store committed = world->expected;
	put(world, 1, 10, 77);
	world->fault.fail_kind = FAULT_SYNC;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	struct as_report report;
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_IO);
	assert_false(report.committed);
	assert_true(state_of(world).dead);
	builder_key(1, key);
	assert_int_equal(as_put(world->store, key, 32, "x", 1, NULL), AS_ERR_DEAD);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DEAD);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	assert_false(state_of(world).dead);
	world->expected = committed;
	check(world);
	put(world, 1, 20, 78);
	commit(world);
	check_repo(world);
}

static void an_index_that_was_not_written_is_known_after_a_rollback(void **state)
{
	struct world *world = *state;
	struct as_report report;
	put(world, 1, 10, 1);
	commit(world);
	for (unsigned at = 1; at < 12; at++) {
		put(world, 20, at, at);
		world->fault.fail_kind = FAULT_SYNC;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		const enum as_err err = as_commit(world->store, 0, &report, NULL);
		world->fault.fail_at = 0;
		const struct expected_store committed = world->expected;
		if (err != AS_OK && !report.committed) {
			assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
			reopen(world);
			put(world, 20, at, at);
			commit(world);
			continue;
		}
		if (!state_of(world).needs_recover) {
			put(world, 21, 5, 5);
			assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
			world->expected = committed;
		}
		if (state_of(world).needs_recover)
			assert_int_equal(as_recover(world->store, 0, NULL), AS_OK);
		assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
		check(world);
		check_repo(world);
	}
}

static void a_rollback_that_cannot_remove_is_finished_by_the_next(void **state)
{
	struct world *world = *state;
	for (unsigned at = 1; at < 4; at++) {
		put(world, at, 10, at);
		commit(world);
		const struct expected_store committed = world->expected;
		for (unsigned i = 30; i < 36; i++)
			put(world, i, 700, i);
		world->fault.fail_kind = FAULT_REMOVE;
		world->fault.changes = 0;
		world->fault.fail_at = at;
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_ERR_IO);
		world->fault.fail_at = 0;
		assert_true(state_of(world).dead);
		assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
		world->expected = committed;
		check(world);
		check_repo(world);
	}
}

/* A value whose last nine bytes are a COMMIT, at the end of a segment that has none. */
static void a_value_that_ends_like_a_commit_ends_no_segment(void **state)
{
	struct world *world = *state;
	uint8_t value[1200] = { 0 }, key[BUILDER_KEY];
	memcpy(value + sizeof(value) - SEGMENT_HEADER, segment_commit, SEGMENT_HEADER);
	put(world, 1, 10, 1);
	commit(world);
	for (unsigned i = 10; i < 13; i++) {
		builder_key(i, key);
		assert_int_equal(as_put(world->store, key, 32, value, sizeof(value), NULL), AS_OK);
		put(world, i + 10, 2000, i);
	}
	for (unsigned i = 10; i < 13; i++)
		world->expected.objects[i + 10].is_there = false;
	world->fault.fail_kind = FAULT_REMOVE;
	world->fault.fail_at = 1;
	world->fault.fail_for_good = true;
	close_store(world);
	fault_init(&world->fault);
	reopen(world);
	assert_int_equal(state_of(world).transaction, 0);
	assert_int_equal(as_rollback(world->store, 0, &world->error), AS_OK);
	check(world);
	check_repo(world);
}

static void an_interrupted_system_call_is_tried_again(void **state)
{
	struct world *world = *state;
	for (unsigned at = 1; at < 30; at++) {
		world->fault.fail_error = EINTR;
		world->fault.changes = 0;
		world->fault.fail_kind = at % 2 ? FAULT_WRITE : FAULT_SYNC;
		world->fault.fail_at = at / 2 + 1;
		world->fault.write_max = 13;
		put(world, at, 200, at);
		commit(world);
	}
	check_repo(world);
}

/* ---- reading files ---- */

/* Segments that wait for their fsync are open: when that is too many they are synced at once. */
static void without_a_descriptor_for_the_next_segment_the_last_are_closed(void **state)
{
	struct world *world = *state;
	world->fault.fail_kind = FAULT_CREATE;
	world->fault.fail_error = EMFILE;
	world->fault.changes = 0;
	world->fault.fail_at = 3;
	for (unsigned i = 0; i < 12; i++)
		put(world, i, 400, i);
	assert_true(world->fault.changes > 3);
	assert_string_equal(world->fault.failed, "create data/0/1");
	world->fault.fail_at = 0;
	commit(world);
	check_repo(world);
}

static int sync_no_folder(const struct io *io, int fd)
{
	struct stat st;
	(void)io;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

static void a_file_system_that_syncs_no_folders_is_written_to_all_the_same(void **state)
{
	struct world *world = *state;
	world->fault.io.fsync = sync_no_folder;
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	check_repo(world);
}

static ssize_t write_nothing(const struct io *io, int fd, const void *data, size_t len,
			     off_t offset)
{
	(void)io;
	(void)fd;
	(void)data;
	(void)len;
	(void)offset;
	return 0;
}

static void a_write_that_takes_no_byte_ends_as_a_full_disk(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	put(world, 0, 100, 0);
	commit(world);
	const struct io io = world->fault.io;
	world->fault.io.pwrite = write_nothing;
	builder_key(1, key);
	enum as_err err = as_put(world->store, key, 32, "x", 1, &world->error);
	if (err == AS_OK)	/* it may lie in memory until now */
		err = as_commit(world->store, 0, NULL, &world->error);
	assert_int_equal(err, AS_ERR_NO_SPACE);
	world->fault.io = io;
	check_repo(world);
}

/* ---- Borg's shadow index ---- */

/* The segments that the hints on the disk name for object @number, or "none". */
static void expect_older(const struct world *world, unsigned number, const char *segments)
{
	uint8_t key[BUILDER_KEY];
	struct findings findings;
	struct hints hints;
	char text[64] = "";
	builder_key(number, key);
	findings_init(&findings);
	assert_int_equal(hints_read(&io_system, world->store->fd, &dialect_borg,
				    world->store->transaction, &hints, &findings), AS_OK);
	assert_true(hints.usable);
	const struct hints_shadow *row = hints_find_shadow(&hints, key);
	for (uint32_t i = 0; row && i < row->count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ",
			 hints.shadow_segments[row->first + i]);
	assert_string_equal(row ? text : "none", segments);
	hints_free(&hints);
	findings_free(&findings);
}

/* Borg drops the DELETE of a key once all segments are gone that its list names: each older PUT
 * that is still there must be in it, or the log brings the object back. */
static void the_hints_name_every_older_put(void **state)
{
	struct world *world = *state;
	put(world, 1, 700, 1);		/* segment 0 */
	put(world, 2, 10, 1);
	commit(world);
	expect_older(world, 1, "none");
	put(world, 1, 10, 2);		/* segment 2, behind the COMMIT alone */
	commit(world);
	expect_older(world, 1, "0 ");
	reopen(world);
	delete(world, 1);
	put(world, 1, 10, 3);		/* segment 4 */
	put(world, 1, 10, 4);
	commit(world);
	expect_older(world, 1, "0 2 4 ");
	expect_older(world, 2, "none");
	assert_int_equal(as_recover(world->store, AS_FULL, NULL), AS_OK);
	expect_older(world, 1, "0 2 4 ");
	put(world, 1, 10, 5);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	expect_older(world, 1, "0 2 4 ");
	world->expected.objects[1].seed = 4;
	assert_int_equal(as_compact(world->store, NULL, NULL), AS_OK);
	expect_older(world, 1, "none");
	check_repo(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hundred_puts_a_delete_and_a_reopen),
		TEST(several_transactions_add_up),
		TEST(overwriting_within_one_transaction_leaves_the_last),
		TEST(transactions_of_one_kind_only),
		TEST(a_commit_without_changes_writes_nothing),
		TEST(closing_without_a_commit_leaves_the_last_one),
		TEST(a_rollback_forgets_the_transaction_and_the_next_one_works),
		TEST(the_largest_object_is_stored_and_one_byte_more_refused),
		TEST(deleting_what_is_not_there_is_an_error_and_changes_nothing),
		TEST(a_segment_is_closed_before_the_first_entry_beyond_its_limit),
		TEST(folders_are_made_where_the_numbers_cross),
		TEST(a_file_in_the_place_of_the_next_segment_is_not_overwritten),
		TEST(numbers_that_no_longer_fit_are_refused),
		TEST(the_highest_number_is_the_last_that_attic_reads),
		TEST(a_folder_that_is_a_link_is_not_written_through),
		TEST(a_folder_that_was_lost_meanwhile_refuses_to_be_written_to),
		TEST(a_full_disk_refuses_a_put_and_the_transaction_goes_on),
		TEST(a_put_that_fails_anywhere_is_taken_back),
		TEST(nothing_is_committed_that_another_process_removed),
		TEST(a_put_that_cannot_be_taken_back_ends_the_transaction),
		TEST(a_sync_that_fails_kills_the_transaction_and_a_rollback_helps),
		TEST(an_index_that_was_not_written_is_known_after_a_rollback),
		TEST(a_rollback_that_cannot_remove_is_finished_by_the_next),
		TEST(a_value_that_ends_like_a_commit_ends_no_segment),
		TEST(an_interrupted_system_call_is_tried_again),
		TEST(without_a_descriptor_for_the_next_segment_the_last_are_closed),
		TEST(a_file_system_that_syncs_no_folders_is_written_to_all_the_same),
		TEST(a_write_that_takes_no_byte_ends_as_a_full_disk),
		cmocka_unit_test_setup_teardown(the_hints_name_every_older_put, setup_borg,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

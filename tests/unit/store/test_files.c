/* Hints, index and emptied segments: in which order they come and go, and what if one cannot. */
#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct steps {
	char text[4096];
	size_t len;
};

/* "W5" for a write to segment 5, "C" made, "S" synced, "R" removed; "Ndata" for a name. Pieces of
 * one write count once. */
static void note_step(void *context, enum fault_change kind, const char *path)
{
	static const char letters[] = {
		[FAULT_CREATE] = 'C', [FAULT_WRITE] = 'W', [FAULT_TRUNCATE] = 'T',
		[FAULT_SYNC] = 'S', [FAULT_FOLDER] = 'F', [FAULT_RENAME] = 'N',
		[FAULT_LINK] = 'L', [FAULT_REMOVE] = 'R',
	};
	struct steps *steps = context;
	char step[300];
	const char *in_data = strstr(path, "data/");
	const char *name = in_data ? in_data : strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	snprintf(step, sizeof(step), "%c:%.200s ", letters[kind], name);
	const size_t size = strlen(step);
	if (steps->len >= size && memcmp(steps->text + steps->len - size, step, size) == 0)
		return;
	assert_true(steps->len + size < sizeof(steps->text));
	memcpy(steps->text + steps->len, step, size + 1);
	steps->len += size;
}

static void the_order_of_writing_is_as_documented(void **state)
{
	struct world *world = *state;
	struct steps steps = { .len = 0 };
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 459, i);	/* two to a segment: 0, 1, 2 */
	commit(world);
	world->fault.watch = note_step;
	world->fault.watch_context = &steps;
	put(world, 0, 400, 9);
	delete(world, 1);
	delete(world, 2);
	put(world, 7, 800, 7);
	put(world, 8, 10, 8);		/* the next segment, in the next folder */
	commit(world);
	/* Two older files go in the order in which the folder lists them. */
	char *older = steps.text + steps.len - strlen("R:hints.2 R:index.2 ");
	if (strcmp(older, "R:index.2 R:hints.2 ") == 0)
		memcpy(older, "R:hints.2 R:index.2 ", strlen(older));
	assert_string_equal(steps.text,
			    /* entries, the names of their files, and their COMMIT by itself */
			    "C:data/0/3 W:data/0/3 F:data/1 C:data/1/4 W:data/1/4 "
			    "S:data/0/3 S:data/1/4 S:data S:data/0 S:data/1 "
			    "W:data/1/4 S:data/1/4 "
			    /* what compaction copies, likewise */
			    "C:data/1/5 W:data/1/5 S:data/1/5 S:data/1 W:data/1/5 S:data/1/5 "
			    /* hints and index; then each takes its name, for good */
			    "C:hints.5.tmp W:hints.5.tmp S:hints.5.tmp "
			    "C:index.tmp W:index.tmp S:index.tmp "
			    "N:hints.5 S:repo N:index.5 S:repo "
			    /* emptied segments, those with a DELETE last */
			    "R:data/0/0 R:data/0/1 S:data/0 R:data/0/3 S:data/0 "
			    /* the folder, if empty; hints without what is gone; older files */
			    "R:data/0 C:hints.5.tmp W:hints.5.tmp S:hints.5.tmp N:hints.5 "
			    "R:hints.2 R:index.2 ");
	check_repo(world);
}

/* The transaction is durable; what fails behind it is told, and done by the next commit. */
static void a_commit_that_cannot_write_the_index_says_that_it_is_durable(void **state)
{
	struct world *world = *state;
	struct as_report report;
	for (unsigned i = 0; i < 6; i++)
		put(world, i, 400, i);
	commit(world);
	world->fault.fail_kind = FAULT_RENAME;
	world->fault.fail_error = ENOSPC;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	put(world, 20, 10, 1);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_NO_SPACE);
	assert_true(report.committed);
	assert_false(state_of(world).dead);
	check(world);
	put(world, 21, 10, 1);
	assert_int_equal(as_commit(world->store, 0, &report, &world->error), AS_ERR_NO_SPACE);
	world->fault.fail_at = 0;
	assert_int_equal(as_commit(world->store, 0, &report, NULL), AS_OK);
	check(world);
	check_repo(world);
}

static void what_a_crash_left_of_writing_an_index_is_removed(void **state)
{
	struct world *world = *state;
	static const char *const left[] = { "index.tmp", "index.0.tmp", "hints.0.tmp" };
	static const char *const kept[] = { "index.old", "hints", "README.tmp" };
	char path[BUILDER_PATH];
	put(world, 0, 100, 0);
	commit(world);
	close_store(world);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		path_of(world, left[i], path);
		builder_write_file(path, "x", 1);
		path_of(world, kept[i], path);
		builder_write_file(path, "x", 1);
	}
	reopen(world);
	put(world, 1, 100, 1);
	commit(world);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		assert_false(is_there(world, left[i]));
		assert_true(is_there(world, kept[i]));
	}
}

/* A segment that could not be removed is not forgotten: the DELETE of what it holds must stay. */
static void an_emptied_segment_that_stays_keeps_its_deletes(void **state)
{
	struct world *world = *state;
	put(world, 0, 10, 0);
	commit(world);
	put(world, 1, 10, 1);
	put(world, 2, 10, 2);
	commit(world);
	delete(world, 1);
	world->fault.fail_kind = FAULT_REMOVE;
	world->fault.fail_error = EACCES;
	world->fault.fail_for_good = true;
	world->fault.changes = 0;
	world->fault.fail_at = 1;
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_ERR_DENIED);
	world->fault.fail_at = 0;
	put(world, 9, 10, 9);
	assert_int_equal(as_rollback(world->store, 0, NULL), AS_OK);
	world->expected.objects[9].is_there = false;
	for (unsigned i = 3; i < 6; i++) {
		put(world, i, 10, i);
		commit(world);
	}
	check_repo(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_order_of_writing_is_as_documented),
		TEST(a_commit_that_cannot_write_the_index_says_that_it_is_durable),
		TEST(what_a_crash_left_of_writing_an_index_is_removed),
		TEST(an_emptied_segment_that_stays_keeps_its_deletes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

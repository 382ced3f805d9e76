/* Records of what was verified: what is kept, what is believed, and what time allows. What they are
 * worth as a whole is shown by tests/script/scrub.py. */
#include "build-config.h"

#include "engine/check/check.h"
#include "tests/support/builder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SEGMENTS 8u

/* One transaction of eight segments with an object each, and a disk as slow as a test wants. */
struct world {
	char folder[BUILDER_PATH], path[BUILDER_PATH];
	struct io io;
	struct repo *repo;
	struct verify_records known, kept;
	struct verify_progress progress;
};

static unsigned slow_ms;	/* of each pread */

static ssize_t slow_pread(const struct io *io, int fd, void *buffer, size_t len, off_t offset)
{
	const struct timespec pause = { slow_ms / 1000, (long)(slow_ms % 1000) * 1000000 };
	(void)io;
	nanosleep(&pause, NULL);
	return pread(fd, buffer, len, offset);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	uint8_t key[BUILDER_KEY];
	assert_non_null(world);
	builder_make_folder(world->folder);
	snprintf(world->path, sizeof(world->path), "%.400s/repo", world->folder);
	struct builder *builder = builder_new(world->path, 100, 100);
	for (unsigned i = 0; i < SEGMENTS; i++) {
		builder_key(i, key);
		builder_put_some(builder, key, 200);
	}
	builder_transaction(builder);
	assert_int_equal(builder_head(builder), SEGMENTS - 1);
	builder_free(builder);
	world->io = io_system;
	world->io.pread = slow_pread;
	slow_ms = 0;
	const struct repo_options options = { .no_lock = true, .io = &world->io };
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	repo_close(world->repo);
	verify_records_free(&world->known);
	verify_records_free(&world->kept);
	builder_remove_folder(world->folder);
	free(world);
	return 0;
}

/* Verify with @scope in one thread, and keep the records. */
static struct verify *verify(struct world *world, struct verify_scope scope)
{
	struct verify *verify;
	verify_records_free(&world->kept);
	memset(&world->progress, 0, sizeof(world->progress));
	scope.keep = &world->kept;
	assert_int_equal(verify_new(world->repo, &verify), AS_OK);
	verify->scope = scope;
	assert_int_equal(verify_work(verify, 1, &world->progress), AS_OK);
	verify_records_sort(&world->kept);
	return verify;
}

/* What was kept is known from now on. */
static void learn(struct world *world)
{
	verify_records_free(&world->known);
	world->known = world->kept;
	world->kept = (struct verify_records){ .rows = NULL };
}

static void age(struct world *world)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		char path[BUILDER_PATH];
		const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
		snprintf(path, sizeof(path), "%.400s/data/0/%u", world->path, i);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
}

static void time_that_runs_out_leaves_segments_out_and_the_next_run_goes_on_there(void **state)
{
	struct world *world = *state;
	age(world);
	slow_ms = 400;
	struct verify *first = verify(world, (struct verify_scope){ .seconds = 1 });
	const size_t read = world->repo->listing.count - first->skipped;
	assert_true(first->skipped > 0);
	assert_true(read > 0);
	assert_int_equal(world->kept.count, read);
	verify_free(first);
	slow_ms = 0;
	learn(world);
	const struct verify_scope scope = {
		.seconds = 3600, .known = &world->known, .not_before = INT64_MIN,
	};
	struct verify *second = verify(world, scope);
	assert_int_equal(second->skipped, 0);
	assert_int_equal(second->remembered, read);
	assert_int_equal(second->objects, SEGMENTS);
	assert_int_equal(second->findings.count, 0);
	verify_free(second);
}

static void what_was_read_longest_ago_comes_first_when_time_is_short(void **state)
{
	struct world *world = *state;
	age(world);
	verify_free(verify(world, (struct verify_scope){ .seconds = 0 }));
	assert_int_equal(world->kept.count, SEGMENTS);
	learn(world);
	world->known.rows[6].verified -= 100;
	slow_ms = 700;
	const struct verify_scope scope = {
		.seconds = 1, .known = &world->known, .not_before = INT64_MAX,
	};
	struct verify *again = verify(world, scope);
	assert_int_equal(again->skipped, 0);		/* the others are known */
	assert_false(again->facts[6].is_remembered);
	assert_true(again->facts[7].is_remembered);
	assert_true(world->kept.rows[6].verified > world->known.rows[6].verified);
	verify_free(again);
}

static void of_two_records_of_a_segment_the_newer_one_is_kept(void **state)
{
	struct world *world = *state;
	for (int i = 0; i < 4; i++) {
		const struct verify_record record = {
			.segment = 7 - (uint32_t)i % 2, .verified = 10 + i,
			.events = calloc(1, sizeof(struct verify_event)), .event_count = 1,
		};
		assert_true(verify_records_add(&world->known, &record));
	}
	verify_records_sort(&world->known);
	assert_int_equal(world->known.count, 2);
	assert_int_equal(verify_records_find(&world->known, 6)->verified, 13);
	assert_int_equal(verify_records_find(&world->known, 7)->verified, 12);
	assert_null(verify_records_find(&world->known, 8));
}

static void segments_just_written_and_damaged_ones_get_no_record(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	verify_free(verify(world, (struct verify_scope){ .seconds = 0 }));
	assert_int_equal(world->kept.count, 0);
	age(world);
	snprintf(path, sizeof(path), "%.400s/data/0/3", world->path);
	builder_flip(path, 100, 1);
	age(world);
	verify_free(verify(world, (struct verify_scope){ .seconds = 0 }));
	assert_int_equal(world->kept.count, SEGMENTS - 1);
	assert_null(verify_records_find(&world->kept, 3));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(time_that_runs_out_leaves_segments_out_and_the_next_run_goes_on_there),
		CASE(what_was_read_longest_ago_comes_first_when_time_is_short),
		CASE(of_two_records_of_a_segment_the_newer_one_is_kept),
		CASE(segments_just_written_and_damaged_ones_get_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

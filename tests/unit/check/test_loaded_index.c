/* The index in memory: which one is loaded, what of it is confirmed, what it bears witness of. */
#include "build-config.h"

#include "engine/check/check_internal.h"
#include "tests/support/borg_repo.h"
#include "tests/unit/check/sample.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The sample, opened, and a run that has read nothing yet. */
struct checked {
	struct world world;
	struct verify_progress progress;
	struct verify_run run;
	bool is_begun;
};

static int setup(void **state)
{
	struct checked *checked = calloc(1, sizeof(*checked));
	assert_non_null(checked);
	world_new(&checked->world);
	*state = checked;
	return 0;
}

static void end(struct checked *checked)
{
	if (checked->is_begun)
		verify_free_index(&checked->run);
	checked->is_begun = false;
	world_forget(&checked->world);
}

static int teardown(void **state)
{
	struct checked *checked = *state;
	end(checked);
	world_free(&checked->world);
	free(checked);
	return 0;
}

/* Open what is on the disk now and load its index. */
static struct verify *load(struct checked *checked)
{
	struct world *world = &checked->world;
	const struct repo_options options = { .no_lock = true, .io = world->io };
	end(checked);
	assert_int_equal(repo_open(world->path, &options, &world->repo, NULL), AS_OK);
	assert_int_equal(verify_new(world->repo, &world->verify), AS_OK);
	checked->run = (struct verify_run){
		.verify = world->verify, .repo = world->repo, .progress = &checked->progress,
		.threads = 2,
	};
	checked->is_begun = true;
	assert_int_equal(verify_load_index(&checked->run), AS_OK);
	return world->verify;
}

static void confirm(struct verify *verify, uint32_t bucket)
{
	verify->confirmed[bucket / 64] |= UINT64_C(1) << bucket % 64;
}

static uint32_t number_of(const struct world *world, unsigned object)
{
	return (uint32_t)((bucket_of(world, object) - 18) / 40);
}

/* ---- loading ---- */

static void every_object_is_found(void **state)
{
	struct checked *checked = *state;
	const struct world *world = &checked->world;
	struct index_bucket bucket;
	uint8_t key[KEY_SIZE];
	const struct verify *verify = load(checked);
	assert_true(checked->run.index.is_loaded);
	assert_false(verify->owns_index || verify->index_is_inferred);
	for (unsigned i = 0; i < OBJECTS + 2; i++) {
		uint32_t segment, offset;
		builder_key(i, key);
		const bool is_there = builder_find(world->builder, key, &segment, &offset);
		assert_int_equal(verify_find_mapping(&checked->run, key, &bucket), is_there);
		if (!is_there)
			continue;
		assert_int_equal(bucket.number, number_of(world, i));
		assert_int_equal(bucket.segment, segment);
		assert_int_equal(bucket.offset, offset);
		assert_memory_equal(bucket.key, key, KEY_SIZE);
		assert_int_equal(verify_mapped_position(&checked->run, bucket.number), segment);
	}
	assert_int_equal(verify_mapped_position(&checked->run, number_of(world, 0)), 0);
	const uint32_t empty = (uint32_t)((empty_bucket(world) - 18) / 40);
	assert_int_equal(verify_mapped_position(&checked->run, empty), LISTING_NONE);
}

static void another_index_is_loaded_where_the_newest_cannot_be(void **state)
{
	struct checked *checked = *state;
	struct index_bucket bucket;
	uint8_t key[KEY_SIZE];
	builder_key(0, key);
	builder_patch(index_path(&checked->world), 0, "NOTANIDX", 8);
	const struct verify *verify = load(checked);
	assert_true(verify->index_is_inferred && verify->owns_index);
	assert_true(verify_find_mapping(&checked->run, key, &bucket));
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_int_equal(found(&checked->world, PROBLEM_INDEX_COUNT), 0);	/* opening spoke */
	/* No index has that length: the one before it. */
	const char *from = copy_of(index_path(&checked->world));
	copy_file(from, path_of(&checked->world, "index.2"));
	builder_patch(path_of(&checked->world, "index.2"), 0, "ATTICIDX", 8);
	builder_truncate(index_path(&checked->world), 1000);
	verify = load(checked);
	assert_false(verify->index_is_inferred);
	assert_true(verify->owns_index);
	assert_int_equal(verify->index.transaction, 2);
	assert_true(verify_find_mapping(&checked->run, key, &bucket));
	unlink(path_of(&checked->world, "index.2"));
	verify = load(checked);
	assert_false(checked->run.index.is_loaded || verify->owns_index);
	assert_false(verify_find_mapping(&checked->run, key, &bucket));
}

/* What cannot be loaded is a finding, and the log is replayed without it. */
static void an_index_with_a_bad_block_is_not_loaded(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	fault_init(&world->fault);
	world->fault.bad_offset = 2200;		/* behind the end of every segment */
	world->fault.bad_length = 50;
	world->io = &world->fault.io;
	load(checked);
	assert_false(checked->run.index.is_loaded);
	const struct finding *finding = finding_row(world, PROBLEM_INDEX_UNREADABLE);
	assert_non_null(finding);
	char wanted[80];
	snprintf(wanted, sizeof(wanted), "index.%u: a block cannot be read",
		 builder_head(world->builder));
	assert_string_equal(finding->detail, wanted);
	assert_int_equal(checked->progress.problems, 1);
}

/* Marks in records are compared by the next run, on another machine perhaps. */
static void marks_are_the_same_in_every_run_with_records(void **state)
{
	struct checked *checked = *state;
	struct verify_records records = { .count = 0 };
	const uint32_t number = number_of(&checked->world, 7);
	uint64_t marks[2];
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		load(checked);
		verify_free_index(&checked->run);
		checked->world.verify->scope.keep = &records;
		checked->run.index = (struct verify_index){ .is_loaded = false };
		free((void *)checked->world.verify->confirmed);
		assert_int_equal(verify_load_index(&checked->run), AS_OK);
		marks[i] = index_image_mark(&checked->run.index.image, number);
	}
	assert_true(marks[0] == marks[1]);
	load(checked);
	assert_true(marks[0] != index_image_mark(&checked->run.index.image, number));
}

/* ---- what is confirmed ---- */

static void confirmed_buckets_are_counted(void **state)
{
	struct checked *checked = *state;
	struct verify *verify = load(checked);
	assert_int_equal(verify_count_confirmed(verify, BUCKETS), 0);
	confirm(verify, 0);
	confirm(verify, 63);
	assert_true(verify_is_confirmed(verify, 0) && verify_is_confirmed(verify, 63));
	assert_false(verify_is_confirmed(verify, 1) || verify_is_confirmed(verify, 62));
	assert_int_equal(verify_count_confirmed(verify, BUCKETS), 2);
	confirm(verify, 64);			/* the last word may have few bits */
	assert_true(verify_is_confirmed(verify, 64));
	assert_int_equal(verify_count_confirmed(verify, 65), 3);
}

static void a_census_is_taken_unless_every_mapping_was_found(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	uint8_t bucket[40];
	struct verify *verify = load(checked);
	const size_t by_opening = verify->findings.count;
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_true(checked->run.index.is_whole);
	assert_int_equal(verify->findings.count, by_opening);
	read_bytes(index_path(world), bucket_of(world, 5), bucket, sizeof(bucket));
	builder_patch(index_path(world), empty_bucket(world), bucket, sizeof(bucket));
	verify = load(checked);
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_false(checked->run.index.is_whole);
	assert_int_equal(found(world, PROBLEM_INDEX_DUPLICATE), 1);
	assert_int_equal(found(world, PROBLEM_INDEX_COUNT), 1);
	/* As many confirmed as are used: then there are no duplicates. */
	verify = load(checked);
	for (uint32_t i = 1; i < checked->run.index.image.used; i++)
		confirm(verify, i);
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INDEX_DUPLICATE), 1);
	verify = load(checked);
	for (uint32_t i = 0; i < checked->run.index.image.used; i++)
		confirm(verify, i);
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INDEX_DUPLICATE), 0);
	assert_int_equal(found(world, PROBLEM_INDEX_COUNT), 1);
	assert_false(checked->run.index.is_whole);	/* the header counts fewer */
	/* That its mappings were believed shows nothing about look-ups. */
	verify = load(checked);
	for (uint32_t i = 0; i < checked->run.index.image.used; i++)
		confirm(verify, i);
	verify->remembered = 1;
	assert_int_equal(verify_check_index(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INDEX_DUPLICATE), 1);
}

struct seen {
	unsigned count, stop_at;
	uint64_t numbers;	/* a bit for each bucket */
};

static enum as_err see(void *context, const struct index_bucket *bucket)
{
	struct seen *seen = context;
	seen->numbers |= UINT64_C(1) << bucket->number;
	return ++seen->count == seen->stop_at ? AS_ERR_LIMIT : AS_OK;
}

static void the_walk_meets_each_used_bucket_that_is_not_confirmed(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	struct seen seen = { .count = 0 };
	uint8_t bucket[40];
	uint64_t expected = 0;
	for (unsigned i = 0; i < OBJECTS + 2; i++)
		if (i != 3 && i != 7 && i != 8)
			expected |= UINT64_C(1) << number_of(world, i);
	/* A second bucket of object 5, which no look-up finds, is left to the census. */
	read_bytes(index_path(world), bucket_of(world, 5), bucket, sizeof(bucket));
	builder_patch(index_path(world), empty_bucket(world), bucket, sizeof(bucket));
	struct verify *verify = load(checked);
	confirm(verify, number_of(world, 7));
	confirm(verify, number_of(world, 8));
	assert_int_equal(verify_each_unconfirmed(&checked->run, see, &seen), AS_OK);
	assert_int_equal(seen.count, 23);
	assert_int_equal(seen.numbers, expected);
	seen = (struct seen){ .stop_at = 4 };
	assert_int_equal(verify_each_unconfirmed(&checked->run, see, &seen), AS_ERR_LIMIT);
	assert_int_equal(seen.count, 4);
	checked->progress.cancel = true;
	seen = (struct seen){ .count = 0 };
	assert_int_equal(verify_each_unconfirmed(&checked->run, see, &seen), AS_ERR_CANCELLED);
	assert_int_equal(seen.count, 0);
}

/* The keys of short rows are read once more, and the file may have changed. */
static void a_bucket_that_changed_is_said_once(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	struct seen seen = { .count = 0 };
	load(checked);
	builder_flip(index_path(world), bucket_of(world, 7) + 36, 1);
	assert_int_equal(verify_each_unconfirmed(&checked->run, see, &seen), AS_OK);
	assert_int_equal(seen.count, 24);
	const struct finding *finding = finding_row(world, PROBLEM_INDEX_UNREADABLE);
	assert_non_null(finding);
	assert_non_null(strstr(finding->detail, "cannot be read again, or has changed"));
	checked->run.is_weighed = true;
	assert_int_equal(verify_each_unconfirmed(&checked->run, see, &seen), AS_OK);
	assert_int_equal(found(world, PROBLEM_INDEX_UNREADABLE), 1);
}

/* ---- what it bears witness of ---- */

static void witnesses_of_a_segment_are_its_mappings_by_offset(void **state)
{
	struct checked *checked = *state;
	const struct world *world = &checked->world;
	struct verify_witness witness = { .run = &checked->run };
	struct segment_witnesses rows;
	size_t sum = 0;
	load(checked);
	for (uint32_t number = 0; number <= builder_head(world->builder); number++) {
		verify_find_witnesses(&witness, number, &rows);
		for (size_t i = 0; i < rows.count; i++) {
			uint32_t segment, offset;
			assert_true(builder_find(world->builder, rows.rows[i].key, &segment,
						 &offset));
			assert_int_equal(segment, number);
			assert_int_equal(offset, rows.rows[i].offset);
			if (i > 0)
				assert_true(rows.rows[i - 1].offset < offset);
		}
		sum += rows.count;
	}
	assert_int_equal(sum, 25);
	verify_find_witnesses(&witness, 4711, &rows);
	assert_int_equal(rows.count, 0);
	free(witness.rows);
	assert_false(verify_should_stop(&checked->run));
}

static void without_an_index_there_are_no_witnesses(void **state)
{
	struct checked *checked = *state;
	struct verify_witness witness = { .run = &checked->run };
	struct segment_witnesses rows = { .count = 9 };
	index_missing(&checked->world);
	load(checked);
	verify_find_witnesses(&witness, 1, &rows);
	assert_int_equal(rows.count, 0);
	assert_null(rows.rows);
}

static void the_last_segment_is_the_highest_up_to_the_transaction(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	const uint32_t head = builder_head(world->builder);
	uint32_t segment, offset;
	put_path(world, 25, &segment, &offset);
	struct verify *verify = load(checked);
	verify_find_index_last(&checked->run);
	assert_int_equal(verify->index_last, segment);
	/* A bucket that leads above it is damaged. */
	const uint8_t above[4] = { (uint8_t)(head + 1) };
	builder_patch(index_path(world), bucket_of(world, 7) + 32, above, sizeof(above));
	verify = load(checked);
	verify_find_index_last(&checked->run);
	assert_int_equal(verify->index_last, segment);
	verify->index.transaction = head + 1;
	verify_find_index_last(&checked->run);		/* it was found already */
	assert_int_equal(verify->index_last, segment);
	checked->run.has_index_last = false;
	verify_find_index_last(&checked->run);
	assert_int_equal(verify->index_last, head + 1);
}

/* ---- which index ---- */

/* One of elsewhere, above the end of the log, gives way to an older one that is not above it. */
static void an_older_index_takes_the_place_of_a_foreign_one_above_the_end(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	const uint32_t head = builder_head(world->builder);
	const char *from = copy_of(index_path(world));
	copy_file(from, path_of(world, "index.4711"));
	static const struct {
		enum credit credit;
		int end;		/* above head */
		bool has_end, is_used;
	} cases[] = {
		{ CREDIT_FOREIGN, 0, true, true },
		{ CREDIT_FOREIGN, 1, true, true },
		{ CREDIT_FOREIGN, -1, true, false },	/* that one is above it, too */
		{ CREDIT_FOREIGN, 0, false, false },
		{ CREDIT_OLDER, 0, true, false },
		{ CREDIT_CREDIBLE, 0, true, false },
		{ CREDIT_FOREIGN, 4711, true, false },	/* the newest is not above it */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verify *verify = load(checked);
		bool again = !cases[i].is_used;
		assert_int_equal(verify->index.transaction, 4711);
		confirm(verify, 1);
		checked->run.has_index_last = true;
		verify->index_credit = cases[i].credit;
		verify->has_end = cases[i].has_end;
		verify->end = head + (uint32_t)cases[i].end;
		assert_int_equal(verify_use_older_index(&checked->run, &again), AS_OK);
		if (again != cases[i].is_used)
			fail_msg("case %zu", i);
		assert_int_equal(verify->index.transaction, again ? head : 4711);
		assert_int_equal(verify->owns_index, again);
		assert_int_equal(verify_is_confirmed(verify, 1), !again);
		assert_int_equal(checked->run.has_index_last, !again);
		assert_true(checked->run.index.is_loaded);
	}
	unlink(path_of(world, "index.%u", head));
	struct verify *verify = load(checked);
	bool again = true;
	verify->index_credit = CREDIT_FOREIGN;
	verify->has_end = true;
	verify->end = head;
	assert_int_equal(verify_use_older_index(&checked->run, &again), AS_OK);
	assert_false(again);
}

/* Only Borg writes digests. */
static void an_index_with_another_digest_is_named(void **state)
{
	struct checked *checked = *state;
	struct world *world = &checked->world;
	char wanted[32];
	load(checked);
	assert_int_equal(verify_compare_digest(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INTEGRITY_DIGEST), 0);
	borg_repo_make(world->builder);
	load(checked);
	assert_int_equal(verify_compare_digest(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INTEGRITY_DIGEST), 0);
	builder_patch(index_path(world), empty_bucket(world), "x", 1);
	load(checked);
	assert_int_equal(verify_compare_digest(&checked->run), AS_OK);
	const struct finding *finding = finding_row(world, PROBLEM_INTEGRITY_DIGEST);
	assert_non_null(finding);
	snprintf(wanted, sizeof(wanted), "index.%u", builder_head(world->builder));
	assert_string_equal(finding->detail, wanted);
	/* A digest of another algorithm, or of another transaction, says nothing. */
	load(checked);
	world->repo->integrity.index.state = DIGEST_UNKNOWN;
	assert_int_equal(verify_compare_digest(&checked->run), AS_OK);
	world->repo->integrity.index.state = DIGEST_READ;
	world->repo->integrity.transaction--;
	assert_int_equal(verify_compare_digest(&checked->run), AS_OK);
	assert_int_equal(found(world, PROBLEM_INTEGRITY_DIGEST), 0);
	checked->progress.cancel = true;
	world->repo->integrity.transaction++;
	assert_int_equal(verify_compare_digest(&checked->run), AS_ERR_CANCELLED);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_object_is_found),
		TEST(another_index_is_loaded_where_the_newest_cannot_be),
		TEST(an_index_with_a_bad_block_is_not_loaded),
		TEST(marks_are_the_same_in_every_run_with_records),
		TEST(confirmed_buckets_are_counted),
		TEST(a_census_is_taken_unless_every_mapping_was_found),
		TEST(the_walk_meets_each_used_bucket_that_is_not_confirmed),
		TEST(a_bucket_that_changed_is_said_once),
		TEST(witnesses_of_a_segment_are_its_mappings_by_offset),
		TEST(without_an_index_there_are_no_witnesses),
		TEST(the_last_segment_is_the_highest_up_to_the_transaction),
		TEST(an_older_index_takes_the_place_of_a_foreign_one_above_the_end),
		TEST(an_index_with_another_digest_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

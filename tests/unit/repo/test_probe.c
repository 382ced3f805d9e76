/* The quick look whether index and hints are those of the log. */
#include "build-config.h"

#include "engine/repo/probe.h"
#include "tests/support/fault.h"
#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OBJECTS 20u

static char why[PROBE_TEXT_SIZE];

/* What the probe says of the repository as it is now; "" is nothing. */
static const char *probe(struct small_repo *world)
{
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	return why;
}

/* Change the bucket of object @number: @len bytes at @at of it. */
static void patch_bucket(struct small_repo *world, unsigned number, size_t at, const void *bytes,
			 size_t len)
{
	struct index_bucket bucket;
	uint8_t key[BUILDER_KEY];
	char name[32], path[BUILDER_PATH];
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	builder_key(number, key);
	assert_int_equal(index_lookup(&world->repo->index, key, &bucket), AS_OK);
	snprintf(name, sizeof(name), "index.%u", world->repo->index.transaction);
	builder_path(world->builder, name, path);
	builder_patch(path, index_bucket_offset(bucket.number) + at, bytes, len);
}

/* The index no longer has the object. */
static void forget(struct small_repo *world, unsigned number)
{
	patch_bucket(world, number, 32, "\xfe\xff\xff\xff", 4);
}

/* The index has the key of nothing in its place; its home stays the same. */
static void change_key(struct small_repo *world, unsigned number)
{
	patch_bucket(world, number, 20, "????", 4);
}

static uint32_t segment_of(const struct small_repo *world, unsigned number, uint32_t *offset)
{
	uint8_t key[BUILDER_KEY];
	uint32_t segment;
	builder_key(number, key);
	assert_true(builder_find(world->builder, key, &segment, offset));
	return segment;
}

static void a_whole_repository_passes(void **state)
{
	struct small_repo *world = *state;
	assert_string_equal(probe(world), "");
	assert_true(probe_repo(world->repo));
}

static void an_empty_repository_passes(void **state)
{
	small_repo_teardown(state);
	struct small_repo *world = small_repo_new(state, 3, 1000, 0);
	builder_transaction(world->builder);
	assert_string_equal(probe(world), "");
	assert_true(probe_repo(world->repo));
}

/* One mapping in ten may be wrong: of 19, one. */
static void an_index_with_wrong_mappings_is_not_of_the_log(void **state)
{
	struct small_repo *world = *state;
	char wanted[PROBE_TEXT_SIZE];
	change_key(world, 2);
	assert_string_equal(probe(world), "");
	change_key(world, 17);
	snprintf(wanted, sizeof(wanted), "index.%u is not of this log: of 19 of its mappings 17 "
		 "lead to the object", builder_head(world->builder));
	assert_string_equal(probe(world), wanted);
	assert_false(probe_repo(world->repo));
}

/* The DELETE of object 6 stands before its PUT. */
static void a_mapping_to_a_delete_is_wrong(void **state)
{
	struct small_repo *world = *state;
	uint32_t offset;
	segment_of(world, 6, &offset);
	offset -= 41;
	patch_bucket(world, 6, 36, &offset, 4);
	change_key(world, 2);
	assert_non_null(strstr(probe(world), "of 19 of its mappings 17 lead to the object"));
}

static void a_mapping_to_the_middle_of_an_entry_is_wrong(void **state)
{
	struct small_repo *world = *state;
	uint32_t offset;
	for (unsigned number = 2; number < 4; number++) {
		segment_of(world, number, &offset);
		offset += 41;
		patch_bucket(world, number, 36, &offset, 4);
	}
	assert_non_null(strstr(probe(world), "of 19 of its mappings 17 lead to the object"));
	offset = 0;
	for (unsigned number = 2; number < 4; number++)
		patch_bucket(world, number, 36, &offset, 4);
	assert_non_null(strstr(probe(world), "of 19 of its mappings 17 lead to the object"));
}

/* No quick look shows whose fault it is where the log is damaged. */
static void mappings_into_damage_do_not_count(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	uint32_t offset;
	const uint32_t segment = segment_of(world, 2, &offset);
	builder_segment_path(world->builder, segment, path);
	builder_patch(path, offset + 4, "\xff\xff\xff\xff", 4);		/* its size */
	for (unsigned number = 0; number < OBJECTS; number++)
		if (number != 5 && segment_of(world, number, &offset) == segment)
			change_key(world, number);
	assert_string_equal(probe(world), "");
}

/* The last object of the segment, whose header and key are there. */
static void a_torn_entry_confirms_nothing_and_does_not_count(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	uint32_t offset;
	builder_segment_path(world->builder, segment_of(world, 4, &offset), path);
	builder_truncate(path, offset + 240);
	change_key(world, 15);
	change_key(world, 16);
	assert_non_null(strstr(probe(world), "of 18 of its mappings 16 lead to the object"));
}

static void a_missing_segment_is_the_index_s_fault_unless_the_hints_know_it(void **state)
{
	struct small_repo *world = *state;
	char path[BUILDER_PATH];
	uint32_t offset;
	const uint32_t segment = segment_of(world, 0, &offset);
	builder_segment_path(world->builder, segment, path);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(probe(world), "");
	hints_find(&world->repo->hints, segment)->live = 0;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	assert_non_null(strstr(why, " is not of this log: of 19 "));
	/* Nor where a folder cannot be listed: it may be there. */
	world->repo->findings.total[PROBLEM_FOLDER_UNREADABLE] = 1;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	assert_string_equal(why, "");
}

/* A place that cannot be confirmed is no proof, however few say so. */
static void an_index_that_nothing_confirms_is_not_of_the_log(void **state)
{
	struct small_repo *world = *state;
	for (unsigned number = 0; number < OBJECTS; number++)
		if (number != 5 && number != 9)
			forget(world, number);
	assert_string_equal(probe(world), "hints.4 counts 1 objects in segment 4, and index.4 "
			    "none");
	change_key(world, 9);
	assert_non_null(strstr(probe(world), " is not of this log: of 1 of its mappings 0 "));
}

static void hints_that_end_before_a_put_are_of_another_time(void **state)
{
	struct small_repo *world = *state;
	char wanted[PROBE_TEXT_SIZE];
	uint32_t offset;
	const uint32_t last = segment_of(world, 6, &offset);
	assert_string_equal(probe(world), "");
	while (world->repo->hints.rows[world->repo->hints.count - 1].segment >= last)
		world->repo->hints.count--;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	snprintf(wanted, sizeof(wanted), "segment %u holds objects, and hints.%u ends before it",
		 last, builder_head(world->builder));
	assert_string_equal(why, wanted);
	/* What lies above the index is not what hints of its time list. */
	world->repo->index.transaction = last - 1;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	assert_string_equal(why, "");
}

static void an_index_without_the_newest_segment_is_of_another_time(void **state)
{
	struct small_repo *world = *state;
	char wanted[PROBE_TEXT_SIZE], path[BUILDER_PATH];
	uint32_t offset;
	const uint32_t last = segment_of(world, 6, &offset);
	const unsigned head = builder_head(world->builder);
	forget(world, 6);
	for (unsigned number = 0; number < OBJECTS; number++)
		if (number != 5 && number != 6 && segment_of(world, number, &offset) == last)
			forget(world, number);
	const char *said = probe(world);
	snprintf(wanted, sizeof(wanted), "hints.%u counts %lld objects in segment %u, and "
		 "index.%u none", head,
		 (long long)hints_find(&world->repo->hints, last)->live, last, head);
	assert_string_equal(said, wanted);
	/* The newest that the hints count objects in is another one. */
	hints_find(&world->repo->hints, last)->live = 0;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	assert_string_equal(why, "");
	/* Where the segment is damaged, what the hints count there may be in the damage. */
	builder_segment_path(world->builder, last, path);
	segment_of(world, 6, &offset);
	builder_patch(path, offset + 4, "\xff\xff\xff\xff", 4);
	assert_string_equal(probe(world), "");
}

/* The index still maps what was overwritten to where it was. */
static void an_index_with_the_older_place_is_of_another_time(void **state)
{
	uint8_t key[BUILDER_KEY];
	uint32_t place[2];
	small_repo_teardown(state);
	struct small_repo *world = small_repo_new(state, 3, 1000, OBJECTS);
	builder_commit(world->builder);
	builder_key(6, key);
	place[0] = segment_of(world, 6, &place[1]);
	builder_put(world->builder, key, "second", 6);
	builder_transaction(world->builder);
	assert_string_equal(probe(world), "");
	patch_bucket(world, 6, 32, place, sizeof(place));
	assert_non_null(strstr(probe(world), " counts 1 objects in segment "));
}

static void a_repository_is_asked_through_its_index_only_in_order(void **state)
{
	struct small_repo *world = *state;
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct repo *repo = world->repo;
	struct repo kept = *repo;
	repo->index.used--;
	assert_false(probe_repo(repo));
	*repo = kept;
	repo->hints.usable = false;
	assert_false(probe_repo(repo));
	*repo = kept;
	repo->hints.transaction--;
	assert_false(probe_repo(repo));
	*repo = kept;
	repo->index.transaction--;
	assert_false(probe_repo(repo));
	*repo = kept;
	repo->has_transaction = false;
	assert_false(probe_repo(repo));
	*repo = kept;
	const int64_t live = repo->hints.rows[0].live;
	repo->hints.rows[0].live = -1;
	assert_false(probe_repo(repo));
	repo->hints.rows[0].live = live;
	assert_true(probe_repo(repo));
}

static void an_index_that_cannot_be_read_is_said(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	fault_init(&fault);
	fault.bad_offset = 20000;	/* behind the end of every segment */
	fault.bad_length = 10;
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_ERR_IO);
	assert_false(probe_repo(world->repo));
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
}

/* A large index is read in 64 windows, and the first mapping of each is looked at. */
static void a_large_index_is_not_read_whole(void **state)
{
	struct small_repo *world = *state;
	struct fault fault;
	builder_write_index(world->builder, builder_head(world->builder), 4100);
	assert_string_equal(probe(world), "");
	for (unsigned number = 0; number < OBJECTS; number++)
		if (number != 5)
			change_key(world, number);
	assert_non_null(strstr(probe(world), " of its mappings 0 lead to the object"));
	fault_init(&fault);
	builder_write_index(world->builder, builder_head(world->builder), 200000);
	assert_int_equal(small_repo_open(world, &fault.io), AS_OK);
	const unsigned before = fault.preads;
	assert_int_equal(probe_witnesses(world->repo, &world->repo->index, &world->repo->hints,
					 why), AS_OK);
	assert_in_range(fault.preads - before, 64, 150);
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_repository_passes),
		TEST(an_empty_repository_passes),
		TEST(an_index_with_wrong_mappings_is_not_of_the_log),
		TEST(a_mapping_to_a_delete_is_wrong),
		TEST(a_mapping_to_the_middle_of_an_entry_is_wrong),
		TEST(mappings_into_damage_do_not_count),
		TEST(a_torn_entry_confirms_nothing_and_does_not_count),
		TEST(a_missing_segment_is_the_index_s_fault_unless_the_hints_know_it),
		TEST(an_index_that_nothing_confirms_is_not_of_the_log),
		TEST(hints_that_end_before_a_put_are_of_another_time),
		TEST(an_index_without_the_newest_segment_is_of_another_time),
		TEST(an_index_with_the_older_place_is_of_another_time),
		TEST(a_repository_is_asked_through_its_index_only_in_order),
		TEST(an_index_that_cannot_be_read_is_said),
		TEST(a_large_index_is_not_read_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

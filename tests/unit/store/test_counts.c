/* What the hints count, as PUTs are superseded and DELETEs written. */
#include "build-config.h"

#include "tests/unit/store/store_fixture.h"

#include "engine/repo/create.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Put object 1 of 100 bytes, and leave its transaction; where its PUT lies. */
static struct index_bucket put_one(struct world *world, uint8_t key[BUILDER_KEY])
{
	struct index_bucket bucket;
	builder_key(1, key);
	put(world, 1, 100, 1);
	commit(world);
	reopen(world);
	assert_int_equal(store_begin(world->store, &world->error), AS_OK);
	assert_int_equal(index_lookup(&world->store->index, key, &bucket), AS_OK);
	return bucket;
}

static void the_size_of_an_entry_is_read_from_its_header(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	const struct index_bucket bucket = put_one(world, key);
	assert_int_equal(bucket.segment, 0);
	assert_int_equal(store_size_at(world->store, 0, bucket.offset), 141);
	/* What cannot be one is taken for the least PUT: the figures are a guess. */
	assert_int_equal(store_size_at(world->store, 0, 100000), 41);
	assert_int_equal(store_size_at(world->store, 77, 8), 41);
	path_of(world, "data/0/0", path);
	builder_patch(path, bucket.offset + 4, "\x28\0\0\0", 4);
	assert_int_equal(store_size_at(world->store, 0, bucket.offset), 41);
	builder_patch(path, bucket.offset + 4, "\xff\xff\xff\x7f", 4);
	assert_int_equal(store_size_at(world->store, 0, bucket.offset), 41);
	builder_patch(path, bucket.offset + 4, "\x8d\0\0\0", 4);
}

/* Attic's hints have no bytes. */
static void a_put_that_ended_is_no_longer_live(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	const struct index_bucket bucket = put_one(world, key);
	struct as_store *store = world->store;
	struct hints_segment *row = hints_find(&store->hints, 0);
	assert_int_equal(row->live, 1);
	assert_false(row->is_compact);
	store_leave(store, key, 0, bucket.offset);
	assert_int_equal(row->live, 0);
	assert_true(row->is_compact);
	assert_int_equal(row->freeable, 0);
	store_leave(store, key, 0, bucket.offset);
	assert_int_equal(row->live, 0);			/* never below nothing */
	store_leave(store, key, 300, 8);		/* a segment that they do not know */
	assert_null(hints_find(&store->hints, 300));
}

/* Borg's say how much a compaction frees, and where older PUTs are. */
static void the_hints_of_borg_count_bytes_and_older_puts(void **state)
{
	const struct as_settings settings = { .dialect = AS_DIALECT_BORG };
	struct world *world = *state;
	struct index_bucket bucket;
	uint8_t key[BUILDER_KEY], value[100] = { 0 };
	builder_key(1, key);
	close_store(world);
	snprintf(world->repo, sizeof(world->repo), "%.400s/borg", world->scratch->path);
	assert_int_equal(store_create(world->repo, &settings, &world->fault.io, NULL), AS_OK);
	reopen(world);
	assert_int_equal(as_put(world->store, key, sizeof(key), value, sizeof(value), NULL), AS_OK);
	assert_int_equal(as_commit(world->store, 0, NULL, NULL), AS_OK);
	reopen(world);
	struct as_store *store = world->store;
	assert_int_equal(store_begin(store, &world->error), AS_OK);
	assert_int_equal(index_lookup(&store->index, key, &bucket), AS_OK);
	struct hints_segment *row = hints_find(&store->hints, bucket.segment);
	assert_int_equal(row->freeable, 0);
	assert_true(hints_reserve_older(&store->hints));
	store_leave(store, key, bucket.segment, bucket.offset);
	assert_int_equal(store->hints.older_count, 1);
	assert_int_equal(store->hints.older[0].segment, bucket.segment);
	assert_int_equal(row->live, 0);
	assert_int_equal(row->freeable, 141);
	row->is_compact = false;
	store_count_delete(store, bucket.segment);
	assert_int_equal(row->freeable, 141 + 41);
	assert_true(row->is_compact);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_size_of_an_entry_is_read_from_its_header),
		TEST(a_put_that_ended_is_no_longer_live),
		TEST(the_hints_of_borg_count_bytes_and_older_puts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

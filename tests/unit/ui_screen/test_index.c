/* The buckets of the index as rows: the used ones, which are counted first, or all. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/screens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BUCKETS 1024u
#define LIVE 19u	/* objects 0 to 19 but 5 */

enum { COL_BUCKET, COL_KEY, COL_PLACE, COL_HOME, COL_DISTANCE, COL_TARGET };

static struct index_bucket bucket_of(const struct world *world, unsigned number)
{
	struct index_bucket bucket;
	uint8_t key[BUILDER_KEY];
	builder_key(number, key);
	assert_int_equal(index_lookup(&world->app.session->repo->index, key, &bucket), AS_OK);
	return bucket;
}

static void index_path(const struct world *world, char path[BUILDER_PATH])
{
	builder_path(world->small->builder, "index.4", path);
}

static void used_buckets_are_listed_in_their_order(void **state)
{
	struct world *world = *state;
	uint32_t before = 0;
	open_screen(world, &index_screen, NULL);
	assert_int_equal(count_rows(world), LIVE);
	for (uint64_t i = 0; i < LIVE; i++) {
		const struct row row = row_at(world, i);
		char place[40];
		assert_true(row.place.has_bucket && row.place.has_key);
		if (i > 0)
			assert_true(row.place.bucket > before);
		before = row.place.bucket;
		snprintf(place, sizeof(place), "%u:%u", row.place.segment,
			 (unsigned)row.place.offset);
		assert_string_equal(row_cell(&row, COL_PLACE), place);
		assert_string_equal(row_cell(&row, COL_TARGET), "ok");
	}
}

static void all_buckets_are_listed_after_a_key(void **state)
{
	struct world *world = *state;
	const struct screen *screen = open_screen(world, &index_screen, NULL);
	index_toggle_all(&world->app, NULL);
	wait_for_jobs(world);
	assert_int_equal(count_rows(world), BUCKETS);
	const struct index_bucket bucket = bucket_of(world, 7);
	const struct row row = row_at(world, bucket.number);
	char number[16];
	snprintf(number, sizeof(number), "%u", bucket.number);
	assert_string_equal(row_cell(&row, COL_BUCKET), number);
	assert_memory_equal(row.place.key, bucket.key, KEY_SIZE);
	unsigned empty = 0;
	for (uint64_t i = 0; i < BUCKETS; i++) {
		const struct row other = row_at(world, i);
		empty += strcmp(row_cell(&other, COL_KEY), "empty") == 0;
	}
	assert_int_equal(empty, BUCKETS - LIVE);
	index_toggle_all(&world->app, NULL);
	wait_for_jobs(world);
	assert_int_equal(count_rows(world), LIVE);
	(void)screen;
}

static void a_key_is_shown_among_its_neighbours(void **state)
{
	struct world *world = *state;
	struct place place = { .has_key = true };
	open_session(world);
	const struct index_bucket bucket = bucket_of(world, 7);
	place_set_key(&place, bucket.key);
	const struct screen *screen = open_screen(world, &index_screen, &place);
	assert_int_equal(count_rows(world), BUCKETS);
	assert_int_equal(screen->table->position.cursor, bucket.number);
	assert_string_equal(world->app.message, "");
	place.key[20] ^= 1;			/* one that is not there: its home is shown */
	screen = open_screen(world, &index_screen, &place);
	assert_int_equal(screen->table->position.cursor, index_home(bucket.key, BUCKETS));
	assert_string_equal(world->app.message, "the index does not have this key; this would be "
			    "its home bucket");
}

static void what_a_bucket_leads_to_is_read(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	open_session(world);
	const struct index_bucket bucket = bucket_of(world, 7);
	index_path(world, path);
	builder_flip(path, index_bucket_offset(bucket.number) + 36, 4);	/* another offset */
	open_session(world);
	open_screen(world, &index_screen, NULL);
	unsigned wrong = 0;
	for (uint64_t i = 0; i < LIVE; i++) {
		const struct row row = row_at(world, i);
		const bool is_ok = strcmp(row_cell(&row, COL_TARGET), "ok") == 0;
		assert_int_equal(row.cell_style[COL_TARGET], is_ok ? STYLE_GOOD : STYLE_BAD);
		wrong += !is_ok;
	}
	assert_int_equal(wrong, 1);
}

static void a_key_is_found_by_its_beginning_in_either_list(void **state)
{
	struct world *world = *state;
	struct query query;
	uint64_t found = 0;
	uint8_t key[BUILDER_KEY];
	char hex[KEY_HEX_SIZE];
	builder_key(7, key);
	key_to_hex(key, hex);
	hex[12] = '\0';
	assert_true(query_parse(hex, &query));
	const struct screen *screen = open_screen(world, &index_screen, NULL);
	assert_true(model_find(screen->table->model, &query, 0, LIVE, false, &found));
	const struct row row = row_at(world, found);
	assert_memory_equal(row.place.key, key, KEY_SIZE);
	assert_true(model_find(screen->table->model, &query, 0, LIVE, true, &found));
	assert_int_equal(row_at(world, found).place.bucket, bucket_of(world, 7).number);
	assert_false(model_find(screen->table->model, &query, 0, found, false, &found));
	index_toggle_all(&world->app, NULL);
	assert_true(model_find(screen->table->model, &query, 0, BUCKETS, false, &found));
	assert_int_equal(found, bucket_of(world, 7).number);
	assert_true(query_parse("000000000000", &query));	/* as in empty buckets */
	assert_false(model_find(screen->table->model, &query, 0, BUCKETS, false, &found));
	assert_true(query_parse("empty", &query));
	assert_true(model_find(screen->table->model, &query, 0, BUCKETS, true, &found));
	expect_cell(world, found, COL_KEY, "empty");
}

static void a_number_behind_a_colon_is_a_bucket(void **state)
{
	struct world *world = *state;
	struct query query;
	struct screen *screen = open_screen(world, &index_screen, NULL);
	assert_true(query_parse(":700", &query));
	assert_true(screen->ops->jump(&world->app, screen, &query, false));
	assert_int_equal(count_rows(world), BUCKETS);	/* it may be empty */
	assert_int_equal(screen->table->position.cursor, 700);
	assert_true(query_parse(":1024", &query));
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
	assert_true(query_parse("700", &query));
	assert_false(screen->ops->jump(&world->app, screen, &query, false));
}

static void a_repository_without_an_index_has_no_rows(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	index_path(world, path);
	assert_int_equal(remove(path), 0);
	open_screen(world, &index_screen, NULL);
	assert_int_equal(count_rows(world), 0);
	index_toggle_all(&world->app, NULL);
	wait_for_jobs(world);
	assert_int_equal(count_rows(world), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(used_buckets_are_listed_in_their_order),
		TEST(all_buckets_are_listed_after_a_key),
		TEST(a_key_is_shown_among_its_neighbours),
		TEST(what_a_bucket_leads_to_is_read),
		TEST(a_key_is_found_by_its_beginning_in_either_list),
		TEST(a_number_behind_a_colon_is_a_bucket),
		TEST(a_repository_without_an_index_has_no_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The entries of a segment as rows, while the list grows and after the file has changed. */
#include "build-config.h"

#include "ui/screen/entry_list.h"

#include "tests/unit/ui_screen/screen_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COL_OFFSET, COL_SIZE, COL_TAG, COL_KEY, COL_PAYLOAD, COL_CRC, COL_STATUS };

/* ---- rows in memory ---- */

/* Rows at 8, 49 (of no bytes), 49 and 100, and the end at 200. */
static void a_byte_is_found_in_its_row(void **state)
{
	static const uint64_t offsets[] = { 8, 49, 49, 100, 200 };
	static const struct { uint64_t offset, row; } cases[] = {
		{ 0, 0 }, { 8, 0 }, { 48, 0 }, { 49, 2 }, { 99, 2 }, { 100, 3 }, { 5000, 3 },
	};
	struct entry_list *made = calloc(1, sizeof(*made));
	assert_non_null(made);
	made->chunks[0] = calloc(ENTRY_CHUNK, sizeof(**made->chunks));
	assert_non_null(made->chunks[0]);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		made->chunks[0][i].offset = offsets[i];
	assert_int_equal(entry_list_find(made, 49), 0);		/* no rows so far */
	made->base.count = 4;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(entry_list_find(made, cases[i].offset), cases[i].row);
	uint64_t size = 0;
	assert_int_equal(entry_list_row(made, 0, &size).offset, 8);
	assert_int_equal(size, 41);
	entry_list_row(made, 1, &size);
	assert_int_equal(size, 0);
	assert_int_equal(entry_list_row(made, 3, &size).offset, 100);
	assert_int_equal(size, 100);
	free(made->chunks[0]);
	free(made);
	(void)state;
}

static void a_row_may_end_in_the_next_chunk(void **state)
{
	struct entry_list *made = calloc(1, sizeof(*made));
	uint64_t size = 0;
	assert_non_null(made);
	for (size_t i = 0; i < 2; i++) {
		made->chunks[i] = calloc(ENTRY_CHUNK, sizeof(**made->chunks));
		assert_non_null(made->chunks[i]);
	}
	for (uint64_t i = 0; i <= ENTRY_CHUNK; i++)
		made->chunks[i / ENTRY_CHUNK][i % ENTRY_CHUNK].offset = 8 + 41 * i;
	made->base.count = ENTRY_CHUNK;
	assert_int_equal(entry_list_row(made, ENTRY_CHUNK - 1, &size).offset,
			 8 + 41 * (ENTRY_CHUNK - 1));
	assert_int_equal(size, 41);
	assert_int_equal(entry_list_find(made, 8 + 41 * (ENTRY_CHUNK - 1) + 40), ENTRY_CHUNK - 1);
	free(made->chunks[0]);
	free(made->chunks[1]);
	free(made);
	(void)state;
}

/* ---- those of a repository ---- */

static struct entry_list *list;

static int teardown_list(void **state)
{
	ref_release(list);
	list = NULL;
	return teardown(state);
}

/* List the newest segment: a DELETE of object 5, one of 6, the PUT of 6, a COMMIT. */
static void list_newest(struct world *world)
{
	if (!world->app.session)
		open_session(world);
	const size_t position = world->app.session->repo->listing.count - 1;
	list = entry_list_start(&world->app, NULL, position);
	assert_non_null(list);
	wait_for_jobs(world);
	assert_int_equal(list->state, LIST_DONE);
}

static struct row row_of(uint64_t i)
{
	struct row row = { .used = 0 };
	model_fetch(&list->base, i, 1, &row);
	return row;
}

static void path_of_newest(const struct world *world, char path[BUILDER_PATH])
{
	builder_segment_path(world->small->builder, builder_head(world->small->builder), path);
}

static void every_entry_has_a_row(void **state)
{
	static const struct { const char *offset, *size, *tag, *payload, *status; } rows[] = {
		{ "8", "41 B", "DELETE", "", "tombstone" },
		{ "49", "41 B", "DELETE", "", "tombstone" },
		{ "90", "47 B", "PUT", "6 B", "live" },
		{ "137", "9 B", "COMMIT", "", "commit" },
	};
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	list_newest(world);
	assert_int_equal(model_count(&list->base), ARRAY_SIZE(rows));
	assert_int_equal(list->length, 146);
	assert_int_equal(list->damaged, 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row row = row_of(i);
		assert_string_equal(row_cell(&row, COL_OFFSET), rows[i].offset);
		assert_string_equal(row_cell(&row, COL_SIZE), rows[i].size);
		assert_string_equal(row_cell(&row, COL_TAG), rows[i].tag);
		assert_string_equal(row_cell(&row, COL_PAYLOAD), rows[i].payload);
		assert_string_equal(row_cell(&row, COL_CRC), "ok");
		assert_string_equal(row_cell(&row, COL_STATUS), rows[i].status);
		assert_int_equal(row.place.has_key, i < 3);
		assert_int_equal(row.place.segment, builder_head(world->small->builder));
		assert_int_equal(row.place.offset, strtoul(rows[i].offset, NULL, 10));
	}
	const struct row put = row_of(2), commit = row_of(3);
	builder_key(6, key);
	assert_memory_equal(put.place.key, key, BUILDER_KEY);
	assert_string_equal(row_cell(&commit, COL_KEY), "");
}

static void a_damaged_entry_says_what_is_wrong(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	uint8_t key[BUILDER_KEY];
	path_of_newest(world, path);
	builder_flip(path, 90 + 44, 1);			/* in the value */
	list_newest(world);
	assert_int_equal(list->damaged, 1);
	const struct row row = row_of(2);
	assert_string_equal(row_cell(&row, COL_TAG), "DAMAGED");
	assert_string_equal(row_cell(&row, COL_CRC), "BAD");
	assert_string_equal(row_cell(&row, COL_STATUS), segment_cause_text(SEGMENT_CRC_MISMATCH));
	assert_string_equal(row_cell(&row, COL_PAYLOAD), "");
	builder_key(6, key);
	assert_memory_equal(row.place.key, key, BUILDER_KEY);	/* what stands in its place */
}

/* What was listed is not what is there now. */
static void a_file_that_changed_since_is_said(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	path_of_newest(world, path);
	list_newest(world);
	builder_patch(path, 49 + 8, "\x02", 1);		/* another tag */
	builder_patch(path, 90 + 4, "\x30", 1);		/* another size */
	for (uint64_t i = 1; i < 3; i++) {
		const struct row row = row_of(i);
		assert_string_equal(row_cell(&row, COL_STATUS), "changed since (r)");
		assert_string_equal(row_cell(&row, COL_CRC), "");
	}
	const struct row first = row_of(0);
	assert_string_equal(row_cell(&first, COL_CRC), "ok");
	builder_truncate(path, 20);
	const struct row cut = row_of(3);
	assert_string_equal(row_cell(&cut, COL_STATUS), "changed since (r)");
	assert_int_equal(unlink(path), 0);
	const struct row gone = row_of(0);
	assert_string_equal(row_cell(&gone, COL_STATUS), "changed since (r)");
	assert_string_equal(row_cell(&gone, COL_TAG), "DELETE");
}

static void a_key_is_found_by_its_beginning_and_text_in_the_rows(void **state)
{
	struct world *world = *state;
	struct query query;
	uint64_t found = 99;
	char hex[KEY_HEX_SIZE];
	uint8_t key[BUILDER_KEY];
	list_newest(world);
	builder_key(6, key);
	key_to_hex(key, hex);
	hex[10] = '\0';
	assert_true(query_parse(hex, &query));
	assert_true(model_find(&list->base, &query, 0, 4, false, &found));
	assert_int_equal(found, 1);
	assert_true(model_find(&list->base, &query, 0, 4, true, &found));
	assert_int_equal(found, 2);
	assert_false(model_find(&list->base, &query, 3, 1, false, &found));
	assert_true(query_parse("commit", &query));
	assert_true(model_find(&list->base, &query, 0, 4, false, &found));
	assert_int_equal(found, 3);
}

static void a_place_names_its_segment_or_the_first(void **state)
{
	struct world *world = *state;
	struct place place = { .has_segment = false };
	open_session(world);
	assert_int_equal(entry_list_segment(&world->app, &place), 0);
	assert_true(place.has_segment);
	assert_int_equal(place.segment, 0);
	place = place_of_entry(2, 100);
	assert_int_equal(entry_list_segment(&world->app, &place), 2);
	assert_int_equal(place.offset, 100);
	place = place_of_segment(4711);
	assert_int_equal(entry_list_segment(&world->app, &place), LISTING_NONE);
	assert_string_equal(world->app.message, "segment 4711 is not there");
	listing_free(&world->app.session->owned->listing);
	place = (struct place){ .has_segment = false };
	assert_int_equal(entry_list_segment(&world->app, &place), LISTING_NONE);
	assert_string_equal(world->app.message, "There are no segments.");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_list)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_byte_is_found_in_its_row),
		cmocka_unit_test(a_row_may_end_in_the_next_chunk),
		TEST(every_entry_has_a_row),
		TEST(a_damaged_entry_says_what_is_wrong),
		TEST(a_file_that_changed_since_is_said),
		TEST(a_key_is_found_by_its_beginning_and_text_in_the_rows),
		TEST(a_place_names_its_segment_or_the_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One entry, field by field. */
#include "build-config.h"

#include "tests/unit/ui_screen/screen_fixture.h"
#include "ui/screen/screens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { COL_OFFSET, COL_FIELD, COL_BYTES, COL_VALUE };

/* The newest segment, 4, has a DELETE of object 5, one of 6, and, from 90 on, the PUT of 6, whose
 * value is "second"; then a COMMIT, from 137 on. */
static void show(struct world *world, uint64_t offset)
{
	const struct place place = place_of_entry(4, offset);
	const struct screen *screen = open_screen(world, &entry_screen, &place);
	struct row row = { .used = 0 };
	model_fetch(screen->table->model, 0, 1, &row);	/* its rows are counted then */
}

/* Flip bits in the newest segment. */
static void damage(struct world *world, uint64_t offset, uint8_t mask)
{
	char path[BUILDER_PATH];
	builder_segment_path(world->small->builder, 4, path);
	builder_flip(path, offset, mask);
}

static void a_put_is_shown_field_by_field(void **state)
{
	static const struct { const char *offset, *field, *bytes, *value; } rows[] = {
		{ "", "status", "live", "according to the index (v verifies it)" },
		{ "", "index", "points here", NULL },
		{ "90", "CRC", NULL, NULL },
		{ "94", "size", "2f 00 00 00", "47 bytes in all (47 B)" },
		{ "98", "tag", "00", "PUT" },
		{ "99", "key", NULL, NULL },
		{ "107", "", NULL, "" }, { "115", "", NULL, "" }, { "123", "", NULL, "" },
		{ "131", "data", "73 65 63 6f 6e 64", "second" },
	};
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	char hex[KEY_HEX_SIZE], text[40];
	show(world, 90);
	assert_int_equal(count_rows(world), ARRAY_SIZE(rows));
	for (uint64_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expect_cell(world, i, COL_OFFSET, rows[i].offset);
		expect_cell(world, i, COL_FIELD, rows[i].field);
		if (rows[i].bytes)
			expect_cell(world, i, COL_BYTES, rows[i].bytes);
		if (rows[i].value)
			expect_cell(world, i, COL_VALUE, rows[i].value);
	}
	builder_key(6, key);
	key_to_hex(key, hex);
	expect_cell(world, 5, COL_VALUE, hex);
	snprintf(text, sizeof(text), "%02x %02x %02x %02x %02x %02x %02x %02x", key[24], key[25],
		 key[26], key[27], key[28], key[29], key[30], key[31]);
	expect_cell(world, 8, COL_BYTES, text);
	const struct row crc = row_at(world, 2), index = row_at(world, 1);
	assert_non_null(strstr(row_cell(&crc, COL_VALUE), ", as computed"));
	assert_non_null(strstr(row_cell(&index, COL_VALUE), ": 4:90"));
	assert_memory_equal(crc.place.key, key, BUILDER_KEY);
}

static void a_commit_has_neither_key_nor_data(void **state)
{
	struct world *world = *state;
	show(world, 137);
	assert_int_equal(count_rows(world), 4);		/* status, CRC, size, tag */
	expect_cell(world, 0, COL_BYTES, "commit");
	expect_cell(world, 3, COL_VALUE, "COMMIT");
}

static void a_deleted_key_is_not_in_the_index(void **state)
{
	struct world *world = *state;
	show(world, 8);
	expect_cell(world, 0, COL_BYTES, "tombstone");
	expect_cell(world, 1, COL_BYTES, "does not have this key");
	show(world, 49);				/* of object 6, which came back */
	expect_cell(world, 1, COL_BYTES, "points elsewhere");
}

/* The same offset in another segment is another place. */
static void the_index_may_lead_to_another_segment(void **state)
{
	struct world *world = *state;
	struct index_bucket bucket;
	uint8_t key[BUILDER_KEY];
	char path[BUILDER_PATH];
	open_session(world);
	builder_key(6, key);
	assert_int_equal(index_lookup(&world->app.session->repo->index, key, &bucket), AS_OK);
	builder_path(world->small->builder, "index.4", path);
	builder_patch(path, index_bucket_offset(bucket.number) + 32, "\x03", 1);
	show(world, 90);
	expect_cell(world, 1, COL_BYTES, "points elsewhere");
}

/* What follows it is the next entry. */
static void a_damaged_delete_has_no_data(void **state)
{
	struct world *world = *state;
	damage(world, 8 + 20, 1);
	show(world, 8);
	expect_cell(world, 0, COL_BYTES, "damaged");
	for (uint64_t i = 0; i < count_rows(world); i++) {
		const struct row row = row_at(world, i);
		assert_string_not_equal(row_cell(&row, COL_FIELD), "data");
	}
}

static void a_damaged_entry_shows_both_checksums(void **state)
{
	struct world *world = *state;
	damage(world, 90 + 42, 0x80);			/* the second letter of the value */
	show(world, 90);
	expect_cell(world, 0, COL_BYTES, "damaged");
	expect_cell(world, 0, COL_VALUE, segment_cause_text(SEGMENT_CRC_MISMATCH));
	const struct row crc = row_at(world, 2);
	assert_non_null(strstr(row_cell(&crc, COL_VALUE), ", computed "));
	expect_cell(world, 9, COL_FIELD, "data");
	const struct row data = row_at(world, 9);
	assert_memory_equal(row_cell(&data, COL_VALUE), "s.cond", 6);
}

static void a_size_that_cannot_be_believed_gives_no_checksum(void **state)
{
	struct world *world = *state;
	damage(world, 90 + 7, 0x40);
	show(world, 90);
	expect_cell(world, 0, COL_BYTES, "damaged");
	for (uint64_t i = 1; i < count_rows(world); i++) {
		const struct row row = row_at(world, i);
		if (strcmp(row_cell(&row, COL_FIELD), "CRC") != 0)
			continue;
		assert_non_null(strstr(row_cell(&row, COL_VALUE), "; it cannot be computed"));
		return;
	}
	fail();
}

static void a_long_value_is_cut(void **state)
{
	struct world *world = *state;
	uint8_t key[BUILDER_KEY];
	builder_key(50, key);
	builder_put_some(world->small->builder, key, 1000);
	builder_transaction(world->small->builder);
	open_session(world);
	const struct place place = place_of_entry(5, 8);
	const struct screen *screen = open_screen(world, &entry_screen, &place);
	struct row row = { .used = 0 };
	model_fetch(screen->table->model, 0, 1, &row);
	/* 128 bytes of it, and a row for the rest. */
	assert_int_equal(count_rows(world), 2 + 3 + 4 + 16 + 1);
	expect_cell(world, 2 + 3 + 4 + 16, COL_BYTES, "872 B more: h");
}

static void a_segment_that_is_gone_is_said(void **state)
{
	struct world *world = *state;
	char path[BUILDER_PATH];
	open_session(world);
	builder_segment_path(world->small->builder, 4, path);
	assert_int_equal(unlink(path), 0);
	show(world, 90);
	assert_int_equal(count_rows(world), 1);
	const struct row row = row_at(world, 0);
	assert_non_null(strstr(row_cell(&row, COL_BYTES), "cannot be read: "));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_put_is_shown_field_by_field),
		TEST(a_commit_has_neither_key_nor_data),
		TEST(a_deleted_key_is_not_in_the_index),
		TEST(the_index_may_lead_to_another_segment),
		TEST(a_damaged_delete_has_no_data),
		TEST(a_damaged_entry_shows_both_checksums),
		TEST(a_size_that_cannot_be_believed_gives_no_checksum),
		TEST(a_long_value_is_cut),
		TEST(a_segment_that_is_gone_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

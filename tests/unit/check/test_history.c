#include "build-config.h"

#include "tests/unit/check/sample.h"

#include "engine/check/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The history of the keys that begin with the first @digits digits of the key of object @number. */
static enum as_err run(const struct world *world, unsigned number, size_t digits,
		       struct history **history)
{
	struct verify_progress progress = { 0 };
	struct key_prefix prefix;
	struct as_error error;
	uint8_t key[BUILDER_KEY];
	char hex[KEY_HEX_SIZE];
	builder_key(number, key);
	key_to_hex(key, hex);
	hex[digits] = '\0';
	assert_true(key_prefix_parse(hex, &prefix));
	return history_run(world->repo, &prefix, 2, &progress, history, &error);
}

static void expect(const struct history *history, const enum entry_status *statuses, size_t count)
{
	assert_int_equal(history->count, count);
	for (size_t i = 0; i < count; i++)
		if (history->rows[i].status != statuses[i])
			fail_msg("row %zu is %s", i, entry_status_name(history->rows[i].status));
}

static void each_put_and_delete_has_its_status(void **state)
{
	static const enum entry_status live[] = { STATUS_LIVE };
	static const enum entry_status deleted[] = { STATUS_DELETED, STATUS_TOMBSTONE };
	static const enum entry_status replaced[] = { STATUS_SUPERSEDED, STATUS_TOMBSTONE,
						      STATUS_LIVE };
	static const struct {
		unsigned number;
		const enum entry_status *statuses;
		size_t count;
	} cases[] = { { 5, live, 1 }, { 3, deleted, 2 }, { 4, replaced, 3 } };
	struct world world;
	world_new(&world);
	world_judge(&world, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct history *history;
		assert_int_equal(run(&world, cases[i].number, 64, &history), AS_OK);
		expect(history, cases[i].statuses, cases[i].count);
		assert_int_equal(history->has_index_place, cases[i].number != 3);
		assert_false(history_is_disputed(history));
		history_update(history, world.verify);
		expect(history, cases[i].statuses, cases[i].count);
		history_free(history);
	}
	world_free(&world);
	(void)state;
}

static void a_prefix_must_fit_one_key(void **state)
{
	struct world world;
	struct history *history;
	unsigned ambiguous = 0;
	world_new(&world);
	world_judge(&world, 1);
	assert_int_equal(run(&world, 5, 16, &history), AS_OK);
	assert_int_equal(history->count, 1);
	history_free(history);
	/* 25 keys begin with 16 digits. */
	for (unsigned i = 0; i < OBJECTS; i++) {
		ambiguous += run(&world, i, 1, &history) == AS_ERR_AMBIGUOUS;
		history_free(history);
	}
	assert_true(ambiguous > 0);
	assert_int_equal(run(&world, 500, 64, &history), AS_ERR_OBJECT_NOT_FOUND);
	assert_null(history);
	world_free(&world);
	(void)state;
}

static void a_damaged_entry_is_a_row_and_a_dispute(void **state)
{
	static const enum entry_status damaged[] = { STATUS_DAMAGED };
	struct world world;
	struct history *history;
	char doubt[HISTORY_DOUBT_SIZE];
	world_new(&world);
	crc(&world);	/* object 7 */
	world_judge(&world, 1);
	assert_int_equal(run(&world, 7, 64, &history), AS_OK);
	expect(history, damaged, 1);
	assert_true(history_is_disputed(history));
	history_doubt(world.verify, history->key, doubt);
	assert_memory_equal(doubt, "lost: ", 6);
	history_free(history);
	assert_int_equal(run(&world, 5, 64, &history), AS_OK);
	history_doubt(world.verify, history->key, doubt);
	assert_string_equal(doubt, "");
	history_free(history);
	world_free(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_put_and_delete_has_its_status),
		cmocka_unit_test(a_prefix_must_fit_one_key),
		cmocka_unit_test(a_damaged_entry_is_a_row_and_a_dispute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

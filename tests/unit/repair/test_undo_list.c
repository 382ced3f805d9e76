/* The undo folders described, for a person who decides what to take back or to purge. */
#include "build-config.h"

#include "engine/base/crc.h"
#include "engine/repair/undo_internal.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OLD "20261121T100000Z-compact"
#define NEW "20261122T221005Z-salvage"

/* The manifest of the folder @name, in @lines behind the first. */
static void make_manifest(const struct scratch *scratch, const char *name, const char *lines)
{
	char begin[512], text[600], path[200];
	snprintf(begin, sizeof(begin), "%s%s", UNDO_MANIFEST_FIRST, lines);
	const int len = snprintf(text, sizeof(text), "%send %08x\n", begin,
				 crc32_update(0, begin, strlen(begin)));
	snprintf(path, sizeof(path), "undo/%s/manifest", name);
	scratch_file(scratch, path, text, (size_t)len);
}

static size_t list(const struct scratch *scratch, struct undo_entry rows[4])
{
	struct undo_entry *entries;
	struct fault fault;
	size_t count = 99;
	fault_init(&fault);
	assert_int_equal(undo_list(&fault.io, scratch->fd, &entries, &count), AS_OK);
	assert_in_range(count, 0, 4);
	for (size_t i = 0; i < count; i++)
		rows[i] = entries[i];
	free(entries);
	return count;
}

static void without_a_folder_the_list_is_empty(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry rows[4];
	assert_int_equal(list(scratch, rows), 0);
	scratch_folder(scratch, "undo");
	assert_int_equal(list(scratch, rows), 0);
}

static void the_newest_comes_first_with_what_its_manifest_says(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry rows[4];
	make_manifest(scratch, OLD, "action compact\nbefore none\nafter 4\n");
	make_manifest(scratch, NEW, "action salvage\nbefore 4\nafter 4294967295\n");
	assert_int_equal(list(scratch, rows), 2);
	assert_string_equal(rows[0].name, NEW);
	assert_string_equal(rows[0].action, "salvage");
	assert_true(rows[0].has_before);
	assert_int_equal(rows[0].before, 4);
	assert_int_equal(rows[0].after, UINT32_MAX);
	assert_string_equal(rows[1].name, OLD);
	assert_string_equal(rows[1].action, "compact");
	assert_false(rows[1].has_before);
}

static void its_marks_say_how_far_a_repair_came(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry rows[4];
	make_manifest(scratch, NEW, "action salvage\nbefore 4\nafter 9\n");
	assert_int_equal(list(scratch, rows), 1);
	assert_int_equal(rows[0].state, UNDO_BEGUN);
	scratch_file(scratch, "undo/" NEW "/done", "", 0);
	list(scratch, rows);
	assert_int_equal(rows[0].state, UNDO_DONE);
	scratch_file(scratch, "undo/" NEW "/undoing", "", 0);
	list(scratch, rows);
	assert_int_equal(rows[0].state, UNDO_UNDOING);
}

static void without_a_manifest_nothing_but_the_name_is_known(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry rows[4];
	scratch_folder(scratch, "undo/by-hand");
	scratch_file(scratch, "undo/" NEW "/manifest", "atticscope-undo 1\n", 18);
	scratch_file(scratch, "undo/" NEW "/done", "", 0);
	assert_int_equal(list(scratch, rows), 2);
	assert_string_equal(rows[0].name, NEW);
	assert_string_equal(rows[1].name, "by-hand");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(rows[i].state, UNDO_UNREADABLE);
		assert_string_equal(rows[i].action, "");
		assert_int_equal(rows[i].files, 0);
	}
}

/* A purge frees what the manifest names, if it is there and has no other name. */
static void the_bytes_are_those_that_a_purge_frees(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry rows[4];
	make_manifest(scratch, NEW, "action salvage\nbefore 4\nafter 9\nmade data/1/9\n"
		      "moved data/0/3\ntail data/0/4\nreplaced index.4\nmoved data/0/1\n");
	scratch_file(scratch, "undo/" NEW "/data/1/9", "made", 4);	/* it is no way back */
	scratch_file(scratch, "undo/" NEW "/data/0/3", "0123456789", 10);
	scratch_file(scratch, "undo/" NEW "/data/0/4", "01234", 5);
	scratch_file(scratch, "undo/" NEW "/index.4", "0123456", 7);
	assert_int_equal(list(scratch, rows), 1);
	assert_int_equal(rows[0].files, 3);		/* segment 1 is not there yet */
	assert_int_equal(rows[0].bytes, 22);
	assert_int_equal(linkat(scratch->fd, "undo/" NEW "/index.4", scratch->fd, "index.4", 0),
			 0);
	list(scratch, rows);
	assert_int_equal(rows[0].files, 3);
	assert_int_equal(rows[0].bytes, 15);
}

static void what_cannot_be_listed_is_an_error(void **state)
{
	const struct scratch *scratch = *state;
	struct undo_entry *entries = NULL;
	struct fault fault;
	size_t count = 99;
	fault_init(&fault);
	scratch_file(scratch, "undo", "", 0);
	assert_int_equal(undo_list(&fault.io, scratch->fd, &entries, &count), AS_ERR_NOT_REGULAR);
	assert_null(entries);
	assert_int_equal(count, 0);
}

static void states_have_names_and_words(void **state)
{
	static const struct { enum undo_state state; const char *name, *text; } rows[] = {
		{ UNDO_DONE, "done", "done" },
		{ UNDO_BEGUN, "interrupted", "interrupted" },
		{ UNDO_UNDOING, "undoing", "taking it back was interrupted" },
		{ UNDO_UNREADABLE, "unreadable", "no readable manifest" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(undo_state_name(rows[i].state), rows[i].name);
		assert_string_equal(undo_state_text(rows[i].state), rows[i].text);
	}
	(void)state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_folder_the_list_is_empty),
		TEST(the_newest_comes_first_with_what_its_manifest_says),
		TEST(its_marks_say_how_far_a_repair_came),
		TEST(without_a_manifest_nothing_but_the_name_is_known),
		TEST(the_bytes_are_those_that_a_purge_frees),
		TEST(what_cannot_be_listed_is_an_error),
		cmocka_unit_test(states_have_names_and_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

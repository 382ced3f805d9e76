/* The manifest of an undo folder: what is written is read back, and only what a repair writes is
 * believed. */
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

#include <cmocka.h>

#define FOLDER "undo/20261122T221005Z-salvage"

static enum as_err read_back(const struct scratch *scratch, struct manifest *manifest)
{
	struct fault fault;
	fault_init(&fault);
	return undo_read_manifest(&fault.io, scratch->fd, FOLDER, manifest);
}

/* @lines, with the last line that proves them whole. */
static void write_manifest(const struct scratch *scratch, const char *lines)
{
	char text[1024];
	const int len = snprintf(text, sizeof(text), "%send %08x\n", lines,
				 crc32_update(0, lines, strlen(lines)));
	scratch_file(scratch, FOLDER "/manifest", text, (size_t)len);
}

static void a_manifest_is_read_as_it_was_written(void **state)
{
	struct plan_file files[] = {
		{ .change = PLAN_MAKE, .path = "data/7" },
		{ .change = PLAN_MAKE, .path = "data/7/70" },
		{ .change = PLAN_MOVE, .path = "data/0/3" },
		{ .change = PLAN_MOVE, .path = "data/6/69", .is_tail = true },
		{ .change = PLAN_REPLACE, .path = "index.70" },
		{ .change = PLAN_MOVE, .path = "hints.12.tmp" },
	};
	const struct plan plan = {
		.action = REPAIR_SALVAGE, .has_after = true, .after = 70, .files = files,
		.file_count = ARRAY_SIZE(files),
	};
	struct manifest manifest;
	size_t len;
	char *text = undo_manifest_text(&plan, &len);
	assert_non_null(text);
	assert_int_equal(len, strlen(text));
	scratch_file(*state, FOLDER "/manifest", text, len);
	free(text);
	assert_int_equal(read_back(*state, &manifest), AS_OK);
	assert_string_equal(manifest.action, "salvage");
	assert_false(manifest.has_before);
	assert_true(manifest.has_after);
	assert_int_equal(manifest.after, 70);
	assert_int_equal(manifest.count, ARRAY_SIZE(files));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		assert_int_equal(manifest.files[i].change, files[i].change);
		assert_int_equal(manifest.files[i].is_tail, files[i].is_tail);
		assert_string_equal(manifest.files[i].path, files[i].path);
	}
	free(manifest.files);
}

static void only_what_a_repair_writes_is_believed(void **state)
{
	static const struct { const char *line; enum as_err err; } rows[] = {
		{ "made data/7", AS_OK }, { "moved data/0/3", AS_OK }, { "tail data/0/4", AS_OK },
		{ "replaced hints.9", AS_OK }, { "moved index.tmp", AS_OK },
		{ "before none", AS_OK }, { "after 4294967295", AS_OK },
		{ "after 4294967296", AS_ERR_INTEGRITY }, { "after", AS_ERR_INTEGRITY },
		{ "before -1", AS_ERR_INTEGRITY }, { "before 1x", AS_ERR_INTEGRITY },
		{ "action a-name-that-is-too-long", AS_ERR_INTEGRITY },
		{ "removed data/0/3", AS_ERR_INTEGRITY },
		{ "moved /data/0/3", AS_ERR_INTEGRITY },
		{ "moved data/../config", AS_ERR_INTEGRITY },
		{ "moved data/0/../../3", AS_ERR_INTEGRITY },
		{ "moved data/0/", AS_ERR_INTEGRITY }, { "moved data/0/3/4", AS_ERR_INTEGRITY },
		{ "moved config", AS_ERR_INTEGRITY }, { "moved index.", AS_ERR_INTEGRITY },
		{ "moved index.9x", AS_ERR_INTEGRITY }, { "moved hints.x", AS_ERR_INTEGRITY },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char lines[256];
		struct manifest manifest;
		snprintf(lines, sizeof(lines), "atticscope-undo 1\n%s\n", rows[i].line);
		write_manifest(*state, lines);
		const enum as_err err = read_back(*state, &manifest);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].line, as_err_text(err));
		if (err == AS_OK)
			free(manifest.files);
	}
}

/* No part of a manifest is taken for the whole. */
static void a_manifest_that_is_cut_off_or_changed_is_not_believed(void **state)
{
	static const char text[] = "atticscope-undo 1\naction compact\nbefore 4\nafter 9\n"
				   "moved data/0/3\n";
	char whole[256];
	struct manifest manifest;
	const int len = snprintf(whole, sizeof(whole), "%send %08x\n", text,
				 crc32_update(0, text, strlen(text)));
	for (int i = 0; i < len; i++) {
		scratch_file(*state, FOLDER "/manifest", whole, (size_t)i);
		assert_int_equal(read_back(*state, &manifest), AS_ERR_INTEGRITY);
	}
	for (int i = 0; i < len; i++) {
		whole[i] ^= 4;
		scratch_file(*state, FOLDER "/manifest", whole, (size_t)len);
		assert_int_equal(read_back(*state, &manifest), AS_ERR_INTEGRITY);
		whole[i] ^= 4;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_manifest_is_read_as_it_was_written),
		TEST(only_what_a_repair_writes_is_believed),
		TEST(a_manifest_that_is_cut_off_or_changed_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

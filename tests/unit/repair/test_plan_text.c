/* A plan in words: what comes first, what is cut, how wide, and both tenses. */
#include "build-config.h"

#include "engine/repair/plan_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST 25

struct gathered {
	char text[16384];
	enum plan_tone first;
	size_t lines, longest;
};

static void gather(void *context, enum plan_tone tone, const char *line)
{
	struct gathered *g = context;
	const size_t len = strlen(g->text);
	assert_null(strchr(line, '\n'));
	if (g->lines++ == 0)
		g->first = tone;
	if (strlen(line) > g->longest)
		g->longest = strlen(line);
	assert_true(len + strlen(line) + 2 < sizeof(g->text));
	snprintf(g->text + len, sizeof(g->text) - len, "%s\n", line);
}

static struct lost_key lost[LOST];
static struct plan_file files[] = {
	{ .change = PLAN_MAKE, .path = "data/0/9", .size = 1023, .reason = "new segment" },
	{ .change = PLAN_MOVE, .path = "data/0/3", .size = 1536, .reason = "damaged" },
	{ .change = PLAN_REPLACE, .path = "index.9", .size = 1024, .reason = "rewritten" },
};

static struct plan salvage(void)
{
	for (size_t i = 0; i < LOST; i++)
		lost[i] = (struct lost_key){
			.key = { (uint8_t)i }, .loss = i == 0 ? LOSS_MISSING : LOSS_DAMAGED,
			.has_place = i < 2, .segment = 3, .offset = (uint32_t)i,
		};
	return (struct plan){
		.action = REPAIR_SALVAGE, .has_before = true, .before = 8, .has_after = true,
		.after = 9, .objects_before = 1234567, .objects_after = 1234542, .files = files,
		.file_count = ARRAY_SIZE(files), .lost = lost, .lost_count = LOST,
		.entries_copied = 1, .bytes_copied = 99, .bytes_needed = 4096,
		.bytes_free = 1048576, .bytes_in_undo = 1536,
	};
}

static struct plan_text into(struct gathered *g, size_t rows_max)
{
	*g = (struct gathered){ .lines = 0 };
	return (struct plan_text){ .rows_max = rows_max, .line = gather, .context = g };
}

static void expect(const struct gathered *g, const char *part)
{
	if (!strstr(g->text, part))
		fail_msg("'%s' is not in\n%s", part, g->text);
}

static void the_plan_states_its_figures(void **state)
{
	struct gathered g;
	const struct plan plan = salvage();
	const struct plan_text to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "  transaction  8 -> 9\n");
	expect(&g, "  objects      1,234,567 -> 1,234,542\n");
	expect(&g, "  copied       1 entry, 99 B\n");
	expect(&g, "  space        4.0 KiB needed, 1.0 MiB free\n");
	expect(&g, "  kept         1.5 KiB in the undo folder; undo --purge frees it\n");
	expect(&g, "24 keys lost: no whole entry is left (segment:offset)\n");
	expect(&g, "1 key lost: the segment is missing (segment:offset)\n");
	expect(&g, "1 file to be made: 1023 B\n  data/0/9 ");
	expect(&g, "1 file to be moved to the undo folder: 1.5 KiB\n  data/0/3 ");
	expect(&g, "1 file to be replaced, the old ones kept in the undo folder: 1.0 KiB\n");
	(void)state;
}

static void a_loss_reads_well_of_one_key_and_of_many(void **state)
{
	static const struct { enum loss loss; const char *reason; } cases[] = {
		{ LOSS_DAMAGED, "no whole entry is left" },
		{ LOSS_MISSING, "the segment is missing" },
		{ LOSS_UNREADABLE, "the disk cannot read the place" },
		{ LOSS_ROLLED_BACK, "written only by the transaction that is given up" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t count = 1; count <= 2; count++) {
			struct gathered g;
			char heading[128];
			struct plan plan = salvage();
			const struct plan_text to = into(&g, 0);
			plan.lost_count = count;
			lost[0].loss = lost[1].loss = cases[i].loss;
			plan_text_plan(&plan, &to);
			snprintf(heading, sizeof(heading),
				 "\n%zu key%s lost: %s (segment:offset)\n", count,
				 count == 1 ? "" : "s", cases[i].reason);
			expect(&g, heading);
		}
	(void)state;
}

static void what_can_be_read_and_is_given_up_comes_first(void **state)
{
	struct lost_key dropped[] = { { .key = { 7 }, .has_place = true, .segment = 1 } };
	struct gathered g;
	struct plan plan = salvage();
	plan.hardware_doubt = true;
	plan.dropped = dropped;
	plan.dropped_count = 1;
	struct plan_text to = into(&g, 0);
	plan_text_plan(&plan, &to);
	assert_int_equal(g.first, PLAN_TONE_WARNING);
	assert_ptr_equal(strstr(g.text, "This gives up 1 object that can be read now."), g.text);
	expect(&g, "1 key given up that can be read now");
	const struct repair_report report = { .is_done = true };
	to = into(&g, 0);
	plan_text_report(&plan, &report, &to);
	assert_ptr_equal(strstr(g.text, "This gives up 1 object that can be read now."), g.text);
	(void)state;
}

static void folders_are_no_files(void **state)
{
	struct plan_file made[] = {
		{ .change = PLAN_MAKE, .path = "data/7", .size = 0, .reason = "new folder" },
		{ .change = PLAN_MAKE, .path = "data/7/70", .size = 9, .reason = "new segment" },
	};
	struct gathered g;
	struct plan plan = salvage();
	plan.files = made;
	plan.file_count = 2;
	struct plan_text to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "1 file and 1 folder to be made: 9 B\n"
		   "  data/7                           new folder\n");
	plan.file_count = 1;
	to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "\n1 folder to be made\n");
	(void)state;
}

static void what_to_do_about_the_lost_is_said_behind_them(void **state)
{
	struct gathered g;
	struct plan plan = salvage();
	struct plan_text to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "0000  3:0 (the manifest)\n");
	expect(&g, "\n  The key of zeros is that of the manifest, the list of all archives.");
	expect(&g, "the client's cache is removed");
	/* The manifest alone is made again; no cache keeps the client from storing it. */
	plan.lost_count = 1;
	to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "the list of all archives");
	assert_null(strstr(g.text, "cache"));
	plan.lost = lost + 1;
	to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "the client's cache is removed");
	assert_null(strstr(g.text, "manifest"));
	plan.lost_count = 0;
	to = into(&g, 0);
	plan_text_plan(&plan, &to);
	assert_null(strstr(g.text, "cache"));
	assert_null(strstr(g.text, "manifest"));
	(void)state;
}

static void a_doubt_about_the_hardware_comes_first(void **state)
{
	struct gathered g;
	struct plan plan = salvage();
	const struct plan_text to = into(&g, 0);
	plan.hardware_doubt = true;
	plan_text_plan(&plan, &to);
	assert_int_equal(g.first, PLAN_TONE_WARNING);
	assert_true(strncmp(g.text, "The disk or the machine is in doubt", 35) == 0);
	expect(&g, "ddrescue");
	(void)state;
}

static void long_lists_are_cut_where_asked(void **state)
{
	static const size_t want[][2] = { { 20, 21 }, { 24, 25 }, { 0, 25 } };
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct gathered g;
		const struct plan plan = salvage();
		const struct plan_text to = into(&g, want[i][0]);
		size_t keys = 0;
		plan_text_plan(&plan, &to);
		for (const char *p = g.text; (p = strstr(p, "0000000000000000000000\n")); p++)
			keys++;
		for (const char *p = g.text; (p = strstr(p, "0000000000000000000000  3:")); p++)
			keys++;
		assert_int_equal(keys, want[i][1]);
		assert_int_equal(strstr(g.text, "  and 4 more\n") != NULL, i == 0);
	}
	(void)state;
}

static void sentences_keep_to_the_width(void **state)
{
	for (unsigned width = 40; width < 100; width += 7) {
		struct gathered g;
		struct plan plan = {
			.action = REPAIR_SALVAGE, .hardware_doubt = true, .is_refused = true,
			.refusal = "one two three four five six seven eight nine ten eleven twelve",
		};
		struct plan_text to = into(&g, 0);
		to.width = width;
		plan_text_plan(&plan, &to);
		assert_in_range(g.longest, width - 12, width);
	}
	(void)state;
}

/* What lets a refused plan through is an option on the command line, and a key on the terminal. */
static void a_refusal_names_what_its_reader_has(void **state)
{
	struct plan plan = {
		.action = REPAIR_RECOVER, .is_refused = true,
		.refusal = "2 objects would be gone; --drop-readable gives them up",
		.override = OVERRIDE_DROP_READABLE, .reason_len = 23,
	};
	struct gathered g;
	struct plan_text to = into(&g, 0);
	plan_text_plan(&plan, &to);
	expect(&g, "Refused: 2 objects would be gone; --drop-readable gives them up.\n");
	to = into(&g, 0);
	to.has_keys = true;
	plan_text_plan(&plan, &to);
	expect(&g, "Refused: 2 objects would be gone; D plans it anyway.\n");
	plan.override = OVERRIDE_NO_UNDO;
	to = into(&g, 0);
	to.has_keys = true;
	plan_text_plan(&plan, &to);
	expect(&g, "would be gone; without the way back (:rollback no-undo)");
	assert_null(strstr(g.text, "--"));
	(void)state;
}

static void the_report_speaks_of_what_was_done(void **state)
{
	struct gathered g;
	const struct plan plan = salvage();
	struct repair_report report = {
		.has_changed = true, .is_done = true, .undo = "undo/20261122T215501Z-salvage",
	};
	struct plan_text to = into(&g, 0);
	plan_text_report(&plan, &report, &to);
	expect(&g, "salvage: done\n  undo folder  undo/20261122T215501Z-salvage\n");
	expect(&g, "1 file made: ");
	assert_null(strstr(g.text, "to be"));
	assert_null(strstr(g.text, "needed"));
	report.is_done = false;
	to = into(&g, 0);
	plan_text_report(&plan, &report, &to);
	expect(&g, "salvage: stopped before its end");
	expect(&g, "1 file to be made: ");
	(void)state;
}

static void without_a_way_back_files_are_deleted_for_good(void **state)
{
	struct gathered g;
	struct plan plan = salvage();
	const struct plan_text to = into(&g, 0);
	plan.action = REPAIR_ROLLBACK;
	plan.options.no_undo = true;
	plan_text_plan(&plan, &to);
	expect(&g, "1 file to be deleted for good: 1.5 KiB\n");
	assert_null(strstr(g.text, "undo"));
	(void)state;
}

static void nothing_to_do_is_one_sentence(void **state)
{
	for (int action = REPAIR_NONE + 1; action < REPAIR_COUNT; action++) {
		struct gathered g;
		const struct plan plan = { .action = (enum repair)action, .is_empty = true };
		const struct plan_text to = into(&g, 0);
		plan_text_plan(&plan, &to);
		assert_int_equal(g.lines, 1);
		assert_true(strncmp(g.text, "Nothing to ", 11) == 0);
	}
	(void)state;
}

static void an_undo_says_what_is_put_back_and_what_is_removed(void **state)
{
	struct undo_step steps[] = {
		{ UNDO_PUT_BACK, "data/0/3", 1536, "put back", false },
		{ UNDO_PUT_BACK_OVER, "index.9", 1024, "put back", false },
		{ UNDO_REMOVE, "data/0/9", 1023, "made by the repair: removed", false },
		{ UNDO_REMOVE, "data/1", 0, "made by the repair: removed", false },
	};
	struct undo_plan plan = {
		.is_filled = true, .has_before = true, .before = 9, .steps = steps, .step_count = 4,
	};
	struct repair_report report = { .has_changed = true, .is_done = true };
	struct gathered g;
	struct plan_text to = into(&g, 0);
	plan_text_undo(&plan, &to);
	expect(&g, "  transaction  9 -> none\n");
	expect(&g, "1 file to be put back: 1.5 KiB\n");
	expect(&g, "1 file to be put back, over those of the repair: 1.0 KiB\n");
	expect(&g, "1 file and 1 folder to be removed, which the repair made: 1023 B\n");
	to = into(&g, 0);
	plan_text_undo_report(&plan, &report, &to);
	expect(&g, "undo: done\n");
	expect(&g, "1 file put back, over those of the repair: 1.0 KiB\n");
	to = into(&g, 0);
	plan.is_refused = true;
	memcpy(plan.refusal, "a test", sizeof("a test"));
	plan_text_undo(&plan, &to);
	expect(&g, "Refused: a test.\n\n  transaction  9 -> none\n");
	to = into(&g, 0);
	plan.is_filled = false;
	plan_text_undo(&plan, &to);
	assert_string_equal(g.text, "Refused: a test.\nWhat it would do cannot be planned.\n");
	to = into(&g, 0);
	plan = (struct undo_plan){ .is_empty = true };
	plan_text_undo(&plan, &to);
	assert_string_equal(g.text, "Nothing to take back: no repair has left an undo folder.\n");
	(void)state;
}

static void a_choice_is_what_it_keeps_and_loses(void **state)
{
	struct gathered g;
	struct plan plan = salvage();
	const struct plan_text to = into(&g, 0);
	plan_text_choice(&plan, NULL, &to);
	assert_string_equal(g.text, "      keeps 1,234,542 objects, loses 25\n");
	(void)state;
}

static void the_string_is_all_of_the_lines(void **state)
{
	struct gathered g;
	const struct plan plan = salvage();
	const struct plan_text to = into(&g, 0);
	char *string = plan_text_string(&plan, NULL);
	plan_text_plan(&plan, &to);
	assert_string_equal(string, g.text);
	free(string);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_states_its_figures),
		cmocka_unit_test(a_doubt_about_the_hardware_comes_first),
		cmocka_unit_test(what_to_do_about_the_lost_is_said_behind_them),
		cmocka_unit_test(long_lists_are_cut_where_asked),
		cmocka_unit_test(sentences_keep_to_the_width),
		cmocka_unit_test(a_refusal_names_what_its_reader_has),
		cmocka_unit_test(the_report_speaks_of_what_was_done),
		cmocka_unit_test(a_loss_reads_well_of_one_key_and_of_many),
		cmocka_unit_test(what_can_be_read_and_is_given_up_comes_first),
		cmocka_unit_test(folders_are_no_files),
		cmocka_unit_test(without_a_way_back_files_are_deleted_for_good),
		cmocka_unit_test(nothing_to_do_is_one_sentence),
		cmocka_unit_test(an_undo_says_what_is_put_back_and_what_is_removed),
		cmocka_unit_test(a_choice_is_what_it_keeps_and_loses),
		cmocka_unit_test(the_string_is_all_of_the_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

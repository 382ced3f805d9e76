/* The answers for a person: figures, and what is told before what. The words for each repository of
 * the corpora are in tests/script/banner_cases.txt. */
#include "build-config.h"

#include "engine/check/banner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct repo repo;
static struct verify verify;
static struct diagnosis diagnosis;
static struct banner banner;

static int set_up(void **state)
{
	(void)state;
	repo = (struct repo){ .dialect = &dialect_attic };
	memset(&verify, 0, sizeof(verify));
	verify.repo = &repo;
	verify.complete = true;
	verify.objects = 1234;
	diagnosis = (struct diagnosis){ .clean = true, .verified = true };
	return 0;
}

static void expect(enum banner_word word, enum urgency urgency, const char *line)
{
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.word, word);
	assert_int_equal(banner.urgency, urgency);
	assert_string_equal(banner.line, line);
}

static void nothing_is_intact_before_it_was_read(void **state)
{
	banner_make(&repo, NULL, &diagnosis, &banner);
	assert_int_equal(banner.word, BANNER_READING);
	verify.complete = false;
	expect(BANNER_READING, URGENCY_NONE,
	       "Not everything was read yet; nothing can be said before.");
	verify.complete = true;
	diagnosis.in_part = true;
	expect(BANNER_READING, URGENCY_NONE,
	       "Not everything was read yet; nothing can be said before.");
	(void)state;
}

static void what_is_whole_is_counted(void **state)
{
	expect(BANNER_INTACT, URGENCY_NONE,
	       "All 1,234 objects were verified; index and hints agree.");
	assert_string_equal(banner.act, "Nothing. Backups can go on.");
	assert_string_equal(banner.then, "");
	diagnosis.recommended = REPAIR_COMPACT;
	expect(BANNER_SMALLER, URGENCY_CAN_WAIT,
	       "All 1,234 objects were verified; index and hints agree.");
	verify.objects = 0;
	expect(BANNER_SMALLER, URGENCY_CAN_WAIT, "The repository is empty, and in order.");
	(void)state;
}

/* A clean repository whose next backup fails all the same. */
static void a_name_or_a_counter_can_stop_the_next_backup(void **state)
{
	verify.findings.total[PROBLEM_FOLDER_NAME] = 1;
	expect(BANNER_INTACT, URGENCY_BEFORE_BACKUP,
	       "All 1,234 objects were verified; index and hints agree.");
	verify.findings.total[PROBLEM_NONCE] = 1;
	expect(BANNER_INTACT, URGENCY_BEFORE_BACKUP,
	       "All 1,234 objects were verified; index and hints agree.");
	assert_non_null(strstr(banner.act, "encrypted"));
	(void)state;
}

static void a_loss_is_told_against_the_whole(void **state)
{
	diagnosis.clean = false;
	diagnosis.recommended = REPAIR_SALVAGE;
	verify.log_is_damaged = true;
	verify.lost = 4;
	expect(BANNER_DAMAGED, URGENCY_NOW,
	       "4 of 1,238 objects are damaged or missing; 1,234 can be saved.");
	verify.lost = 1;
	verify.loss_is_unknown = true;
	expect(BANNER_DAMAGED, URGENCY_NOW,
	       "At least 1 of 1,235 objects is damaged or missing; 1,234 can be saved.");
	verify.lost = 0;
	expect(BANNER_DAMAGED, URGENCY_NOW,
	       "Objects may be missing that nothing names; 1,234 objects can be saved.");
	verify.loss_is_unknown = false;
	verify.older = 2;
	expect(BANNER_DAMAGED, URGENCY_NOW, "2 of 1,236 objects are damaged or missing; 1,236 can "
	       "be saved, 2 of them in an older version.");
	assert_true(strncmp(banner.then, "salvage ", 8) == 0);
	assert_string_equal(banner.cause,
			    "Data files were moved, renamed or put there by something else.");
	(void)state;
}

/* What more than one thing is the matter with: the worse is told. */
static void the_worst_is_told_first(void **state)
{
	static const struct { enum problem problem; enum banner_word word; enum urgency urgency; }
	rows[] = {
		{ PROBLEM_COMPACT_PENDING, BANNER_OUT_OF_STEP, URGENCY_CAN_WAIT },
		{ PROBLEM_HINTS_MISSING, BANNER_OUT_OF_STEP, URGENCY_BEFORE_BACKUP },
		{ PROBLEM_INDEX_MISSING, BANNER_OUT_OF_STEP, URGENCY_CAN_WAIT },
		{ PROBLEM_TAIL_TORN, BANNER_UNFINISHED, URGENCY_CAN_WAIT },
		{ PROBLEM_TAIL_LIKE_COMMIT, BANNER_UNFINISHED, URGENCY_BEFORE_BACKUP },
		{ PROBLEM_CONFIG_ID, BANNER_DAMAGED, URGENCY_BEFORE_BACKUP },
		{ PROBLEM_TAIL_WAS_COMMITTED, BANNER_DAMAGED, URGENCY_NOW },
		{ PROBLEM_NO_COMMIT, BANNER_DAMAGED, URGENCY_NOW },
		{ PROBLEM_SEGMENT_UNREADABLE, BANNER_UNREADABLE, URGENCY_NOW },
		{ PROBLEM_RANGE_UNREADABLE, BANNER_UNREADABLE, URGENCY_NOW },
	};
	diagnosis.clean = false;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		verify.findings.total[rows[i].problem] = 1;
		banner_make(&repo, &verify, &diagnosis, &banner);
		if (banner.word != rows[i].word || banner.urgency != rows[i].urgency)
			fail_msg("%s: %s, %s", problem_table[rows[i].problem].id,
				 banner_word_text(banner.word), urgency_text(banner.urgency));
	}
	diagnosis.undo_comes_first = true;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.word, BANNER_UNFINISHED);
	assert_true(strncmp(banner.then, "undo, ", 6) == 0);
	(void)state;
}

static void the_client_has_its_own_name(void **state)
{
	diagnosis.clean = false;
	verify.findings.total[PROBLEM_NO_COMMIT] = 1;
	repo.dialect = &dialect_borg;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_string_equal(banner.act, "Do not let Borg write to it. Stop scheduled backups.");
	assert_string_equal(banner.if_not,
			    "Borg refuses the repository until borg check --repair was run.");
	repo.dialect = &dialect_borg2;
	expect(BANNER_NOT_OURS, URGENCY_CAN_WAIT, "This is a repository of Borg 2, and this "
	       "program reads those of Attic and Borg 1.x.");
	(void)state;
}

/* Borg makes hints and index again where its digests do not fit; Attic's next backup fails. */
static void what_the_client_mends_itself_can_wait(void **state)
{
	diagnosis.clean = false;
	verify.findings.total[PROBLEM_HINTS_FORMAT] = 1;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.urgency, URGENCY_BEFORE_BACKUP);
	repo.dialect = &dialect_borg;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.urgency, URGENCY_CAN_WAIT);
	verify.findings.total[PROBLEM_INDEX_MAPPING] = 1;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.urgency, URGENCY_BEFORE_BACKUP);
	verify.findings.total[PROBLEM_INTEGRITY_DIGEST] = 1;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.urgency, URGENCY_CAN_WAIT);
	/* More is known than was found: that never waits. */
	verify.loss_is_unknown = true;
	verify.findings.total[PROBLEM_INDEX_STALE] = 1;
	banner_make(&repo, &verify, &diagnosis, &banner);
	assert_int_equal(banner.urgency, URGENCY_NOW);
	(void)state;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_intact_before_it_was_read),
		TEST(what_is_whole_is_counted),
		TEST(a_name_or_a_counter_can_stop_the_next_backup),
		TEST(a_loss_is_told_against_the_whole),
		TEST(the_worst_is_told_first),
		TEST(the_client_has_its_own_name),
		TEST(what_the_client_mends_itself_can_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Why a plan is refused, and what lets it through all the same. */
#include "build-config.h"

#include "engine/repair/planner_internal.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include <cmocka.h>

static void the_first_reason_to_refuse_is_the_one_that_is_shown(void **state)
{
	struct plan plan = { .action = REPAIR_SALVAGE, .dropped_count = 1 };
	(void)state;
	assert_true(plan_refuse(&plan, "%s", "first"));
	assert_false(plan_refuse(&plan, "%s", "second"));
	plan_check_dropped(&plan);
	assert_string_equal(plan.refusal, "first");
	assert_int_equal(plan.override, OVERRIDE_NONE);
}

static void a_plan_that_gives_up_readable_objects_says_how_to_have_it_all_the_same(void **state)
{
	struct plan plan = { .action = REPAIR_RECOVER, .dropped_count = 2 };
	(void)state;
	plan_check_dropped(&plan);
	assert_string_equal(plan.refusal, "2 objects that can be read now would be gone: salvage "
			    "keeps them; --drop-readable gives them up");
	assert_int_equal(plan.override, OVERRIDE_DROP_READABLE);
	assert_string_equal(plan.refusal + plan.reason_len, "; --drop-readable gives them up");
	plan = (struct plan){ .dropped_count = 2, .options = { .drop_readable = true } };
	plan_check_dropped(&plan);
	assert_false(plan.is_refused);
}

/* ---- what was found ---- */

static void add_finding(struct verify *verify, enum problem problem)
{
	const struct finding finding = finding_of(problem);
	findings_init(&verify->findings);
	assert_int_equal(findings_add(&verify->findings, &finding), AS_OK);
}

/* A repair of what is in the log alone, with what else is wrong. */
static void recover_is_refused_where_the_log_would_not_give_everything(void **state)
{
	static const struct {
		enum problem problem;
		size_t returned;
		const char *refusal;	/* it begins so */
	} cases[] = {
		{ PROBLEM_INDEX_MISSING, 0, "" },
		{ PROBLEM_COMPACT_PENDING, 0, "" },
		{ PROBLEM_ENTRY_CRC, 0, "the log itself is damaged: salvage it" },
		{ PROBLEM_INDEX_MISSING, 1, "segments that came back would bring deleted objects" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct verify verify = { .returned = cases[i].returned };
		struct plan recover = { .action = REPAIR_RECOVER };
		struct plan salvage = { .action = REPAIR_SALVAGE };
		add_finding(&verify, cases[i].problem);
		plan_check_findings(&recover, &verify, false);
		plan_check_findings(&salvage, &verify, false);
		if (recover.is_refused != (cases[i].refusal[0] != '\0') ||
		    strncmp(recover.refusal, cases[i].refusal, strlen(cases[i].refusal)) != 0)
			fail_msg("case %zu: %s", i, recover.refusal);
		assert_false(salvage.is_refused || salvage.hardware_doubt);
		findings_free(&verify.findings);
	}
	(void)state;
}

static void bytes_that_cannot_be_read_are_a_doubt_about_the_hardware(void **state)
{
	static const enum problem problems[] = { PROBLEM_RANGE_UNREADABLE, PROBLEM_UNSTABLE_READ };
	for (size_t i = 0; i < ARRAY_SIZE(problems); i++) {
		struct verify verify = { .returned = 0 };
		struct plan plan = { .action = REPAIR_SALVAGE };
		add_finding(&verify, problems[i]);
		plan_check_findings(&plan, &verify, false);
		assert_true(plan.hardware_doubt);
		findings_free(&verify.findings);
	}
	(void)state;
}

static void what_is_only_told_wants_no_repair(void **state)
{
	struct finding row = { .repair = REPAIR_SALVAGE, .severity = SEVERITY_INFO };
	const struct findings findings = { .rows = &row, .count = 1 };
	assert_false(plan_wants(&findings, REPAIR_SALVAGE));
	row.severity = SEVERITY_WARNING;
	assert_true(plan_wants(&findings, REPAIR_SALVAGE));
	assert_false(plan_wants(&findings, REPAIR_RECOVER));
	(void)state;
}

/* ---- what is around ---- */

/* A plan that needs 10,000 bytes, and moves one segment of 6,000 away. */
struct world {
	struct scratch *scratch;
	struct fault fault;
	struct listing_segment segment;
	struct segment_facts facts;
	struct repo repo;
	struct verify verify;
	const char *goes;
	struct plan_work work;
	struct plan plan;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	scratch_setup((void **)&world->scratch);
	fault_init(&world->fault);
	world->facts.size = 6000;
	world->goes = "not committed";
	world->repo = (struct repo){
		.io = &world->fault.io, .fd = world->scratch->fd,
		.listing = { .segments = &world->segment, .count = 1 },
	};
	world->verify.facts = &world->facts;
	world->work = (struct plan_work){
		.repo = &world->repo, .verify = &world->verify, .goes = &world->goes,
	};
	world->plan = (struct plan){
		.action = REPAIR_SALVAGE, .work = &world->work, .bytes_needed = 10000,
	};
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	scratch_teardown((void **)&world->scratch);
	free(world);
	return 0;
}

/* Let the file system have @bytes free. */
static void set_free(struct world *world, uint64_t bytes)
{
	struct statvfs st;
	assert_int_equal(fstatvfs(world->scratch->fd, &st), 0);
	world->fault.has_free_blocks = true;
	world->fault.free_blocks = (unsigned)(bytes / st.f_frsize);
}

/* The plan's own need, and an undo folder with its manifest. */
static void without_room_a_plan_is_refused(void **state)
{
	struct world *world = *state;
	set_free(world, 32768);
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_true(world->plan.is_refused);
	assert_string_equal(world->plan.refusal, "42768 bytes are needed, 32768 are free");
	assert_int_equal(world->plan.override, OVERRIDE_NONE);
	world->plan = (struct plan){ .action = REPAIR_SALVAGE, .work = &world->work,
				     .bytes_needed = 10000 };
	set_free(world, 45056);
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_false(world->plan.is_refused);
	assert_int_equal(world->plan.bytes_free, 45056);
	/* Without an undo folder the files are all. */
	world->plan = (struct plan){ .action = REPAIR_SALVAGE, .work = &world->work,
				     .bytes_needed = 10000, .options.no_undo = true };
	set_free(world, 12288);
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_false(world->plan.is_refused);
}

/* Without an undo folder it makes room before it writes; a salvage never does. */
static void a_rollback_can_do_without_the_way_back(void **state)
{
	static const struct { uint64_t free; bool is_offered; } cases[] = {
		{ 8192, true }, { 4096, true }, { 0, false },
	};
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world->plan = (struct plan){ .action = REPAIR_ROLLBACK, .work = &world->work,
					     .bytes_needed = 10000 };
		set_free(world, cases[i].free);
		assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
		assert_true(world->plan.is_refused);
		assert_int_equal(world->plan.override, cases[i].is_offered ? OVERRIDE_NO_UNDO
									   : OVERRIDE_NONE);
		assert_int_equal(strstr(world->plan.refusal, "(--no-undo)") != NULL,
				 cases[i].is_offered);
		if (cases[i].is_offered)
			assert_string_equal(world->plan.refusal + world->plan.reason_len,
					    plan_without_undo(&world->plan));
		/* It was taken. */
		world->plan = (struct plan){ .action = REPAIR_ROLLBACK, .work = &world->work,
					     .bytes_needed = 10000, .options.no_undo = true };
		assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
		assert_int_equal(world->plan.is_refused, !cases[i].is_offered);
	}
}

static int fstatvfs_that_fails(const struct io *io, int fd, struct statvfs *st)
{
	(void)io;
	(void)fd;
	(void)st;
	errno = ENOSYS;
	return -1;
}

static void where_nobody_says_what_is_free_no_plan_is_refused_for_it(void **state)
{
	struct world *world = *state;
	world->fault.io.fstatvfs = fstatvfs_that_fails;
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_false(world->plan.is_refused);
	assert_true(world->plan.bytes_free == UINT64_MAX);
}

static void what_has_the_name_of_the_undo_folder_refuses_a_plan_that_needs_one(void **state)
{
	struct world *world = *state;
	scratch_file(world->scratch, "undo", "", 0);
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_true(world->plan.is_refused);
	assert_non_null(strstr(world->plan.refusal, "has the name of the undo folder"));
	world->plan = (struct plan){ .action = REPAIR_SALVAGE, .work = &world->work,
				     .options.no_undo = true };
	assert_int_equal(plan_check_surroundings(&world->plan, NULL), AS_OK);
	assert_false(world->plan.is_refused);
}

static void what_config_does_not_say_is_a_guess(void **state)
{
	static const struct { bool per_dir, is_wrong, size, writes; const char *guess; } cases[] = {
		{ true, false, true, true, NULL },
		{ false, false, false, false, NULL },	/* no new segment */
		{ false, false, true, true, "does not say segments_per_dir: the folders of" },
		{ true, true, true, true, "does not say segments_per_dir: the folders of" },
		{ true, false, false, true, "does not say max_segment_size: number and size of" },
		{ false, false, false, true,
		  "segments_per_dir and max_segment_size: number, size and folders of" },
	};
	struct world *world = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world->plan.not_planned[0] = '\0';
		world->repo.config.has_segments_per_dir = cases[i].per_dir;
		world->repo.mend.per_dir_is_wrong = cases[i].is_wrong;
		world->repo.config.has_max_segment_size = cases[i].size;
		world->work.writes_commit = cases[i].writes;
		plan_name_guesses(&world->plan);
		if (cases[i].guess ? !strstr(world->plan.not_planned, cases[i].guess)
				   : world->plan.not_planned[0] != '\0')
			fail_msg("case %zu: %s", i, world->plan.not_planned);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_reason_to_refuse_is_the_one_that_is_shown),
		cmocka_unit_test(
			a_plan_that_gives_up_readable_objects_says_how_to_have_it_all_the_same),
		cmocka_unit_test(recover_is_refused_where_the_log_would_not_give_everything),
		cmocka_unit_test(bytes_that_cannot_be_read_are_a_doubt_about_the_hardware),
		cmocka_unit_test(what_is_only_told_wants_no_repair),
		TEST(without_room_a_plan_is_refused),
		TEST(a_rollback_can_do_without_the_way_back),
		TEST(where_nobody_says_what_is_free_no_plan_is_refused_for_it),
		TEST(what_has_the_name_of_the_undo_folder_refuses_a_plan_that_needs_one),
		TEST(what_config_does_not_say_is_a_guess),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

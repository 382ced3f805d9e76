/* The plan to take a repair back: its steps and their order, when it is refused, and what is left
 * of it when an undo was interrupted. */
#include "build-config.h"

#include "engine/repair/undo_internal.h"
#include "tests/support/damaged_repo.h"
#include "tests/support/opened_repo.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A repository that was salvaged, opened again, and the plan to take that back. */
struct salvaged {
	struct opened_repo opened;
	struct undo_plan *undo;
	uint32_t before, after;		/* transactions of the salvage */
};

static void open_again(struct salvaged *salvaged, const struct damaged_repo *damaged)
{
	assert_true(opened_repo_open(&salvaged->opened, damaged->repo));
	assert_int_equal(undo_plan_make(salvaged->opened.repo, &salvaged->undo, NULL), AS_OK);
}

static void close_all(struct salvaged *salvaged)
{
	undo_plan_free(salvaged->undo);
	opened_repo_close(&salvaged->opened);
}

/* Damage two segments and salvage. */
static void salvage(struct salvaged *salvaged, const struct damaged_repo *damaged)
{
	struct verify_progress verifying = { .cancel = false };
	struct repair_progress progress = { .cancel = false };
	const struct repair_options options = { .threads = 1 };
	struct repair_report report;
	struct opened_repo opened;
	struct plan *plan;
	builder_flip(damaged_repo_data(damaged, 1)->path, 700, 4);
	builder_flip(damaged_repo_data(damaged, 2)->path, 700, 4);
	assert_true(opened_repo_open(&opened, damaged->repo));
	assert_int_equal(plan_make(opened.repo, opened.verify, REPAIR_SALVAGE, &options,
				   &verifying, &plan, NULL), AS_OK);
	salvaged->before = plan->before;
	salvaged->after = plan->after;
	const struct permit *permit = opened_repo_upgrade(&opened);
	assert_non_null(permit);
	assert_int_equal(repair_run(plan, permit, &progress, &report, NULL), AS_OK);
	lock_lower(repo_lock(opened.repo));
	plan_free(plan);
	opened_repo_close(&opened);
	open_again(salvaged, damaged);
}

static const struct undo_step *find_step(const struct undo_plan *undo, const char *path)
{
	for (size_t i = 0; i < undo->step_count; i++)
		if (strcmp(undo->steps[i].path, path) == 0)
			return &undo->steps[i];
	return NULL;
}

static void where_nothing_was_repaired_the_plan_is_empty(void **state)
{
	struct salvaged none;
	open_again(&none, *state);
	assert_true(none.undo->is_empty);
	assert_false(none.undo->is_refused);
	assert_int_equal(none.undo->step_count, 0);
	assert_string_equal(none.undo->name, "");
	close_all(&none);
}

static void it_leads_back_to_the_transaction_before(void **state)
{
	struct salvaged salvaged;
	salvage(&salvaged, *state);
	const struct undo_plan *undo = salvaged.undo;
	assert_false(undo->is_empty || undo->is_refused);
	assert_true(undo->is_filled && undo->has_before && undo->has_after);
	assert_int_equal(undo->before, salvaged.after);
	assert_int_equal(undo->after, salvaged.before);
	close_all(&salvaged);
}

/* Which part of the order a step of a salvage belongs to: segments are put back, newest first; then
 * index and hints; then those that the repair made go, and last its segments, newest first. */
static int part_of(const struct undo_step *step)
{
	const bool is_segment = strncmp(step->path, "data/", 5) == 0;
	if (step->change != UNDO_REMOVE)
		return is_segment ? 0 : 1;
	return is_segment ? 3 : 2;
}

static void no_step_leaves_an_object_without_its_entry(void **state)
{
	struct salvaged salvaged;
	unsigned parts[4] = { 0 };
	salvage(&salvaged, *state);
	const struct undo_plan *undo = salvaged.undo;
	for (size_t i = 0; i < undo->step_count; i++) {
		const struct undo_step *step = &undo->steps[i], *last = i ? step - 1 : step;
		parts[part_of(step)]++;
		assert_true(part_of(last) <= part_of(step));
		if (i > 0 && part_of(last) == part_of(step) && part_of(step) % 3 == 0)
			assert_true(atoi(strrchr(last->path, '/') + 1) >
				    atoi(strrchr(step->path, '/') + 1));
	}
	assert_int_equal(parts[0], 2);
	assert_int_equal(parts[1], 2);
	assert_int_equal(parts[2], 2);
	assert_true(parts[3] > 0);
	close_all(&salvaged);
}

static void files_and_bytes_add_up(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct salvaged salvaged;
	struct stat st;
	uint64_t made = 0, aside = 0;
	char path[BUILDER_PATH + 2 * LISTING_PATH_MAX];
	salvage(&salvaged, damaged);
	for (size_t i = 0; i < salvaged.undo->step_count; i++) {
		const struct undo_step *step = &salvaged.undo->steps[i];
		const bool is_made = step->change == UNDO_REMOVE;
		snprintf(path, sizeof(path), "%s/%s%s%s%s", damaged->repo, is_made ? "" : "undo/",
			 is_made ? "" : salvaged.undo->name, is_made ? "" : "/", step->path);
		assert_int_equal(stat(path, &st), 0);
		if (!S_ISREG(st.st_mode))
			continue;
		assert_int_equal(step->size, st.st_size);
		*(is_made ? &made : &aside) += (uint64_t)st.st_size;
	}
	const struct plan_sum removed = undo_plan_sum(salvaged.undo, UNDO_REMOVE);
	const struct plan_sum back = undo_plan_sum(salvaged.undo, UNDO_PUT_BACK);
	const struct plan_sum over = undo_plan_sum(salvaged.undo, UNDO_PUT_BACK_OVER);
	assert_int_equal(removed.bytes, made);
	assert_int_equal(back.bytes + over.bytes, aside);
	assert_int_equal(back.files + over.files, 4);
	close_all(&salvaged);
}

/* A plan that is refused still knows its steps, so that they can be shown. */
static void a_later_transaction_refuses_it(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct salvaged salvaged;
	char path[BUILDER_PATH + 32];
	salvage(&salvaged, damaged);
	const size_t steps = salvaged.undo->step_count;
	const unsigned next = salvaged.after + 1;
	close_all(&salvaged);
	snprintf(path, sizeof(path), "%s/data/%u", damaged->repo, next / 5);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/%u/%u", damaged->repo, next / 5, next);
	builder_write_file(path, "ATTICSEG", 8);
	open_again(&salvaged, damaged);
	assert_true(salvaged.undo->is_refused && salvaged.undo->is_filled);
	assert_non_null(strstr(salvaged.undo->refusal, "a later transaction was written"));
	assert_int_equal(salvaged.undo->step_count, steps);
	close_all(&salvaged);
}

static void what_is_put_back_already_is_no_step(void **state)
{
	const struct damaged_repo *damaged = *state;
	const char *last = damaged->files[2].path + strlen(damaged->repo) + 1;
	struct salvaged salvaged;
	salvage(&salvaged, damaged);
	const size_t steps = salvaged.undo->step_count;
	assert_non_null(find_step(salvaged.undo, last));
	scratch_run("mv '%s/undo/%s/%s' '%s/%s'", damaged->repo, salvaged.undo->name, last,
		    damaged->repo, last);
	close_all(&salvaged);
	open_again(&salvaged, damaged);
	assert_false(salvaged.undo->is_refused);
	assert_null(find_step(salvaged.undo, last));
	assert_int_equal(salvaged.undo->step_count, steps - 1);
	close_all(&salvaged);
}

static void what_is_nowhere_refuses_it(void **state)
{
	const struct damaged_repo *damaged = *state;
	const char *last = damaged->files[2].path + strlen(damaged->repo) + 1;
	struct salvaged salvaged;
	salvage(&salvaged, damaged);
	scratch_run("rm '%s/undo/%s/%s'", damaged->repo, salvaged.undo->name, last);
	close_all(&salvaged);
	open_again(&salvaged, damaged);
	assert_true(salvaged.undo->is_refused);
	assert_non_null(strstr(salvaged.undo->refusal, last));
	assert_non_null(strstr(salvaged.undo->refusal, "neither there nor in its place"));
	close_all(&salvaged);
}

static void a_manifest_that_cannot_be_read_refuses_it(void **state)
{
	const struct damaged_repo *damaged = *state;
	struct salvaged salvaged;
	salvage(&salvaged, damaged);
	scratch_run("echo more >>'%s/undo/%s/manifest'", damaged->repo, salvaged.undo->name);
	close_all(&salvaged);
	open_again(&salvaged, damaged);
	assert_true(salvaged.undo->is_refused);
	assert_false(salvaged.undo->is_filled);
	assert_int_equal(salvaged.undo->step_count, 0);
	close_all(&salvaged);
}

/* An interrupted repair may leave half of a file under another name; once it is done, such a file
 * is somebody else's. */
static void look_for_half_written(const struct damaged_repo *damaged, const char *part)
{
	struct salvaged salvaged;
	char temporary[32];
	salvage(&salvaged, damaged);
	snprintf(temporary, sizeof(temporary), "%s.%u.tmp", part, salvaged.after);
	if (strcmp(part, "index") == 0)
		strcpy(temporary, "index.tmp");
	scratch_run("touch '%s/%s'", damaged->repo, temporary);
	close_all(&salvaged);
	open_again(&salvaged, damaged);
	assert_null(find_step(salvaged.undo, temporary));
	scratch_run("rm '%s/undo/%s/done'", damaged->repo, salvaged.undo->name);
	close_all(&salvaged);
	open_again(&salvaged, damaged);
	const struct undo_step *step = find_step(salvaged.undo, temporary);
	assert_non_null(step);
	assert_int_equal(step->change, UNDO_REMOVE);
	close_all(&salvaged);
}

static void a_half_written_index_is_removed_where_the_repair_was_interrupted(void **state)
{
	look_for_half_written(*state, "index");
}

static void half_written_digests_are_removed_where_the_repair_was_interrupted(void **state)
{
	look_for_half_written(*state, "integrity");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, damaged_repo_setup, damaged_repo_teardown)
	const struct CMUnitTest tests[] = {
		TEST(where_nothing_was_repaired_the_plan_is_empty),
		TEST(it_leads_back_to_the_transaction_before),
		TEST(no_step_leaves_an_object_without_its_entry),
		TEST(files_and_bytes_add_up),
		TEST(a_later_transaction_refuses_it),
		TEST(what_is_put_back_already_is_no_step),
		TEST(what_is_nowhere_refuses_it),
		TEST(a_manifest_that_cannot_be_read_refuses_it),
		TEST(a_half_written_index_is_removed_where_the_repair_was_interrupted),
		cmocka_unit_test_setup_teardown(
			half_written_digests_are_removed_where_the_repair_was_interrupted,
			damaged_repo_setup_borg, damaged_repo_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

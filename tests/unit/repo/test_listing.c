#include "build-config.h"

#include "engine/repo/listing.h"
#include "tests/support/fault.h"
#include "tests/support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct scratch *scratch;
static struct fault fault;
static struct listing listing;
static struct findings findings;

static int setup(void **state)
{
	fault_init(&fault);
	findings_init(&findings);
	memset(&listing, 0, sizeof(listing));
	scratch_setup(state);
	scratch = *state;
	return 0;
}

static int teardown(void **state)
{
	listing_free(&listing);
	findings_free(&findings);
	return scratch_teardown(state) || fault.opens != fault.closes;
}

static void make_segment(const char *path)
{
	scratch_file(scratch, path, "ATTICSEG", 8);
}

static void read_listing(uint32_t segments_per_dir)
{
	assert_int_equal(
		listing_read(&fault.io, scratch->fd, segments_per_dir, &listing, &findings), AS_OK);
}

/* The listing is the @count segments at @paths, in this order. */
static void expect_paths(const char *const *paths, size_t count)
{
	char path[LISTING_PATH_MAX];

	assert_int_equal(listing.count, count);
	for (size_t i = 0; i < count; i++) {
		listing_path(&listing, i, path);
		assert_string_equal(path, paths[i]);
	}
}

/* There is one finding in all, and it is this. */
static void expect_finding(enum problem problem, int64_t segment, const char *detail)
{
	assert_int_equal(findings.count, 1);
	assert_int_equal(findings.rows[0].problem, problem);
	assert_int_equal(findings.rows[0].segment, segment);
	assert_string_equal(findings.rows[0].detail, detail);
}

/* The same of what is @denied to us, whose owner is named behind that. */
static void expect_denied(enum problem problem, const char *denied)
{
	char whole[FINDING_DETAIL_MAX];
	const char *path_end = strchr(denied, ':');

	assert_int_equal(findings.count, 1);
	snprintf(whole, sizeof(whole), "%s; %.*s belongs to uid ", denied,
		 (int)(path_end - denied), denied);
	if (strncmp(findings.rows[0].detail, whole, strlen(whole)) != 0)
		fail_msg("%s", findings.rows[0].detail);
	assert_non_null(strstr(findings.rows[0].detail, ", you are uid "));
	assert_int_equal(findings.rows[0].problem, problem);
}

static void segments_come_in_the_order_of_their_numbers(void **state)
{
	static const char *const paths[] = { "data/0/0", "data/0/2", "data/0/9", "data/1/10",
					     "data/10/100", "data/25/256", "data/6553/65536",
					     "data/1677721/16777216", "data/429496729/4294967295" };

	for (size_t i = ARRAY_SIZE(paths); i; i--)
		make_segment(paths[i - 1]);
	read_listing(10);
	expect_paths(paths, ARRAY_SIZE(paths));
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void an_empty_data_folder_has_no_segments(void **state)
{
	scratch_folder(scratch, "data");
	read_listing(10000);
	assert_int_equal(listing.count, 0);
	assert_int_equal(findings.count, 0);
	assert_int_equal(listing_find(&listing, 0), LISTING_NONE);
	assert_int_equal(listing_from(&listing, 0), 0);
	(void)state;
}

static void empty_folders_are_nothing_to_speak_of(void **state)
{
	static const char *const paths[] = { "data/2/25" };

	scratch_folder(scratch, "data/0");
	scratch_folder(scratch, "data/007");
	scratch_folder(scratch, "data/5");
	make_segment(paths[0]);
	read_listing(10);
	expect_paths(paths, 1);
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void thousands_of_segments_over_many_folders_are_found(void **state)
{
	char path[LISTING_PATH_MAX], wanted[LISTING_PATH_MAX];

	for (unsigned i = 0; i < 7000; i++) {
		snprintf(path, sizeof(path), "data/%u/%u", i * 3 / 100, i * 3);
		make_segment(path);
	}
	read_listing(100);
	assert_int_equal(listing.count, 7000);
	assert_int_equal(listing.folder_count, 210);
	assert_int_equal(findings.count, 0);
	for (uint32_t i = 0; i < 7000; i++) {
		assert_int_equal(listing_find(&listing, i * 3), i);
		assert_int_equal(listing_find(&listing, i * 3 + 1), LISTING_NONE);
		assert_int_equal(listing_from(&listing, i * 3), i);
		assert_int_equal(listing_from(&listing, i * 3 + 1), i + 1);
		listing_path(&listing, i, path);
		snprintf(wanted, sizeof(wanted), "data/%u/%u", i * 3 / 100, i * 3);
		assert_string_equal(path, wanted);
	}
	assert_int_equal(listing_from(&listing, UINT32_MAX), 7000);
	(void)state;
}

static void a_walk_asks_for_states_and_opens_each_folder_once(void **state)
{
	static const off_t sizes[] = { 1, 22, 333 };
	struct listing_walk walk;
	struct stat st;

	scratch_file(scratch, "data/0/1", "x", 1);
	scratch_file(scratch, "data/0/2", "xxxxxxxxxxxxxxxxxxxxxx", 22);
	make_segment("data/1/10");
	scratch_run("truncate -s 333 '%s/data/1/10'", scratch->path);
	read_listing(10);
	const unsigned before = fault.opens;
	walk = listing_walk_begin(&listing, &fault.io, scratch->fd);
	for (size_t i = 0; i < 3; i++) {
		assert_true(listing_walk_stat(&walk, i, &st));
		assert_int_equal(st.st_size, sizes[i]);
	}
	assert_int_equal(fault.opens, before + 2);
	scratch_run("rm '%s/data/1/10'; rm -r '%s/data/0'", scratch->path, scratch->path);
	assert_false(listing_walk_stat(&walk, 2, &st));
	assert_false(listing_walk_stat(&walk, 0, &st));
	assert_false(listing_walk_stat(&walk, 1, &st));
	listing_walk_end(&walk);
	listing_walk_end(&walk);
	(void)state;
}

static void listing_opens_no_file_and_asks_no_file_for_its_state(void **state)
{
	make_segment("data/0/1");
	make_segment("data/0/2");
	make_segment("data/0/stray");
	make_segment("data/1/10");
	read_listing(10);
	assert_int_equal(listing.count, 3);
	/* data/, its two folders, and each once more for its listing. */
	assert_int_equal(fault.opens, 6);
	assert_int_equal(fault.fstatats, 0);
	assert_int_equal(fault.preads, 0);
	(void)state;
}

static void kinds_are_asked_for_where_the_listing_does_not_tell_them(void **state)
{
	static const char *const paths[] = { "data/0/1" };

	make_segment(paths[0]);
	scratch_fifo(scratch, "data/0/2");
	fault.hides_types = true;
	read_listing(10);
	expect_paths(paths, 1);
	expect_finding(PROBLEM_NOT_A_FILE, 2, "data/0/2 is a FIFO");
	(void)state;
}

static void a_segment_in_the_wrong_folder_is_read_and_named(void **state)
{
	static const char *const paths[] = { "data/77/5", "data/1/12" };

	make_segment(paths[0]);
	make_segment(paths[1]);
	read_listing(10);
	expect_paths(paths, 2);
	expect_finding(PROBLEM_SEGMENT_MISPLACED, 5, "data/77/5 belongs in data/0");
	(void)state;
}

static void of_two_files_the_one_in_its_own_folder_is_taken(void **state)
{
	static const char *const paths[] = { "data/2/25" };

	make_segment("data/0/25");
	make_segment("data/2/25");
	read_listing(10);
	expect_paths(paths, 1);
	expect_finding(PROBLEM_SEGMENT_DUPLICATE, 25, "data/0/25: left out beside data/2/25");
	(void)state;
}

static void of_two_misplaced_files_the_one_in_the_lowest_folder_is_taken(void **state)
{
	static const char *const paths[] = { "data/3/25" };

	make_segment("data/10/25");
	make_segment("data/3/25");
	make_segment("data/4/25");
	read_listing(10);
	expect_paths(paths, 1);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_DUPLICATE], 2);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_MISPLACED], 1);
	(void)state;
}

static void without_a_known_limit_no_folder_is_wrong(void **state)
{
	static const char *const paths[] = { "data/3/25", "data/0/26" };

	make_segment("data/10/25");
	make_segment("data/3/25");
	make_segment("data/0/26");
	read_listing(0);
	expect_paths(paths, 2);
	expect_finding(PROBLEM_SEGMENT_DUPLICATE, 25, "data/10/25: left out beside data/3/25");
	(void)state;
}

static void a_number_with_leading_zeros_is_no_segment(void **state)
{
	static const char *const paths[] = { "data/0/7" };

	make_segment("data/0/7");
	make_segment("data/0/007");
	read_listing(10);
	expect_paths(paths, 1);
	expect_finding(PROBLEM_SEGMENT_NAME, FINDING_NOWHERE,
		       "data/0/007: left out here, but Attic would take it for segment 7");
	(void)state;
}

static void a_number_above_32_bits_is_no_segment(void **state)
{
	make_segment("data/0/4294967296");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	expect_finding(PROBLEM_SEGMENT_NAME, FINDING_NOWHERE,
		       "data/0/4294967296: above the highest segment number, 4294967295");
	(void)state;
}

static void numbers_that_overflow_any_type_are_no_segments(void **state)
{
	make_segment("data/0/18446744073709551615");
	make_segment("data/0/18446744073709551616");
	make_segment("data/0/18446744073709551623");
	make_segment("data/0/99999999999999999999999999999999999999999999999999999999999999");
	make_segment("data/0/00");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_NAME], 5);
	(void)state;
}

static void names_that_are_no_numbers_are_stray(void **state)
{
	static const char *const names[] = { "data/0/+7", "data/0/-7", "data/0/ 7", "data/0/7 ",
					     "data/0/7.tmp", "data/0/5.beforerecover",
					     "data/0/.nfs0001", "data/0/core", "data/0/0x7",
					     "data/0/7\n", "data/0/\xb2", "data/stray" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		make_segment(names[i]);
	scratch_folder(scratch, "data/lost+found");
	make_segment("data/lost+found/3");
	scratch_folder(scratch, "data/0/folder");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	assert_int_equal(findings.count, ARRAY_SIZE(names) + 2);
	assert_int_equal(findings.total[PROBLEM_STRAY_FILE], ARRAY_SIZE(names));
	assert_int_equal(findings.total[PROBLEM_FOLDER_NAME], 2);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t j = 0;

		while (strcmp(findings.rows[j].detail, names[i]))
			assert_true(++j < findings.count);
	}
	(void)state;
}

static void a_long_stray_name_is_cut_and_not_overrun(void **state)
{
	char path[300] = "data/0/";

	memset(path + 7, 'x', 255);
	make_segment(path);
	read_listing(10);
	assert_int_equal(findings.count, 1);
	assert_memory_equal(findings.rows[0].detail, path, FINDING_DETAIL_MAX - 1);
	(void)state;
}

static void folders_with_leading_zeros_are_read_as_attic_reads_them(void **state)
{
	static const char *const paths[] = { "data/7/70", "data/007/71", "data/0007/72" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		make_segment(paths[i]);
	make_segment("data/007/70");
	read_listing(10);
	expect_paths(paths, ARRAY_SIZE(paths));
	assert_int_equal(listing.folder_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(listing.folders[i].number, 7);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_MISPLACED], 2);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_DUPLICATE], 1);
	assert_int_equal(findings.count, 3);
	(void)state;
}

static void folders_with_huge_numbers_are_read(void **state)
{
	char path[LISTING_PATH_MAX] = "data/", found[LISTING_PATH_MAX];

	memset(path + 5, '9', 255);
	strcpy(path + 5 + 255, "/4294967295");
	make_segment(path);
	make_segment("data/18446744073709551615/1");
	make_segment("data/18446744073709551614/2");
	read_listing(10);
	assert_int_equal(listing.count, 3);
	listing_path(&listing, 0, found);
	assert_string_equal(found, "data/18446744073709551615/1");
	listing_path(&listing, 1, found);
	assert_string_equal(found, "data/18446744073709551614/2");
	listing_path(&listing, 2, found);
	assert_string_equal(found, path);
	assert_int_equal(findings.total[PROBLEM_SEGMENT_MISPLACED], 3);
	(void)state;
}

static void what_is_no_file_in_a_segments_place_is_named_and_not_opened(void **state)
{
	static const char *const details[] = { "data/0/1 is a folder", "data/0/2 is a FIFO",
					       "data/0/3 is a symbolic link",
					       "data/0/4 is a socket" };

	scratch_folder(scratch, "data/0/1");
	scratch_fifo(scratch, "data/0/2");
	make_segment("elsewhere");
	scratch_link(scratch, "data/0/3", "../../elsewhere");
	scratch_socket(scratch, "data/0/4");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	findings_sort(&findings);
	assert_int_equal(findings.count, ARRAY_SIZE(details));
	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		assert_int_equal(findings.rows[i].problem, PROBLEM_NOT_A_FILE);
		assert_int_equal(findings.rows[i].segment, i + 1);
		assert_string_equal(findings.rows[i].detail, details[i]);
	}
	assert_int_equal(fault.opens, 4);
	(void)state;
}

/* Opening it will tell more than a guess. */
static void a_segment_that_cannot_be_looked_at_is_kept(void **state)
{
	static const char *const paths[] = { "data/0/1" };

	make_segment(paths[0]);
	fault.hides_types = true;
	fault.fstatat_error = EIO;
	read_listing(10);
	expect_paths(paths, 1);
	assert_int_equal(findings.count, 0);
	(void)state;
}

static void what_is_no_folder_in_a_folders_place_is_named_and_not_followed(void **state)
{
	static const char *const details[] = { "data/1 is a file, not a folder: Attic takes it for "
					       "a segment and may delete it, Borg up to 1.2.4 "
					       "fails on it; move it out of data",
					       "data/2 is a symbolic link, not a folder",
					       "data/3 is a FIFO, not a folder" };

	make_segment("data/1");
	make_segment("elsewhere/20");
	scratch_link(scratch, "data/2", "../elsewhere");
	scratch_fifo(scratch, "data/3");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	findings_sort(&findings);
	assert_int_equal(findings.count, ARRAY_SIZE(details));
	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		assert_int_equal(findings.rows[i].problem, PROBLEM_FOLDER_UNREADABLE);
		assert_string_equal(findings.rows[i].detail, details[i]);
	}
	(void)state;
}

static void a_missing_data_folder_is_a_finding(void **state)
{
	read_listing(10);
	assert_int_equal(listing.count, 0);
	expect_finding(PROBLEM_DATA_MISSING, FINDING_NOWHERE, "data: No such file or directory");
	(void)state;
}

static void a_data_folder_behind_a_link_is_not_followed(void **state)
{
	make_segment("elsewhere/0/1");
	scratch_link(scratch, "data", "elsewhere");
	read_listing(10);
	assert_int_equal(listing.count, 0);
	expect_finding(PROBLEM_DATA_MISSING, FINDING_NOWHERE,
		       "data is not a folder; links are not followed");
	(void)state;
}

static void a_file_in_the_place_of_data_is_a_finding(void **state)
{
	make_segment("data");
	read_listing(10);
	expect_finding(PROBLEM_DATA_MISSING, FINDING_NOWHERE,
		       "data is not a folder; links are not followed");
	(void)state;
}

static void an_unreadable_data_folder_is_a_finding(void **state)
{
	make_segment("data/0/1");
	fault.open_path = "data";
	fault.open_error = EACCES;
	read_listing(10);
	assert_int_equal(listing.count, 0);
	expect_denied(PROBLEM_DATA_MISSING, "data: Permission denied");
	(void)state;
}

static void an_unreadable_folder_is_a_finding_and_the_rest_is_read(void **state)
{
	static const char *const paths[] = { "data/0/1", "data/2/20" };

	make_segment("data/0/1");
	make_segment("data/1/10");
	make_segment("data/2/20");
	fault.open_path = "1";
	fault.open_error = EACCES;
	read_listing(10);
	expect_paths(paths, 2);
	expect_denied(PROBLEM_FOLDER_UNREADABLE, "data/1: Permission denied");
	assert_int_equal(findings.rows[0].cause, CAUSE_DENIED);
	(void)state;
}

static void what_a_broken_listing_gave_is_kept(void **state)
{
	char path[LISTING_PATH_MAX];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(path, sizeof(path), "data/0/%u", i);
		make_segment(path);
	}
	fault.bad_listing = 5;	/* two are those of data/ itself, and two go well */
	read_listing(10000);
	assert_in_range(listing.count, 1, 2999);
	expect_finding(PROBLEM_FOLDER_UNREADABLE, FINDING_NOWHERE, "data/0: Input/output error");
	assert_int_equal(findings.rows[0].cause, CAUSE_DISK);
	(void)state;
}

static void thousands_of_stray_files_do_not_fill_the_memory(void **state)
{
	char path[LISTING_PATH_MAX];

	for (unsigned i = 0; i < FINDINGS_KEPT + 500; i++) {
		snprintf(path, sizeof(path), "data/0/%u.tmp", i);
		make_segment(path);
	}
	read_listing(10000);
	findings_sort(&findings);	/* which keeps the bound */
	assert_int_equal(findings.count, FINDINGS_KEPT);
	assert_int_equal(findings.total[PROBLEM_STRAY_FILE], FINDINGS_KEPT + 500);
	(void)state;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(segments_come_in_the_order_of_their_numbers),
		CASE(an_empty_data_folder_has_no_segments),
		CASE(empty_folders_are_nothing_to_speak_of),
		CASE(thousands_of_segments_over_many_folders_are_found),
		CASE(a_walk_asks_for_states_and_opens_each_folder_once),
		CASE(listing_opens_no_file_and_asks_no_file_for_its_state),
		CASE(kinds_are_asked_for_where_the_listing_does_not_tell_them),
		CASE(a_segment_in_the_wrong_folder_is_read_and_named),
		CASE(of_two_files_the_one_in_its_own_folder_is_taken),
		CASE(of_two_misplaced_files_the_one_in_the_lowest_folder_is_taken),
		CASE(without_a_known_limit_no_folder_is_wrong),
		CASE(a_number_with_leading_zeros_is_no_segment),
		CASE(a_number_above_32_bits_is_no_segment),
		CASE(numbers_that_overflow_any_type_are_no_segments),
		CASE(names_that_are_no_numbers_are_stray),
		CASE(a_long_stray_name_is_cut_and_not_overrun),
		CASE(folders_with_leading_zeros_are_read_as_attic_reads_them),
		CASE(folders_with_huge_numbers_are_read),
		CASE(what_is_no_file_in_a_segments_place_is_named_and_not_opened),
		CASE(a_segment_that_cannot_be_looked_at_is_kept),
		CASE(what_is_no_folder_in_a_folders_place_is_named_and_not_followed),
		CASE(a_missing_data_folder_is_a_finding),
		CASE(a_data_folder_behind_a_link_is_not_followed),
		CASE(a_file_in_the_place_of_data_is_a_finding),
		CASE(an_unreadable_data_folder_is_a_finding),
		CASE(an_unreadable_folder_is_a_finding_and_the_rest_is_read),
		CASE(what_a_broken_listing_gave_is_kept),
		CASE(thousands_of_stray_files_do_not_fill_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

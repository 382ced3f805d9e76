/* What is known about an opened repository, for all threads. */
#include "build-config.h"

#include "ui/session/session.h"

#include "tests/support/small_repo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The session owns the repository, and the small one no longer does. */
static struct session *open_session(struct small_repo *world)
{
	assert_int_equal(small_repo_open(world, NULL), AS_OK);
	struct session *session = session_new(world->repo);
	assert_non_null(session);
	world->repo = NULL;
	return session;
}

static void the_log_ends_behind_the_newest_transaction(void **state)
{
	struct small_repo *world = *state;
	uint8_t key[BUILDER_KEY];
	struct session *session = open_session(world);
	const size_t count = session->repo->listing.count;
	assert_int_equal(session->log_end, count);
	ref_release(session);
	builder_key(50, key);
	builder_put_some(world->builder, key, 100);
	builder_close_segment(world->builder);		/* a tail */
	session = open_session(world);
	assert_int_equal(session->repo->listing.count, count + 1);
	assert_int_equal(session->log_end, count);
	ref_release(session);
}

static void facts_are_shown_once_a_segment_is_verified(void **state)
{
	struct session *session = open_session(*state);
	struct verify *verify;
	assert_null(session_facts(session, 0));
	assert_null(session_verify(session));
	assert_int_equal(verify_new(session->repo, &verify), AS_OK);
	atomic_store(&session->verify, verify);
	atomic_store(&session->check, CHECK_RUNNING);
	assert_null(session_facts(session, 0));
	atomic_store(&verify->facts[0].state, SEGMENT_READING);
	assert_null(session_facts(session, 0));
	atomic_store(&verify->facts[0].state, SEGMENT_VERIFIED);
	assert_ptr_equal(session_facts(session, 0), &verify->facts[0]);
	assert_null(session_facts(session, 1));
	assert_null(session_verify(session));		/* it has not ended */
	atomic_store(&session->check, CHECK_DONE);
	assert_ptr_equal(session_verify(session), verify);
	ref_release(session);
}

static void sizes_come_from_the_list_or_else_from_the_file(void **state)
{
	struct small_repo *world = *state;
	struct session *session = open_session(world);
	char path[BUILDER_PATH];
	struct stat st;
	builder_segment_path(world->builder, 1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(session_stat(session, 1).size, st.st_size);
	assert_int_equal(session_stat(session, 1).modified, st.st_mtime);
	assert_int_equal(remove(path), 0);
	assert_int_equal(session_stat(session, 1).size, 0);
	assert_int_equal(session_stat(session, 1).modified, 0);
	struct segment_stat *stats = calloc(session->repo->listing.count, sizeof(*stats));
	assert_non_null(stats);
	stats[1] = (struct segment_stat){ 77, 88 };
	atomic_store(&session->stats, stats);
	assert_int_equal(session_stat(session, 1).size, 77);
	ref_release(session);
}

static const char *name_holders(struct session *session, size_t size)
{
	static char text[300];
	assert_in_range(size, 1, sizeof(text));
	assert_int_equal(session_name_holders(session, text, size), session->holder_count);
	return text;
}

static void holders_are_named_and_masked(void **state)
{
	struct session *session = open_session(*state);
	struct lock_holder *holders = session->holders;
	assert_string_equal(name_holders(session, 300), "");
	holders[0] = (struct lock_holder){ .known = true, .pid = 4711, .program = "python3",
					   .exclusive = true };
	session->holder_count = 1;
	assert_string_equal(name_holders(session, 300), "python3 (4711) EXCLUSIVE");
	holders[1] = (struct lock_holder){ .pid = 7, .program = "" };
	session->holder_count = 2;
	assert_string_equal(name_holders(session, 300),
			    "python3 (4711) EXCLUSIVE, process (7)");
	assert_string_equal(name_holders(session, 12), "python3 (47");
	holders[0] = (struct lock_holder){ .pid = 9, .program = "a\033[2Jb", .is_elsewhere = true };
	snprintf(holders[0].id.host, sizeof(holders[0].id.host), "there@17\n");
	session->holder_count = 1;
	assert_string_equal(name_holders(session, 300), "a\\x1b[2Jb (9 on there@17\\x0a)");
	holders[0].is_elsewhere = false;
	assert_string_equal(name_holders(session, 300), "a\\x1b[2Jb (9)");
	ref_release(session);
}

static void an_empty_list_is_not_always_an_empty_repository(void **state)
{
	struct session *session = open_session(*state);
	assert_string_equal(session_no_segments(session), "There are no segments.");
	session->owned->findings.total[PROBLEM_DATA_MISSING] = 1;
	assert_string_equal(session_no_segments(session),
			    "Part of data/ cannot be read: the list of segments is not known.");
	ref_release(session);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, small_repo_setup, small_repo_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_log_ends_behind_the_newest_transaction),
		TEST(facts_are_shown_once_a_segment_is_verified),
		TEST(sizes_come_from_the_list_or_else_from_the_file),
		TEST(holders_are_named_and_masked),
		TEST(an_empty_list_is_not_always_an_empty_repository),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
